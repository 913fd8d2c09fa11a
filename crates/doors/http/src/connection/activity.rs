use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::{sync::Notify, time::Instant};

/// What happens on a connection, as far as its timeouts must know.
#[derive(Debug)]
pub(crate) struct Activity {
    state: Mutex<State>,
    begun: AtomicU64,
    linger: AtomicBool,
    cut: Notify,
}

#[derive(Debug)]
struct State {
    in_flight: u32,
    idle_since: Instant,
}

impl Activity {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State { in_flight: 0, idle_since: Instant::now() }),
            begun: AtomicU64::new(0),
            linger: AtomicBool::new(false),
            cut: Notify::new(),
        }
    }

    /// How many requests have begun so far.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Relaxed)
    }

    /// Since when no request has been in flight; none while there is one.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let state = self.lock();
        (state.in_flight == 0).then_some(state.idle_since)
    }

    /// The client has taken a part of an answer. hyper lets go of an answer's body before the last
    /// of it is out.
    pub(crate) fn wrote(&self) {
        let mut state = self.lock();
        if state.in_flight == 0 {
            state.idle_since = Instant::now();
        }
    }

    /// Ends the connection: its client has had time enough.
    pub(crate) fn cut(&self) {
        self.cut.notify_one();
    }

    /// Returns when the connection is to end.
    pub(crate) async fn until_cut(self: Arc<Self>) {
        self.cut.notified().await;
    }

    /// A request has been answered without reading its body: the close must wait until the
    /// client has seen the answer.
    pub(crate) fn set_linger(&self) {
        self.linger.store(true, Relaxed);
    }

    /// Whether the close must wait.
    pub(crate) fn lingers(&self) -> bool {
        self.linger.load(Relaxed)
    }

    /// A request begins.
    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        self.begun.fetch_add(1, Relaxed);
        self.lock().in_flight += 1;
        InFlight(Arc::clone(self))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Held from the head of a request to the last byte of its answer.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Activity>);

impl InFlight {
    /// Keeps the request in flight until `body` has been sent or dropped.
    pub(crate) fn until_sent(self, body: Body) -> Answer {
        Answer { body, _in_flight: self }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.in_flight -= 1;
        state.idle_since = Instant::now();
    }
}

/// The body of an answer; its request counts as in flight until it is dropped.
pub(crate) struct Answer {
    body: Body,
    _in_flight: InFlight,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
