use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
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
    self_signed(CertificateParams::new([name.to_owned()]).unwrap())
}

fn self_signed(params: CertificateParams) -> Identity {
    let key = KeyPair::generate().unwrap();
    identity(&params.self_signed(&key).unwrap(), &key)
}

fn identity(cert: &rcgen::Certificate, key: &KeyPair) -> Identity {
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
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
async fn a_self_made_certificate_is_refused_unless_it_is_pinned_or_given() {
    let identity = self_made("127.0.0.1");
    let worker = FakeWorker::start_with(Some(identity.acceptor)).await;
    let error = client(&worker, "127.0.0.1", Trust::PublicRoots).key_config().await.unwrap_err();
    assert!(matches!(error, ClientError::Untrusted { .. }), "{error}");

    let pinned = Trust::pin_from_hex(&identity.fingerprint).unwrap();
    client(&worker, "127.0.0.1", pinned).key_config().await.unwrap();
    let given = Trust::certificates_from_pem(identity.pem.as_bytes()).unwrap();
    client(&worker, "127.0.0.1", given).key_config().await.unwrap();
}

#[tokio::test]
async fn a_pin_holds_whatever_the_name_and_a_given_certificate_for_its_names() {
    let identity = self_made("worker.example");
    let worker = FakeWorker::start_with(Some(identity.acceptor)).await;
    let pinned = Trust::pin_from_hex(&identity.fingerprint).unwrap();
    client(&worker, "127.0.0.1", pinned).key_config().await.unwrap();
    let given = Trust::certificates_from_pem(identity.pem.as_bytes()).unwrap();
    let error = client(&worker, "127.0.0.1", given).key_config().await.unwrap_err();
    assert!(matches!(error, ClientError::Untrusted { .. }), "{error}");
}

#[tokio::test]
async fn another_certificate_than_the_pinned_one_is_refused() {
    let worker = FakeWorker::start_with(Some(self_made("127.0.0.1").acceptor)).await;
    let pinned = Trust::pin_from_hex(&self_made("127.0.0.1").fingerprint).unwrap();
    let error = client(&worker, "127.0.0.1", pinned).key_config().await.unwrap_err();
    let ClientError::Untrusted { reason, .. } = &error else { panic!("{error}") };
    assert!(reason.starts_with("the certificate's fingerprint is "), "{reason}");
}

fn params(is_ca: IsCa) -> CertificateParams {
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.is_ca = is_ca;
    params
}

fn ca() -> IsCa {
    IsCa::Ca(BasicConstraints::Unconstrained)
}

/// What a client that was given `pem` makes of a worker with this identity.
async fn given(pem: &str, identity: Identity) -> Result<(), ClientError> {
    let worker = FakeWorker::start_with(Some(identity.acceptor)).await;
    let trust = Trust::certificates_from_pem(pem.as_bytes()).unwrap();
    client(&worker, "127.0.0.1", trust).key_config().await.map(drop)
}

#[tokio::test]
async fn the_worker_s_own_certificate_can_be_given_whether_it_calls_itself_a_ca_or_not() {
    for is_ca in [ca(), IsCa::ExplicitNoCa, IsCa::NoCa] {
        let identity = self_signed(params(is_ca));
        let pem = identity.pem.clone();
        given(&pem, identity).await.unwrap_or_else(|error| panic!("{is_ca:?}: {error}"));
    }
}

#[tokio::test]
async fn another_certificate_of_the_same_name_than_the_given_one_is_refused() {
    for is_ca in [ca(), IsCa::ExplicitNoCa] {
        let other = self_signed(params(is_ca));
        let error = given(&other.pem, self_signed(params(is_ca))).await.unwrap_err();
        assert!(matches!(error, ClientError::Untrusted { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_given_certificate_counts_within_its_dates_and_for_its_names() {
    let expired = |params: &mut CertificateParams| {
        params.not_after = time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(365 * 50);
    };
    let future = |params: &mut CertificateParams| {
        params.not_before = time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(365 * 200);
    };
    let other_name = |params: &mut CertificateParams| {
        params.subject_alt_names = vec![rcgen::SanType::DnsName("a.example".try_into().unwrap())];
    };
    type Change = fn(&mut CertificateParams);
    let changes: [(&str, Change); 3] =
        [("expired", expired), ("not valid yet", future), ("not valid for name", other_name)];
    for is_ca in [ca(), IsCa::ExplicitNoCa] {
        for (word, change) in changes {
            let mut params = params(is_ca);
            change(&mut params);
            let identity = self_signed(params);
            let pem = identity.pem.clone();
            let error = given(&pem, identity).await.unwrap_err();
            assert!(matches!(error, ClientError::Untrusted { .. }), "{word}: {error}");
            assert!(error.to_string().contains(word), "{word}: {error}");
        }
    }
}

#[tokio::test]
async fn a_given_authority_vouches_for_what_it_signed() {
    let key = KeyPair::generate().unwrap();
    let authority = Issuer::new(params(ca()), key);
    let root = params(ca()).self_signed(authority.key()).unwrap();
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = params(IsCa::ExplicitNoCa).signed_by(&leaf_key, &authority).unwrap();
    given(&root.pem(), identity(&leaf, &leaf_key)).await.unwrap();
    let error = given(&self_signed(params(ca())).pem, identity(&leaf, &leaf_key)).await;
    assert!(matches!(error, Err(ClientError::Untrusted { .. })));
}
