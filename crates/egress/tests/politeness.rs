//! Pauses, concurrency and back-off. Time is paused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use http::{HeaderMap, HeaderValue, StatusCode, header};
use sealwork_egress::{EgressError, Politeness, PolitenessConfig, Scope, Unmetered};
use sealwork_job::{Code, Timestamp};
use sealwork_platform::Clock;
use tokio::time::{Instant, advance, timeout};
use url::Url;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    /// 1994-11-06T08:49:07Z: half a minute before the example date of RFC 9110.
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(784_111_747)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

fn politeness(config: PolitenessConfig) -> Politeness {
    Politeness::new(Arc::new(Stopped), config)
}

fn page(host: &str) -> Url {
    Url::parse(&format!("http://{host}/")).unwrap()
}

/// A job of its own.
fn anybody() -> Scope {
    Scope::unmetered()
}

fn until(deadline: Option<Instant>) -> Scope {
    Scope::new(Arc::new(Unmetered), deadline)
}

/// One request at `a.example`, answered with `status`; how long its turn took to come.
async fn request(politeness: &Politeness, status: u16, retry_after: &str) -> Duration {
    request_of(&anybody(), politeness, status, retry_after).await
}

async fn request_of(
    job: &Scope,
    politeness: &Politeness,
    status: u16,
    retry_after: &str,
) -> Duration {
    let began = Instant::now();
    let turn = politeness.turn(&page("a.example"), None, job).await.unwrap();
    let waited = began.elapsed();
    let mut headers = HeaderMap::new();
    if !retry_after.is_empty() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_str(retry_after).unwrap());
    }
    turn.finish(StatusCode::from_u16(status).unwrap(), &headers);
    waited
}

#[tokio::test(start_paused = true)]
async fn starts_keep_the_least_delay_and_a_longer_crawl_delay_up_to_its_cap() {
    let politeness = politeness(PolitenessConfig { min_delay: SECOND, ..Default::default() });
    let began = Instant::now();
    for (asked, expected) in [(None, 0), (None, 1), (Some(5 * SECOND), 6), (Some(999 * SECOND), 36)]
    {
        drop(politeness.turn(&page("a.example"), asked, &anybody()).await.unwrap());
        assert_eq!(began.elapsed().as_secs(), expected);
    }
    drop(politeness.turn(&page("b.example"), None, &anybody()).await.unwrap());
    assert_eq!(began.elapsed().as_secs(), 36, "another host does not wait");
}

#[tokio::test(start_paused = true)]
async fn only_so_many_turns_run_at_once() {
    let politeness =
        Arc::new(politeness(PolitenessConfig { concurrency: 2, ..Default::default() }));
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let (politeness, now, most) = (politeness.clone(), now.clone(), most.clone());
            tokio::spawn(async move {
                let _turn = politeness.turn(&page("a.example"), None, &anybody()).await.unwrap();
                most.fetch_max(now.fetch_add(1, Relaxed) + 1, Relaxed);
                tokio::time::sleep(SECOND).await;
                now.fetch_sub(1, Relaxed);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(most.load(Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn retry_after_pauses_its_job_up_to_the_cap_and_the_host_for_a_moment_at_most() {
    for (value, others, own) in [
        ("7", 7, 7),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 30, 30),
        ("Sun, 06 Nov 1994 08:00:00 GMT", 1, 1),
        ("31", 30, 31),
        ("999999999", 30, 600),
        ("nonsense", 1, 1),
    ] {
        for status in [429, 503] {
            let politeness = politeness(PolitenessConfig::default());
            let (job, began) = (anybody(), Instant::now());
            request_of(&job, &politeness, status, value).await;
            let waited = request(&politeness, 200, "").await;
            assert_eq!(waited.as_secs(), others, "{status} {value}");
            // A clone is the same job.
            request_of(&job.clone(), &politeness, 200, "").await;
            assert_eq!(began.elapsed().as_secs(), own, "{status} {value}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_one_job_holds_no_place_at_the_host_and_is_told_when_it_is_too_long() {
    let politeness =
        Arc::new(politeness(PolitenessConfig { concurrency: 1, ..Default::default() }));
    let began = Instant::now();
    let job = until(Some(began + 400 * SECOND));
    request_of(&job, &politeness, 503, "300").await;
    let waiting = tokio::spawn({
        let (politeness, job) = (politeness.clone(), job.clone());
        async move { request_of(&job, &politeness, 503, "300").await.as_secs() }
    });
    tokio::task::yield_now().await;
    request(&politeness, 200, "").await;
    assert_eq!(began.elapsed().as_secs(), 30, "nobody queues behind the job's own pause");
    assert_eq!(waiting.await.unwrap(), 300);
    let error = politeness.turn(&page("a.example"), None, &job).await.unwrap_err();
    assert!(matches!(&error, EgressError::RateLimited { wait, .. } if wait.as_secs() >= 299));
    assert_eq!(began.elapsed().as_secs(), 300, "at once");
    assert!(politeness.turn(&page("b.example"), None, &job).await.is_ok(), "another host");
}

#[tokio::test(start_paused = true)]
async fn refusals_in_a_row_double_the_pause_and_an_answer_ends_the_row() {
    let politeness = politeness(PolitenessConfig::default());
    let mut waits = Vec::new();
    for status in [429, 429, 503, 429, 429, 429, 429, 429, 200, 429, 200, 200] {
        waits.push(request(&politeness, status, "").await.as_secs());
    }
    assert_eq!(waits, [0, 1, 2, 4, 8, 16, 30, 30, 30, 0, 1, 0], "as other jobs see it");
}

#[tokio::test(start_paused = true)]
async fn a_pause_beyond_the_deadline_is_told_at_once() {
    let politeness = politeness(PolitenessConfig::default());
    request(&politeness, 429, "100").await;
    let began = Instant::now();
    let deadline = Some(began + 20 * SECOND);
    let error = politeness.turn(&page("a.example"), None, &until(deadline)).await.unwrap_err();
    assert!(matches!(&error, EgressError::RateLimited { wait, .. } if wait.as_secs() >= 29));
    assert_eq!((error.code(), began.elapsed()), (Code::RateLimited, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_turn_ends_with_the_deadline() {
    let politeness = politeness(PolitenessConfig { concurrency: 1, ..Default::default() });
    let _held = politeness.turn(&page("a.example"), None, &anybody()).await.unwrap();
    let deadline = Some(Instant::now() + SECOND);
    let error = politeness.turn(&page("a.example"), None, &until(deadline)).await.unwrap_err();
    assert_eq!((error.code(), Some(Instant::now())), (Code::DeadlineExceeded, deadline));
}

#[tokio::test(start_paused = true)]
async fn those_who_give_up_waiting_leave_no_gap() {
    let politeness = politeness(PolitenessConfig { min_delay: 10 * SECOND, ..Default::default() });
    let began = Instant::now();
    drop(politeness.turn(&page("a.example"), None, &anybody()).await.unwrap());
    for _ in 0..5 {
        let (page, scope) = (page("a.example"), anybody());
        assert!(timeout(SECOND, politeness.turn(&page, None, &scope)).await.is_err());
    }
    drop(politeness.turn(&page("a.example"), None, &anybody()).await.unwrap());
    assert_eq!(began.elapsed().as_secs(), 10);
}

fn known(politeness: &Politeness) -> usize {
    let shown = format!("{politeness:?}");
    shown.split(|c: char| !c.is_ascii_digit()).find_map(|n| n.parse().ok()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn hosts_that_are_long_done_are_forgotten() {
    let politeness = politeness(PolitenessConfig { hosts: 100, ..Default::default() });
    for n in 0..1000 {
        let _ = politeness.turn(&page(&format!("h{n}.example")), None, &anybody()).await.unwrap();
        advance(SECOND).await;
    }
    assert!(known(&politeness) <= 100);
}

#[tokio::test(start_paused = true)]
async fn many_hosts_at_once_never_exceed_the_cap_and_those_in_use_stay_longest() {
    let politeness = politeness(PolitenessConfig {
        hosts: 100,
        min_delay: 10 * SECOND,
        ..PolitenessConfig::default()
    });
    let _in_use = politeness.turn(&page("a.example"), None, &anybody()).await.unwrap();
    for n in 0..1000 {
        // A refusal makes the entry matter.
        let turn = politeness.turn(&page(&format!("h{n}.example")), None, &anybody()).await;
        turn.unwrap().finish(StatusCode::SERVICE_UNAVAILABLE, &HeaderMap::new());
        assert!(known(&politeness) <= 100);
        advance(Duration::from_millis(1)).await;
    }
    let began = Instant::now();
    drop(politeness.turn(&page("a.example"), None, &anybody()).await.unwrap());
    assert!(began.elapsed() >= 8 * SECOND, "its last start is still known");
}

#[tokio::test(start_paused = true)]
async fn the_jobs_of_one_requester_leave_a_polite_place_at_a_host_to_others() {
    let politeness = politeness(PolitenessConfig { concurrency: 4, ..Default::default() });
    let turn = |requester: &'static str| {
        let scope = Scope::new(Arc::new(Unmetered), None).of(requester);
        let politeness = &politeness;
        async move { politeness.turn(&page("a.example"), None, &scope).await.unwrap() }
    };
    let _held = [turn("api-key:a").await, turn("api-key:a").await, turn("api-key:a").await];
    assert!(timeout(SECOND, turn("api-key:a")).await.is_err(), "its share is used up");
    assert!(timeout(SECOND, turn("api-key:b")).await.is_ok(), "a place is left for others");
}

#[tokio::test(start_paused = true)]
async fn answers_to_requests_that_were_under_way_together_are_one_refusal() {
    let politeness = politeness(PolitenessConfig::default());
    for expected in [1, 2] {
        let mut turns = Vec::new();
        for _ in 0..4 {
            turns.push(politeness.turn(&page("a.example"), None, &anybody()).await.unwrap());
        }
        advance(SECOND / 2).await;
        for turn in turns {
            let pause = turn.finish(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new());
            assert_eq!(pause, Some(expected * SECOND));
        }
    }
}
