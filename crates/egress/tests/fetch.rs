//! What a fetch sends, follows, decodes, counts and keeps open.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "shared by several tests")]
#[path = "common/net.rs"]
mod net;

use std::{
    io::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use flate2::{Compression, write};
use http::{HeaderValue, Method, StatusCode, header};
use net::{Net, PUBLIC, answer, get, nobody, read_head, redirect};
use sealwork_egress::{
    Egress, EgressConfig, EgressError, EgressLimits, EgressMeter, Redirects, Refusal, Request,
    Scope,
};
use sealwork_job::Code;
use sealwork_platform::{Listener as _, SystemNet, SystemResolver, TcpAcceptor};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::Instant,
};
use url::Url;

/// A server that records the heads of requests and answers by their first line.
fn recording(
    net: &Net,
    address: &str,
    answers: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
) -> Arc<Mutex<Vec<String>>> {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let (record, answers) = (Arc::clone(&heads), Arc::new(answers));
    net.serve(address, move |mut stream| {
        let (record, answers) = (Arc::clone(&record), Arc::clone(&answers));
        async move {
            while let Some(head) = read_head(&mut stream).await {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
                stream.read_exact(&mut body).await.unwrap();
                let reply = answers(head.lines().next().unwrap());
                record.lock().unwrap().push(head + std::str::from_utf8(&body).unwrap());
                stream.write_all(&reply).await.unwrap();
            }
        }
    });
    heads
}

fn two_hosts() -> Net {
    let net = Net::default();
    net.name("a.example", &[&[PUBLIC]]).name("b.example", &[&["8.8.8.8"]]);
    net
}

#[tokio::test]
async fn a_request_carries_host_path_query_and_honest_headers_and_no_fragment() {
    let net = two_hosts();
    let heads = recording(&net, &format!("{PUBLIC}:8080"), |_| answer("200 OK", "x: y\r\n", b"hi"));
    let egress = net.egress(EgressConfig::default());
    let response =
        egress.fetch(get("http://a.example:8080/p/ä?q=1&[]#f"), &nobody()).await.unwrap();
    assert_eq!((response.status, response.headers["x"].as_bytes()), (StatusCode::OK, &b"y"[..]));
    assert_eq!(response.collect().await.unwrap().bytes, "hi");
    let head = heads.lock().unwrap()[0].clone();
    assert!(head.starts_with("GET /p/%C3%A4?q=1&[] HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("host: a.example:8080\r\n"), "{head}");
    assert!(head.contains("user-agent: Sealwork/"), "{head}");
    assert!(head.contains("accept-encoding: gzip, deflate, br, zstd\r\n"), "{head}");
    for absent in ["connection", "upgrade", "cookie", "referer", "proxy", "content-length"] {
        assert!(!head.to_lowercase().contains(&format!("{absent}:")), "{head}");
    }
}

#[tokio::test]
async fn headers_of_the_connection_and_tunnelling_methods_are_refused() {
    let egress = two_hosts().egress(EgressConfig::default());
    for name in ["host", "connection", "upgrade", "transfer-encoding", "proxy-authorization"] {
        let name = header::HeaderName::from_static(name);
        let request = get("http://a.example/").header(name, HeaderValue::from_static("x"));
        let error = egress.fetch(request, &nobody()).await.unwrap_err();
        assert!(matches!(error, EgressError::Refused(Refusal::Header(_))), "{error:?}");
    }
    for method in [Method::CONNECT, Method::TRACE] {
        let request = Request::new(method, Url::parse("http://a.example/").unwrap());
        let error = egress.fetch(request, &nobody()).await.unwrap_err();
        assert!(matches!(error, EgressError::Refused(Refusal::Method(_))), "{error:?}");
    }
}

#[tokio::test]
async fn redirects_are_followed_and_reported_in_order() {
    let net = two_hosts();
    recording(&net, &format!("{PUBLIC}:80"), |line| match line {
        "GET / HTTP/1.1" => redirect(301, "/two"),
        "GET /two HTTP/1.1" => redirect(307, "http://b.example/three"),
        other => panic!("{other}"),
    });
    net.answer("8.8.8.8:80", answer("200 OK", "", b"end"));
    let egress = net.egress(EgressConfig::default());
    let response = egress.fetch(get("http://a.example/#part"), &nobody()).await.unwrap();
    let hops: Vec<_> =
        response.redirects.iter().map(|h| (h.status.as_u16(), h.url.path())).collect();
    assert_eq!(hops, [(301, "/"), (307, "/two")]);
    assert_eq!(response.final_url.as_str(), "http://b.example/three#part");
    assert_eq!(net.dials().len(), 2, "the first connection serves both of its requests");
}

#[tokio::test]
async fn secrets_stay_within_their_origin_and_a_redirected_post_becomes_a_get() {
    let net = two_hosts();
    let first = recording(&net, &format!("{PUBLIC}:80"), |line| match line {
        "POST / HTTP/1.1" => redirect(302, "/same"),
        _ => redirect(302, "http://b.example/other"),
    });
    let second = recording(&net, "8.8.8.8:80", |_| answer("200 OK", "", b""));
    let mut key = HeaderValue::from_static("key");
    key.set_sensitive(true);
    let mut request = get("http://a.example/")
        .header(header::AUTHORIZATION, HeaderValue::from_static("Bearer t"))
        .header(header::COOKIE, HeaderValue::from_static("c=1"))
        .header(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"))
        .header("x-api-key", key)
        .header("x-plain", HeaderValue::from_static("stays"));
    request.method = Method::POST;
    request.body = "body".into();
    request.referrer = Some(Url::parse("http://a.example/from?secret").unwrap());
    let egress = net.egress(EgressConfig::default());
    egress.fetch(request, &nobody()).await.unwrap();
    let first = first.lock().unwrap();
    assert!(
        first[0].ends_with("\r\n\r\nbody") && first[0].contains("content-type"),
        "{}",
        first[0]
    );
    assert!(first[1].starts_with("GET /same") && first[1].contains("Bearer t"), "{}", first[1]);
    assert!(first[1].contains("referer: http://a.example/from?secret"), "{}", first[1]);
    assert!(!first[1].contains("content-type") && !first[1].contains("body"), "{}", first[1]);
    let other = second.lock().unwrap()[0].clone();
    for secret in ["authorization", "cookie", "x-api-key", "secret"] {
        assert!(!other.contains(secret), "{other}");
    }
    assert!(other.contains("x-plain: stays") && other.contains("referer: http://a.example/\r\n"));
}

#[tokio::test]
async fn a_caller_who_decides_about_redirects_gets_the_redirect_itself() {
    let net = two_hosts();
    net.answer(&format!("{PUBLIC}:80"), redirect(302, "http://127.0.0.1/"));
    let mut request = get("http://a.example/");
    request.redirects = Redirects::manual();
    let response = net.egress(EgressConfig::default()).fetch(request, &nobody()).await.unwrap();
    assert_eq!(response.status, StatusCode::FOUND);
    assert_eq!(response.headers[header::LOCATION], "http://127.0.0.1/");
}

fn encode(encoding: &str, plain: &[u8]) -> Vec<u8> {
    match encoding {
        "gzip" => {
            let mut encoder = write::GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = write::ZlibEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "raw deflate" => {
            let mut encoder = write::DeflateEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut out = Vec::new();
            let params = brotli::enc::BrotliEncoderParams::default();
            brotli::BrotliCompress(&mut &*plain, &mut out, &params).unwrap();
            out
        }
        "zstd" => {
            ruzstd::encoding::compress_to_vec(plain, ruzstd::encoding::CompressionLevel::Fastest)
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn every_encoding_is_decoded_also_when_it_comes_byte_by_byte() {
    let plain: Vec<u8> = (0..40_000_u32).flat_map(|n| (n * n % 977).to_le_bytes()).collect();
    for encoding in ["gzip", "deflate", "raw deflate", "br", "zstd"] {
        let body = encode(encoding, &plain);
        let token = encoding.trim_start_matches("raw ");
        for piece in [1, 1000, usize::MAX] {
            let net = two_hosts();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {token}\r\n\r\n");
            let body = body.clone();
            net.serve(&format!("{PUBLIC}:80"), move |mut stream| {
                let (head, body) = (head.clone(), body.clone());
                async move {
                    read_head(&mut stream).await;
                    stream.write_all(head.as_bytes()).await.unwrap();
                    for piece in body.chunks(piece.min(body.len())) {
                        stream.write_all(piece).await.unwrap();
                    }
                }
            });
            let egress = net.egress(EgressConfig::default());
            let response = egress.fetch(get("http://a.example/"), &nobody()).await.unwrap();
            let collected = response.collect().await.unwrap_or_else(|e| panic!("{encoding}: {e}"));
            assert!(collected.bytes == plain, "{encoding} in pieces of {piece}");
            assert_eq!(collected.received, body_len(encoding, &plain), "{encoding}");
            assert!(!collected.truncated);
        }
    }
}

fn body_len(encoding: &str, plain: &[u8]) -> u64 {
    encode(encoding, plain).len() as u64
}

#[tokio::test]
async fn several_gzip_members_are_one_body_and_padding_behind_them_is_none() {
    let net = two_hosts();
    let body = [encode("gzip", b"one "), encode("gzip", b"two"), vec![0; 100]].concat();
    net.answer(&format!("{PUBLIC}:80"), answer("200 OK", "content-encoding: x-gzip\r\n", &body));
    let egress = net.egress(EgressConfig::default());
    let response = egress.fetch(get("http://a.example/"), &nobody()).await.unwrap();
    assert_eq!(response.collect().await.unwrap().bytes, "one two");
}

#[tokio::test]
async fn a_connection_is_used_again_and_a_dead_one_is_replaced() {
    let net = two_hosts();
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    net.serve(&format!("{PUBLIC}:80"), move |mut stream| {
        let count = Arc::clone(&count);
        async move {
            // Each connection serves two requests and is gone at the third.
            for _ in 0..2 {
                read_head(&mut stream).await;
                count.fetch_add(1, Relaxed);
                stream.write_all(&answer("200 OK", "", b"x")).await.unwrap();
            }
            read_head(&mut stream).await;
        }
    });
    let egress = net.egress(EgressConfig::default());
    for _ in 0..6 {
        let response = egress.fetch(get("http://a.example/"), &nobody()).await.unwrap();
        assert_eq!(response.collect().await.unwrap().bytes, "x");
    }
    assert_eq!((served.load(Relaxed), net.dials().len()), (6, 3));
}

#[tokio::test]
async fn a_post_on_a_connection_that_dies_is_not_sent_twice() {
    let net = two_hosts();
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    net.serve(&format!("{PUBLIC}:80"), move |mut stream| {
        let count = Arc::clone(&count);
        async move {
            read_head(&mut stream).await;
            stream.write_all(&answer("200 OK", "", b"x")).await.unwrap();
            if read_head(&mut stream).await.is_some() {
                count.fetch_add(1, Relaxed);
            }
        }
    });
    let egress = net.egress(EgressConfig::default());
    egress.fetch(get("http://a.example/"), &nobody()).await.unwrap().collect().await.unwrap();
    let request = Request::new(Method::POST, Url::parse("http://a.example/").unwrap());
    let error = egress.fetch(request, &nobody()).await.unwrap_err();
    assert_eq!((error.code(), served.load(Relaxed)), (Code::UpstreamInvalid, 1));
}

#[tokio::test]
async fn a_body_that_is_not_read_to_its_end_closes_its_connection() {
    let net = two_hosts();
    net.answer(&format!("{PUBLIC}:80"), answer("200 OK", "", &[b'x'; 100_000]));
    let egress = net.egress(EgressConfig::default());
    for _ in 0..2 {
        let mut response = egress.fetch(get("http://a.example/"), &nobody()).await.unwrap();
        assert!(response.chunk().await.unwrap().is_some());
    }
    assert_eq!(net.dials().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed_after_their_time() {
    let net = two_hosts();
    let open = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&open);
    net.serve(&format!("{PUBLIC}:80"), move |mut stream| {
        let count = Arc::clone(&count);
        async move {
            count.fetch_add(1, Relaxed);
            while read_head(&mut stream).await.is_some() {
                stream.write_all(&answer("200 OK", "", b"x")).await.unwrap();
            }
            count.fetch_sub(1, Relaxed);
        }
    });
    let config = EgressConfig::default();
    let idle_for = config.limits.idle_for;
    let egress = net.egress(config);
    egress.fetch(get("http://a.example/"), &nobody()).await.unwrap().collect().await.unwrap();
    assert_eq!(open.load(Relaxed), 1);
    tokio::time::sleep(3 * idle_for).await;
    assert_eq!(open.load(Relaxed), 0);
}

#[tokio::test]
async fn a_name_that_moves_to_another_public_address_gets_a_new_connection_there() {
    let net = Net::default();
    net.name("a.example", &[&[PUBLIC], &["8.8.8.8"]]);
    net.answer(&format!("{PUBLIC}:80"), answer("200 OK", "", b"old"));
    net.answer("8.8.8.8:80", answer("200 OK", "", b"new"));
    let egress = net.egress(EgressConfig::default());
    for body in ["old", "new"] {
        let response = egress.fetch(get("http://a.example/"), &nobody()).await.unwrap();
        assert_eq!(response.collect().await.unwrap().bytes, body);
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_house_closes_an_idle_connection_for_a_new_host() {
    let net = two_hosts();
    net.answer(&format!("{PUBLIC}:80"), answer("200 OK", "", b"a"));
    net.answer("8.8.8.8:80", answer("200 OK", "", b"b"));
    let limits = EgressLimits { connections: 1, ..EgressLimits::default() };
    let egress = net.egress(EgressConfig { limits, ..EgressConfig::default() });
    let began = Instant::now();
    for host in ["a", "b", "a", "b"] {
        let url = format!("http://{host}.example/");
        let response = egress.fetch(get(&url), &nobody()).await.unwrap();
        assert_eq!(response.collect().await.unwrap().bytes, host.as_bytes());
    }
    assert_eq!(net.dials().len(), 4);
    assert!(began.elapsed().is_zero(), "nobody waits for the idle time to pass");
}

/// Serves everything at [`PUBLIC`] and gives the highest number of requests met at one time.
fn busiest(net: &Net) -> Arc<AtomicUsize> {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (Arc::clone(&now), Arc::clone(&most));
    net.serve(&format!("{PUBLIC}:80"), move |mut stream| {
        let (now, most) = counts.clone();
        async move {
            while read_head(&mut stream).await.is_some() {
                most.fetch_max(now.fetch_add(1, Relaxed) + 1, Relaxed);
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
                now.fetch_sub(1, Relaxed);
                stream.write_all(&answer("200 OK", "", b"x")).await.unwrap();
            }
        }
    });
    most
}

async fn fetch_all(egress: &Arc<Egress>, fetches: impl Iterator<Item = (String, Scope)>) {
    let tasks: Vec<_> = fetches
        .map(|(url, scope)| {
            let egress = Arc::clone(egress);
            tokio::spawn(async move {
                let response = egress.fetch(get(&url), &scope).await.unwrap();
                response.collect().await.unwrap()
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn at_most_so_many_exchanges_with_one_host_run_at_once() {
    let net = two_hosts();
    let most = busiest(&net);
    let limits = EgressLimits { connections_per_host: 3, ..EgressLimits::default() };
    let egress = net.egress(EgressConfig { limits, ..EgressConfig::default() });
    fetch_all(&egress, (0..20).map(|_| ("http://a.example/".to_owned(), nobody()))).await;
    assert_eq!(most.load(Relaxed), 3);
}

#[tokio::test]
async fn the_jobs_of_one_requester_leave_a_place_at_a_host_to_others() {
    let net = two_hosts();
    let most = busiest(&net);
    let limits = EgressLimits { connections_per_host: 4, ..EgressLimits::default() };
    let egress = net.egress(EgressConfig { limits, ..EgressConfig::default() });
    let jobs_of = |requester: &'static str| {
        (0..20).map(move |_| ("http://a.example/".to_owned(), nobody().of(requester)))
    };
    fetch_all(&egress, jobs_of("anonymous")).await;
    assert_eq!(most.load(Relaxed), 3);
    fetch_all(&egress, jobs_of("anonymous").chain(jobs_of("api-key:a"))).await;
    assert_eq!(most.load(Relaxed), 4);
}

/// Begins a fetch of each URL for `requester` and leaves it alone.
fn begin(egress: &Arc<Egress>, urls: impl Iterator<Item = String>, requester: &str) {
    for url in urls {
        let (egress, scope) = (Arc::clone(egress), nobody().of(requester));
        tokio::spawn(async move { egress.fetch(get(&url), &scope).await.map(drop) });
    }
}

#[tokio::test(start_paused = true)]
async fn the_jobs_of_one_requester_leave_connections_to_others() {
    let net = two_hosts();
    net.answer("8.8.8.8:80", answer("200 OK", "", b"b"));
    net.swallow(&format!("{PUBLIC}:80"));
    for n in 0..20 {
        net.name(&format!("h{n}.example"), &[&[PUBLIC]]);
    }
    let limits = EgressLimits { connections: 8, ..EgressLimits::default() };
    let egress = net.egress(EgressConfig { limits, ..EgressConfig::default() });
    begin(&egress, (0..20).map(|n| format!("http://h{n}.example/")), "api-key:a");
    while net.dials().len() < 7 {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    let other = nobody().of("api-key:b");
    let response = egress.fetch(get("http://b.example/"), &other).await.unwrap();
    assert_eq!(response.collect().await.unwrap().bytes, "b");
    assert!(began.elapsed().is_zero(), "it waits for none of the others");
    assert_eq!(net.dials().len(), 8, "seven of one requester, one of the other");
}

#[tokio::test(start_paused = true)]
async fn lookups_that_hang_leave_places_to_others_even_after_they_were_given_up() {
    let net = two_hosts();
    net.answer("8.8.8.8:80", answer("200 OK", "", b"b"));
    let limits = EgressLimits { lookups: 8, ..EgressLimits::default() };
    let patience = 2 * limits.connect;
    let egress = net.egress(EgressConfig { limits, ..EgressConfig::default() });
    begin(&egress, (0..1000).map(|n| format!("http://n{n}.hangs.example/")), "api-key:a");
    for _ in 0..3 {
        tokio::time::sleep(patience).await;
        assert_eq!(net.hanging(), 7, "a lookup has its place until it ends");
        let began = Instant::now();
        let other = nobody().of("api-key:b");
        let response = egress.fetch(get("http://b.example/"), &other).await.unwrap();
        assert_eq!(response.collect().await.unwrap().bytes, "b");
        assert!(began.elapsed().is_zero());
    }
}

#[tokio::test]
async fn the_machines_own_addresses_are_refused_before_anything_is_sent_unless_opened() {
    let net = two_hosts();
    net.answer(&format!("{PUBLIC}:80"), answer("200 OK", "", b"inside"));
    net.own(PUBLIC);
    let egress = net.egress(EgressConfig::default());
    for url in ["http://a.example/", &format!("http://{PUBLIC}/")] {
        let error = egress.fetch(get(url), &nobody()).await.unwrap_err();
        assert_eq!(error.code(), Code::EgressDenied, "{error}");
        assert!(error.to_string().ends_with("an address of the worker's own machine"), "{error}");
    }
    assert!(net.dials().is_empty());
    let allow = PUBLIC.parse().unwrap();
    let egress = net.egress(EgressConfig { allow, ..EgressConfig::default() });
    let response = egress.fetch(get("http://a.example/"), &nobody()).await.unwrap();
    assert_eq!(response.collect().await.unwrap().bytes, "inside");
}

#[tokio::test]
async fn at_most_so_many_exchanges_of_one_job_run_at_once_whatever_their_hosts() {
    let net = Net::default();
    for n in 0..12 {
        net.name(&format!("h{n}.example"), &[&[PUBLIC]]);
    }
    let most = busiest(&net);
    let limits = EgressLimits { connections_per_job: 3, ..EgressLimits::default() };
    let egress = net.egress(EgressConfig { limits, ..EgressConfig::default() });
    let job = nobody();
    let urls = || (0..12).map(|n| format!("http://h{n}.example/"));
    fetch_all(&egress, urls().map(|url| (url, job.clone()))).await;
    assert_eq!(most.load(Relaxed), 3);
    fetch_all(&egress, urls().map(|url| (url, nobody()))).await;
    assert!(most.load(Relaxed) > 3, "other jobs have places of their own");
}

#[derive(Default)]
struct Counting {
    requests: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    most: u64,
}

impl EgressMeter for Counting {
    fn request(&self, url: &Url) -> Result<(), EgressError> {
        self.requests.fetch_add(1, Relaxed);
        match url.host_str() {
            Some("b.example") => Err(EgressError::Blacklisted { host: "b.example".to_owned() }),
            _ => Ok(()),
        }
    }

    fn sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Relaxed);
    }

    fn received(&self, bytes: u64) -> Result<(), EgressError> {
        let total = self.received.fetch_add(bytes, Relaxed) + bytes;
        if total > self.most {
            return Err(EgressError::Exhausted { what: "egress_bytes" });
        }
        Ok(())
    }
}

#[tokio::test]
async fn every_request_and_byte_is_counted_and_the_meter_can_end_a_body() {
    let net = two_hosts();
    net.answer(&format!("{PUBLIC}:80"), answer("200 OK", "", &[b'x'; 50_000]));
    let egress = net.egress(EgressConfig::default());
    let meter = Arc::new(Counting { most: 60_000, ..Counting::default() });
    let scope = Scope::new(meter.clone(), None);
    let response = egress.fetch(get("http://a.example/"), &scope).await.unwrap();
    response.collect().await.unwrap();
    let (sent, received) = (meter.sent.load(Relaxed), meter.received.load(Relaxed));
    assert!((50_000..50_200).contains(&received), "{received}");
    assert!((50..400).contains(&sent), "{sent}");
    let response = egress.fetch(get("http://a.example/"), &scope).await.unwrap();
    let error = response.collect().await.unwrap_err();
    assert_eq!(error, EgressError::Exhausted { what: "egress_bytes" });
    assert_eq!(meter.requests.load(Relaxed), 2);
}

#[tokio::test]
async fn the_meter_sees_the_url_of_each_hop_before_it_is_resolved() {
    let net = two_hosts();
    net.answer(&format!("{PUBLIC}:80"), redirect(302, "http://b.example/"));
    let egress = net.egress(EgressConfig::default());
    let scope = Scope::new(Arc::new(Counting { most: u64::MAX, ..Counting::default() }), None);
    let error = egress.fetch(get("http://a.example/"), &scope).await.unwrap_err();
    assert_eq!(error.code(), Code::Blacklisted);
    assert_eq!(net.lookups(), ["a.example"]);
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_does_not_answer() {
    let net = Net::default();
    net.name("a.example", &[&["8.8.4.4", "8.8.8.8"]]);
    net.answer("8.8.8.8:80", answer("200 OK", "", b"x"));
    let egress = net.egress(EgressConfig::default());
    let response = egress.fetch(get("http://a.example/"), &nobody()).await.unwrap();
    assert_eq!(response.address.to_string(), "8.8.8.8:80");
    let error = egress.fetch(get("http://8.8.4.4/"), &nobody()).await.unwrap_err();
    assert_eq!(error.code(), Code::ConnectFailed);
    let error = egress.fetch(get("http://nowhere.example/"), &nobody()).await.unwrap_err();
    assert_eq!(error.code(), Code::HostNotFound);
}

#[tokio::test]
async fn the_real_network_is_reached_when_the_operator_opens_loopback() {
    let acceptor = TcpAcceptor::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = acceptor.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = acceptor.accept().await {
            let mut head = vec![0; 4096];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(&answer("200 OK", "", b"real")).await;
        }
    });
    let config = EgressConfig { allow: "127.0.0.0/8".parse().unwrap(), ..EgressConfig::default() };
    let open = Egress::new(Arc::new(SystemResolver), Arc::new(SystemNet), config).unwrap();
    for host in ["127.0.0.1", "localhost", "demo.localhost"] {
        let url = format!("http://{host}:{}/", address.port());
        let response = open.fetch(get(&url), &nobody()).await.unwrap();
        assert_eq!(response.collect().await.unwrap().bytes, "real");
    }
    let config = EgressConfig::default();
    let closed = Egress::new(Arc::new(SystemResolver), Arc::new(SystemNet), config).unwrap();
    let error = closed.fetch(get(&format!("http://{address}/")), &nobody()).await.unwrap_err();
    assert_eq!(error.code(), Code::EgressDenied);
}
