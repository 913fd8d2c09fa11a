use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    server::ParsedCertificate,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use sha2::{Digest as _, Sha256};
use x509_cert::der::Decode as _;

use crate::{ClientError, SetupPart};

/// Which TLS certificates are accepted.
///
/// TLS is the outer wall only: jobs are sealed to the worker's key config all the same.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// Those that chain to the public roots.
    #[default]
    PublicRoots,
    /// Those that chain to the public roots or to one of these certificates, and these themselves:
    /// a worker's own certificate can be given whatever it says of itself, CA or not. Names and
    /// dates are checked.
    Also(Vec<CertificateDer<'static>>),
    /// Exactly the one with this SHA-256 fingerprint, whatever names it carries: for self-made
    /// certificates.
    Pinned([u8; 32]),
}

impl Trust {
    /// Certificates from PEM, beside the public roots.
    ///
    /// # Errors
    /// [`ClientError::Setup`] when there is no certificate in it.
    pub fn certificates_from_pem(pem: &[u8]) -> Result<Self, ClientError> {
        let setup = |reason: String| ClientError::Setup { part: SetupPart::Certificates, reason };
        let roots = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| setup(format!("not PEM: {e}")))?;
        if roots.is_empty() {
            return Err(setup("no certificate in the file".to_owned()));
        }
        Ok(Self::Also(roots))
    }

    /// A pin from 64 hex digits, with or without colons between the bytes.
    ///
    /// # Errors
    /// [`ClientError::Setup`] for anything else.
    pub fn pin_from_hex(text: &str) -> Result<Self, ClientError> {
        let mut pin = [0; 32];
        hex::decode_to_slice(text.replace(':', ""), &mut pin).map_err(|_| ClientError::Setup {
            part: SetupPart::Fingerprint,
            reason: "must be the 64 hex digits of a SHA-256 digest".to_owned(),
        })?;
        Ok(Self::Pinned(pin))
    }

    pub(crate) fn client_config(&self) -> Result<ClientConfig, ClientError> {
        let setup = |reason: String| ClientError::Setup { part: SetupPart::Tls, reason };
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| setup(e.to_string()))?;
        let identity = match self {
            Self::PublicRoots => None,
            Self::Also(given) => {
                let mut roots = public_roots();
                for root in given {
                    roots.add(root.clone()).map_err(|e| setup(e.to_string()))?;
                }
                let provider = Arc::clone(&provider);
                let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .map_err(|e| setup(e.to_string()))?;
                Some(Identity::ChainOrGiven { chain, given: given.clone() })
            }
            Self::Pinned(pin) => Some(Identity::Pinned(*pin)),
        };
        let config = match identity {
            None => builder.with_root_certificates(public_roots()),
            Some(identity) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Verifier { identity, provider })),
        };
        let mut config = config.with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn public_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

/// Accepts certificates that rustls alone would refuse, and still has the handshake prove
/// possession of their keys.
#[derive(Debug)]
struct Verifier {
    identity: Identity,
    provider: Arc<CryptoProvider>,
}

/// Which certificates a [`Verifier`] accepts.
#[derive(Debug)]
enum Identity {
    /// What chains to a root, and certificates that were given as they are: such a one is no chain
    /// when it says of itself that it is a CA (RFC 5280 keeps those from being servers).
    ChainOrGiven { chain: Arc<WebPkiServerVerifier>, given: Vec<CertificateDer<'static>> },
    /// The one with this SHA-256 fingerprint.
    Pinned([u8; 32]),
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.identity {
            Identity::ChainOrGiven { chain, given } if !given.contains(end_entity) => {
                let (cert, rest) = (end_entity, intermediates);
                return chain.verify_server_cert(cert, rest, server_name, ocsp_response, now);
            }
            Identity::ChainOrGiven { .. } => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                check_dates(end_entity, now)?;
            }
            Identity::Pinned(pin) => check_pin(end_entity, pin)?,
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn check_pin(certificate: &CertificateDer<'_>, pin: &[u8; 32]) -> Result<(), Error> {
    let got: [u8; 32] = Sha256::digest(certificate).into();
    if got == *pin {
        return Ok(());
    }
    let got = hex::encode(got);
    Err(Error::General(format!("the certificate's fingerprint is {got}, not the pinned one")))
}

/// Whether a certificate is valid now (RFC 5280, section 4.1.2.5): both ends belong to it.
fn check_dates(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let parsed =
        x509_cert::Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let validity = parsed.tbs_certificate().validity();
    let [from, until] = [&validity.not_before, &validity.not_after]
        .map(|time| UnixTime::since_unix_epoch(time.to_unix_duration()));
    if now < from {
        return Err(CertificateError::NotValidYetContext { time: now, not_before: from }.into());
    }
    if now > until {
        return Err(CertificateError::ExpiredContext { time: now, not_after: until }.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_64_hex_digits_with_or_without_colons() {
        let plain = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        for text in [plain, colons] {
            assert!(
                matches!(Trust::pin_from_hex(&text), Ok(Trust::Pinned(pin)) if pin == [0xab; 32])
            );
        }
        assert!(Trust::pin_from_hex("abcd").is_err());
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        assert!(Trust::certificates_from_pem(b"no certificate here").is_err());
    }
}
