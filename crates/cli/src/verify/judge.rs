//! The one judge of every command that looks at evidence: under a policy, at a time, with what was
//! seen of collateral before.

use sealwork_client::WorkerEvidence;
use sealwork_job::Timestamp;
use sealwork_platform::{Clock, Environment, SystemClock};
use sealwork_seal::KeyConfig;
use sealwork_verify::{
    Endorsements, Evidence, EvidenceDocument, Expectation, Policy, Question, Rejected, Trusted,
    Verdict, Verifier, Watermark,
};

use crate::{exit::CliError, render, ui::Ui, watermark};

/// A chain of receipts cites the evidence of several epochs in turn.
const REMEMBERED: usize = 4;

/// The time for which evidence is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instant {
    pub(crate) time: Timestamp,
    /// Somebody has named it, to look at the past; else it is now.
    pub(crate) given: bool,
}

impl Instant {
    /// The given time, else now.
    pub(crate) fn given_or_now(given: Option<Timestamp>) -> Self {
        let time = given.unwrap_or_else(|| SystemClock::new().now());
        Self { time, given: given.is_some() }
    }

    /// For a person: `at 2026-11-21T00:00:00Z`, and whether somebody has named it.
    pub(crate) fn words(self) -> String {
        let given = if self.given { ", a given time" } else { "" };
        format!("at {}{given}", render::instant(self.time))
    }
}

/// Judges evidence from wherever it comes.
///
/// As of now, collateral must not be older than what any command has seen before. As of the past (a
/// receipt's time, a given one) it may be that time's. What is seen is remembered in any case.
pub(crate) struct Judge {
    policy: Policy,
    verifier: Verifier,
    at: Instant,
}

impl Judge {
    pub(crate) fn new(
        policy: Policy,
        given: Endorsements,
        at: Instant,
        environment: &Environment,
    ) -> Result<Self, CliError> {
        let seen = if at.given { Watermark::default() } else { watermark::load(environment)? };
        Ok(Self { policy, verifier: Verifier::new(given, seen, REMEMBERED), at })
    }

    pub(crate) fn at(&self) -> Instant {
        self.at
    }

    /// A worker's answer to a nonce of this session.
    pub(crate) fn worker(&mut self, evidence: &WorkerEvidence) -> Verdict {
        self.keys(&evidence.key_config, &evidence.document, &evidence.question)
    }

    /// A document about these keys.
    pub(crate) fn keys(
        &mut self,
        key_config: &KeyConfig,
        document: &EvidenceDocument,
        question: &Question,
    ) -> Verdict {
        self.verifier.verify_worker(key_config, document, question, &self.policy, self.at.time)
    }

    /// A document about whatever it says that it is about.
    pub(crate) fn document(&mut self, document: &EvidenceDocument) -> Verdict {
        self.verifier.verify_document(document, None, &self.policy, self.at.time)
    }

    /// A platform's own evidence.
    pub(crate) fn platform(&mut self, evidence: &Evidence, expectation: &Expectation) -> Verdict {
        self.verifier.verify(evidence, expectation, &self.policy, self.at.time)
    }

    /// A receipt and the archived evidence that it cites, as of `then` where no time was given.
    /// Gives the time as well.
    pub(crate) fn receipt(
        &mut self,
        receipt: &str,
        key_config: &KeyConfig,
        document: &EvidenceDocument,
        then: Timestamp,
    ) -> Result<(Trusted, Instant), Rejected> {
        let at = if self.at.given { self.at } else { Instant { time: then, given: false } };
        let policy = &self.policy;
        self.verifier
            .verify_receipt_evidence(receipt, key_config, document, policy, at.time)
            .map(|verified| (verified.evidence, at))
    }

    /// Keeps what was seen of collateral for later commands.
    pub(crate) fn keep(&self, environment: &Environment, ui: &Ui) {
        watermark::keep_seen(self.verifier.watermark(), environment, ui);
    }
}
