//! The report, byte for byte (AMD, "SEV Secure Nested Paging Firmware ABI", ATTESTATION_REPORT).

use super::certificate::SnpCertificate;
use crate::claims::SnpTcb;

const LEN: usize = 0x4a0;
const SIGNED_LEN: usize = 0x2a0;
/// ECDSA on P-384 with SHA-384.
const ALGORITHM: u32 = 1;
const VERSIONS: std::ops::RangeInclusive<u32> = 2..=5;
/// In the signature: each number has 72 bytes, little-endian, of which 48 are used.
const NUMBER_LEN: usize = 72;
const USED_LEN: usize = 48;

const POLICY_SMT: u64 = 1 << 16;
const POLICY_RESERVED_ONE: u64 = 1 << 17;
const POLICY_MIGRATE: u64 = 1 << 18;
const POLICY_DEBUG: u64 = 1 << 19;

/// A report that was read; nothing about it is checked yet.
#[derive(Debug, Clone)]
pub(super) struct Report {
    bytes: Vec<u8>,
    pub(super) version: u32,
    pub(super) guest_svn: u32,
    pub(super) policy: u64,
    pub(super) family_id: [u8; 16],
    pub(super) image_id: [u8; 16],
    pub(super) vmpl: u32,
    pub(super) current_tcb: [u8; 8],
    /// Signed by the cloud's key, not the chip's.
    pub(super) by_vlek: bool,
    pub(super) report_data: [u8; 64],
    pub(super) measurement: [u8; 48],
    pub(super) host_data: [u8; 32],
    pub(super) id_key_digest: [u8; 48],
    pub(super) author_key_digest: [u8; 48],
    reported: [u8; 8],
    pub(super) chip_id: [u8; 64],
    pub(super) committed_tcb: [u8; 8],
    pub(super) launch_tcb: [u8; 8],
    /// `r || s`, big-endian.
    pub(super) signature: [u8; 96],
}

impl Report {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.len() != LEN {
            return Err("bytes of another length than a report's 1184");
        }
        let version = u32::from_le_bytes(field(bytes, 0));
        if !VERSIONS.contains(&version) {
            return Err("a report of another version than 2 to 5");
        }
        if u32::from_le_bytes(field(bytes, 0x34)) != ALGORITHM {
            return Err("a report that is signed with another algorithm than ECDSA P-384");
        }
        let policy = u64::from_le_bytes(field(bytes, 8));
        if policy & POLICY_RESERVED_ONE == 0 {
            return Err("a guest policy whose bit 17 is not set");
        }
        let by_vlek = match (u32::from_le_bytes(field(bytes, 0x48)) >> 2) & 7 {
            0 => false,
            1 => true,
            _ => return Err("a report that is signed by neither VCEK nor VLEK"),
        };
        Ok(Self {
            version,
            guest_svn: u32::from_le_bytes(field(bytes, 4)),
            policy,
            family_id: field(bytes, 0x10),
            image_id: field(bytes, 0x20),
            vmpl: u32::from_le_bytes(field(bytes, 0x30)),
            current_tcb: field(bytes, 0x38),
            by_vlek,
            report_data: field(bytes, 0x50),
            measurement: field(bytes, 0x90),
            host_data: field(bytes, 0xc0),
            id_key_digest: field(bytes, 0xe0),
            author_key_digest: field(bytes, 0x110),
            reported: field(bytes, 0x180),
            chip_id: field(bytes, 0x1a0),
            committed_tcb: field(bytes, 0x1e0),
            launch_tcb: field(bytes, 0x1f0),
            signature: signature(&bytes[SIGNED_LEN..])?,
            bytes: bytes.to_vec(),
        })
    }

    /// What the signature is over.
    pub(super) fn signed(&self) -> &[u8] {
        &self.bytes[..SIGNED_LEN]
    }

    pub(super) fn signer(&self) -> &'static str {
        if self.by_vlek { "VLEK" } else { "VCEK" }
    }

    pub(super) fn may_debug(&self) -> bool {
        self.policy & POLICY_DEBUG != 0
    }

    pub(super) fn may_migrate(&self) -> bool {
        self.policy & POLICY_MIGRATE != 0
    }

    pub(super) fn may_use_smt(&self) -> bool {
        self.policy & POLICY_SMT != 0
    }

    pub(super) fn reported_tcb(&self, endorser: &SnpCertificate) -> SnpTcb {
        endorser.layout.read(&self.reported)
    }
}

/// The bytes at a place; the length of the whole was checked.
fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

fn signature(bytes: &[u8]) -> Result<[u8; 96], &'static str> {
    let (r, rest) = bytes.split_at(NUMBER_LEN);
    let (s, rest) = rest.split_at(NUMBER_LEN);
    let unused = [&r[USED_LEN..], &s[USED_LEN..], rest];
    if unused.iter().any(|part| part.iter().any(|&byte| byte != 0)) {
        return Err("a signature with bytes where there are none");
    }
    let mut out = [0; 96];
    for (to, from) in
        out.iter_mut().zip(r[..USED_LEN].iter().rev().chain(s[..USED_LEN].iter().rev()))
    {
        *to = *from;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Vec<u8> {
        let mut bytes = vec![0; LEN];
        bytes[0] = 2;
        bytes[0x34] = 1;
        bytes[10] = 2;
        bytes
    }

    #[test]
    fn reports_of_other_forms_are_refused() {
        assert!(Report::parse(&report()).is_ok());
        assert!(Report::parse(&report()[1..]).is_err());
        let changes = [
            (0, 1),
            (0, 6),
            (0x34, 2),
            (10, 0),
            (0x48, 8),
            (0x48, 28),
            (0x2a0 + 48, 1),
            (0x2a0 + 72 + 71, 1),
            (0x49f, 1),
        ];
        for (at, value) in changes {
            let mut changed = report();
            changed[at] = value;
            assert!(Report::parse(&changed).is_err(), "{at:#x}");
        }
        let mut vlek = report();
        vlek[0x48] = 4;
        assert_eq!(Report::parse(&vlek).unwrap().signer(), "VLEK");
    }

    #[test]
    fn policy_bits_are_read() {
        for (bit, read) in [
            (16, Report::may_use_smt as fn(&Report) -> bool),
            (18, Report::may_migrate),
            (19, Report::may_debug),
        ] {
            let mut bytes = report();
            assert!(!read(&Report::parse(&bytes).unwrap()), "{bit}");
            bytes[8 + bit / 8] |= 1 << (bit % 8);
            assert!(read(&Report::parse(&bytes).unwrap()), "{bit}");
        }
    }
}
