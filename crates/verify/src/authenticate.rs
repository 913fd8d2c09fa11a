use std::collections::BTreeMap;

use crate::{
    Claims, Endorsements, Evidence, EvidenceKind, Hex, ReasonCode, Root, dcap, instant::Window,
    nitro, reason::Reasons, roots::pinned_roots, simulated, snp, tpm,
};

/// What is checked, and against what.
pub(crate) struct Request<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) endorsements: &'a Endorsements,
    pub(crate) roots: &'a [Root],
    /// Seconds since 1970.
    pub(crate) now: u64,
}

/// Evidence whose signatures were followed to a root; what it says is yet to be judged.
#[derive(Debug, Clone)]
pub(crate) struct Authenticated {
    /// What it says; none where it could not be read.
    pub(crate) claims: Option<Claims>,
    /// What is wrong with it.
    pub(crate) reasons: Reasons,
    /// When this outcome holds.
    pub(crate) window: Window,
    /// How new the makers' statements are, by name: these must not go back.
    pub(crate) marks: BTreeMap<String, u64>,
    /// Revocation lists (DER) that were followed to a root, by their authority's fingerprint: a
    /// verifier keeps them.
    pub(crate) lists: BTreeMap<Hex, Vec<u8>>,
    /// TPM: who vouches for the attestation key.
    pub(crate) vouchers: tpm::Vouchers,
}

impl Authenticated {
    pub(crate) fn new() -> Self {
        Self {
            claims: None,
            reasons: Reasons::default(),
            window: Window::ALWAYS,
            marks: BTreeMap::new(),
            lists: BTreeMap::new(),
            vouchers: tpm::Vouchers::default(),
        }
    }

    /// Evidence that cannot be read.
    pub(crate) fn malformed(kind: EvidenceKind, found: impl std::fmt::Display) -> Self {
        let mut this = Self::new();
        this.reasons
            .add(ReasonCode::EvidenceMalformed, "evidence")
            .expected(format!("evidence of kind {kind}"))
            .found(found)
            .source("docs/attestation.md")
            .mend("check the stated kind, and that the bytes came through unchanged");
        this
    }
}

/// Follows the signatures of evidence to a root: the slow half of a check, the same for all
/// policies that name the same roots.
pub(crate) fn authenticate(
    evidence: &Evidence,
    endorsements: &Endorsements,
    policy_roots: &[Root],
    now: u64,
) -> Authenticated {
    let kind = evidence.kind;
    if evidence.bytes.len() > kind.max_len() {
        let mut this = Authenticated::new();
        this.reasons
            .add(ReasonCode::EvidenceTooLarge, "evidence")
            .expected(format!("at most {} bytes", kind.max_len()))
            .found(format!("{} bytes", evidence.bytes.len()))
            .source("docs/attestation.md")
            .mend("check the stated kind, and what was sent");
        return this;
    }
    let pinned;
    let roots = if policy_roots.is_empty() {
        pinned = pinned_roots(kind);
        &pinned
    } else {
        policy_roots
    };
    let request = Request { bytes: &evidence.bytes, endorsements, roots, now };
    match kind {
        EvidenceKind::Sgx | EvidenceKind::Tdx => dcap::authenticate(kind, &request),
        EvidenceKind::Snp => snp::authenticate(&request),
        EvidenceKind::Nitro => nitro::authenticate(&request),
        EvidenceKind::Tpm => tpm::authenticate(&request),
        EvidenceKind::Simulated => simulated::authenticate(&request),
    }
}
