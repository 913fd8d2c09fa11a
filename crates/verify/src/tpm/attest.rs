//! `TPMS_ATTEST` of a quote and `TPMT_SIGNATURE` (TPM 2.0 Library, part 2, 10.12 and 11.3).

use super::reader::Reader;
use crate::crypto::{Hash, PublicKey, Scheme, fixed_to_der};

const MAGIC: u32 = 0xff54_4347;
const QUOTE: u16 = 0x8018;
/// The bank that is checked.
pub(super) const SHA256: u16 = 0x000b;
const MAX_EXTRA_DATA: usize = 64;

/// A quote that was read.
#[derive(Debug)]
pub(super) struct Quote {
    pub(super) extra_data: Vec<u8>,
    pub(super) clock: u64,
    pub(super) resets: u32,
    pub(super) restarts: u32,
    pub(super) firmware: u64,
    /// TPM_ALG_ID of the quoted PCRs.
    pub(super) bank: u16,
    /// The quoted PCRs, ascending.
    pub(super) pcrs: Vec<u8>,
    pub(super) pcr_digest: Vec<u8>,
}

impl Quote {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut reader = Reader::new(bytes);
        if reader.u32() != Some(MAGIC) {
            return Err("an attestation that no TPM made (magic)");
        }
        if reader.u16() != Some(QUOTE) {
            return Err("an attestation that is no quote");
        }
        Self::parse_body(&mut reader)
            .filter(|_| reader.is_empty())
            .ok_or("a quote whose parts do not fit")
    }

    fn parse_body(reader: &mut Reader<'_>) -> Option<Self> {
        reader.sized()?;
        let extra_data = reader.sized().filter(|data| data.len() <= MAX_EXTRA_DATA)?.to_vec();
        let (clock, resets, restarts) = (reader.u64()?, reader.u32()?, reader.u32()?);
        // `safe` is YES or NO.
        reader.u8().filter(|safe| *safe <= 1)?;
        let firmware = reader.u64()?;
        // PCRs of one bank: that is what attesters quote and what has one meaning.
        if reader.u32()? != 1 {
            return None;
        }
        let bank = reader.u16()?;
        let len = reader.u8().filter(|len| (1..=4).contains(len))?;
        let mut pcrs = Vec::new();
        for (byte, bits) in (0_u8..).zip(reader.take(len.into())?) {
            pcrs.extend((0..8).filter(|bit| bits >> bit & 1 == 1).map(|bit| byte * 8 + bit));
        }
        let pcr_digest = reader.sized()?.to_vec();
        Some(Self { extra_data, clock, resets, restarts, firmware, bank, pcrs, pcr_digest })
    }
}

/// The name of a bank, for people.
pub(super) fn bank_name(bank: u16) -> String {
    match bank {
        0x0004 => "sha1".to_owned(),
        SHA256 => "sha256".to_owned(),
        0x000c => "sha384".to_owned(),
        0x000d => "sha512".to_owned(),
        other => format!("algorithm {other:#06x}"),
    }
}

/// The hash of the signature, if the key made it.
pub(super) fn verify(attest: &[u8], signature: &[u8], key: &PublicKey) -> Option<Hash> {
    let (scheme, hash, bytes) = parse_signature(signature)?;
    key.verifies(scheme, attest, &bytes).then_some(hash)
}

fn parse_signature(bytes: &[u8]) -> Option<(Scheme, Hash, Vec<u8>)> {
    let mut reader = Reader::new(bytes);
    let algorithm = reader.u16()?;
    let hash = match reader.u16()? {
        SHA256 => Hash::Sha256,
        0x000c => Hash::Sha384,
        0x000d => Hash::Sha512,
        _ => return None,
    };
    let (scheme, signature) = match algorithm {
        0x0014 => (Scheme::RsaPkcs1(hash), reader.sized()?.to_vec()),
        0x0016 => (Scheme::RsaPss(hash), reader.sized()?.to_vec()),
        0x0018 => {
            let (r, s) = (reader.sized()?, reader.sized()?);
            // TPMs may leave out leading zeros.
            let len = r.len().max(s.len()).min(66);
            let pad = |number: &[u8]| -> Option<Vec<u8>> {
                let mut out = vec![0; len.checked_sub(number.len())?];
                out.extend_from_slice(number);
                Some(out)
            };
            (Scheme::Ecdsa(hash), fixed_to_der(&[pad(r)?, pad(s)?].concat())?)
        }
        _ => return None,
    };
    reader.is_empty().then_some((scheme, hash, signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote() -> Vec<u8> {
        let mut bytes = vec![0xff, 0x54, 0x43, 0x47, 0x80, 0x18, 0, 1, 9, 0, 2, 7, 7];
        bytes.extend_from_slice(&[0; 17]);
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&[0, 0, 0, 1, 0, 0x0b, 3, 0x81, 0, 1, 0, 2, 5, 6]);
        bytes
    }

    #[test]
    fn a_quote_is_read_whole_or_not_at_all() {
        let quote_bytes = quote();
        let read = Quote::parse(&quote_bytes).unwrap();
        assert_eq!((read.extra_data, read.pcrs), (vec![7, 7], vec![0, 7, 16]));
        assert_eq!((read.bank, read.pcr_digest), (SHA256, vec![5, 6]));
        for len in 0..quote_bytes.len() {
            assert!(Quote::parse(&quote_bytes[..len]).is_err(), "{len}");
        }
        assert!(Quote::parse(&[&quote_bytes[..], &[0]].concat()).is_err());
        for (at, value) in [(0, 0xfe), (5, 0x17), (29, 2), (41, 2), (44, 0), (44, 5)] {
            let mut changed = quote();
            changed[at] = value;
            assert!(Quote::parse(&changed).is_err(), "{at}");
        }
    }
}
