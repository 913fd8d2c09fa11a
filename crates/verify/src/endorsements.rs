use dcap_qvl::QuoteCollateralV3;
use serde::{Deserialize, Serialize};

use crate::{certificate::Certificate, crypto::sha256};

/// No bundle is longer than this, in bytes.
pub const MAX_BUNDLE_LEN: usize = 4 << 20;
const MAX_CERTIFICATES: usize = 64;
const MAX_COLLATERAL: usize = 64;
const MAX_REVOCATION_LISTS: usize = 32;
const VERSION: u32 = 1;

/// What makers say about their platforms: Intel's collateral, AMD's certificates, authorities of
/// TPM makers, revocation lists. All of it is signed by the makers and checked with the evidence,
/// so that it may come from anywhere.
#[derive(Debug, Clone, Default)]
pub struct Endorsements {
    sequence: u64,
    collateral: Vec<DcapCollateral>,
    certificates: Vec<Certificate>,
    revocation: Vec<Vec<u8>>,
    digest: [u8; 32],
}

/// Intel's collateral for one kind and model of platform, as its provisioning service gives it:
/// texts as they were signed, signatures and revocation lists in hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DcapCollateral(pub(crate) QuoteCollateralV3);

/// Why a bundle of endorsements is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndorsementsError {
    /// Longer than [`MAX_BUNDLE_LEN`], or with more parts than a bundle needs.
    #[error("the endorsements are too large: {0}")]
    TooLarge(&'static str),
    /// Not the JSON of a bundle.
    #[error("not a bundle of endorsements: {0}")]
    Malformed(String),
    /// Another version of the format.
    #[error("version {0} of endorsements is not supported, only version 1")]
    Version(u32),
    /// A certificate or revocation list is neither PEM nor readable.
    #[error("certificate or revocation list {0} of the endorsements cannot be read")]
    Unreadable(usize),
}

/// The file format. `certificates` and `revocation_lists` are PEM, one or more in a text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bundle {
    version: u32,
    /// Counts up with each issue of the bundle.
    #[serde(default)]
    sequence: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dcap: Vec<DcapCollateral>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    certificates: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    revocation_lists: Vec<String>,
}

impl Endorsements {
    /// Reads a bundle.
    ///
    /// # Errors
    /// [`EndorsementsError`].
    pub fn from_json(json: &[u8]) -> Result<Self, EndorsementsError> {
        if json.len() > MAX_BUNDLE_LEN {
            return Err(EndorsementsError::TooLarge("more than 4 MiB"));
        }
        let bundle: Bundle = serde_json::from_slice(json)
            .map_err(|error| EndorsementsError::Malformed(error.to_string()))?;
        if bundle.version != VERSION {
            return Err(EndorsementsError::Version(bundle.version));
        }
        let mut endorsements = Self { sequence: bundle.sequence, ..Self::default() };
        for collateral in bundle.dcap {
            endorsements.add_collateral(collateral)?;
        }
        for pem in bundle.certificates {
            endorsements.add_pem(pem.as_bytes())?;
        }
        for pem in bundle.revocation_lists {
            endorsements.add_pem(pem.as_bytes())?;
        }
        Ok(endorsements)
    }

    /// The bundle as JSON.
    pub fn to_json(&self) -> String {
        let armour = |label: &str, der: &[u8]| pem::encode(&pem::Pem::new(label, der));
        let bundle = Bundle {
            version: VERSION,
            sequence: self.sequence,
            dcap: self.collateral.clone(),
            certificates: self
                .certificates
                .iter()
                .map(|certificate| armour("CERTIFICATE", certificate.der()))
                .collect(),
            revocation_lists: self.revocation.iter().map(|der| armour("X509 CRL", der)).collect(),
        };
        // Texts and numbers only, which serialise.
        serde_json::to_string(&bundle).unwrap_or_default()
    }

    /// Adds collateral for SGX or TDX.
    ///
    /// # Errors
    /// [`EndorsementsError::TooLarge`].
    pub fn add_collateral(
        &mut self,
        mut collateral: DcapCollateral,
    ) -> Result<(), EndorsementsError> {
        if self.collateral.len() >= MAX_COLLATERAL {
            return Err(EndorsementsError::TooLarge("more than 64 collaterals"));
        }
        // Quotes carry their own certificates, and these are the ones that count.
        collateral.0.pck_certificate_chain = None;
        let part = serde_json::to_vec(&collateral).unwrap_or_default();
        self.collateral.push(collateral);
        self.note(&part);
        Ok(())
    }

    /// Adds a certificate, as DER.
    ///
    /// # Errors
    /// [`EndorsementsError`].
    pub fn add_certificate(&mut self, der: &[u8]) -> Result<(), EndorsementsError> {
        let certificate = Certificate::parse(der)
            .ok_or(EndorsementsError::Unreadable(self.certificates.len()))?;
        let known = |other: &Certificate| other.fingerprint == certificate.fingerprint;
        if self.certificates.iter().any(known) {
            return Ok(());
        }
        if self.certificates.len() >= MAX_CERTIFICATES {
            return Err(EndorsementsError::TooLarge("more than 64 certificates"));
        }
        self.note(der);
        self.certificates.push(certificate);
        Ok(())
    }

    /// Adds a revocation list, as DER.
    ///
    /// # Errors
    /// [`EndorsementsError::TooLarge`].
    pub fn add_revocation_list(&mut self, der: &[u8]) -> Result<(), EndorsementsError> {
        if self.revocation.iter().any(|known| known == der) {
            return Ok(());
        }
        if self.revocation.len() >= MAX_REVOCATION_LISTS {
            return Err(EndorsementsError::TooLarge("more than 32 revocation lists"));
        }
        self.note(der);
        self.revocation.push(der.to_vec());
        Ok(())
    }

    /// Adds certificates and revocation lists, as PEM.
    ///
    /// # Errors
    /// [`EndorsementsError`].
    pub fn add_pem(&mut self, text: &[u8]) -> Result<(), EndorsementsError> {
        let unreadable = EndorsementsError::Unreadable(self.certificates.len());
        let parts = pem::parse_many(text).map_err(|_| unreadable.clone())?;
        if parts.is_empty() {
            return Err(unreadable);
        }
        for part in parts {
            match part.tag() {
                "CERTIFICATE" => self.add_certificate(part.contents())?,
                "X509 CRL" => self.add_revocation_list(part.contents())?,
                _ => return Err(unreadable),
            }
        }
        Ok(())
    }

    /// These with those that came along with evidence: they are signed, and may come from anywhere.
    /// Where there are too many, these alone count.
    #[must_use]
    pub fn with(&self, along: &Self) -> Self {
        let mut all = self.clone();
        let _ = all.add_all(along);
        all
    }

    /// Adds what another bundle holds, for example what came with the evidence. Of collateral that
    /// is equally new, what was added first counts: add to your own, not the other way round.
    ///
    /// # Errors
    /// [`EndorsementsError::TooLarge`].
    pub fn add_all(&mut self, other: &Self) -> Result<(), EndorsementsError> {
        for collateral in &other.collateral {
            self.add_collateral(collateral.clone())?;
        }
        for certificate in &other.certificates {
            self.add_certificate(certificate.der())?;
        }
        for list in &other.revocation {
            self.add_revocation_list(list)?;
        }
        Ok(())
    }

    /// Which issue of a bundle it is.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(crate) fn collateral(&self) -> &[DcapCollateral] {
        &self.collateral
    }

    pub(crate) fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    pub(crate) fn revocation(&self) -> &[Vec<u8>] {
        &self.revocation
    }

    /// Names the content, so that results with the same content can be found again.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    fn note(&mut self, part: &[u8]) {
        self.digest = sha256(&[&self.digest[..], &sha256(part)].concat());
    }
}

/// Endorsements inside of other JSON: the bundle's object.
impl Serialize for Endorsements {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: serde_json::Value =
            serde_json::from_str(&self.to_json()).map_err(serde::ser::Error::custom)?;
        value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Endorsements {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Self::from_json(value.to_string().as_bytes()).map_err(serde::de::Error::custom)
    }
}

impl DcapCollateral {
    /// Reads one collateral object.
    ///
    /// # Errors
    /// [`EndorsementsError::Malformed`].
    pub fn from_json(json: &[u8]) -> Result<Self, EndorsementsError> {
        if json.len() > MAX_BUNDLE_LEN {
            return Err(EndorsementsError::TooLarge("more than 4 MiB"));
        }
        serde_json::from_slice(json)
            .map_err(|error| EndorsementsError::Malformed(error.to_string()))
    }
}
