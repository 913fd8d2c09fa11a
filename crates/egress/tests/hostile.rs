//! Servers that lie, stall, flood and explode. Time is paused: nothing here waits for real.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "shared by several tests")]
#[path = "common/net.rs"]
mod net;

use std::{io::Write as _, sync::Arc, time::Duration};

use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use net::{Net, PUBLIC, answer, get, nobody, read_head, redirect};
use sealwork_egress::{
    EgressConfig, EgressError, EgressLimits, Overflow, Phase, Request, Scope, Unmetered,
    UpstreamFault,
};
use sealwork_job::Code;
use tokio::{
    io::{AsyncWriteExt as _, DuplexStream},
    time::{Instant, sleep},
};

const MIB: usize = 1 << 20;

/// A network with one server at `http://a.example/`.
fn server<F>(serve: impl Fn(DuplexStream) -> F + Send + Sync + 'static) -> Net
where
    F: Future<Output = ()> + Send + 'static,
{
    let net = Net::default();
    net.name("a.example", &[&[PUBLIC]]);
    net.serve(&format!("{PUBLIC}:80"), serve);
    net
}

/// A server that gives every request these bytes and closes.
fn bytes(bytes: impl Into<Vec<u8>>) -> Net {
    let bytes: Arc<Vec<u8>> = Arc::new(bytes.into());
    server(move |mut stream| {
        let bytes = Arc::clone(&bytes);
        async move {
            read_head(&mut stream).await;
            let _ = stream.write_all(&bytes).await;
        }
    })
}

async fn fetch_with(
    net: &Net,
    request: Request,
    limits: EgressLimits,
) -> Result<(usize, bool), EgressError> {
    let egress = net.egress(EgressConfig { limits, ..EgressConfig::default() });
    let collected = egress.fetch(request, &nobody()).await?.collect().await?;
    Ok((collected.bytes.len(), collected.truncated))
}

async fn fetch(net: &Net) -> Result<(usize, bool), EgressError> {
    fetch_with(net, get("http://a.example/"), EgressLimits::default()).await
}

fn fault(result: Result<(usize, bool), EgressError>) -> UpstreamFault {
    match result {
        Err(EgressError::Upstream { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

fn phase(result: Result<(usize, bool), EgressError>) -> Phase {
    match result {
        Err(error @ EgressError::Timeout { .. }) => {
            assert_eq!(error.code(), Code::UpstreamTimeout);
            let EgressError::Timeout { phase, .. } = error else { unreachable!() };
            phase
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_costs_the_first_byte_limit() {
    let net = server(|mut stream| async move {
        read_head(&mut stream).await;
        sleep(Duration::from_secs(3600)).await;
    });
    let began = Instant::now();
    assert_eq!(phase(fetch(&net).await), Phase::FirstByte);
    assert_eq!(began.elapsed().as_secs(), EgressLimits::default().first_byte.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_tls_server_that_never_shakes_hands_costs_the_connect_limit() {
    let net = Net::default();
    net.name("a.example", &[&[PUBLIC]]);
    net.serve(&format!("{PUBLIC}:443"), |stream| async move {
        sleep(Duration::from_secs(3600)).await;
        drop(stream);
    });
    let limits = EgressLimits::default();
    let result = fetch_with(&net, get("https://a.example/"), limits).await;
    assert_eq!(phase(result), Phase::Connect);
}

#[tokio::test(start_paused = true)]
async fn headers_that_trickle_in_and_endless_interim_answers_end_at_the_first_byte_limit() {
    let net = server(|mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await;
        while stream.write_all(b"y").await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    });
    assert_eq!(phase(fetch(&net).await), Phase::FirstByte);
    let net = server(|mut stream| async move {
        read_head(&mut stream).await;
        while stream.write_all(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n").await.is_ok() {
            sleep(Duration::from_millis(100)).await;
        }
    });
    assert_eq!(phase(fetch(&net).await), Phase::FirstByte);
}

#[tokio::test(start_paused = true)]
async fn a_tarpit_is_left_after_one_window_and_a_pause_within_the_rate_is_borne() {
    let tarpit = |pause: u64, piece: usize| {
        server(move |mut stream| async move {
            read_head(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            for _ in 0..20 {
                if stream.write_all(&vec![b'x'; piece]).await.is_err() {
                    return;
                }
                sleep(Duration::from_secs(pause)).await;
            }
        })
    };
    let began = Instant::now();
    let error = fetch(&tarpit(1, 1)).await.unwrap_err();
    assert!(matches!(error, EgressError::TooSlow { .. }), "{error:?}");
    assert_eq!(began.elapsed().as_secs(), EgressLimits::default().rate_window.as_secs());
    assert_eq!(fetch(&tarpit(5, 1000)).await, Ok((20_000, false)));
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_its_time_is_not_the_servers_fault() {
    let net = bytes(answer("200 OK", "", &vec![b'x'; MIB]));
    let egress = net.egress(EgressConfig::default());
    let mut request = get("http://a.example/");
    request.timeout = Some(Duration::from_secs(100_000));
    let mut response = egress.fetch(request, &nobody()).await.unwrap();
    let mut length = 0;
    while let Some(chunk) = response.chunk().await.unwrap() {
        length += chunk.len();
        sleep(Duration::from_secs(60)).await;
    }
    assert_eq!(length, MIB);
}

fn endless(head: &'static str, piece: &'static [u8]) -> Net {
    server(move |mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(head.as_bytes()).await;
        while stream.write_all(piece).await.is_ok() {}
    })
}

#[tokio::test(start_paused = true)]
async fn an_endless_body_is_cut_at_the_limit_or_refused_as_the_caller_wishes() {
    let plain = endless("HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 1000]);
    let chunked = endless("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"3\r\nabc\r\n");
    for net in [plain, chunked] {
        let mut request = get("http://a.example/");
        request.max_bytes = Some(12_345);
        let cut = fetch_with(&net, request.clone(), EgressLimits::default()).await;
        assert_eq!(cut, Ok((12_345, true)));
        request.overflow = Overflow::Refuse;
        let error = fetch_with(&net, request, EgressLimits::default()).await.unwrap_err();
        assert_eq!(error.code(), Code::ResponseTooLarge);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_of_exactly_the_limit_is_whole() {
    let mut request = get("http://a.example/");
    request.max_bytes = Some(1000);
    request.overflow = Overflow::Refuse;
    let net = bytes(answer("200 OK", "", &[b'x'; 1000]));
    assert_eq!(fetch_with(&net, request.clone(), EgressLimits::default()).await, Ok((1000, false)));
    let net = bytes(answer("200 OK", "content-encoding: gzip\r\n", &zeros("gzip", 1000)));
    assert_eq!(fetch_with(&net, request, EgressLimits::default()).await, Ok((1000, false)));
}

#[tokio::test(start_paused = true)]
async fn a_declared_length_over_the_limit_is_refused_before_the_body_comes() {
    let net = bytes("HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n");
    let mut request = get("http://a.example/");
    request.overflow = Overflow::Refuse;
    let error = fetch_with(&net, request, EgressLimits::default()).await.unwrap_err();
    assert_eq!(error.code(), Code::ResponseTooLarge);
}

#[tokio::test(start_paused = true)]
async fn a_request_cannot_raise_the_operators_body_limit() {
    let limits = EgressLimits { body_bytes: 500, ..EgressLimits::default() };
    let mut request = get("http://a.example/");
    request.max_bytes = Some(u64::MAX);
    let net = bytes(answer("200 OK", "", &[b'x'; 1000]));
    assert_eq!(fetch_with(&net, request, limits).await, Ok((500, true)));
}

fn zeros(encoding: &str, length: usize) -> Vec<u8> {
    let zeros = vec![0; length];
    match encoding {
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&zeros).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&zeros).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut out = Vec::new();
            let params = brotli::enc::BrotliEncoderParams::default();
            brotli::BrotliCompress(&mut zeros.as_slice(), &mut out, &params).unwrap();
            out
        }
        // RFC 8878: a frame with an 8 MiB window, then blocks that repeat one byte 128 Ki times.
        "zstd" => {
            let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 13 << 3];
            for left in (0..length.div_ceil(128 << 10)).rev() {
                let header = (128_u32 << 10) << 3 | 1 << 1 | u32::from(left == 0);
                out.extend_from_slice(&header.to_le_bytes()[..3]);
                out.push(0);
            }
            out
        }
        other => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn bombs_are_refused_by_their_ratio_long_before_they_unfold() {
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        let body = zeros(encoding, 64 * MIB);
        let head = format!("content-encoding: {encoding}\r\n");
        let net = bytes(answer("200 OK", &head, &body));
        let limits = EgressLimits { body_bytes: 1 << 30, ..EgressLimits::default() };
        let error = fetch_with(&net, get("http://a.example/"), limits).await.unwrap_err();
        assert!(matches!(error, EgressError::Bomb { .. }), "{encoding}: {error:?}");
        assert_eq!(error.code(), Code::ResponseTooLarge);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_unfolds_over_the_limit_is_cut_exactly_there() {
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        let net = bytes(answer(
            "200 OK",
            &format!("content-encoding: {encoding}\r\n"),
            &zeros(encoding, 4 * MIB),
        ));
        let mut request = get("http://a.example/");
        request.max_bytes = Some(777_777);
        let cut = fetch_with(&net, request, EgressLimits::default()).await;
        assert_eq!(cut, Ok((777_777, true)), "{encoding}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_compressed_stream_that_decodes_to_nothing_without_end_is_cut() {
    // A gzip header, then stored DEFLATE blocks of no bytes, for ever.
    let net = server(|mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n").await;
        let _ = stream.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]).await;
        while stream.write_all(&[0, 0, 0, 255, 255].repeat(1000)).await.is_ok() {}
    });
    let mut request = get("http://a.example/");
    request.max_bytes = Some(100_000);
    let cut = fetch_with(&net, request.clone(), EgressLimits::default()).await;
    assert_eq!(cut, Ok((0, true)));
    request.overflow = Overflow::Refuse;
    let error = fetch_with(&net, request, EgressLimits::default()).await.unwrap_err();
    assert_eq!(error.code(), Code::ResponseTooLarge);
}

#[tokio::test(start_paused = true)]
async fn a_zstd_window_over_8_mib_and_a_large_brotli_window_are_refused() {
    let mut body = zeros("zstd", 1000);
    let net = bytes(answer("200 OK", "content-encoding: zstd\r\n", &body));
    assert!(fetch(&net).await.is_ok(), "a window of 8 MiB");
    body[5] = 14 << 3;
    let net = bytes(answer("200 OK", "content-encoding: zstd\r\n", &body));
    assert_eq!(fault(fetch(&net).await), UpstreamFault::Encoding("zstd"), "one of 16 MiB");

    let mut body = Vec::new();
    let params = brotli::enc::BrotliEncoderParams {
        large_window: true,
        lgwin: 26,
        ..brotli::enc::BrotliEncoderParams::default()
    };
    brotli::BrotliCompress(&mut [0; 1000].as_slice(), &mut body, &params).unwrap();
    let net = bytes(answer("200 OK", "content-encoding: br\r\n", &body));
    assert_eq!(fault(fetch(&net).await), UpstreamFault::Encoding("br"));
}

#[tokio::test(start_paused = true)]
async fn stacked_and_unknown_encodings_are_refused() {
    for encoding in ["gzip, gzip", "br, gzip", "compress", "aes128gcm", "gzip;q=1"] {
        let head = format!("content-encoding: {encoding}\r\n");
        let net = bytes(answer("200 OK", &head, b"x"));
        assert_eq!(fault(fetch(&net).await), UpstreamFault::EncodingUnknown, "{encoding}");
        let egress = net.egress(EgressConfig::default());
        let response = egress.fetch(get("http://a.example/"), &nobody()).await.unwrap();
        assert_eq!(response.status, 200, "the head can be read all the same");
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_followed_whatever_its_own_body_claims_to_be() {
    let head = "HTTP/1.1 302 Found\r\nlocation: http://b.example/\r\n";
    let net = bytes(format!("{head}content-encoding: odd\r\ncontent-length: 99999999999\r\n\r\n"));
    net.name("b.example", &[&["8.8.8.8"]]);
    net.answer("8.8.8.8:80", answer("200 OK", "", b"end"));
    let mut request = get("http://a.example/");
    request.overflow = Overflow::Refuse;
    assert_eq!(fetch_with(&net, request, EgressLimits::default()).await, Ok((3, false)));
}

#[tokio::test(start_paused = true)]
async fn an_address_that_stays_silent_costs_a_moment_and_not_the_connect_limit() {
    let net = bytes(answer("200 OK", "", b"x"));
    net.name("a.example", &[&["8.8.4.4", PUBLIC]]);
    net.swallow("8.8.4.4:80");
    let began = Instant::now();
    assert_eq!(fetch(&net).await, Ok((1, false)));
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn compressed_bodies_that_are_cut_or_damaged_are_told_from_whole_ones() {
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        let whole = zeros(encoding, 300_000);
        let head = format!("content-encoding: {encoding}\r\n");
        for length in [1, whole.len() / 2, whole.len() - 1] {
            let net = bytes(answer("200 OK", &head, &whole[..length]));
            let broken = fault(fetch(&net).await);
            assert_eq!(broken, UpstreamFault::Encoding(encoding), "{length} bytes");
        }
        let net = bytes(answer("200 OK", &head, b""));
        assert_eq!(fetch(&net).await, Ok((0, false)), "an empty body is whole");
    }
    let mut damaged = zeros("gzip", 1000);
    let at = damaged.len() - 6;
    damaged[at] ^= 1;
    let net = bytes(answer("200 OK", "content-encoding: gzip\r\n", &damaged));
    assert_eq!(fault(fetch(&net).await), UpstreamFault::Encoding("gzip"), "its checksum is wrong");
}

#[tokio::test(start_paused = true)]
async fn a_body_shorter_than_declared_is_an_error_and_not_a_short_body() {
    for body in [
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nhello",
    ] {
        assert_eq!(fault(fetch(&bytes(body)).await), UpstreamFault::Truncated, "{body:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_behind_the_declared_length_belong_to_nobody() {
    let smuggled = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsmuggled!";
    let body = format!("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello{smuggled}");
    let net = bytes(body);
    let egress = net.egress(EgressConfig::default());
    for _ in 0..3 {
        let response = egress.fetch(get("http://a.example/"), &nobody()).await.unwrap();
        assert_eq!(response.collect().await.unwrap().bytes, "hello");
    }
}

#[tokio::test(start_paused = true)]
async fn framing_that_can_be_read_in_two_ways_and_garbage_are_refused() {
    for body in [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        "HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: 5x\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nx",
        "<html>no HTTP</html>\r\n\r\n",
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 99 Low\r\n\r\n",
    ] {
        assert_eq!(fault(fetch(&bytes(body)).await), UpstreamFault::Protocol, "{body:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn header_bombs_are_refused_by_count_and_by_size() {
    let many = "x: y\r\n".repeat(1000);
    let large = format!("x: {}\r\n", "y".repeat(70_000));
    let spread = format!("x: {}\r\n", "y".repeat(1000)).repeat(100);
    for headers in [many, large, spread] {
        let net = bytes(answer("200 OK", &headers, b""));
        assert_eq!(fault(fetch(&net).await), UpstreamFault::Headers);
    }
    let net = endless("HTTP/1.1 200 OK\r\n", b"x: y\r\n");
    assert_eq!(fault(fetch(&net).await), UpstreamFault::Headers);
}

#[tokio::test(start_paused = true)]
async fn a_protocol_switch_is_refused() {
    let net = bytes("HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
    assert_eq!(fault(fetch(&net).await), UpstreamFault::Upgrade);
}

#[tokio::test(start_paused = true)]
async fn redirects_in_circles_and_without_end_are_left() {
    let error = fetch(&bytes(redirect(302, "/"))).await.unwrap_err();
    assert_eq!(error.code(), Code::TooManyRedirects);
    let error = fetch(&bytes(redirect(302, "x/"))).await.unwrap_err();
    assert_eq!(error.code(), Code::TooManyRedirects);
    for location in ["http://", "http://[", "http://\u{fffd}\u{0}"] {
        let net = bytes(redirect(302, location));
        let error = fetch(&net).await.unwrap_err();
        assert_eq!(error.code(), Code::UpstreamInvalid, "{location:?}: {error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_whole_request_has_one_time_limit_however_many_hops_it_takes() {
    let net = server(|mut stream| async move {
        while read_head(&mut stream).await.is_some() {
            sleep(Duration::from_secs(9)).await;
            let _ = stream.write_all(&redirect(302, "/next")).await;
        }
    });
    let mut request = get("http://a.example/");
    request.timeout = Some(Duration::from_secs(40));
    let result = fetch_with(&net, request, EgressLimits::default()).await;
    assert_eq!(phase(result), Phase::Total);
}

#[tokio::test(start_paused = true)]
async fn the_jobs_deadline_ends_head_and_body_alike_and_is_told_apart() {
    let stall = |head: &'static str| {
        server(move |mut stream| async move {
            read_head(&mut stream).await;
            let _ = stream.write_all(head.as_bytes()).await;
            sleep(Duration::from_secs(3600)).await;
        })
    };
    for head in ["", "HTTP/1.1 200 OK\r\n\r\nbegin"] {
        let egress = stall(head).egress(EgressConfig::default());
        let deadline = Some(Instant::now() + Duration::from_secs(5));
        let scope = Scope::new(Arc::new(Unmetered), deadline);
        let fetched = egress.fetch(get("http://a.example/"), &scope).await;
        let error = match fetched {
            Ok(response) => response.collect().await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.code(), Code::DeadlineExceeded);
        assert_eq!(Some(Instant::now()), deadline);
    }
}
