//! From a worker's words to its evidence: key config, statement.

use sealwork_job::Timestamp;
use sealwork_seal::{KeyConfig, Purpose, Statement};

use crate::{
    Age, Details, Endorsements, EvidenceDocument, EvidenceKind, Expectation, Policy, ReasonCode,
    Rejected, Verdict, claims::Hex, instant::At, reason::Reasons, verify,
};

/// What a verifier has asked a worker for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What the evidence is for.
    pub purpose: Purpose,
    /// The nonce that was sent; empty for the evidence of an epoch.
    pub nonce: Vec<u8>,
    /// What the purpose needs besides.
    pub context: Vec<u8>,
}

impl Question {
    /// For sealing jobs, with a nonce of this session.
    pub fn session(nonce: impl Into<Vec<u8>>) -> Self {
        Self { purpose: Purpose::Session, nonce: nonce.into(), context: Vec::new() }
    }

    /// For what every receipt of an epoch cites: with no nonce, as new as the worker's keys.
    pub fn epoch() -> Self {
        Self { purpose: Purpose::Epoch, nonce: Vec::new(), context: Vec::new() }
    }

    /// Where the evidence of an epoch came, asked for or in the place of a session's: what that
    /// answers.
    fn answered_by_epoch(&self, statement: &Statement) -> Option<Self> {
        match self.purpose {
            _ if statement.purpose != Purpose::Epoch => None,
            Purpose::Epoch => Some(self.clone()),
            Purpose::Session if self.context.is_empty() => Some(Self::epoch()),
            _ => None,
        }
    }
}

/// Checks that a key config is of a worker that a policy trusts: the key config's signature, the
/// statement, the evidence, the isolation.
///
/// Report data are compared with the statement that is expected, not with the one that came. Where
/// the evidence of the epoch came, asked for or not, `freshness.epoch_evidence` of the policy says
/// whether that will do, and a key of the key config has to be offered at `now`. Evidence of epochs
/// that are over is for receipts: [`verify_receipt_evidence`](crate::verify_receipt_evidence).
pub fn verify_worker(
    key_config: &KeyConfig,
    document: &EvidenceDocument,
    question: &Question,
    endorsements: &Endorsements,
    policy: &Policy,
    now: Timestamp,
) -> Verdict {
    let all = endorsements.with(&document.endorsements);
    judge_worker(key_config, document, question, policy, now, |expectation| {
        verify(&document.evidence, expectation, &all, policy, now)
    })
}

/// Checks what a key config, a statement and a question say; `judge` checks the evidence.
pub(crate) fn judge_worker(
    key_config: &KeyConfig,
    document: &EvidenceDocument,
    question: &Question,
    policy: &Policy,
    now: Timestamp,
    judge: impl FnOnce(&Expectation) -> Verdict,
) -> Verdict {
    let mut reasons = Reasons::default();
    let epoch = question.answered_by_epoch(&document.statement);
    if epoch.is_some() && is_epoch_allowed(policy, &mut reasons) {
        check_offered(key_config, now, &mut reasons);
    }
    let question = epoch.as_ref().unwrap_or(question);
    judge_about(key_config, document, question, policy, reasons, judge)
}

/// Checks key config and statement, however old the evidence may be, and adds what was found.
pub(crate) fn judge_about(
    key_config: &KeyConfig,
    document: &EvidenceDocument,
    question: &Question,
    policy: &Policy,
    mut reasons: Reasons,
    judge: impl FnOnce(&Expectation) -> Verdict,
) -> Verdict {
    check_key_config(key_config, document, &mut reasons);
    check_isolation(&key_config.isolation, policy, &mut reasons);
    let expected = Statement {
        kind: document.evidence.kind.as_str().to_owned(),
        purpose: question.purpose,
        nonce: question.nonce.clone(),
        key_config: key_config.digest(),
        config: key_config.config_digest,
        instance: key_config.instance,
        context: question.context.clone(),
    };
    check_statement(&expected, &document.statement, &mut reasons);
    let expectation = match expected.purpose {
        Purpose::Epoch => Expectation::archived(&expected),
        _ if expected.nonce.is_empty() => {
            Expectation { age: Age::Dated, ..Expectation::challenge(&expected) }
        }
        _ => Expectation::challenge(&expected),
    };
    let verdict = judge(&expectation);
    check_asker(&verdict, &mut reasons);
    with_reasons(verdict, reasons)
}

/// Checks evidence about whatever its statement names: for looking at a document without the key
/// config that it has to be about.
///
/// `nonce` is what was asked with; an empty one is none. Without one the evidence has to be dated by
/// its platform, as the policy's `freshness` says; that of an epoch needs `freshness.epoch_evidence` besides. What bounds
/// its age on platforms without dates is its key config: [`verify_worker`] takes that.
pub fn verify_document(
    document: &EvidenceDocument,
    nonce: Option<&[u8]>,
    endorsements: &Endorsements,
    policy: &Policy,
    now: Timestamp,
) -> Verdict {
    let all = endorsements.with(&document.endorsements);
    judge_document(document, nonce, policy, |expectation| {
        verify(&document.evidence, expectation, &all, policy, now)
    })
}

/// Checks what a document says of itself; `judge` checks the evidence.
pub(crate) fn judge_document(
    document: &EvidenceDocument,
    nonce: Option<&[u8]>,
    policy: &Policy,
    judge: impl FnOnce(&Expectation) -> Verdict,
) -> Verdict {
    let stated = &document.statement;
    let nonce = nonce.filter(|nonce| !nonce.is_empty());
    let kind = document.evidence.kind.as_str().to_owned();
    let expected_nonce = nonce.unwrap_or(&stated.nonce).to_vec();
    let expected = Statement { kind, nonce: expected_nonce, ..stated.clone() };
    let mut reasons = Reasons::default();
    check_statement(&expected, stated, &mut reasons);
    let age = if nonce.is_some() { Age::Challenged } else { Age::Dated };
    if nonce.is_none() && stated.purpose == Purpose::Epoch {
        is_epoch_allowed(policy, &mut reasons);
    }
    let verdict = judge(&Expectation { age, ..Expectation::challenge(&expected) });
    check_asker(&verdict, &mut reasons);
    with_reasons(verdict, reasons)
}

/// An enclave may also make documents of an asker's contents, for Marlin's verifiers. Those have a
/// public key, and their user data may be the digest of any statement.
fn check_asker(verdict: &Verdict, reasons: &mut Reasons) {
    let claims = match verdict {
        Verdict::Trusted(trusted) => Some(&trusted.claims),
        Verdict::Rejected(rejected) => rejected.claims.as_ref(),
    };
    if let Some(Details::Nitro(nitro)) = claims.map(|claims| &claims.details)
        && let Some(key) = &nitro.public_key
    {
        reasons
            .add(ReasonCode::StatementMismatch, "public_key of the document")
            .expected("none, as in what a worker states")
            .found(key)
            .source("docs/attestation-operators.md, \"For Marlin's verifiers\"")
            .mend("ask the worker itself; this document was made for somebody else's question");
    }
}

pub(crate) fn with_reasons(verdict: Verdict, others: Reasons) -> Verdict {
    if others.is_empty() { verdict } else { Verdict::Rejected(refuse(verdict, others)) }
}

/// The refusal for these reasons and for those of the verdict.
pub(crate) fn refuse(verdict: Verdict, others: Reasons) -> Rejected {
    let (reasons, claims) = match verdict {
        Verdict::Trusted(trusted) => (Vec::new(), Some(trusted.claims)),
        Verdict::Rejected(rejected) => (rejected.reasons, rejected.claims),
    };
    Rejected { reasons: others.into_vec().into_iter().chain(reasons).collect(), claims }
}

fn check_key_config(key_config: &KeyConfig, document: &EvidenceDocument, reasons: &mut Reasons) {
    if let Err(error) = key_config.verify() {
        reasons
            .add(ReasonCode::KeyConfigInvalid, "key config")
            .expected("signed by the worker that it names")
            .found(error)
            .source("docs/formats.md")
            .mend("fetch the key config again");
    }
    let stated = key_config.evidence_kind();
    if EvidenceKind::from_name(stated) != Some(document.evidence.kind) {
        reasons
            .add(ReasonCode::KindMismatch, "kind of evidence in the key config")
            .expected(document.evidence.kind)
            .found(stated.escape_debug())
            .source("the evidence")
            .mend("fetch key config and evidence from the same worker");
    }
}

pub(crate) fn check_isolation(isolation: &str, policy: &Policy, reasons: &mut Reasons) {
    let allowed: Vec<_> = policy.isolation.iter().map(|isolation| isolation.as_str()).collect();
    if !allowed.contains(&isolation) {
        reasons
            .add(ReasonCode::IsolationNotAllowed, "isolation")
            .expected(format!("one of: {}", allowed.join(", ")))
            .found(isolation.escape_debug())
            .source("`isolation` of the policy")
            .mend("use a worker that keeps jobs apart in such a way");
    }
}

/// The evidence of an epoch is no answer to a nonce: the policy says whether it will do.
fn is_epoch_allowed(policy: &Policy, reasons: &mut Reasons) -> bool {
    if !policy.freshness.epoch_evidence {
        reasons
            .add(ReasonCode::EpochEvidenceNotAllowed, "purpose of the statement")
            .expected("an answer to the nonce")
            .found("the evidence of the worker's epoch")
            .source("`freshness.epoch_evidence` of the policy")
            .mend(
                "use a worker that answers each nonce, or allow evidence as old as the worker's \
                 keys may be",
            );
    }
    policy.freshness.epoch_evidence
}

/// What bounds the age of an epoch's evidence is that the keys it speaks of are offered now.
fn check_offered(key_config: &KeyConfig, now: Timestamp, reasons: &mut Reasons) {
    let now = now.as_secs();
    if !key_config.keys.iter().any(|key| key.not_before <= now && now < key.not_after) {
        let end = key_config.keys.iter().map(|key| key.not_after).max();
        reasons
            .add(ReasonCode::EvidenceStale, "age of the epoch")
            .expected(format!("keys that are offered at {}", At(now)))
            .found(
                end.map_or_else(|| "no keys".to_owned(), |end| format!("keys until {}", At(end))),
            )
            .source("the key config")
            .mend("fetch key config and evidence of the worker's present epoch");
    }
}

/// Names the fields that differ: the digest alone would not say which.
fn check_statement(expected: &Statement, found: &Statement, reasons: &mut Reasons) {
    let hex = |bytes: &[u8]| Hex::from(bytes).to_string();
    let fields = [
        ("kind", expected.kind.clone(), found.kind.escape_debug().to_string()),
        ("purpose", expected.purpose.as_str().into(), found.purpose.as_str().into()),
        ("nonce", hex(&expected.nonce), hex(&found.nonce)),
        ("key config", expected.key_config.to_string(), found.key_config.to_string()),
        ("configuration", expected.config.to_string(), found.config.to_string()),
        ("instance", expected.instance.to_string(), found.instance.to_string()),
        ("context", hex(&expected.context), hex(&found.context)),
    ];
    for (field, expected, found) in fields.into_iter().filter(|(_, one, two)| one != two) {
        let nonce = field == "nonce";
        let code = if nonce { ReasonCode::NonceMismatch } else { ReasonCode::StatementMismatch };
        reasons
            .add(code, format!("{field} of the statement"))
            .expected(expected)
            .found(found)
            .source("what was asked for, and the key config")
            .mend("ask the worker again; evidence for something else is no evidence for this");
    }
}
