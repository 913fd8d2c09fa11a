use sealwork_seal::tlv;

use super::reader::Reader;

const ATTEST: u8 = 1;
const SIGNATURE: u8 = 2;
const PUBLIC_AREA: u8 = 3;
const SPKI: u8 = 4;
const PCRS: u8 = 5;
const EVENT_LOG: u8 = 6;
const KEY_CERTIFICATES: u8 = 7;
const ENDORSEMENT_CERTIFICATES: u8 = 8;
const ENDORSEMENT_PUBLIC_AREA: u8 = 9;
const KNOWN: [u8; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const MAX_CERTIFICATES: usize = 8;

/// The parts of a TPM's evidence. Its bytes are sections (docs/formats.md, "TPM evidence").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TpmEvidence {
    /// `TPMS_ATTEST` of a quote.
    pub attest: Vec<u8>,
    /// `TPMT_SIGNATURE` over it.
    pub signature: Vec<u8>,
    /// The public key of whoever signed.
    pub key: AttestationKey,
    /// The values of the quoted PCRs, ascending, one after the other.
    pub pcrs: Vec<u8>,
    /// The firmware's event log, if it is sent.
    pub event_log: Option<Vec<u8>>,
    /// Certificates of the attestation key, leaf first, DER; none where it has none.
    pub key_certificates: Vec<Vec<u8>>,
    /// Certificates of the endorsement key, leaf first, DER; none where it has none.
    pub endorsement_certificates: Vec<Vec<u8>>,
    /// `TPMT_PUBLIC` of the endorsement key, where it has no certificate.
    pub endorsement_public_area: Option<Vec<u8>>,
}

/// An attestation key's public half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttestationKey {
    /// `TPMT_PUBLIC`: says also what the key may do, and gives its name. For activated keys,
    /// and for those that a policy lists.
    PublicArea(Vec<u8>),
    /// SubjectPublicKeyInfo, DER. For keys with a certificate, and for those that a policy lists.
    Spki(Vec<u8>),
}

impl TpmEvidence {
    /// The bytes of [`Evidence`](crate::Evidence).
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        tlv::push(&mut out, ATTEST, &self.attest);
        tlv::push(&mut out, SIGNATURE, &self.signature);
        match &self.key {
            AttestationKey::PublicArea(area) => tlv::push(&mut out, PUBLIC_AREA, area),
            AttestationKey::Spki(der) => tlv::push(&mut out, SPKI, der),
        }
        tlv::push(&mut out, PCRS, &self.pcrs);
        if let Some(log) = &self.event_log {
            tlv::push(&mut out, EVENT_LOG, log);
        }
        for (tag, list) in [
            (KEY_CERTIFICATES, &self.key_certificates),
            (ENDORSEMENT_CERTIFICATES, &self.endorsement_certificates),
        ] {
            if !list.is_empty() {
                tlv::push(&mut out, tag, &join(list));
            }
        }
        if let Some(area) = &self.endorsement_public_area {
            tlv::push(&mut out, ENDORSEMENT_PUBLIC_AREA, area);
        }
        out
    }

    /// Reads what [`encode`](Self::encode) writes, and nothing else.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let sections = tlv::parse(bytes, &KNOWN).map_err(|_| "no sections of a TPM's evidence")?;
        let whole: usize = sections.iter().map(|section| section.bytes.len() + 5).sum();
        if whole != bytes.len() {
            return Err("bytes behind the sections");
        }
        let find = |tag| {
            let section = sections.iter().find(|section| section.tag == tag)?;
            Some(section.bytes.to_vec())
        };
        let key = match (find(PUBLIC_AREA), find(SPKI)) {
            (Some(area), None) => AttestationKey::PublicArea(area),
            (None, Some(der)) => AttestationKey::Spki(der),
            _ => return Err("no attestation key, or two"),
        };
        Ok(Self {
            attest: find(ATTEST).ok_or("no quote")?,
            signature: find(SIGNATURE).ok_or("no signature")?,
            key,
            pcrs: find(PCRS).ok_or("no PCR values")?,
            event_log: find(EVENT_LOG),
            key_certificates: split(find(KEY_CERTIFICATES))?,
            endorsement_certificates: split(find(ENDORSEMENT_CERTIFICATES))?,
            endorsement_public_area: find(ENDORSEMENT_PUBLIC_AREA),
        })
    }
}

fn join(list: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for item in list {
        out.extend_from_slice(&(item.len() as u32).to_be_bytes());
        out.extend_from_slice(item);
    }
    out
}

fn split(list: Option<Vec<u8>>) -> Result<Vec<Vec<u8>>, &'static str> {
    let Some(bytes) = list else { return Ok(Vec::new()) };
    let mut reader = Reader::new(&bytes);
    let mut items = Vec::new();
    while !reader.is_empty() {
        if items.len() == MAX_CERTIFICATES {
            return Err("too many certificates");
        }
        items.push(reader.long().ok_or("a list of certificates that is cut off")?.to_vec());
    }
    if items.is_empty() { Err("an empty list of certificates") } else { Ok(items) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_has_one_encoding() {
        let evidence = TpmEvidence {
            attest: vec![1],
            signature: vec![2],
            key: AttestationKey::PublicArea(vec![3]),
            pcrs: vec![4; 32],
            event_log: Some(vec![]),
            key_certificates: vec![],
            endorsement_certificates: vec![vec![5], vec![6, 7]],
            endorsement_public_area: None,
        };
        let bytes = evidence.encode();
        assert_eq!(TpmEvidence::decode(&bytes), Ok(evidence));
        assert!(TpmEvidence::decode(&[&bytes[..], &[0]].concat()).is_err(), "padding");
        for len in 0..bytes.len() {
            assert!(
                TpmEvidence::decode(&bytes[..len])
                    .is_ok_and(|evidence| evidence.endorsement_certificates.is_empty())
                    || TpmEvidence::decode(&bytes[..len]).is_err(),
                "{len}"
            );
        }
    }
}
