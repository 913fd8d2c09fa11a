//! What AMD writes into the certificates of chips and clouds (AMD, "Versioned Chip Endorsement Key
//! (VCEK) Certificate and KDS Interface Specification").

use x509_cert::der::{
    Decode,
    asn1::{ObjectIdentifier, OctetStringRef},
};

use crate::{certificate::Certificate, claims::SnpTcb};

const PRODUCT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.2");
const BOOT_LOADER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.1");
const TEE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.2");
const SNP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.3");
const MICROCODE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.8");
const FMC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.9");
const CHIP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.4");

/// Whose key a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endorser {
    Vcek,
    Vlek,
}

/// In which bytes of a TCB version the parts lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TcbLayout {
    /// Milan and Genoa.
    Old,
    /// Turin and later.
    Turin,
}

impl TcbLayout {
    pub(super) fn read(self, bytes: &[u8; 8]) -> SnpTcb {
        let microcode = bytes[7];
        match self {
            Self::Old => {
                SnpTcb { boot_loader: bytes[0], tee: bytes[1], snp: bytes[6], microcode, fmc: 0 }
            }
            Self::Turin => SnpTcb {
                fmc: bytes[0],
                boot_loader: bytes[1],
                tee: bytes[2],
                snp: bytes[3],
                microcode,
            },
        }
    }
}

/// What a VCEK or VLEK certificate says.
#[derive(Debug, Clone)]
pub(super) struct SnpCertificate {
    pub(super) endorser: Endorser,
    pub(super) layout: TcbLayout,
    pub(super) tcb: SnpTcb,
    /// 64 bytes, 8 on Turin, none in a VLEK.
    pub(super) chip_id: Vec<u8>,
}

impl Default for SnpCertificate {
    /// What a report is read with where there is no certificate.
    fn default() -> Self {
        Self {
            endorser: Endorser::Vcek,
            layout: TcbLayout::Old,
            tcb: SnpTcb::default(),
            chip_id: Vec::new(),
        }
    }
}

impl SnpCertificate {
    /// Reads a certificate; none where it is not for a VCEK or VLEK.
    pub(super) fn read(certificate: &Certificate) -> Option<Self> {
        let product = String::from_utf8_lossy(certificate.extension(PRODUCT)?).into_owned();
        let subject = certificate.subject();
        let endorser = if subject.contains("CN=SEV-VCEK") {
            Endorser::Vcek
        } else if subject.contains("CN=SEV-VLEK") {
            Endorser::Vlek
        } else {
            return None;
        };
        let layout =
            if ["Milan", "Genoa", "Siena", "Bergamo"].iter().any(|old| product.contains(old)) {
                TcbLayout::Old
            } else {
                TcbLayout::Turin
            };
        let part = |oid| small(certificate.extension(oid)?);
        let tcb = SnpTcb {
            boot_loader: part(BOOT_LOADER)?,
            tee: part(TEE)?,
            snp: part(SNP)?,
            microcode: part(MICROCODE)?,
            fmc: if layout == TcbLayout::Turin { part(FMC)? } else { 0 },
        };
        let chip_id = certificate.extension(CHIP).map(chip_id).unwrap_or_default();
        Some(Self { endorser, layout, tcb, chip_id })
    }

    /// Whether it is for the chip: the whole id, where Turin's are short.
    pub(super) fn is_of_chip(&self, chip_id: &[u8; 64]) -> bool {
        let len = self.chip_id.len();
        let rest_is_zero = || chip_id[len..].iter().all(|&byte| byte == 0);
        matches!(len, 8 | 64) && chip_id.starts_with(&self.chip_id) && rest_is_zero()
    }
}

/// An INTEGER of one byte; AMD's are unsigned.
fn small(der: &[u8]) -> Option<u8> {
    u8::from_der(der).ok()
}

/// The chip id is the extension's content; newer certificates have it in an OCTET STRING.
fn chip_id(content: &[u8]) -> Vec<u8> {
    let bytes = match content.len() {
        8 | 64 => content,
        _ => <&OctetStringRef>::from_der(content).map_or(content, OctetStringRef::as_bytes),
    };
    bytes.to_vec()
}

/// Versions, for people.
pub(super) fn show(tcb: &SnpTcb) -> String {
    let SnpTcb { boot_loader, tee, snp, microcode, fmc } = tcb;
    format!("boot loader {boot_loader}, TEE {tee}, SNP {snp}, microcode {microcode}, FMC {fmc}")
}
