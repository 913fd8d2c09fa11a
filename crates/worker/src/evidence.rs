//! Evidence about the offered keys: archived for each epoch, made anew for askers' nonces.

use std::{
    ops::RangeInclusive,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use sealwork_attest::{AttestError, Attester, Pace};
use sealwork_job::{Code, Digest, InstanceId, Refusal};
use sealwork_seal::{KeyConfig, Purpose, ReceiptKey, Statement, verify_receipt};
use sealwork_store::{Store, StoreError};
use sealwork_verify::EvidenceDocument;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{StartError, Worker, archive::Archive, status::unreadable};

/// Bytes of an asker's nonce: enough that none comes twice, no more than a platform takes.
const NONCE_LEN: RangeInclusive<usize> = 16..=64;
/// Askers that wait for the platform at most.
const ASKERS: usize = 32;
/// How long one of them waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the platform may take for its answer: many times what a slow TPM takes.
const LONGEST_ANSWER: Duration = Duration::from_secs(30);

/// What vouches for the worker's keys.
#[derive(Debug, Clone)]
pub struct Attestation {
    /// The platform.
    pub attester: Arc<dyn Attester>,
    /// Whether it can answer every asker.
    pub pace: Pace,
}

/// An answer to who asks for evidence.
#[derive(Debug, Clone)]
pub struct FoundEvidence {
    /// JSON of an [`EvidenceDocument`].
    pub document: Bytes,
    /// Whether it was made for the asker's nonce; else it is that of the epoch.
    pub is_fresh: bool,
}

/// The platform, asked one question at a time, and the archive of its answers.
pub(crate) struct Witness {
    attestation: Attestation,
    archive: Archive,
    /// One call at a time goes to the platform, in the order of asking.
    turn: Arc<Semaphore>,
    /// Room for askers.
    room: Arc<Semaphore>,
    /// The oldest receipt when the archive was last tidied.
    oldest: AtomicU64,
}

impl Witness {
    pub(crate) async fn open(attestation: Attestation, store: &Store) -> Result<Self, StartError> {
        Ok(Self {
            attestation,
            archive: Archive::open(store).await.map_err(StartError::journal)?,
            turn: Arc::new(Semaphore::new(1)),
            room: Arc::new(Semaphore::new(ASKERS)),
            oldest: AtomicU64::new(0),
        })
    }

    /// Archives evidence about a key config that is about to be offered; its digest.
    async fn vouch(&self, key_config: &KeyConfig, store: &Store) -> Result<Digest, StartError> {
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        let turn = turn.map_err(|_| StartError::journal(StoreError::Closed))?;
        let statement = self.statement(Purpose::Epoch, Vec::new(), key_config);
        let document = self.ask(turn, statement).await.map_err(StartError::Evidence)?;
        let next_receipt = store.chain_head().next_sequence;
        let added = self.archive.add(key_config, &document, next_receipt).await;
        added.map_err(StartError::journal)
    }

    fn statement(&self, purpose: Purpose, nonce: Vec<u8>, key_config: &KeyConfig) -> Statement {
        Statement {
            kind: self.attestation.attester.kind().as_str().to_owned(),
            purpose,
            nonce,
            key_config: key_config.digest(),
            config: key_config.config_digest,
            instance: key_config.instance,
            context: Vec::new(),
        }
    }

    async fn ask(
        &self,
        turn: OwnedSemaphorePermit,
        statement: Statement,
    ) -> Result<EvidenceDocument, AttestError> {
        let attester = Arc::clone(&self.attestation.attester);
        let digest = statement.digest();
        let attested = in_turn(turn, move || attester.evidence(&digest)).await?;
        let (evidence, endorsements) = (attested.evidence, attested.endorsements);
        Ok(EvidenceDocument { statement, evidence, endorsements })
    }

    /// Waits for this asker's turn, where there is room and for as long as makes sense.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let busy = || {
            let text = "others wait for this platform's evidence already";
            Refusal::new(Code::AttesterBusy, text).after(Duration::from_secs(1))
        };
        let _room = Arc::clone(&self.room).try_acquire_owned().map_err(|_| busy())?;
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turn).acquire_owned()).await;
        turn.ok().and_then(Result::ok).ok_or_else(busy)
    }

    /// Removes evidence that no receipt cites any more.
    pub(crate) async fn forget_uncited(
        &self,
        store: &Store,
        key: &ReceiptKey,
    ) -> Result<(), StoreError> {
        if !self.archive.has_older() {
            return Ok(());
        }
        let Some((number, receipt)) = store.receipts_from(0, 1)?.pop() else { return Ok(()) };
        // Only when the oldest receipt is another one there may be something to remove.
        if self.oldest.load(Relaxed) == number {
            return Ok(());
        }
        let cited = verify_receipt(&receipt, &key.public()).ok().and_then(|claims| claims.evidence);
        if let Some(cited) = cited {
            self.archive.forget_before(cited).await?;
        }
        self.oldest.store(number, Relaxed);
        Ok(())
    }
}

impl Worker {
    /// Offers the next keys, once the evidence about them is archived: a receipt cites nothing that
    /// nobody could fetch.
    pub(crate) async fn offer_keys(&self) -> Result<(), StartError> {
        let key_config = self.keyring.next(self.now())?;
        let evidence = match &self.witness {
            Some(witness) => Some(witness.vouch(&key_config, &self.store).await?),
            None => None,
        };
        self.keyring.publish(key_config, evidence);
        Ok(())
    }

    /// Evidence about the key config that is offered now. For a nonce it is made anew, unless the
    /// platform is too slow to do so for every asker; without one it is that of the epoch.
    ///
    /// # Errors
    /// [`Code::EvidenceNone`], [`Code::EvidenceNonce`], [`Code::AttesterBusy`],
    /// [`Code::AttesterFailed`], [`Code::StoreUnavailable`].
    pub async fn evidence(&self, nonce: Option<&[u8]>) -> Result<FoundEvidence, Refusal> {
        let witness = self.witness()?;
        if let Some(nonce) = nonce.filter(|nonce| !NONCE_LEN.contains(&nonce.len())) {
            let text = format!("the nonce has {} bytes instead of 16 to 64", nonce.len());
            return Err(Refusal::new(Code::EvidenceNonce, text));
        }
        match nonce.filter(|_| witness.attestation.pace == Pace::PerNonce) {
            Some(nonce) => {
                let turn = witness.turn().await?;
                // After the wait: the keys may have been renewed meanwhile.
                let key_config = self.keyring.offered().config;
                let statement = witness.statement(Purpose::Session, nonce.to_vec(), &key_config);
                let document = witness.ask(turn, statement).await.map_err(|e| refusal(&e))?;
                Ok(FoundEvidence { document: document.to_json().into(), is_fresh: true })
            }
            None => {
                let current = self.keyring.offered().evidence.ok_or_else(none)?;
                let document = self.archived_evidence(current)?;
                Ok(FoundEvidence { document, is_fresh: false })
            }
        }
    }

    /// The archived evidence with this digest, as receipts cite it: JSON of an
    /// [`EvidenceDocument`].
    ///
    /// # Errors
    /// [`Code::EvidenceNone`], [`Code::EvidenceUnknown`], [`Code::StoreUnavailable`].
    pub fn archived_evidence(&self, digest: Digest) -> Result<Bytes, Refusal> {
        let document = self.witness()?.archive.document(digest).map_err(unreadable)?;
        document.ok_or_else(|| {
            Refusal::new(Code::EvidenceUnknown, "no evidence with this digest is kept")
        })
    }

    /// The key config with this digest as that instance signed it, JSON; without an instance the
    /// newest. A digest may belong to the key configs of several boots.
    ///
    /// # Errors
    /// [`Code::KeyConfigUnknown`], [`Code::StoreUnavailable`].
    pub fn archived_key_config(
        &self,
        digest: Digest,
        instance: Option<InstanceId>,
    ) -> Result<Bytes, Refusal> {
        let offered = self.keyring.offered();
        if digest == offered.digest && instance.is_none_or(|asked| asked == self.instance) {
            return Ok(offered.config.to_json().into());
        }
        let archived = match &self.witness {
            Some(witness) => witness.archive.key_config(digest, instance).map_err(unreadable)?,
            None => None,
        };
        archived.ok_or_else(|| {
            Refusal::new(Code::KeyConfigUnknown, "no key config with this digest is kept")
        })
    }

    /// Asks the platform something else, in the same order as all who ask for evidence.
    ///
    /// # Errors
    /// [`Code::EvidenceNone`], [`Code::AttesterBusy`], [`Code::AttesterFailed`], and
    /// [`Code::RequestMalformed`] for [`AttestError::Question`].
    pub async fn ask_platform<T: Send + 'static>(
        &self,
        question: impl FnOnce() -> Result<T, AttestError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let turn = self.witness()?.turn().await?;
        in_turn(turn, question).await.map_err(|error| refusal(&error))
    }

    fn witness(&self) -> Result<&Witness, Refusal> {
        self.witness.as_ref().ok_or_else(none)
    }
}

/// Calls the platform. The turn lasts until it has answered, whether or not anybody still waits: who
/// asked gives up on a platform that hangs.
async fn in_turn<T: Send + 'static>(
    turn: OwnedSemaphorePermit,
    call: impl FnOnce() -> Result<T, AttestError> + Send + 'static,
) -> Result<T, AttestError> {
    let answer = tokio::task::spawn_blocking(move || {
        let answer = call();
        drop(turn);
        answer
    });
    match tokio::time::timeout(LONGEST_ANSWER, answer).await {
        Ok(answer) => answer.unwrap_or(Err(AttestError::Answer("the attester panicked"))),
        Err(_) => Err(AttestError::Silent { seconds: LONGEST_ANSWER.as_secs() }),
    }
}

fn none() -> Refusal {
    Refusal::new(Code::EvidenceNone, "this worker runs without an attester")
}

/// What an asker hears; what the platform said is the operator's.
fn refusal(error: &AttestError) -> Refusal {
    if let AttestError::Question(_) = error {
        return Refusal::new(Code::RequestMalformed, error.to_string());
    }
    tracing::error!(code = error.code(), %error, "no evidence for an asker");
    let (code, delay) = if error.is_transient() {
        (Code::AttesterBusy, Duration::from_secs(1))
    } else {
        (Code::AttesterFailed, Duration::from_secs(5))
    };
    Refusal::new(code, format!("{}: the platform gives no evidence now", error.code())).after(delay)
}
