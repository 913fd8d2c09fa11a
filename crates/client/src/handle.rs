use base64::{Engine as _, engine::general_purpose::STANDARD};
use sealwork_job::{Digest, JobId, WorkerId};
use sealwork_seal::{ReceiptPublicKey, RequestSecrets};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{ClientError, HandleError, sealing::Ticket};

/// Version of the serialised form that this writes; others are refused.
const VERSION: u32 = 1;

/// A submitted job: all that is needed to follow it, to cancel it, and to open and check its
/// result, now or later, here or elsewhere.
///
/// **It is a secret**: whoever has it can do all of that. It does not hold the job itself. Its
/// secrets are erased when it is dropped, and [`std::fmt::Debug`] does not show them.
pub struct JobHandle {
    pub(crate) base_url: String,
    pub(crate) job: JobId,
    pub(crate) ticket: Ticket,
}

impl JobHandle {
    /// The job's id at the worker.
    pub fn job(&self) -> JobId {
        self.job
    }

    /// The address of the worker that accepted it.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The worker that it was sealed to.
    pub fn worker(&self) -> WorkerId {
        self.ticket.worker
    }

    /// Serialises it, to be kept or handed over. Keep it readable by its owner alone; the bytes
    /// are erased when dropped.
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        let secrets = Zeroizing::new(STANDARD.encode(&*self.ticket.secrets.to_bytes()));
        let kept = Kept {
            version: VERSION,
            worker_url: self.base_url.clone(),
            job_id: self.job,
            worker: self.ticket.worker,
            receipt_key: self.ticket.receipt_key.clone(),
            key_config: self.ticket.key_config,
            job_digest: self.ticket.job_digest,
            input_digest: self.ticket.input_digest,
            secrets,
        };
        // All of it is text and digests, which serialise.
        Zeroizing::new(serde_json::to_vec(&kept).unwrap_or_default())
    }

    /// Reads what [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// [`ClientError::Handle`] for anything else.
    pub fn from_json(json: &[u8]) -> Result<Self, ClientError> {
        let kept: Kept = serde_json::from_slice(json)
            .map_err(|e| HandleError::Form { line: e.line(), column: e.column() })?;
        if kept.version != VERSION {
            return Err(HandleError::Version(kept.version).into());
        }
        let bytes = STANDARD.decode(kept.secrets.as_bytes()).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| HandleError::Secrets)?;
        let secrets = RequestSecrets::from_bytes(&bytes).map_err(|_| HandleError::Secrets)?;
        Ok(Self {
            base_url: kept.worker_url,
            job: kept.job_id,
            ticket: Ticket {
                worker: kept.worker,
                receipt_key: kept.receipt_key,
                key_config: kept.key_config,
                job_digest: kept.job_digest,
                input_digest: kept.input_digest,
                secrets,
            },
        })
    }

    pub(crate) fn token_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.ticket.secrets.token()))
    }
}

impl std::fmt::Debug for JobHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JobHandle({} at {})", self.job, self.base_url)
    }
}

/// The serialised form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    version: u32,
    worker_url: String,
    job_id: JobId,
    worker: WorkerId,
    receipt_key: ReceiptPublicKey,
    key_config: Digest,
    job_digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input_digest: Option<Digest>,
    #[serde(with = "secret_text")]
    secrets: Zeroizing<String>,
}

mod secret_text {
    use serde::{Deserialize, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(
        text: &Zeroizing<String>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Zeroizing<String>, D::Error> {
        String::deserialize(deserializer).map(Zeroizing::new)
    }
}
