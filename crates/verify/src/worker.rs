//! From a worker's words to its evidence: key config, statement, receipt.

use sealwork_job::Timestamp;
use sealwork_seal::{KeyConfig, Purpose, ReceiptClaims, Statement, verify_receipt};

use crate::{
    Age, Endorsements, EvidenceDocument, EvidenceKind, Expectation, Policy, ReasonCode, Rejected,
    Trusted, Verdict, claims::Hex, reason::Reasons, verify,
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

    /// For receipts.
    pub fn epoch() -> Self {
        Self { purpose: Purpose::Epoch, nonce: Vec::new(), context: Vec::new() }
    }
}

/// Checks that a key config is of a worker that a policy trusts: the key config's signature, the
/// statement, the evidence, the isolation.
///
/// Report data are compared with the statement that is expected, not with the one that came.
pub fn verify_worker(
    key_config: &KeyConfig,
    document: &EvidenceDocument,
    question: &Question,
    endorsements: &Endorsements,
    policy: &Policy,
    now: Timestamp,
) -> Verdict {
    let all = together(endorsements, document);
    judge_worker(key_config, document, question, policy, |expectation| {
        verify(&document.evidence, expectation, &all, policy, now)
    })
}

/// The verifier's endorsements with those that came along: they are signed, and may come from
/// anywhere. Where there are too many, the verifier's own count.
pub(crate) fn together(own: &Endorsements, document: &EvidenceDocument) -> Endorsements {
    let mut all = own.clone();
    let _ = all.add_all(&document.endorsements);
    all
}

/// Checks what a key config, a statement and a question say; `judge` checks the evidence.
pub(crate) fn judge_worker(
    key_config: &KeyConfig,
    document: &EvidenceDocument,
    question: &Question,
    policy: &Policy,
    judge: impl FnOnce(&Expectation) -> Verdict,
) -> Verdict {
    let mut reasons = Reasons::default();
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
    let expectation = match question.purpose {
        Purpose::Epoch => Expectation::archived(&expected),
        _ if question.nonce.is_empty() => {
            Expectation { age: Age::Dated, ..Expectation::challenge(&expected) }
        }
        _ => Expectation::challenge(&expected),
    };
    with_reasons(judge(&expectation), reasons)
}

/// A receipt that was followed to its worker's evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedReceipt {
    /// What the receipt says.
    pub receipt: ReceiptClaims,
    /// What the evidence proves.
    pub evidence: Trusted,
}

/// Follows a receipt to its key config, to the archived evidence of its epoch, to a policy.
///
/// `at` is the time at which the evidence is judged; the receipt's own end is a good one where the
/// endorsements are of that time.
///
/// # Errors
/// [`Rejected`] with everything that is wrong.
pub fn verify_receipt_evidence(
    receipt: &str,
    key_config: &KeyConfig,
    document: &EvidenceDocument,
    endorsements: &Endorsements,
    policy: &Policy,
    at: Timestamp,
) -> Result<VerifiedReceipt, Rejected> {
    let mut reasons = Reasons::default();
    let question = Question::epoch();
    let verdict = verify_worker(key_config, document, &question, endorsements, policy, at);
    match verify_receipt(receipt, &key_config.receipt_key) {
        Ok(receipt) => {
            check_receipt(&receipt, key_config, document, &mut reasons);
            check_isolation(&receipt.isolation, policy, &mut reasons);
            let evidence = with_reasons(verdict, reasons).into_result()?;
            Ok(VerifiedReceipt { receipt, evidence })
        }
        Err(error) => {
            reasons
                .add(ReasonCode::ReceiptInvalid, "receipt")
                .expected("signed by the key config's receipt key")
                .found(error)
                .source("the key config")
                .mend("use the receipt and the key config of the same worker, unchanged");
            Err(refuse(verdict, reasons))
        }
    }
}

fn with_reasons(verdict: Verdict, others: Reasons) -> Verdict {
    if others.is_empty() { verdict } else { Verdict::Rejected(refuse(verdict, others)) }
}

/// The refusal for these reasons and for those of the verdict.
fn refuse(verdict: Verdict, others: Reasons) -> Rejected {
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

fn check_isolation(isolation: &str, policy: &Policy, reasons: &mut Reasons) {
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

fn check_receipt(
    receipt: &ReceiptClaims,
    key_config: &KeyConfig,
    document: &EvidenceDocument,
    reasons: &mut Reasons,
) {
    let evidence = receipt.evidence.map_or_else(|| "none".to_owned(), |digest| digest.to_string());
    let fields = [
        ("key config", key_config.digest().to_string(), receipt.key_config.to_string()),
        ("instance", key_config.instance.to_string(), receipt.instance.to_string()),
        ("isolation", key_config.isolation.clone(), receipt.isolation.clone()),
        ("evidence", document.digest().to_string(), evidence),
    ];
    for (field, expected, found) in fields.into_iter().filter(|(_, one, two)| one != two) {
        reasons
            .add(ReasonCode::ReceiptMismatch, format!("{field} of the receipt"))
            .expected(expected.escape_debug())
            .found(found.escape_debug())
            .source("key config and archived evidence")
            .mend("use the key config and the evidence of the boot that signed the receipt");
    }
}
