use std::sync::{Arc, Mutex, PoisonError};

use sealwork_job::Timestamp;
use sealwork_seal::KeyConfig;
use sealwork_verify::{Endorsements, EvidenceDocument, Policy, Trusted, Verifier, Watermark};

use crate::{ClientError, VerifiedReceipt, WorkerEvidence, archive::time_of_judgement};

/// Verdicts over the last pieces of evidence stay known; a session has one or two.
const REMEMBERED: usize = 4;

/// What a client demands of a worker before it seals to it: a policy, and what evidence is checked
/// with.
#[derive(Debug, Clone)]
pub struct Attestation {
    policy: Policy,
    endorsements: Endorsements,
    watermark: Watermark,
}

impl Attestation {
    /// Evidence has to satisfy this policy, with the endorsements that come along with it.
    pub fn new(policy: Policy) -> Self {
        Self { policy, endorsements: Endorsements::default(), watermark: Watermark::default() }
    }

    /// Certificates and collateral of one's own, beside those that come with the evidence.
    #[must_use]
    pub fn endorsements(mut self, endorsements: Endorsements) -> Self {
        self.endorsements = endorsements;
        self
    }

    /// The highest numbers of collateral that were seen before: before a job is sealed, older
    /// collateral is refused; a receipt has its own time's. Keep what
    /// [`Client::watermark`](crate::Client::watermark) gives, and give it here again.
    #[must_use]
    pub fn watermark(mut self, watermark: Watermark) -> Self {
        self.watermark = watermark;
        self
    }
}

/// What has to be shown before anything is sealed.
#[derive(Clone)]
pub(crate) enum Demand {
    /// Nobody has said; nothing is sealed.
    Undecided,
    /// Nothing, as was asked for by name.
    Unattested,
    Evidence(Arc<Examiner>),
}

impl From<Attestation> for Demand {
    fn from(attestation: Attestation) -> Self {
        let Attestation { policy, endorsements, watermark } = attestation;
        let verifier = Mutex::new(Verifier::new(endorsements.clone(), watermark, REMEMBERED));
        Self::Evidence(Arc::new(Examiner { policy, endorsements, verifier }))
    }
}

/// Judges evidence under one policy, and remembers what it has seen.
pub(crate) struct Examiner {
    policy: Policy,
    endorsements: Endorsements,
    verifier: Mutex<Verifier>,
}

impl Examiner {
    pub(crate) fn judge(
        &self,
        evidence: &WorkerEvidence,
        now: Timestamp,
    ) -> Result<Trusted, ClientError> {
        let WorkerEvidence { key_config, document, question } = evidence;
        self.verifier()
            .verify_worker(key_config, document, question, &self.policy, now)
            .into_result()
            .map_err(|rejected| ClientError::EvidenceRejected(Box::new(rejected)))
    }

    /// Judges the archived evidence that a receipt cites, as of its own time.
    pub(crate) fn judge_receipt(
        &self,
        receipt: &VerifiedReceipt,
        key_config: &KeyConfig,
        document: &EvidenceDocument,
    ) -> Result<Trusted, ClientError> {
        let at = time_of_judgement(document, &self.endorsements, &receipt.claims);
        self.verifier()
            .verify_receipt_evidence(&receipt.text, key_config, document, &self.policy, at)
            .map(|verified| verified.evidence)
            .map_err(|rejected| ClientError::ReceiptRejected(Box::new(rejected)))
    }

    pub(crate) fn watermark(&self) -> Watermark {
        self.verifier().watermark().clone()
    }

    fn verifier(&self) -> std::sync::MutexGuard<'_, Verifier> {
        // Its memory is filled after a verdict, one entry at a time.
        self.verifier.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
