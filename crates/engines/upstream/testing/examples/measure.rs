//! Measures the reddit and tiktok engines against the test upstream:
//!
//! * 100 jobs of mixed operations, each answer of the upstream 300 ms late;
//! * a result of 100,000 items: time, and the process's largest resident size.
//!
//! `cargo run --release -p sealwork-test-upstream --example measure [jobs | posts | trends]`
#![allow(clippy::print_stdout, reason = "it prints what it measured")]
#![allow(clippy::expect_used, reason = "a measurement that fails has nothing to print")]

use std::{sync::Arc, time::Duration};

use sealwork_engine::Engine;
use sealwork_engine_reddit::RedditEngine;
use sealwork_engine_tiktok::{TiktokEngine, TranscriptionConfig};
use sealwork_platform::SystemClock;
use sealwork_test_upstream::{TOKEN, TestUpstream, apify_at, context, egress};
use sealwork_upstream::ApifyConfig;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::Instant};

const MANY: u64 = 100_000;

#[tokio::main]
async fn main() {
    let upstream = TestUpstream::start().await.expect("loopback");
    let [reddit, tiktok] = engines(&upstream);
    match std::env::args().nth(1).as_deref() {
        Some("posts") => {
            let posts = json!({"type": "searchposts", "queries": ["a"], "max_items": MANY});
            large("reddit", reddit, posts).await;
        }
        Some("trends") => {
            large("tiktok", tiktok, json!({"type": "searchbytrending", "max_items": MANY})).await;
        }
        _ => jobs(&upstream, &reddit, &tiktok).await,
    }
}

fn engines(upstream: &TestUpstream) -> [Arc<dyn Engine>; 2] {
    let (clock, egress) = (Arc::new(SystemClock::new()), egress());
    let apify = apify_at(upstream, Some(TOKEN), ApifyConfig::DEFAULT_MAX_ITEMS);
    let transcription = TranscriptionConfig {
        base: upstream.base("/tiktok").parse().expect("an address"),
        user_agent: TranscriptionConfig::DEFAULT_USER_AGENT.to_owned(),
        default_language: TranscriptionConfig::DEFAULT_LANGUAGE.to_owned(),
    };
    [
        Arc::new(RedditEngine::new(apify.clone(), clock.clone())),
        Arc::new(TiktokEngine::new(transcription, apify, egress, clock)),
    ]
}

async fn jobs(upstream: &TestUpstream, reddit: &Arc<dyn Engine>, tiktok: &Arc<dyn Engine>) {
    upstream.set_latency(Duration::from_millis(300));
    let video = "https://www.tiktok.com/@coachty23/video/7502100651397172526";
    let post = "https://reddit.com/r/space/comments/p0/title/";
    let mixed = [
        (reddit, json!({"type": "scrapeurls", "urls": [post]})),
        (reddit, json!({"type": "searchposts", "queries": ["a"], "max_items": 100})),
        (reddit, json!({"type": "searchusers", "queries": ["a"]})),
        (reddit, json!({"type": "searchcommunities", "queries": ["a"]})),
        (tiktok, json!({"type": "transcription", "video_url": video})),
        (tiktok, json!({"type": "searchbyquery", "search": ["a"]})),
        (tiktok, json!({"type": "searchbytrending"})),
    ];
    let began = Instant::now();
    let mut all = JoinSet::new();
    for (engine, arguments) in mixed.iter().cycle().take(100) {
        let (engine, arguments) = (Arc::clone(engine), arguments.clone());
        all.spawn(async move { run(&*engine, arguments).await });
    }
    let bytes: usize = all.join_all().await.iter().sum();
    println!("100 jobs, 300 ms latency: {:?}, {bytes} bytes", began.elapsed());
}

async fn large(name: &str, engine: Arc<dyn Engine>, arguments: Value) {
    let before = resident();
    let began = Instant::now();
    let bytes = run(&*engine, arguments).await;
    let (took, most) = (began.elapsed(), resident());
    println!("{name}: {MANY} items, {bytes} bytes, {took:?}");
    println!("largest resident size before: {before}, after: {most}");
}

/// The size of the job's output.
async fn run(engine: &dyn Engine, arguments: Value) -> usize {
    engine.admit(&arguments).expect("valid arguments");
    let report = engine.run(&context(Duration::from_secs(300)), arguments).await;
    let details = report.details.expect("details");
    assert_eq!(details["complete"], true, "{details}");
    report.result.expect("a result").data.len()
}

/// `VmHWM` of this process, as the kernel tells it.
#[allow(clippy::disallowed_methods, reason = "the kernel's own account, not the data directory")]
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap_or("unknown").trim().to_owned()
}
