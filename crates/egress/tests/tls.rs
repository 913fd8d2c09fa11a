//! HTTPS: certificates, protocol choice, HTTP/2.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "shared by several tests")]
#[path = "common/net.rs"]
mod net;

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{body::Frame, server::conn, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use net::{Net, PUBLIC, get, nobody};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::{ServerConfig, crypto::ring};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sealwork_egress::{EgressConfig, EgressError, UpstreamFault};
use sealwork_job::Code;
use tokio::io::{AsyncWriteExt as _, DuplexStream};
use tokio_rustls::TlsAcceptor;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn root(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    fn acceptor(&self, params: &CertificateParams, protocols: &[&str]) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().der().clone();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

fn named(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

fn config(authority: &Authority) -> EgressConfig {
    EgressConfig { extra_roots: vec![authority.root()], ..EgressConfig::default() }
}

fn network() -> Net {
    let net = Net::default();
    net.name("a.example", &[&[PUBLIC]]).name("b.example", &[&[PUBLIC]]);
    net
}

type Body = BoxBody<Bytes, std::io::Error>;

fn full(body: &str) -> Body {
    Full::new(Bytes::from(body.to_owned())).map_err(|never: Infallible| match never {}).boxed()
}

/// Serves HTTPS at [`PUBLIC`], each request by `answer`.
fn serve(
    net: &Net,
    acceptor: TlsAcceptor,
    answer: impl Fn(Request<hyper::body::Incoming>) -> Response<Body> + Send + Sync + 'static,
) {
    let answer = Arc::new(answer);
    net.serve(&format!("{PUBLIC}:443"), move |stream: DuplexStream| {
        let (acceptor, answer) = (acceptor.clone(), Arc::clone(&answer));
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let service = service_fn(move |request| {
                let response = answer(request);
                async move { Ok::<_, Infallible>(response) }
            });
            let stream = TokioIo::new(stream);
            if h2 {
                let builder = conn::http2::Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(stream, service).await;
            } else {
                let _ = conn::http1::Builder::new().serve_connection(stream, service).await;
            }
        }
    });
}

#[tokio::test]
async fn http2_is_spoken_where_the_server_offers_it_and_one_connection_serves_many() {
    let (authority, net) = (Authority::new(), network());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    let acceptor = authority.acceptor(&named("a.example"), &["h2", "http/1.1"]);
    serve(&net, acceptor, move |request| {
        let host = request.headers().contains_key("host");
        record.lock().unwrap().push((request.uri().to_string(), host));
        Response::new(full("two"))
    });
    let egress = net.egress(config(&authority));
    let response = egress.fetch(get("https://a.example/x?y"), &nobody()).await.unwrap();
    assert_eq!(response.version, Version::HTTP_2);
    assert_eq!(response.collect().await.unwrap().bytes, "two");
    assert_eq!(*seen.lock().unwrap(), [("https://a.example/x?y".to_owned(), false)]);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let egress = Arc::clone(&egress);
            tokio::spawn(async move {
                let response = egress.fetch(get("https://a.example/"), &nobody()).await.unwrap();
                response.collect().await.unwrap()
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().bytes, "two");
    }
    assert_eq!(net.dials().len(), 1);
}

#[tokio::test]
async fn http1_is_spoken_where_the_server_knows_nothing_newer() {
    for protocols in [&["http/1.1"][..], &[]] {
        let (authority, net) = (Authority::new(), network());
        let acceptor = authority.acceptor(&named("a.example"), protocols);
        serve(&net, acceptor, |_| Response::new(full("one")));
        let egress = net.egress(config(&authority));
        for _ in 0..3 {
            let response = egress.fetch(get("https://a.example/"), &nobody()).await.unwrap();
            assert_eq!(response.version, Version::HTTP_11);
            assert_eq!(response.collect().await.unwrap().bytes, "one");
        }
        assert_eq!(net.dials().len(), 1);
    }
}

#[tokio::test]
async fn certificates_that_do_not_verify_are_refused() {
    let authority = Authority::new();
    let mut expired = named("a.example");
    expired.not_before = date_time_ymd(2020, 1, 1);
    expired.not_after = date_time_ymd(2021, 1, 1);
    for (what, acceptor, config) in [
        ("untrusted", authority.acceptor(&named("a.example"), &[]), EgressConfig::default()),
        ("misnamed", authority.acceptor(&named("b.example"), &[]), config(&authority)),
        ("expired", authority.acceptor(&expired, &[]), config(&authority)),
    ] {
        let net = network();
        serve(&net, acceptor, |_| Response::new(full("secret")));
        let egress = net.egress(config);
        let error = egress.fetch(get("https://a.example/"), &nobody()).await.unwrap_err();
        assert_eq!(error.code(), Code::TlsFailed, "{what}: {error:?}");
    }
}

#[tokio::test]
async fn a_server_without_tls_behind_https_is_refused() {
    let net = network();
    net.serve(&format!("{PUBLIC}:443"), |mut stream| async move {
        let _ = stream.write_all(&net::answer("200 OK", "", b"plain")).await;
    });
    let egress = net.egress(EgressConfig::default());
    let error = egress.fetch(get("https://a.example/"), &nobody()).await.unwrap_err();
    assert_eq!(error.code(), Code::TlsFailed);
}

#[tokio::test]
async fn an_address_needs_a_certificate_for_the_address() {
    let (authority, net) = (Authority::new(), network());
    serve(&net, authority.acceptor(&named(PUBLIC), &[]), |_| Response::new(full("by address")));
    let egress = net.egress(config(&authority));
    let url = format!("https://{PUBLIC}/");
    let response = egress.fetch(get(&url), &nobody()).await.unwrap();
    assert_eq!(response.collect().await.unwrap().bytes, "by address");
    let error = egress.fetch(get("https://a.example/"), &nobody()).await.unwrap_err();
    assert_eq!(error.code(), Code::TlsFailed);
}

#[tokio::test]
async fn a_connection_for_one_name_is_not_used_for_another_at_the_same_address() {
    let (authority, net) = (Authority::new(), network());
    let both = CertificateParams::new(vec!["a.example".to_owned(), "b.example".to_owned()]);
    let acceptor = authority.acceptor(&both.unwrap(), &["h2"]);
    serve(&net, acceptor, |_| Response::new(full("x")));
    let egress = net.egress(config(&authority));
    for url in ["https://a.example/", "https://b.example/", "https://a.example/"] {
        egress.fetch(get(url), &nobody()).await.unwrap().collect().await.unwrap();
    }
    assert_eq!(net.dials().len(), 2);
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_refused_unless_the_caller_allows_it() {
    let (authority, net) = (Authority::new(), network());
    serve(&net, authority.acceptor(&named("a.example"), &["h2"]), |_| {
        let response = Response::builder().status(302).header("location", "http://a.example/");
        response.body(full("")).unwrap()
    });
    net.answer(&format!("{PUBLIC}:80"), net::answer("200 OK", "", b"plain"));
    let egress = net.egress(config(&authority));
    let mut request = get("https://a.example/");
    let error = egress.fetch(request.clone(), &nobody()).await.unwrap_err();
    assert_eq!(error.code(), Code::EgressDenied);
    request.redirects.downgrade = true;
    let response = egress.fetch(request, &nobody()).await.unwrap();
    assert_eq!(response.collect().await.unwrap().bytes, "plain");
}

#[tokio::test(start_paused = true)]
async fn http2_bodies_and_headers_have_the_same_limits() {
    let (authority, net) = (Authority::new(), network());
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    serve(&net, authority.acceptor(&named("a.example"), &["h2"]), move |request| {
        let count = Arc::clone(&count);
        match request.uri().path() {
            "/endless" => {
                let pieces = stream::repeat_with(move || {
                    count.fetch_add(1, Relaxed);
                    Ok(Frame::data(Bytes::from_static(&[b'x'; 10_000])))
                });
                Response::new(BodyExt::boxed(StreamBody::new(pieces)))
            }
            "/broken" => {
                // Long enough for the head and the first piece to leave before the stream is reset.
                let pieces = stream::iter([Ok("x"), Err("gone")]).then(|piece| async move {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    piece.map(Bytes::from).map(Frame::data).map_err(std::io::Error::other)
                });
                Response::new(BodyExt::boxed(StreamBody::new(pieces)))
            }
            _ => {
                let mut response = Response::new(full(""));
                for n in 0..300 {
                    let name: http::HeaderName = format!("x-{n}").parse().unwrap();
                    response.headers_mut().insert(name, "y".parse().unwrap());
                }
                response
            }
        }
    });
    let egress = net.egress(config(&authority));
    let mut request = get("https://a.example/endless");
    request.max_bytes = Some(123_456);
    let collected = egress.fetch(request, &nobody()).await.unwrap().collect().await.unwrap();
    assert_eq!((collected.bytes.len(), collected.truncated), (123_456, true));
    assert!(sent.load(Relaxed) < 1000, "the window bounds what is sent ahead");

    let response = egress.fetch(get("https://a.example/broken"), &nobody()).await.unwrap();
    assert_eq!(response.collect().await.unwrap_err().code(), Code::UpstreamInvalid);

    let error = egress.fetch(get("https://a.example/headers"), &nobody()).await.unwrap_err();
    let fault = UpstreamFault::Headers;
    assert_eq!(error, EgressError::Upstream { host: "a.example".to_owned(), fault });
    assert_eq!(net.dials().len(), 1, "a bad stream does not cost the connection");
}
