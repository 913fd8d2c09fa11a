use sealwork_job::{Digest, InstanceId, Timestamp, WorkerId};

use crate::{
    KeyConfigError, KeyId, PublicEnvelopeKey, ReceiptKey, ReceiptPublicKey, Suite, digest::sha256,
    length_prefix, receipt_key::ALGORITHM,
};

pub(crate) const VERSION: u32 = 1;
/// The envelope version that workers of this version speak.
const PROTOCOL: u32 = 1;

/// A worker's public keys, with what a requester has to know to seal to them; signed by the
/// worker's receipt key.
///
/// A valid signature says that the worker who has this receipt key said so. Whether that worker is
/// to be trusted, its evidence says, or its id that is known from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyConfig {
    /// Version of this format.
    pub version: u32,
    /// Version of the envelopes that the worker speaks.
    pub protocol: u32,
    /// The worker: the digest of its receipt key.
    pub worker: WorkerId,
    /// This boot of the worker.
    pub instance: InstanceId,
    /// How long a job may be valid, in seconds.
    pub max_lifetime_secs: u64,
    /// The longest envelope, in bytes.
    pub max_envelope_bytes: u64,
    /// What isolates jobs: `vm`, `process` or `wasm`.
    pub isolation: String,
    /// Digest of the worker's configuration.
    pub config_digest: Digest,
    /// The keys that jobs are sealed to.
    pub keys: Vec<PublicEnvelopeKey>,
    /// The key that receipts are checked with.
    pub receipt_key: ReceiptPublicKey,
    /// The kind of evidence that the worker gives.
    pub(crate) evidence_kind: String,
    pub(crate) signature: [u8; 64],
}

/// What a worker puts into its key config.
#[derive(Debug, Clone)]
pub struct KeyConfigParams {
    /// The worker: [`ReceiptPublicKey::worker_id`] of the key that signs.
    pub worker: WorkerId,
    /// This boot.
    pub instance: InstanceId,
    /// How long a job may be valid, in seconds.
    pub max_lifetime_secs: u64,
    /// The longest envelope, in bytes.
    pub max_envelope_bytes: u64,
    /// What isolates jobs.
    pub isolation: String,
    /// Digest of the configuration.
    pub config_digest: Digest,
    /// The kind of evidence.
    pub evidence: String,
    /// The keys.
    pub keys: Vec<PublicEnvelopeKey>,
}

impl KeyConfig {
    /// Makes and signs a key config.
    pub fn sign(key: &ReceiptKey, params: KeyConfigParams) -> Self {
        let mut config = Self {
            version: VERSION,
            protocol: PROTOCOL,
            worker: params.worker,
            instance: params.instance,
            max_lifetime_secs: params.max_lifetime_secs,
            max_envelope_bytes: params.max_envelope_bytes,
            isolation: params.isolation,
            config_digest: params.config_digest,
            keys: params.keys,
            receipt_key: key.public(),
            evidence_kind: params.evidence,
            signature: [0; 64],
        };
        config.signature = key.sign_bytes(&config.signed());
        config
    }

    /// Digest of everything but instance and signature (docs/formats.md, "Key config"): envelopes
    /// and receipts name the key config by it. The instance is left out, so that what was sealed
    /// before a restart opens after it; the signature covers it.
    pub fn digest(&self) -> Digest {
        let mut out = length_prefix::join(&[b"sealwork/v1 key-config-digest"]);
        out.extend_from_slice(&self.version.to_be_bytes());
        out.extend_from_slice(&self.protocol.to_be_bytes());
        out.extend_from_slice(self.worker.as_bytes());
        out.extend_from_slice(&self.max_lifetime_secs.to_be_bytes());
        out.extend_from_slice(&self.max_envelope_bytes.to_be_bytes());
        length_prefix::push(&mut out, self.isolation.as_bytes());
        out.extend_from_slice(self.config_digest.as_bytes());
        out.extend_from_slice(&(self.keys.len() as u64).to_be_bytes());
        for key in &self.keys {
            out.extend_from_slice(&key.id.0);
            out.push(key.suite.0);
            length_prefix::push(&mut out, &key.public);
            out.extend_from_slice(&key.not_before.to_be_bytes());
            out.extend_from_slice(&key.not_after.to_be_bytes());
        }
        length_prefix::push(&mut out, ALGORITHM.as_bytes());
        out.extend_from_slice(&self.receipt_key.id().0);
        out.extend_from_slice(self.receipt_key.as_bytes());
        length_prefix::push(&mut out, self.evidence_kind.as_bytes());
        sha256(&[&out])
    }

    /// Checks the signature, and that ids belong to their keys.
    ///
    /// # Errors
    /// [`KeyConfigError`].
    pub fn verify(&self) -> Result<(), KeyConfigError> {
        if self.version != VERSION {
            return Err(KeyConfigError::Version(self.version));
        }
        if self.worker != self.receipt_key.worker_id() {
            return Err(KeyConfigError::Worker);
        }
        for (n, key) in self.keys.iter().enumerate() {
            if key.suite.known().is_some_and(|suite| suite.public_len() != key.public.len()) {
                return Err(KeyConfigError::KeyLength(key.id));
            }
            let again = self.keys[..n].iter().any(|other| other.id == key.id);
            if again || key.id != KeyId::of_envelope_key(key.suite, &key.public) {
                return Err(KeyConfigError::KeyId(key.id));
            }
            if key.not_after <= key.not_before {
                return Err(KeyConfigError::Validity(key.id));
            }
        }
        if self.receipt_key.verifies(&self.signed(), &self.signature) {
            Ok(())
        } else {
            Err(KeyConfigError::Signature)
        }
    }

    /// The newest key of a suite that is offered at this time.
    pub fn pick(&self, suite: Suite, now: Timestamp) -> Option<&PublicEnvelopeKey> {
        let now = now.as_secs();
        self.keys
            .iter()
            .filter(|key| key.suite == suite && key.not_before <= now && now < key.not_after)
            .max_by_key(|key| key.not_before)
    }

    /// The kind of evidence that the worker gives.
    pub fn evidence_kind(&self) -> &str {
        &self.evidence_kind
    }

    fn signed(&self) -> Vec<u8> {
        let mut out = length_prefix::join(&[b"sealwork/v1 key-config"]);
        out.extend_from_slice(self.digest().as_bytes());
        out.extend_from_slice(self.instance.as_bytes());
        out
    }
}
