//! Certificates and revocation lists.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint,
    CrlIssuingDistributionPoint, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, SignatureAlgorithm,
};
use time::OffsetDateTime;

use super::NOW;

/// A year around the tests' time.
const SPAN: i64 = 365 * 86_400 / 2;

/// Something that signs certificates.
pub(super) struct Authority {
    pub(super) der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate for a key that signs evidence.
pub(super) struct Leaf {
    pub(super) der: Vec<u8>,
    /// PKCS #8.
    pub(super) key: Vec<u8>,
}

/// What a certificate says besides its name.
#[derive(Default, Clone)]
pub(super) struct Extras {
    pub(super) extensions: Vec<(Vec<u64>, Vec<u8>)>,
    pub(super) usages: Vec<Vec<u64>>,
    pub(super) serial: u64,
}

fn at(offset: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW as i64 + offset).unwrap()
}

fn params(name: &str, extras: &Extras) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = at(-SPAN);
    params.not_after = at(SPAN);
    if extras.serial > 0 {
        params.serial_number = Some(SerialNumber::from(extras.serial));
    }
    for (oid, content) in &extras.extensions {
        let extension = CustomExtension::from_oid_content(oid, content.clone());
        params.custom_extensions.push(extension);
    }
    let usages = extras.usages.iter().map(|oid| ExtendedKeyUsagePurpose::Other(oid.clone()));
    params.extended_key_usages.extend(usages);
    params
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = params(name, &Extras::default());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

impl Authority {
    pub(super) fn root(name: &str, algorithm: &'static SignatureAlgorithm) -> Self {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let params = authority_params(name);
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { der, issuer: Issuer::new(params, key) }
    }

    pub(super) fn below(&self, name: &str, algorithm: &'static SignatureAlgorithm) -> Self {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let params = authority_params(name);
        let der = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        Self { der, issuer: Issuer::new(params, key) }
    }

    /// What `above` had issued for the same name and key before, and has expired since.
    pub(super) fn expired(&self, name: &str, above: &Self) -> Vec<u8> {
        let mut params = authority_params(name);
        params.not_after = at(-60);
        params.signed_by(self.issuer.key(), &above.issuer).unwrap().der().to_vec()
    }

    pub(super) fn leaf(
        &self,
        name: &str,
        algorithm: &'static SignatureAlgorithm,
        extras: &Extras,
    ) -> Leaf {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let der = self.certify(name, &key, extras);
        Leaf { der, key: key.serialize_der() }
    }

    /// A certificate for a key that somebody else has.
    pub(super) fn certify(
        &self,
        name: &str,
        key: &impl rcgen::PublicKeyData,
        extras: &Extras,
    ) -> Vec<u8> {
        let mut params = params(name, extras);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.signed_by(key, &self.issuer).unwrap().der().to_vec()
    }

    pub(super) fn revocation_list(&self, serials: &[u64]) -> Vec<u8> {
        self.numbered_revocation_list(7, serials)
    }

    pub(super) fn numbered_revocation_list(&self, number: u64, serials: &[u64]) -> Vec<u8> {
        self.later_revocation_list(number, -3600, serials)
    }

    /// A list that is issued so many seconds after the tests' time.
    pub(super) fn later_revocation_list(
        &self,
        number: u64,
        issued: i64,
        serials: &[u64],
    ) -> Vec<u8> {
        let revoked_certs = serials
            .iter()
            .map(|serial| RevokedCertParams {
                serial_number: SerialNumber::from(*serial),
                revocation_time: at(-60),
                reason_code: None,
                invalidity_date: None,
            })
            .collect();
        self.sign_list(CertificateRevocationListParams {
            this_update: at(issued),
            next_update: at(86_400),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        })
    }

    /// A list that speaks of a part of what the authority has issued, and revokes none of it.
    pub(super) fn partial_revocation_list(&self, number: u64) -> Vec<u8> {
        let uris = vec!["http://crl.test/part".to_owned()];
        let distribution_point = CrlDistributionPoint { uris };
        self.sign_list(CertificateRevocationListParams {
            this_update: at(-60),
            next_update: at(86_400),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: Some(CrlIssuingDistributionPoint {
                distribution_point,
                scope: None,
            }),
            revoked_certs: vec![],
            key_identifier_method: KeyIdMethod::Sha256,
        })
    }

    fn sign_list(&self, params: CertificateRevocationListParams) -> Vec<u8> {
        params.signed_by(&self.issuer).unwrap().der().to_vec()
    }
}
