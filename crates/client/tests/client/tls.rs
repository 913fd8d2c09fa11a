use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use sealwork_client::{Client, ClientError, RetryPolicy, Trust};
use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;

use crate::support::FakeWorker;

struct Identity {
    acceptor: TlsAcceptor,
    pem: String,
    fingerprint: String,
}

fn self_made(name: &str) -> Identity {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::from_pem_slice(signing_key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    Identity {
        acceptor: TlsAcceptor::from(Arc::new(config)),
        pem: cert.pem(),
        fingerprint: hex::encode(Sha256::digest(cert.der())),
    }
}

fn client(worker: &FakeWorker, host: &str, trust: Trust) -> Client {
    Client::builder(&format!("https://{host}:{}", worker.address.port()))
        .unwrap()
        .trust(trust)
        .retry(RetryPolicy::none())
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_self_made_certificate_is_refused_unless_it_is_pinned_or_given_as_root() {
    let identity = self_made("127.0.0.1");
    let worker = FakeWorker::start_with(Some(identity.acceptor)).await;
    let error = client(&worker, "127.0.0.1", Trust::PublicRoots).key_config().await.unwrap_err();
    assert!(matches!(error, ClientError::Untrusted { .. }), "{error}");

    let pinned = Trust::pin_from_hex(&identity.fingerprint).unwrap();
    client(&worker, "127.0.0.1", pinned).key_config().await.unwrap();
    let root = Trust::roots_from_pem(identity.pem.as_bytes()).unwrap();
    client(&worker, "127.0.0.1", root).key_config().await.unwrap();
}

#[tokio::test]
async fn a_pin_holds_whatever_the_name_and_a_root_only_for_its_names() {
    let identity = self_made("worker.example");
    let worker = FakeWorker::start_with(Some(identity.acceptor)).await;
    let pinned = Trust::pin_from_hex(&identity.fingerprint).unwrap();
    client(&worker, "127.0.0.1", pinned).key_config().await.unwrap();
    let root = Trust::roots_from_pem(identity.pem.as_bytes()).unwrap();
    let error = client(&worker, "127.0.0.1", root).key_config().await.unwrap_err();
    assert!(matches!(error, ClientError::Untrusted { .. }), "{error}");
}

#[tokio::test]
async fn another_certificate_than_the_pinned_one_is_refused() {
    let worker = FakeWorker::start_with(Some(self_made("127.0.0.1").acceptor)).await;
    let pinned = Trust::pin_from_hex(&self_made("127.0.0.1").fingerprint).unwrap();
    let error = client(&worker, "127.0.0.1", pinned).key_config().await.unwrap_err();
    assert!(matches!(error, ClientError::Untrusted { .. }), "{error}");
}
