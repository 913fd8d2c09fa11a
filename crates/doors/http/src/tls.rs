//! TLS: a certificate that was given, or one that the worker makes for itself.

use std::sync::Arc;

use p256::{
    SecretKey,
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    pkcs8::EncodePrivateKey as _,
};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, PublicKeyData, SanType, SignatureAlgorithm,
};
use rustls::{ServerConfig, crypto::ring};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

use crate::error::DoorError;

/// Self-made certificates hold from 2025-01-01, also for clients whose clock is slow, and without
/// an end (RFC 5280, 4.1.2.5): another date at each start would be another certificate.
const SELF_MADE_FROM: i64 = 1_735_689_600;
const SELF_MADE_UNTIL: i64 = 253_402_300_799;

/// A certificate chain and the private key of its first certificate.
#[derive(Clone)]
pub struct TlsIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: Zeroizing<Vec<u8>>,
    form: KeyForm,
}

#[derive(Clone, Copy)]
enum KeyForm {
    Pkcs1,
    Sec1,
    Pkcs8,
}

impl TlsIdentity {
    /// Reads a chain and its key, both PEM. The key may be PKCS#8, PKCS#1 or SEC 1.
    ///
    /// # Errors
    /// [`DoorError::Tls`]; whether key and certificate belong together shows when a door is made.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, DoorError> {
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| DoorError::Tls(format!("the certificate file is no PEM: {e}")))?;
        if chain.is_empty() {
            return Err(DoorError::Tls("the certificate file has no certificate".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|e| DoorError::Tls(format!("the key file has no usable key: {e}")))?;
        let form = match &key {
            PrivateKeyDer::Pkcs1(_) => KeyForm::Pkcs1,
            PrivateKeyDer::Sec1(_) => KeyForm::Sec1,
            PrivateKeyDer::Pkcs8(_) => KeyForm::Pkcs8,
            _ => return Err(DoorError::Tls("the key has an unknown form".to_owned())),
        };
        Ok(Self { chain, key: Zeroizing::new(key.secret_der().to_vec()), form })
    }

    /// Makes a certificate for `names` (host names or addresses), signed by its own P-256 key.
    ///
    /// The same seed and names make the same certificate, byte for byte: clients can pin it, or keep
    /// it as a file, over restarts.
    ///
    /// # Errors
    /// [`DoorError::Tls`] for a name that cannot stand in a certificate, and for a seed that is no
    /// key: one in 2^32.
    pub fn self_made(seed: &[u8; 32], names: &[String]) -> Result<Self, DoorError> {
        let unusable = || DoorError::Tls("the key seed is outside the range of P-256".to_owned());
        let secret = SecretKey::from_slice(seed).map_err(|_| unusable())?;
        let key = secret.to_pkcs8_der().map_err(|_| unusable())?;
        let key = Zeroizing::new(key.as_bytes().to_vec());
        let failed = |e: rcgen::Error| DoorError::Tls(e.to_string());
        let mut params = CertificateParams::default();
        params.subject_alt_names = names.iter().map(|n| subject(n)).collect::<Result<_, _>>()?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "Sealwork worker");
        params.not_before = date(SELF_MADE_FROM);
        params.not_after = date(SELF_MADE_UNTIL);
        let certificate = params.self_signed(&SteadySigner::new(&secret)).map_err(failed)?;
        Ok(Self { chain: vec![certificate.der().clone()], key, form: KeyForm::Pkcs8 })
    }

    /// The first certificate, DER: what clients see, and may pin.
    pub fn certificate(&self) -> &[u8] {
        self.chain.first().map_or(&[], |certificate| certificate.as_ref())
    }

    /// Ready to accept connections, HTTP/2 offered before HTTP/1.1.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, DoorError> {
        let key = self.key.to_vec();
        let key = match self.form {
            KeyForm::Pkcs1 => PrivateKeyDer::Pkcs1(key.into()),
            KeyForm::Sec1 => PrivateKeyDer::Sec1(key.into()),
            KeyForm::Pkcs8 => PrivateKeyDer::Pkcs8(key.into()),
        };
        let failed = |e: rustls::Error| DoorError::Tls(e.to_string());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key)
            .map_err(failed)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl std::fmt::Debug for TlsIdentity {
    /// Shows the length of the chain, never the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TlsIdentity({} certificates)", self.chain.len())
    }
}

/// Signs the same with the same signature (RFC 6979), which the key pairs of rcgen do not.
struct SteadySigner {
    key: SigningKey,
    public: Vec<u8>,
}

impl SteadySigner {
    fn new(secret: &SecretKey) -> Self {
        let key = SigningKey::from(secret);
        let public = key.verifying_key().to_sec1_point(false).as_bytes().to_vec();
        Self { key, public }
    }
}

impl PublicKeyData for SteadySigner {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for SteadySigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature: Signature =
            self.key.try_sign(message).map_err(|_| rcgen::Error::RingUnspecified)?;
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

/// Whether a self-made certificate can have this name: a host's, or an address.
pub fn is_subject(name: &str) -> bool {
    subject(name).is_ok()
}

fn subject(name: &str) -> Result<SanType, DoorError> {
    if let Ok(address) = name.parse() {
        return Ok(SanType::IpAddress(address));
    }
    let name = name.to_owned();
    name.clone()
        .try_into()
        .map(SanType::DnsName)
        .map_err(|_| DoorError::Tls(format!("{name:?} is neither a host name nor an address")))
}

/// rcgen counts in dates; this is the one that `secs` since 1970 fall on.
fn date(secs: i64) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(secs).unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_names_give_the_same_certificate_and_the_door_takes_it() {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let a = TlsIdentity::self_made(&[7; 32], &names).unwrap();
        let b = TlsIdentity::self_made(&[7; 32], &names).unwrap();
        assert_eq!((&a.key, a.certificate()), (&b.key, b.certificate()));
        let other = TlsIdentity::self_made(&[7; 32], &names[..1]).unwrap();
        assert_ne!(a.certificate(), other.certificate());
        assert!(a.acceptor().is_ok());
        assert!(!format!("{a:?}").contains("07"));
    }

    #[test]
    fn unusable_pem_names_and_seeds_are_errors() {
        assert!(TlsIdentity::from_pem(b"", b"").is_err());
        assert!(TlsIdentity::from_pem(b"nonsense", b"nonsense").is_err());
        assert!(TlsIdentity::self_made(&[0; 32], &[]).is_err());
        assert!(TlsIdentity::self_made(&[7; 32], &["naïve".to_owned()]).is_err());
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let a = TlsIdentity::self_made(&[7; 32], &["a".to_owned()]).unwrap();
        let b = TlsIdentity::self_made(&[8; 32], &["b".to_owned()]).unwrap();
        let mixed = TlsIdentity { chain: a.chain, key: b.key, form: b.form };
        assert!(mixed.acceptor().is_err());
    }
}
