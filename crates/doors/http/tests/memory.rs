//! The bodies and answers of all clients together take no more memory than they may.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod common;

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use common::{Answer, Open, TOKEN, connect, open_with, read_answer};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use sealwork_door_http::{ConnectionLimits, DoorConfig, MetricsPage, Pace, RequestLimits};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

const MIB: usize = 1 << 20;
const CHUNK: usize = 64 * 1024;
/// What the door may use.
const BUDGET: usize = 32 * MIB;
/// One large body, or answer.
const LARGE: usize = 8 * MIB;
/// Clients at once: eight times as many as there is room for.
const CLIENTS: usize = 32;
/// What else the process needs meanwhile: buffers of connections, results that are being read.
const SLACK: usize = 64 * MIB;
const LONG: Duration = Duration::from_secs(60);

async fn open() -> Open {
    let patient = Pace { bytes: 1, window: LONG };
    let config = DoorConfig {
        requests: RequestLimits {
            body_bytes: LARGE as u64,
            bytes_in_flight: BUDGET as u64,
            upload: patient,
            ..RequestLimits::default()
        },
        connections: ConnectionLimits { download: patient, ..ConnectionLimits::default() },
        ..DoorConfig::default()
    };
    open_with(config, |parts| {
        parts.metrics = Some(MetricsPage::install().unwrap());
        parts.access_log = None;
    })
    .await
}

/// Resident memory of this process, the clients' part included.
#[allow(clippy::disallowed_methods, reason = "the kernel's view of this process is no disk")]
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// What the door itself says that bodies and answers take.
async fn in_flight(door: &Open) -> usize {
    let page = door.send("GET /metrics", "").await;
    assert_eq!(page.status, 200, "a small answer finds room: {}", page.body.len());
    let value = page.text().lines().find_map(|l| l.strip_prefix("sealwork_http_bytes_in_flight "));
    value.unwrap().parse::<f64>().unwrap() as usize
}

/// Returns when nothing is in flight but the page that says so.
async fn until_free(door: &Open) {
    let free = async { while in_flight(door).await > CHUNK {} };
    timeout(LONG, free).await.expect("what was taken is given back");
}

/// Sends the most of a large body, then nothing more, and waits for the refusal.
async fn upload(door: &Open, head: &str, chunked: bool) -> Option<Answer> {
    let chunk = vec![b'x'; CHUNK];
    let (begin, end) = if chunked { (&b"10000\r\n"[..], &b"\r\n"[..]) } else { (&[][..], &[][..]) };
    let mut stream = connect(door.address).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    'sending: for _ in 0..LARGE / CHUNK - 1 {
        for part in [begin, &chunk, end] {
            // The door refuses without waiting for the end.
            if stream.write_all(part).await.is_err() {
                break 'sending;
            }
        }
    }
    read_answer(&mut *stream, false).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_stays_below_its_ceiling_whatever_clients_send_fetch_and_abandon() {
    let door = open().await;
    assert_eq!(door.send("GET /healthz", "").await.status, 200);
    let before = resident();
    let ceiling = before + BUDGET + SLACK;

    for chunked in [false, true] {
        let length = if chunked {
            "Transfer-Encoding: chunked".to_owned()
        } else {
            format!("Content-Length: {LARGE}")
        };
        let head = format!("POST /v1/jobs HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n");
        let mut uploads: FuturesUnordered<_> =
            (0..CLIENTS).map(|_| upload(&door, &head, chunked)).collect();
        for _ in 0..CLIENTS - BUDGET / LARGE {
            let refusal = timeout(LONG, uploads.next()).await.expect("those without room end");
            if let Some(refusal) = refusal.unwrap() {
                assert_eq!((refusal.status, refusal.header("retry-after")), (503, "1"));
                assert_eq!(refusal.json()["code"], "overloaded");
            }
            assert!(in_flight(&door).await <= BUDGET);
            assert!(resident() < ceiling, "{} MiB", resident() / MIB);
        }
        assert!(in_flight(&door).await > BUDGET / 2, "those with room keep it");
        // Small requests have room of their own.
        assert_eq!(door.send("POST /v1/jobs", "an envelope").await.status, 202);
        drop(uploads);
        until_free(&door).await;
    }

    let job = door.send("POST /v1/jobs", "an envelope").await.json()["job_id"].clone();
    let job = job.as_str().unwrap();
    door.worker.settle(job.parse().unwrap());
    door.worker.result_bytes.store(LARGE, Relaxed);
    let head =
        format!("GET /v1/jobs/{job}/result HTTP/1.1\r\nHost: x\r\nSealwork-Token: {TOKEN}\r\n\r\n");
    let mut fetches = FuturesUnordered::new();
    for _ in 0..CLIENTS {
        fetches.push(async {
            let mut stream = connect(door.address).await;
            stream.write_all(head.as_bytes()).await.unwrap();
            // The status line, and then nothing is read.
            let mut line = [0; 12];
            stream.read_exact(&mut line).await.unwrap();
            (line, stream)
        });
    }
    let mut answered = Vec::new();
    while let Some((line, stream)) = fetches.next().await {
        answered.push((line, stream));
        assert!(in_flight(&door).await <= BUDGET);
        assert!(resident() < ceiling, "{} MiB", resident() / MIB);
    }
    let count = |status: &[u8]| answered.iter().filter(|(line, _)| line.ends_with(status)).count();
    let (sent, refused) = (count(b"200"), count(b"503"));
    assert!((1..=BUDGET / LARGE).contains(&sent), "{sent} are being sent");
    assert_eq!(sent + refused, CLIENTS);
    drop((answered, fetches));
    until_free(&door).await;
    door.worker.result_bytes.store(0, Relaxed);

    let calm = resident();
    tiny_requests(&door).await;
    cancel_storm(&door, job).await;
    until_free(&door).await;
    assert!(resident() < calm + 24 * MIB, "{} MiB, {} before", resident() / MIB, calm / MIB);
    let _ = door.close().await;
}

/// A hundred thousand, in pipelines.
async fn tiny_requests(door: &Open) {
    const AT_ONCE: usize = 100;
    let request = "POST /job/generate HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx";
    let pipeline = request.repeat(AT_ONCE);
    let mut clients = FuturesUnordered::new();
    for _ in 0..10 {
        clients.push(async {
            let mut stream = connect(door.address).await;
            for _ in 0..100 {
                stream.write_all(pipeline.as_bytes()).await.unwrap();
                for _ in 0..AT_ONCE {
                    let answer = read_answer(&mut *stream, false).await.unwrap();
                    assert_eq!((answer.status, answer.text()), (200, "x"));
                }
            }
        });
    }
    while clients.next().await.is_some() {}
}

/// Clients that leave: amid a body, and while they wait for an answer.
async fn cancel_storm(door: &Open, job: &str) {
    let body = format!(
        "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: {MIB}\r\n\r\n{}",
        "x".repeat(100_000)
    );
    let hang = "GET /hang HTTP/1.1\r\nHost: x\r\n\r\n".to_owned();
    let poll = format!(
        "GET /v1/jobs/{job}?wait=60 HTTP/1.1\r\nHost: x\r\nSealwork-Token: {TOKEN}\r\n\r\n"
    );
    for round in 0..1000 {
        let mut leaving = Vec::new();
        for request in [&body, &hang, &poll] {
            let mut stream = connect(door.address).await;
            let _ = stream.write_all(request.as_bytes()).await;
            leaving.push(stream);
        }
        drop(leaving);
        if round % 50 == 0 {
            assert!(in_flight(door).await <= BUDGET);
        }
    }
}
