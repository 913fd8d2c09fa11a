//! A policy out of evidence, with what its reader has to decide before it is used.

use std::fmt;

use sealwork_job::Timestamp;

use super::Policy;
use crate::{
    Claims, Details, Endorsements, Evidence, EvidenceKind, ReasonCode, SnpClaims,
    authenticate::{Authenticated, authenticate},
    claims::IntelTcb,
    reason::Reasons,
    tpm,
};

/// A policy that was made from evidence, on the evidence's own word.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The policy for exactly this evidence ([`Policy::from_claims`]).
    pub policy: Policy,
    /// What the evidence says.
    pub claims: Claims,
    /// What weakens it, or what it does not show: a person has to decide.
    pub doubts: Vec<Doubt>,
}

/// Something about a policy that a person has to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// Where the policy says something about it: `kinds.snp.max_vmpl`.
    pub field: String,
    /// What the evidence has there. Bytes from outside are shown as hex digits or escaped.
    pub found: String,
    /// What that means.
    pub why: String,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, found, why } = self;
        write!(f, "`{field}`: {found}; {why}")
    }
}

/// Makes a policy of evidence, for a person to review. Nothing about the evidence is judged,
/// signatures included; none where it cannot be read.
pub fn draft(evidence: &Evidence, endorsements: &Endorsements, now: Timestamp) -> Option<Draft> {
    let Authenticated { claims, reasons, .. } =
        authenticate(evidence, endorsements, &[], now.as_secs());
    let claims = claims?;
    let policy = Policy::from_claims(&claims);
    let doubts = doubts(&policy, &claims, &reasons);
    Some(Draft { policy, claims, doubts })
}

fn doubts(policy: &Policy, claims: &Claims, reasons: &Reasons) -> Vec<Doubt> {
    let kind = claims.kind;
    let mut doubts = Vec::new();
    let mut doubt = |field: &str, found: String, why: &str| {
        doubts.push(Doubt { field: field.to_owned(), found, why: why.to_owned() });
    };
    if claims.debug {
        let why = "the host can read the memory; the policy refuses that, and only class \
                   `unprotected` can allow it";
        doubt("allow_debug", "the worker runs in debug mode".to_owned(), why);
    }
    let blank = blank(claims);
    if !blank.is_empty() {
        let why = "nothing was measured there, and so it is on other machines: take out what says \
                   nothing about the code";
        let found = format!("initial values in {}", blank.join(", "));
        doubt(&format!("kinds.{kind}.references"), found, why);
    }
    match &claims.details {
        Details::Sgx(sgx) => intel(kind, sgx.tcb.as_ref(), reasons, &mut doubt),
        Details::Tdx(tdx) => intel(kind, tdx.tcb.as_ref(), reasons, &mut doubt),
        Details::Snp(snp) => amd(snp, &mut doubt),
        _ => {}
    }
    if let Err(error) = policy.check() {
        let why = "as it stands the policy is not taken";
        doubt(&format!("kinds.{kind}"), error.to_string(), why);
    }
    doubts
}

/// Reference values that hold no measurement. A guest's last register (`rtmr3`) is for what it wants
/// to measure itself, and most measure nothing.
fn blank(claims: &Claims) -> Vec<String> {
    let is_blank = |name: &str, value: &[u8]| match claims.kind {
        EvidenceKind::Tpm => tpm::is_initial(value),
        EvidenceKind::Simulated => false,
        _ => name != "rtmr3" && value.iter().all(|&byte| byte == 0),
    };
    let values = claims.reference_values();
    values
        .into_iter()
        .filter(|(name, value)| is_blank(name, &value.0))
        .map(|(name, _)| name)
        .collect()
}

fn amd(snp: &SnpClaims, doubt: &mut impl FnMut(&str, String, &str)) {
    if snp.vmpl > 0 {
        let why = "something more privileged runs beside the worker inside of the guest, and the \
                   reference values have to cover it, too";
        doubt("kinds.snp.max_vmpl", snp.vmpl.to_string(), why);
    }
    if snp.signer == "vlek" {
        let why = "a key that AMD has given to the cloud has signed, not the chip: do you trust \
                   the cloud with it?";
        doubt("kinds.snp.signers", snp.signer.clone(), why);
    }
}

/// What Intel says about the platform; where it says nothing, why.
fn intel(
    kind: EvidenceKind,
    tcb: Option<&IntelTcb>,
    reasons: &Reasons,
    doubt: &mut impl FnMut(&str, String, &str),
) {
    let field = |name: &str| format!("kinds.{kind}.tcb.{name}");
    let Some(tcb) = tcb else {
        let because = reasons.iter().find(|reason| tells_why(reason.code));
        let found = because.map_or_else(|| "no status".to_owned(), ToString::to_string);
        let why = "Intel says nothing about this platform's state that a policy could allow";
        return doubt(&field("statuses"), found, why);
    };
    if tcb.status != "UpToDate" {
        let why = "the policy accepts UpToDate alone: have the platform updated, or review what \
                   this status means and allow it by name";
        doubt(&field("statuses"), tcb.status.clone(), why);
    }
    if !tcb.advisories.is_empty() {
        let why = "these apply and the policy allows none: read them, and allow each until a day";
        doubt(&field("advisories"), tcb.advisories.join(", ").escape_debug().to_string(), why);
    }
}

/// Whether a reason says why there is no TCB status.
fn tells_why(code: ReasonCode) -> bool {
    matches!(
        code,
        ReasonCode::TcbLevelMissing
            | ReasonCode::TcbRevoked
            | ReasonCode::EndorsementMissing
            | ReasonCode::RootUntrusted
            | ReasonCode::CollateralInvalid
            | ReasonCode::CollateralMismatch
            | ReasonCode::CertificateRevoked
            | ReasonCode::SignatureInvalid
            | ReasonCode::ChainInvalid
    )
}
