use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sealwork_job::{Digest, JobId, JobSpec, Timestamp, WorkerId};
use sealwork_platform::{Entropy, EntropyRng};
use sealwork_seal::{
    ReceiptPublicKey, RequestParts, RequestSecrets, RequesterKey, Suite, salted_digest,
    seal_request,
};
use url::Url;
use zeroize::Zeroizing;

use crate::{ClientError, JobHandle, Recipient};

/// Clocks of requester and worker may differ by so much, unless the job's lifetime takes all that
/// the worker allows.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// How a job is sealed.
#[derive(Clone)]
pub struct SealOptions {
    /// Which suite; nothing means X-Wing where the worker offers it, else X25519.
    pub suite: Option<Suite>,
    /// For how long the envelope can be accepted; cut to what the worker allows.
    pub lifetime: Duration,
    /// Only this worker may take it, even if another one holds the key as well.
    pub only_this_worker: bool,
    /// Bytes for the job beside its arguments.
    pub input: Option<Bytes>,
    /// Signs the job inside the envelope.
    pub signer: Option<Arc<RequesterKey>>,
}

impl Default for SealOptions {
    fn default() -> Self {
        Self {
            suite: None,
            lifetime: Duration::from_secs(600),
            only_this_worker: true,
            input: None,
            signer: None,
        }
    }
}

/// A job that is sealed and not submitted yet.
pub struct SealedJob {
    envelope: Bytes,
    suite: Suite,
    ticket: Ticket,
}

/// What a requester keeps of a sealed job, to open and check its result. Holds nothing of the job
/// itself, only salted digests.
#[derive(Clone)]
pub(crate) struct Ticket {
    pub(crate) worker: WorkerId,
    pub(crate) receipt_key: ReceiptPublicKey,
    pub(crate) key_config: Digest,
    pub(crate) job_digest: Digest,
    pub(crate) input_digest: Option<Digest>,
    pub(crate) secrets: RequestSecrets,
}

/// Seals a job to a recipient. Sends nothing.
///
/// # Errors
/// [`ClientError::NoKey`] when the key config offers no key of the suite now, [`ClientError::Seal`]
/// when the job exceeds what the worker takes.
pub fn seal_job(
    entropy: &dyn Entropy,
    recipient: &Recipient,
    spec: &JobSpec,
    options: &SealOptions,
    now: Timestamp,
) -> Result<SealedJob, ClientError> {
    let config = recipient.key_config();
    let wanted = match options.suite {
        Some(suite) => vec![suite],
        None => vec![Suite::XWing, Suite::X25519],
    };
    let (suite, key) = wanted
        .iter()
        .find_map(|suite| Some((*suite, config.pick(*suite, now)?)))
        .ok_or(ClientError::NoKey(wanted))?;
    let lifetime = options.lifetime.as_secs().min(config.max_lifetime_secs);
    // The worker counts a lifetime from `not_before` on.
    let backdating = CLOCK_SKEW.as_secs().min(config.max_lifetime_secs - lifetime);
    let job_json = Zeroizing::new(spec.to_json());
    let parts = RequestParts { job_json: &job_json, input: options.input.as_deref() };
    let target = if options.only_this_worker { config.worker } else { WorkerId::ANY };
    let sealed = seal_request(
        &mut EntropyRng(entropy),
        config,
        key,
        &parts,
        &sealwork_seal::SealOptions {
            not_before: now.as_secs().saturating_sub(backdating),
            expiry: now.as_secs().saturating_add(lifetime),
            target,
            signer: options.signer.as_deref(),
        },
    )?;
    let salt = sealed.secrets.salt();
    let ticket = Ticket {
        worker: config.worker,
        receipt_key: config.receipt_key.clone(),
        key_config: config.digest(),
        job_digest: salted_digest(salt, "job", &job_json),
        input_digest: options.input.as_ref().map(|input| salted_digest(salt, "input", input)),
        secrets: sealed.secrets,
    };
    Ok(SealedJob { envelope: Bytes::from(sealed.envelope), suite, ticket })
}

impl SealedJob {
    /// The bytes to submit.
    pub fn envelope(&self) -> &Bytes {
        &self.envelope
    }

    /// The suite that it is sealed with.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The token that status, cancel and result ask for, as the header `Sealwork-Token` carries it.
    pub fn token_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.ticket.secrets.token()))
    }

    /// The handle of this job once a worker has accepted it as `job`.
    pub fn handle(&self, base_url: &Url, job: JobId) -> JobHandle {
        JobHandle { base_url: base_url.to_string(), job, ticket: self.ticket.clone() }
    }
}

impl std::fmt::Debug for SealedJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedJob({} bytes)", self.envelope.len())
    }
}
