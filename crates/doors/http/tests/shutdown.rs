//! A door that shuts down lets work in flight end, and waits for nobody for ever.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod common;

use std::time::Duration;

use common::{TOKEN, connect, open, read_answer};
use sealwork_door_http::{ConnectionLimits, DoorConfig, Drained};
use sealwork_platform::{Dialer as _, SystemNet};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn a_long_poll_is_answered_at_once_and_idle_connections_close() {
    let door = open(DoorConfig::default()).await;
    let job = door.send("POST /v1/jobs", "an envelope").await.json()["job_id"].clone();
    let job = job.as_str().unwrap().to_owned();
    let mut idle = connect(door.address).await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_eq!(read_answer(&mut *idle, false).await.unwrap().status, 200);

    let head = format!("GET /v1/jobs/{job}?wait=60\nSealwork-Token: {TOKEN}");
    let (answer, ()) = tokio::join!(door.send(&head, ""), async {
        door.worker.until_waiting(1).await;
        door.stop();
    });
    assert_eq!((answer.status, &answer.json()["state"]), (200, &"accepted".into()));
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0);
    let address = door.address;
    assert_eq!(door.close().await, Drained { cut_off: 0 });
    assert!(SystemNet.dial(address).await.is_err(), "nothing new is accepted");
}

#[tokio::test]
async fn what_hangs_is_cut_off_after_the_drain_timeout() {
    let connections =
        ConnectionLimits { drain_timeout: Duration::from_millis(200), ..Default::default() };
    let door = open(DoorConfig { connections, ..DoorConfig::default() }).await;
    let mut stream = connect(door.address).await;
    // The second answer shows that the first request of the pipeline is in flight.
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(read_answer(&mut *stream, false).await.unwrap().status, 200);
    assert_eq!(door.close().await, Drained { cut_off: 1 });
    assert!(read_answer(&mut *stream, false).await.is_none());
}
