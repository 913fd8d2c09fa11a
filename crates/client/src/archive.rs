//! From a receipt to the archived evidence that it cites.

use std::sync::{Arc, PoisonError};

use sealwork_job::{Digest, InstanceId, Timestamp};
use sealwork_seal::{KeyConfig, ReceiptClaims};
use sealwork_verify::{
    Endorsements, EvidenceDocument, Reason, ReasonCode, Rejected, Trusted, inspect,
};

use crate::{Client, ClientError, VerifiedReceipt, attestation::Demand, http::Call, result::same};

/// What the receipts of one epoch and boot have in common; kept, because many receipts have it.
#[derive(Clone)]
pub(crate) struct Archived {
    evidence: Digest,
    instance: InstanceId,
    config: Arc<KeyConfig>,
    document: Arc<EvidenceDocument>,
}

/// The time at which archived evidence is judged: the platform's own date where it has one, since
/// such evidence is made when an epoch begins and its certificates live for hours; else the end of
/// the receipt's job.
pub fn time_of_judgement(
    document: &EvidenceDocument,
    endorsements: &Endorsements,
    receipt: &ReceiptClaims,
) -> Timestamp {
    let dated = inspect(&document.evidence, endorsements, receipt.ended);
    let dated = dated.and_then(|claims| claims.issued);
    dated.map_or(receipt.ended, |made| made.min(receipt.ended))
}

impl Client {
    /// The evidence that receipts cite by this digest.
    ///
    /// # Errors
    /// Network errors and refusals; [`ClientError::Verification`] when what comes has another
    /// digest.
    pub async fn archived_evidence(&self, digest: Digest) -> Result<EvidenceDocument, ClientError> {
        let document = self.fetch_document(&format!("v1/evidence/{digest}")).await?;
        same("the evidence's digest", &digest, &document.digest())?;
        Ok(document)
    }

    /// The key config that receipts name by this digest, as this boot of the worker signed it, its
    /// signature checked.
    ///
    /// # Errors
    /// Network errors and refusals; [`ClientError::Verification`] when what comes is not it.
    pub async fn archived_key_config(
        &self,
        digest: Digest,
        instance: InstanceId,
    ) -> Result<KeyConfig, ClientError> {
        let path = format!("v1/key-configs/{digest}?instance={instance}");
        let answer = self.inner.http.call(&Call::public(&path)).await?;
        let config = self.read_key_config(&answer.body)?;
        same("the key config's digest", &digest, &config.digest())?;
        same("the key config's instance", &instance, &config.instance)?;
        Ok(config)
    }

    /// Follows a receipt to the archived evidence that it cites, and judges that under the client's
    /// policy. Gives nothing where the client demands no evidence.
    ///
    /// # Errors
    /// [`ClientError::ReceiptRejected`]; else as [`Self::archived_evidence`].
    pub async fn receipt_evidence(
        &self,
        receipt: &VerifiedReceipt,
    ) -> Result<Option<Trusted>, ClientError> {
        let Demand::Evidence(examiner) = self.demand() else { return Ok(None) };
        let Some(evidence) = receipt.claims.evidence else {
            return Err(ClientError::ReceiptRejected(Box::new(uncited())));
        };
        let archived = self.archived(evidence, &receipt.claims).await?;
        examiner.judge_receipt(receipt, &archived.config, &archived.document).map(Some)
    }

    async fn archived(
        &self,
        evidence: Digest,
        receipt: &ReceiptClaims,
    ) -> Result<Archived, ClientError> {
        if let Some(known) = self.known(evidence, receipt.instance) {
            return Ok(known);
        }
        let is_it = |config: &KeyConfig| {
            config.digest() == receipt.key_config && config.instance == receipt.instance
        };
        let config = match self.kept().filter(|kept| is_it(&kept.config)) {
            Some(kept) => kept.config,
            None => Arc::new(self.archived_key_config(receipt.key_config, receipt.instance).await?),
        };
        let document = Arc::new(self.archived_evidence(evidence).await?);
        let archived = Archived { evidence, instance: receipt.instance, config, document };
        *self.inner.archive.lock().unwrap_or_else(PoisonError::into_inner) = Some(archived.clone());
        Ok(archived)
    }

    fn known(&self, evidence: Digest, instance: InstanceId) -> Option<Archived> {
        let archive = self.inner.archive.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |known: &&Archived| known.evidence == evidence && known.instance == instance;
        archive.as_ref().filter(is_it).cloned()
    }
}

/// A receipt of a worker that has stopped to give evidence.
fn uncited() -> Rejected {
    let reason = Reason {
        code: ReasonCode::ReceiptMismatch,
        claim: "evidence of the receipt".to_owned(),
        expected: "the digest of archived evidence".to_owned(),
        found: "none".to_owned(),
        source: "the policy, which demands evidence".to_owned(),
        mend: "do not rely on it; ask whoever runs the worker why it gives no evidence any more"
            .to_owned(),
    };
    Rejected { reasons: vec![reason], claims: None }
}
