//! From a worker's words to its evidence: key config, statement, receipt.

use sealwork_job::Timestamp;
use sealwork_seal::{KeyConfig, Purpose, ReceiptClaims, Statement, verify_receipt};

use crate::{
    Age, Details, Endorsements, EvidenceDocument, EvidenceKind, Expectation, Policy, ReasonCode,
    Rejected, Trusted, Verdict, claims::Hex, instant::At, reason::Reasons, verify,
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

    /// Whether a session was asked about and the statement is that of the epoch.
    fn is_answered_by_epoch(&self, statement: &Statement) -> bool {
        self.purpose == Purpose::Session
            && self.context.is_empty()
            && statement.purpose == Purpose::Epoch
    }
}

/// Checks that a key config is of a worker that a policy trusts: the key config's signature, the
/// statement, the evidence, the isolation.
///
/// Report data are compared with the statement that is expected, not with the one that came. Where
/// a session was asked about and the evidence of the epoch came, `freshness.epoch_evidence` of the
/// policy says whether that will do.
pub fn verify_worker(
    key_config: &KeyConfig,
    document: &EvidenceDocument,
    question: &Question,
    endorsements: &Endorsements,
    policy: &Policy,
    now: Timestamp,
) -> Verdict {
    let all = together(endorsements, document);
    judge_worker(key_config, document, question, policy, now, |expectation| {
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
    now: Timestamp,
    judge: impl FnOnce(&Expectation) -> Verdict,
) -> Verdict {
    let mut reasons = Reasons::default();
    check_key_config(key_config, document, &mut reasons);
    check_isolation(&key_config.isolation, policy, &mut reasons);
    let answered = if question.is_answered_by_epoch(&document.statement) {
        check_epoch(key_config, policy, now, &mut reasons);
        Question::epoch()
    } else {
        question.clone()
    };
    let expected = Statement {
        kind: document.evidence.kind.as_str().to_owned(),
        purpose: answered.purpose,
        nonce: answered.nonce,
        key_config: key_config.digest(),
        config: key_config.config_digest,
        instance: key_config.instance,
        context: answered.context,
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
/// `nonce` is what was asked with. Without one the evidence of an epoch counts as archived, and other
/// evidence has to be dated.
pub fn verify_document(
    document: &EvidenceDocument,
    nonce: Option<&[u8]>,
    endorsements: &Endorsements,
    policy: &Policy,
    now: Timestamp,
) -> Verdict {
    let stated = &document.statement;
    let kind = document.evidence.kind.as_str().to_owned();
    let expected_nonce = nonce.unwrap_or(&stated.nonce).to_vec();
    let expected = Statement { kind, nonce: expected_nonce, ..stated.clone() };
    let mut reasons = Reasons::default();
    check_statement(&expected, stated, &mut reasons);
    let expectation = match (nonce, stated.purpose) {
        (Some(_), _) => Expectation::challenge(&expected),
        (None, Purpose::Epoch) => Expectation::archived(&expected),
        (None, _) => Expectation { age: Age::Dated, ..Expectation::challenge(&expected) },
    };
    let all = together(endorsements, document);
    let verdict = verify(&document.evidence, &expectation, &all, policy, now);
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

/// The evidence of an epoch is no answer to a nonce. What bounds its age is that the keys it speaks
/// of are offered at this time.
fn check_epoch(key_config: &KeyConfig, policy: &Policy, now: Timestamp, reasons: &mut Reasons) {
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
        return;
    }
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
