//! What crawls of one requester leave to those of others: parsers and memory.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use common::{
    job::{Setup, Stopped, document},
    net::{Reply, Web, page, reply},
};
use sealwork_engine::{Context, Engine as _};
use sealwork_job::{RequesterId, Timestamp};
use sealwork_platform::Clock;
use serde_json::{Value, json};

/// A clock with which the next page that is parsed takes until it is released.
#[derive(Debug, Default)]
struct Slow {
    is_armed: AtomicBool,
    released: Mutex<bool>,
    release: Condvar,
}

impl Slow {
    fn release(&self) {
        *self.released.lock().unwrap() = true;
        self.release.notify_all();
    }
}

/// Lets a test that fails end.
struct Released(Arc<Slow>);

impl Drop for Released {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl Clock for Slow {
    fn now(&self) -> Timestamp {
        Stopped.now()
    }

    fn monotonic(&self) -> Duration {
        if self.is_armed.swap(false, Relaxed) {
            let released = self.released.lock().unwrap();
            drop(self.release.wait_while(released, |released| !*released).unwrap());
        }
        Duration::ZERO
    }
}

const PAGES: usize = 16;
const PAGE: usize = 256 << 10;

fn large_page() -> Reply {
    reply("200 OK", "content-type: text/plain\r\n", &[b'x'; PAGE])
}

/// A start page with links to [`PAGES`] large pages, each at a host of its own.
fn large_sites(clock: &Arc<Slow>) -> Web {
    let links: Vec<String> = (0..PAGES).map(|n| format!("http://large{n}.test/")).collect();
    let web = Web::default().site("a.test", move |_| {
        page("Start", &links.iter().map(String::as_str).collect::<Vec<_>>())
    });
    (0..PAGES).fold(web, |web, n| {
        let clock = Arc::clone(clock);
        web.site(&format!("large{n}.test"), move |_| {
            clock.is_armed.fetch_or(n == 0, Relaxed);
            large_page()
        })
    })
}

fn context_of(setup: &Setup, requester: &str) -> Context {
    Context { account: RequesterId::new("api-key", requester), ..setup.context() }
}

#[tokio::test]
async fn bodies_that_wait_for_a_parser_are_few_and_leave_room_to_other_requesters() {
    let clock = Arc::new(Slow::default());
    let mut setup = Setup::new(large_sites(&clock).site("other.test", |_| large_page()));
    setup.config.maxima.parsers = 1;
    setup.config.maxima.page_bytes = 2 * PAGE as u64;
    // For eight bodies, of which one requester has seven.
    setup.config.maxima.memory = 3 * 8 * setup.config.maxima.page_bytes;
    let engine = Arc::new(setup.engine_with(Arc::clone(&clock) as Arc<dyn Clock>));
    let at_last = Released(Arc::clone(&clock));
    let arguments = json!({
        "url": "http://a.test/", "max_depth": 2, "same_origin": false, "respect_robots": false,
    });
    let (context, many) = (context_of(&setup, "a"), Arc::clone(&engine));
    let crawl = tokio::spawn(async move { many.run(&context, arguments).await });
    // The start page and seven large ones.
    while setup.web.delivered() < 8 {
        tokio::task::yield_now().await;
    }
    while setup.web.seen().len() < 1 + PAGES {
        tokio::task::yield_now().await;
    }
    let other = json!({"url": "http://other.test/", "respect_robots": false});
    let report = engine.run(&context_of(&setup, "b"), other).await;
    let result: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
    assert!(document(&result, "other.test/")["text"].as_str().unwrap().len() == PAGE);
    assert_eq!(setup.web.delivered(), 9, "the others wait in the network");
    drop(at_last);
    let report = crawl.await.unwrap();
    let result: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
    let documents = result["documents"].as_array().unwrap();
    assert_eq!(documents.len(), 1 + PAGES);
    assert!(documents.iter().all(|document| document["error"].is_null()));
}

#[tokio::test]
async fn a_crawl_for_which_the_worker_has_no_memory_gives_what_it_has() {
    let clock = Arc::new(Slow::default());
    clock.release();
    let mut setup = Setup::new(large_sites(&clock));
    // Some units beside the MiB that each crawl has.
    setup.config.maxima.memory = 2 << 20;
    let arguments = json!({
        "url": "http://a.test/", "max_depth": 2, "same_origin": false, "respect_robots": false,
    });
    let result = setup.result(arguments).await;
    assert_eq!((&result["stopped"], &result["complete"]), (&json!("worker_memory"), &json!(false)));
    let documents = result["documents"].as_array().unwrap();
    assert!((3..PAGES).contains(&documents.len()), "{}", documents.len());
    let is_reduced = |document: &Value| document["truncated"] == "output";
    assert_eq!(documents.iter().filter(|document| is_reduced(document)).count(), 1);
}
