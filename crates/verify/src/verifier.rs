use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use sealwork_job::Timestamp;
use sealwork_seal::KeyConfig;

use crate::{
    Endorsements, Evidence, EvidenceDocument, EvidenceKind, Expectation, Policy, Question,
    Rejected, Verdict, VerifiedReceipt, Watermark,
    appraise::{Circumstances, appraise},
    authenticate::{Authenticated, authenticate},
    receipt::judge_receipt,
    worker::{judge_document, judge_worker},
};

/// Checks evidence: the answer names everything that is wrong with it.
///
/// `now` is the verifier's own time; no clock is read here.
pub fn verify(
    evidence: &Evidence,
    expectation: &Expectation,
    endorsements: &Endorsements,
    policy: &Policy,
    now: Timestamp,
) -> Verdict {
    let now = now.as_secs();
    let roots = policy.kinds.roots(evidence.kind);
    let authenticated = authenticate(evidence, endorsements, roots, now);
    let circumstances =
        Circumstances { expectation, watermark: None, sequence: endorsements.sequence(), now };
    appraise(evidence.kind, &authenticated, policy, &circumstances)
}

/// What evidence says, for somebody who is about to write a policy. Nothing about it is judged,
/// signatures included.
pub fn inspect(
    evidence: &Evidence,
    endorsements: &Endorsements,
    now: Timestamp,
) -> Option<crate::Claims> {
    authenticate(evidence, endorsements, &[], now.as_secs()).claims
}

/// A verifier with memory: it refuses collateral that is older than what it has used, and does not
/// follow the same signatures twice.
///
/// Every answer is judged anew: expected report data, policy, time. Only what depends on the
/// bytes alone is remembered, for as long as all certificates and collateral hold.
#[derive(Debug)]
pub struct Verifier {
    /// The reader's own.
    given: Endorsements,
    /// These, and the revocation lists that were seen before.
    endorsements: Arc<Endorsements>,
    watermark: Watermark,
    capacity: usize,
    known: HashMap<Key, Arc<Authenticated>>,
    order: VecDeque<Key>,
}

/// How old collateral may be beside what was used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Collateral {
    NoOlder,
    /// For archived evidence.
    OfItsTime,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    kind: EvidenceKind,
    bytes: Arc<[u8]>,
    roots: Vec<u8>,
    endorsements: [u8; 32],
}

/// A reader's endorsements, and the revocation lists that it has seen.
fn with_lists(given: &Endorsements, seen: &Watermark) -> Endorsements {
    let mut all = given.clone();
    // Where there are too many, the reader's own count.
    let _ = seen.lists().try_for_each(|der| all.add_revocation_list(der));
    all
}

impl Verifier {
    /// A verifier that remembers up to `capacity` pieces of evidence.
    pub fn new(endorsements: Endorsements, watermark: Watermark, capacity: usize) -> Self {
        Self {
            endorsements: Arc::new(with_lists(&endorsements, &watermark)),
            given: endorsements,
            watermark,
            capacity,
            known: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Replaces the endorsements, for example by a newer bundle.
    pub fn set_endorsements(&mut self, endorsements: Endorsements) {
        self.endorsements = Arc::new(with_lists(&endorsements, &self.watermark));
        self.given = endorsements;
    }

    /// What must not go back; to be kept over restarts.
    pub fn watermark(&self) -> &Watermark {
        &self.watermark
    }

    /// Checks evidence, as [`verify`] does.
    pub fn verify(
        &mut self,
        evidence: &Evidence,
        expectation: &Expectation,
        policy: &Policy,
        now: Timestamp,
    ) -> Verdict {
        let own = Arc::clone(&self.endorsements);
        self.verify_against(&own, evidence, expectation, policy, now, Collateral::NoOlder)
    }

    /// Checks that a key config is of a worker that a policy trusts, as
    /// [`verify_worker`](crate::verify_worker) does.
    pub fn verify_worker(
        &mut self,
        key_config: &KeyConfig,
        document: &EvidenceDocument,
        question: &Question,
        policy: &Policy,
        now: Timestamp,
    ) -> Verdict {
        let all = self.endorsements.with(&document.endorsements);
        judge_worker(key_config, document, question, policy, now, |expectation| {
            let evidence = &document.evidence;
            self.verify_against(&all, evidence, expectation, policy, now, Collateral::NoOlder)
        })
    }

    /// Checks evidence about whatever its statement names, as
    /// [`verify_document`](crate::verify_document) does.
    pub fn verify_document(
        &mut self,
        document: &EvidenceDocument,
        nonce: Option<&[u8]>,
        policy: &Policy,
        now: Timestamp,
    ) -> Verdict {
        let all = self.endorsements.with(&document.endorsements);
        judge_document(document, nonce, policy, |expectation| {
            let evidence = &document.evidence;
            self.verify_against(&all, evidence, expectation, policy, now, Collateral::NoOlder)
        })
    }

    /// Follows a receipt to its evidence, as
    /// [`verify_receipt_evidence`](crate::verify_receipt_evidence) does.
    ///
    /// What was archived is checked with the collateral of its time, which newer collateral has
    /// overtaken since: it is not compared with what was used before, only remembered.
    ///
    /// # Errors
    /// [`Rejected`] with everything that is wrong.
    pub fn verify_receipt_evidence(
        &mut self,
        receipt: &str,
        key_config: &KeyConfig,
        document: &EvidenceDocument,
        policy: &Policy,
        at: Timestamp,
    ) -> Result<VerifiedReceipt, Rejected> {
        let all = self.endorsements.with(&document.endorsements);
        judge_receipt(receipt, key_config, document, policy, |expectation| {
            let evidence = &document.evidence;
            self.verify_against(&all, evidence, expectation, policy, at, Collateral::OfItsTime)
        })
    }

    fn verify_against(
        &mut self,
        endorsements: &Endorsements,
        evidence: &Evidence,
        expectation: &Expectation,
        policy: &Policy,
        now: Timestamp,
        collateral: Collateral,
    ) -> Verdict {
        let now = now.as_secs();
        let authenticated = self.authenticate(endorsements, evidence, policy, now);
        let sequence = self.endorsements.sequence();
        let watermark = match collateral {
            Collateral::NoOlder => Some(&self.watermark),
            Collateral::OfItsTime => None,
        };
        let circumstances = Circumstances { expectation, watermark, sequence, now };
        let verdict = appraise(evidence.kind, &authenticated, policy, &circumstances);
        self.remember_collateral(&authenticated, sequence);
        verdict
    }

    /// Whatever the verdict: what shows that a platform is not to be trusted is what its host would
    /// have forgotten.
    fn remember_collateral(&mut self, seen: &Authenticated, sequence: u64) {
        let marks = seen.marks.iter().map(|(name, mark)| (name.as_str(), *mark));
        self.watermark.raise(marks.chain([(Watermark::BUNDLE, sequence)]));
        let mut is_new = false;
        for (authority, der) in &seen.lists {
            is_new |= self.watermark.keep_list(authority, der);
        }
        if is_new {
            self.endorsements = Arc::new(with_lists(&self.given, &self.watermark));
        }
    }

    fn authenticate(
        &mut self,
        endorsements: &Endorsements,
        evidence: &Evidence,
        policy: &Policy,
        now: u64,
    ) -> Arc<Authenticated> {
        let roots = policy.kinds.roots(evidence.kind);
        let key = Key {
            kind: evidence.kind,
            bytes: evidence.bytes.as_slice().into(),
            roots: roots.iter().flat_map(|root| &root.sha256.0).copied().collect(),
            endorsements: *endorsements.digest(),
        };
        let known = self.known.get(&key).filter(|known| known.window.contains(now));
        if let Some(known) = known {
            return Arc::clone(known);
        }
        let fresh = Arc::new(authenticate(evidence, endorsements, roots, now));
        if fresh.reasons.is_empty() {
            self.remember(key, Arc::clone(&fresh));
        }
        fresh
    }

    fn remember(&mut self, key: Key, authenticated: Arc<Authenticated>) {
        if self.known.insert(key.clone(), authenticated).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > self.capacity {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}
