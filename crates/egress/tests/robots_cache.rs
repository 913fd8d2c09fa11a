//! RFC 9309 section 2.3: fetching and keeping robots.txt. Time is paused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "shared by several tests")]
#[path = "common/net.rs"]
mod net;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use net::{Net, PUBLIC, answer, nobody, read_head, redirect};
use sealwork_egress::{
    EgressConfig, EgressError, EgressLimits, EgressMeter, Phase, Request, RobotsCache,
    RobotsConfig, Rules, RulesOrigin, Scope, Unmetered,
};
use sealwork_job::Code;
use tokio::{
    io::AsyncWriteExt as _,
    time::{Instant, sleep},
};
use url::Url;

const SECOND: Duration = Duration::from_secs(1);
const FILE: &[u8] = b"user-agent: sealwork\ndisallow: /private\n";

fn network() -> Net {
    let net = Net::default();
    net.name("a.example", &[&[PUBLIC]]).name("b.example", &[&["8.8.8.8"]]);
    net
}

fn cache(net: &Net) -> RobotsCache {
    RobotsCache::new(net.egress(EgressConfig::default()), RobotsConfig::default())
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

async fn rules(cache: &RobotsCache) -> Arc<Rules> {
    cache.rules(&url("http://a.example/page"), &nobody()).await.unwrap()
}

/// Answers each request with the next of `answers`, the last one for ever.
fn script(net: &Net, address: &str, answers: Vec<Vec<u8>>) -> Arc<AtomicUsize> {
    let served = Arc::new(AtomicUsize::new(0));
    let (count, answers) = (Arc::clone(&served), Arc::new(answers));
    net.serve(address, move |mut stream| {
        let (count, answers) = (Arc::clone(&count), Arc::clone(&answers));
        async move {
            while let Some(head) = read_head(&mut stream).await {
                assert!(head.starts_with("GET /robots.txt") || head.starts_with("GET /hop"));
                let nth = count.fetch_add(1, Relaxed).min(answers.len() - 1);
                let _ = stream.write_all(&answers[nth]).await;
            }
        }
    });
    served
}

fn status(line: &str) -> Vec<u8> {
    answer(line, "", FILE)
}

#[tokio::test(start_paused = true)]
async fn a_file_is_fetched_once_and_kept_for_its_time() {
    let net = network();
    let served = script(&net, &format!("{PUBLIC}:80"), vec![status("200 OK")]);
    let cache = cache(&net);
    for _ in 0..3 {
        let rules = rules(&cache).await;
        assert!(rules.allows(&url("http://a.example/page")));
        let error = rules.check(&url("http://a.example/private/x")).unwrap_err();
        assert_eq!(error.code(), Code::RobotsDenied);
    }
    assert_eq!(served.load(Relaxed), 1);
    sleep(RobotsConfig::default().keep).await;
    rules(&cache).await;
    assert_eq!(served.load(Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn many_who_ask_at_once_cause_one_fetch() {
    let net = network();
    let served = script(&net, &format!("{PUBLIC}:80"), vec![status("200 OK")]);
    let cache = Arc::new(cache(&net));
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move { rules(&cache).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(*task.await.unwrap().origin(), RulesOrigin::File);
    }
    assert_eq!(served.load(Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn client_errors_mean_that_everything_is_allowed() {
    for line in ["400 Bad", "401 Unauthorized", "403 Forbidden", "404 Not Found", "410 Gone"] {
        let net = network();
        script(&net, &format!("{PUBLIC}:80"), vec![status(line)]);
        let rules = rules(&cache(&net)).await;
        assert_eq!(*rules.origin(), RulesOrigin::Absent, "{line}");
        assert!(rules.allows(&url("http://a.example/private")), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn server_errors_and_429_mean_that_nothing_is_allowed_until_the_next_try() {
    for line in ["500 Error", "502 Bad Gateway", "503 Unavailable", "429 Too Many"] {
        let net = network();
        let answers = vec![status(line), status("200 OK")];
        let served = script(&net, &format!("{PUBLIC}:80"), answers);
        let cache = cache(&net);
        for _ in 0..2 {
            let error = rules(&cache).await.check(&url("http://a.example/page")).unwrap_err();
            assert_eq!(error.code(), Code::RobotsDenied, "{line}");
        }
        assert_eq!(served.load(Relaxed), 1, "{line}");
        sleep(RobotsConfig::default().retry).await;
        assert!(rules(&cache).await.allows(&url("http://a.example/page")), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_be_reached_denies_with_the_networks_own_error() {
    let net = network();
    let cache = cache(&net);
    let rules = rules(&cache).await;
    let error = rules.check(&url("http://a.example/page")).unwrap_err();
    assert_eq!(error.code(), Code::ConnectFailed);
    let rules = cache.rules(&url("http://nowhere.example/"), &nobody()).await.unwrap();
    let error = rules.check(&url("http://nowhere.example/")).unwrap_err();
    assert_eq!(error.code(), Code::HostNotFound);
}

#[tokio::test(start_paused = true)]
async fn after_thirty_days_without_the_file_the_origin_counts_as_free() {
    let net = network();
    script(&net, &format!("{PUBLIC}:80"), vec![status("500 Error")]);
    let cache = cache(&net);
    let page = url("http://a.example/page");
    assert!(!rules(&cache).await.allows(&page));
    sleep(Duration::from_secs(29 * 24 * 3600)).await;
    assert!(!rules(&cache).await.allows(&page));
    sleep(Duration::from_secs(24 * 3600)).await;
    assert!(rules(&cache).await.allows(&page));
}

#[tokio::test(start_paused = true)]
async fn five_redirects_are_followed_to_other_hosts_too_and_the_sixth_means_no_file() {
    for (hops, origin) in [(5, RulesOrigin::File), (6, RulesOrigin::Absent)] {
        let net = network();
        let mut answers = vec![redirect(301, "/hop"); hops - 1];
        answers.push(redirect(302, "http://b.example/hop"));
        script(&net, &format!("{PUBLIC}:80"), answers);
        script(&net, "8.8.8.8:80", vec![status("200 OK")]);
        assert_eq!(*rules(&cache(&net)).await.origin(), origin, "{hops}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_to_a_private_address_gives_no_rules_and_no_connection() {
    let net = network();
    script(&net, &format!("{PUBLIC}:80"), vec![redirect(302, "http://127.0.0.1/robots.txt")]);
    let rules = rules(&cache(&net)).await;
    assert!(matches!(rules.origin(), RulesOrigin::Unreachable(EgressError::Refused(_))));
    assert_eq!(net.dials().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_file_larger_than_500_kib_is_cut_and_its_beginning_holds() {
    let net = network();
    let mut file = FILE.to_vec();
    file.resize(2 << 20, b'#');
    file.extend_from_slice(b"\ndisallow: /late\n");
    script(&net, &format!("{PUBLIC}:80"), vec![answer("200 OK", "", &file)]);
    let rules = rules(&cache(&net)).await;
    assert!(!rules.allows(&url("http://a.example/private")));
    assert!(rules.allows(&url("http://a.example/late")));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_runs_out_of_time_leaves_no_rules_behind() {
    let net = network();
    net.serve(&format!("{PUBLIC}:80"), |mut stream| async move {
        read_head(&mut stream).await;
        sleep(Duration::from_secs(5)).await;
        let _ = stream.write_all(&answer("200 OK", "", FILE)).await;
    });
    let cache = cache(&net);
    let deadline = Some(Instant::now() + Duration::from_secs(1));
    let scope = Scope::new(Arc::new(Unmetered), deadline);
    let page = url("http://a.example/page");
    let error = cache.rules(&page, &scope).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(*rules(&cache).await.origin(), RulesOrigin::File);
}

struct Refusing;

impl EgressMeter for Refusing {
    fn request(&self, _url: &Url) -> Result<(), EgressError> {
        Err(EgressError::Exhausted { what: "egress_requests" })
    }

    fn sent(&self, _bytes: u64) {}

    fn received(&self, _bytes: u64) -> Result<(), EgressError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_without_fetches_left_does_not_spoil_the_origin_for_others() {
    let net = network();
    script(&net, &format!("{PUBLIC}:80"), vec![status("200 OK")]);
    let cache = cache(&net);
    let scope = Scope::new(Arc::new(Refusing), None);
    let error = cache.rules(&url("http://a.example/"), &scope).await.unwrap_err();
    assert_eq!(error.code(), Code::EgressExhausted);
    assert_eq!(*rules(&cache).await.origin(), RulesOrigin::File);
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_is_not_allowed_at_all_is_an_error_and_not_rules() {
    let error = cache(&network()).rules(&url("http://10.0.0.1/"), &nobody()).await.unwrap_err();
    assert_eq!(error.code(), Code::EgressDenied);
}

#[tokio::test(start_paused = true)]
async fn origins_are_told_apart_by_scheme_host_and_port_and_only_so_many_are_kept() {
    let net = network();
    let first = script(&net, &format!("{PUBLIC}:80"), vec![status("200 OK")]);
    let second = script(&net, &format!("{PUBLIC}:8080"), vec![status("404 None")]);
    let config = RobotsConfig { origins: 2, ..RobotsConfig::default() };
    let cache = RobotsCache::new(net.egress(EgressConfig::default()), config);
    for text in ["http://a.example/", "http://a.example:8080/", "http://a.example/x?y"] {
        cache.rules(&url(text), &nobody()).await.unwrap();
    }
    assert_eq!((first.load(Relaxed), second.load(Relaxed)), (1, 1));
    for n in 0..10 {
        cache.rules(&url(&format!("http://h{n}.example/")), &nobody()).await.unwrap();
    }
    assert_eq!(format!("{cache:?}"), "RobotsCache { origins: 2, .. }");
}

#[tokio::test(start_paused = true)]
async fn files_made_to_fill_the_memory_push_each_other_out() {
    let net = network();
    let rules = "disallow: /x\n".repeat(2000);
    let file = format!("user-agent: *\n{rules}");
    script(&net, &format!("{PUBLIC}:80"), vec![answer("200 OK", "", file.as_bytes())]);
    let config = RobotsConfig { bytes: 1 << 20, ..RobotsConfig::default() };
    let cache = RobotsCache::new(net.egress(EgressConfig::default()), config);
    for n in 0..100 {
        net.name(&format!("h{n}.example"), &[&[PUBLIC]]);
        cache.rules(&url(&format!("http://h{n}.example/")), &nobody()).await.unwrap();
    }
    let shown = format!("{cache:?}");
    let kept: usize =
        shown.split(|c: char| !c.is_ascii_digit()).find_map(|n| n.parse().ok()).unwrap();
    assert!((2..15).contains(&kept), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_place_that_does_not_come_says_nothing_about_the_server() {
    let net = network();
    net.swallow(&format!("{PUBLIC}:80"));
    let served = script(&net, "8.8.8.8:80", vec![answer("200 OK", "", FILE)]);
    let limits = EgressLimits { connections: 1, connect: 300 * SECOND, ..EgressLimits::default() };
    let egress = net.egress(EgressConfig { limits, ..EgressConfig::default() });
    let cache = RobotsCache::new(Arc::clone(&egress), RobotsConfig::default());
    // Somebody else has the one connection.
    let other = tokio::spawn(async move {
        egress.fetch(Request::get(url("http://a.example/")), &nobody()).await.map(drop)
    });
    while net.dials().is_empty() {
        tokio::task::yield_now().await;
    }
    let page = url("http://b.example/page");
    let error = cache.rules(&page, &nobody()).await.unwrap_err();
    assert!(matches!(error, EgressError::Timeout { phase: Phase::Queue, .. }), "{error:?}");
    other.abort();
    assert!(other.await.unwrap_err().is_cancelled());
    assert_eq!(cache.rules(&page, &nobody()).await.unwrap().origin(), &RulesOrigin::File);
    assert_eq!(served.load(Relaxed), 1);
}
