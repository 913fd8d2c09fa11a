//! From a receipt to its key config, to the archived evidence of its epoch, to a policy.

use sealwork_job::Timestamp;
use sealwork_seal::{KeyConfig, ReceiptClaims, verify_receipt};

use crate::{
    Endorsements, EvidenceDocument, Expectation, Policy, Question, ReasonCode, Rejected, Trusted,
    Verdict,
    reason::Reasons,
    verify,
    worker::{check_isolation, judge_about, refuse, with_reasons},
};

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
/// `at` is the time at which the evidence is judged, and its age does not matter: the receipt's own
/// end is a good one where the endorsements are of that time.
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
    let all = endorsements.with(&document.endorsements);
    judge_receipt(receipt, key_config, document, policy, |expectation| {
        verify(&document.evidence, expectation, &all, policy, at)
    })
}

/// Checks what a receipt, a key config and a statement say; `judge` checks the evidence.
pub(crate) fn judge_receipt(
    receipt: &str,
    key_config: &KeyConfig,
    document: &EvidenceDocument,
    policy: &Policy,
    judge: impl FnOnce(&Expectation) -> Verdict,
) -> Result<VerifiedReceipt, Rejected> {
    let question = Question::epoch();
    let verdict = judge_about(key_config, document, &question, policy, Reasons::default(), judge);
    let mut reasons = Reasons::default();
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
