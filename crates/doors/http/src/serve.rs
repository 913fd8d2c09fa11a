use std::{io, sync::Arc, time::Duration};

use metrics::counter;
use sealwork_platform::Listener;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::connection::{Admission, NO_ROOM, Server, farewell};

/// How many refused clients are told so at once; more are closed without a word.
const FAREWELLS: usize = 64;

/// How a door ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Drained {
    /// Connections whose requests had not ended in time and were cut off.
    pub cut_off: usize,
}

/// Accepts until `stop` fires, then lets the requests in flight end, as long as the limits allow.
pub(crate) async fn run(
    server: Server,
    listener: &dyn Listener,
    stop: CancellationToken,
) -> Drained {
    let admission = Admission::new(&server.connections);
    let drain_timeout = server.connections.drain_timeout;
    let drain = server.drain.clone();
    let cut = CancellationToken::new();
    let (connections, farewells) = (TaskTracker::new(), TaskTracker::new());
    let server = Arc::new(server);
    loop {
        let (stream, address) = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(pause_after(&error)).await;
                    continue;
                }
            },
        };
        match admission.admit(address.ip()) {
            Ok(ticket) => {
                let (server, cut) = (Arc::clone(&server), cut.clone());
                connections.spawn(async move {
                    let _ = cut.run_until_cancelled(server.serve(stream, address)).await;
                    drop(ticket);
                });
            }
            Err(reason) => {
                counter!("sealwork_http_connections_refused_total", "reason" => reason.as_str())
                    .increment(1);
                // Inside TLS an answer would cost a handshake; and a flood gets none at all.
                if server.tls.is_none() && farewells.len() < FAREWELLS {
                    farewells.spawn(farewell(stream, &NO_ROOM));
                }
            }
        }
    }
    drain.cancel();
    connections.close();
    let in_time = timeout_at(Instant::now() + drain_timeout, connections.wait()).await.is_ok();
    let cut_off = if in_time { 0 } else { connections.len() };
    cut.cancel();
    connections.wait().await;
    Drained { cut_off }
}

/// A peer that left early costs nothing; a full file table needs time to empty.
fn pause_after(error: &io::Error) -> Duration {
    match error.kind() {
        io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::Interrupted => Duration::ZERO,
        _ => Duration::from_millis(200),
    }
}
