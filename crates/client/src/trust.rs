use std::sync::Arc;

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use sha2::{Digest as _, Sha256};

use crate::ClientError;

/// Which TLS certificates are accepted.
///
/// TLS is the outer wall only: jobs are sealed to the worker's key config all the same.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// Those that chain to the public roots.
    #[default]
    PublicRoots,
    /// Those that chain to the public roots or to one of these certificates.
    AlsoRoots(Vec<CertificateDer<'static>>),
    /// Exactly the one with this SHA-256 fingerprint, whatever names it carries: for self-made
    /// certificates.
    Pinned([u8; 32]),
}

impl Trust {
    /// Additional roots from PEM.
    ///
    /// # Errors
    /// [`ClientError::Setup`] when there is no certificate in it.
    pub fn roots_from_pem(pem: &[u8]) -> Result<Self, ClientError> {
        let setup = |reason: String| ClientError::Setup { what: "root certificates", reason };
        let roots = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| setup(format!("not PEM: {e}")))?;
        if roots.is_empty() {
            return Err(setup("no certificate in the file".to_owned()));
        }
        Ok(Self::AlsoRoots(roots))
    }

    /// A pin from 64 hex digits, with or without colons between the bytes.
    ///
    /// # Errors
    /// [`ClientError::Setup`] for anything else.
    pub fn pin_from_hex(text: &str) -> Result<Self, ClientError> {
        let mut pin = [0; 32];
        hex::decode_to_slice(text.replace(':', ""), &mut pin).map_err(|_| ClientError::Setup {
            what: "certificate fingerprint",
            reason: "must be the 64 hex digits of a SHA-256 digest".to_owned(),
        })?;
        Ok(Self::Pinned(pin))
    }

    pub(crate) fn client_config(&self) -> Result<ClientConfig, ClientError> {
        let setup = |reason: String| ClientError::Setup { what: "TLS", reason };
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| setup(e.to_string()))?;
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let config = match self {
            Self::PublicRoots => builder.with_root_certificates(roots),
            Self::AlsoRoots(more) => {
                for root in more {
                    roots.add(root.clone()).map_err(|e| setup(e.to_string()))?;
                }
                builder.with_root_certificates(roots)
            }
            Self::Pinned(pin) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Pin { pin: *pin, provider })),
        };
        let mut config = config.with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Accepts one certificate, and still has the handshake prove possession of its key.
#[derive(Debug)]
struct Pin {
    pin: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let got: [u8; 32] = Sha256::digest(end_entity).into();
        if got == self.pin {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::General(format!(
                "the certificate's fingerprint is {}, not the pinned one",
                hex::encode(got)
            )))
        }
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
        assert!(Trust::roots_from_pem(b"no certificate here").is_err());
    }
}
