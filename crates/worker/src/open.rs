//! Opens a job's body: the only place where plaintext comes into being.

use bytes::Bytes;
use sealwork_compat_masa::{MasaJob, to_spec, unknown_job_type};
use sealwork_job::{
    Body, Code, Digest, EngineName, Failure, JobSpec, Reply, RequesterId, Timestamp,
};
use sealwork_seal::{Header, RequestSecrets, salted_digest, token_hash};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{keys::Keyring, masa::MasaKeys};

/// A job in plaintext. Dropped when the job settles; never written anywhere.
pub(crate) struct OpenedJob {
    pub(crate) spec: JobSpec,
    /// The input section. Erased when the last one who has it lets it go.
    pub(crate) input: Option<Bytes>,
    /// The requester that the body itself names.
    pub(crate) requester: Option<RequesterId>,
    pub(crate) reply: ReplySecrets,
    /// The salt of the receipt's digests: known to who can open the job and to nobody else. Zeros
    /// for a job that everyone can read.
    pub(crate) salt: Zeroizing<[u8; 32]>,
    /// What makes a second arrival of the same job the same job.
    pub(crate) nonce: Nonce,
    /// Salted digests of job and input, as the receipt shows them.
    pub(crate) job_digest: Digest,
    pub(crate) input_digest: Option<Digest>,
    /// Set when the job was accepted although it cannot run: it settles with this failure.
    pub(crate) broken: Option<Failure>,
    /// The type by which a Masa client asked, for the words in which it is refused.
    pub(crate) masa_type: Option<String>,
}

/// A value that arrives once.
#[derive(Debug, Clone)]
pub(crate) struct Nonce {
    pub(crate) scope: &'static str,
    pub(crate) value: Vec<u8>,
    /// When the envelope expires. `None`: the format has no expiry.
    pub(crate) expiry: Option<Timestamp>,
}

/// What sealing the result needs.
pub(crate) enum ReplySecrets {
    Hpke(Box<RequestSecrets>),
    MasaRing { nonce: Zeroizing<String> },
    Public,
}

impl OpenedJob {
    /// The failure of a job whose engine is not here.
    pub(crate) fn unknown_engine(&self) -> Failure {
        match &self.masa_type {
            Some(asked) => unknown_job_type(asked),
            None => Failure::new(
                Code::EngineUnknown,
                format!("there is no engine `{}` here", self.spec.engine),
            ),
        }
    }
}

/// Opens a body of any kind.
///
/// # Errors
/// A coded failure whose text quotes nothing of the job.
pub(crate) fn open(
    body: &Body,
    reply: Reply,
    keyring: &Keyring,
    masa: &MasaKeys,
) -> Result<OpenedJob, Failure> {
    match body {
        Body::Sealed(envelope) => open_sealed(envelope, reply, keyring),
        Body::Masa(blob) => open_masa(blob, masa),
        Body::Public(json) => open_public(json),
    }
}

fn open_sealed(envelope: &[u8], reply: Reply, keyring: &Keyring) -> Result<OpenedJob, Failure> {
    let header = Header::parse(envelope)?;
    let opened = keyring.open(&header, envelope)?;
    let spec = JobSpec::from_json(&opened.job_json)?;
    let salt = Zeroizing::new(*opened.secrets.salt());
    let job_digest = salted_digest(&salt, "job", &opened.job_json);
    let input_digest = opened.input.as_ref().map(|input| salted_digest(&salt, "input", input));
    // Exported from the HPKE context, and so this envelope's alone: a nonce of the header could be
    // used by somebody else first.
    let nonce = Nonce {
        scope: "sealed",
        value: token_hash(opened.secrets.token()).to_vec(),
        expiry: Some(Timestamp::from_secs(header.expiry)),
    };
    Ok(OpenedJob {
        spec,
        input: opened.input.map(Bytes::from_owner),
        requester: opened.signer,
        reply: match reply {
            Reply::Hpke | Reply::MasaRing => ReplySecrets::Hpke(Box::new(opened.secrets)),
            Reply::Public | Reply::None => ReplySecrets::Public,
        },
        salt,
        nonce,
        job_digest,
        input_digest,
        broken: None,
        masa_type: None,
    })
}

fn open_masa(blob: &[u8], masa: &MasaKeys) -> Result<OpenedJob, Failure> {
    let job = masa.open(blob)?;
    let json = Zeroizing::new(job.to_json());
    let (spec, broken) = match to_spec(&job) {
        Ok(spec) => (spec, None),
        Err(failure) => (unusable(&job), Some(failure)),
    };
    let salt = Zeroizing::new(salted_digest(&[0; 32], "masa salt", job.quote.as_bytes()).0);
    let job_digest = salted_digest(&salt, "job", &json);
    Ok(OpenedJob {
        spec,
        input: None,
        requester: Some(RequesterId::new("masa", &job.worker_id)),
        nonce: Nonce {
            scope: "masa",
            value: job.quote.clone().into_bytes(),
            expiry: job.expiry.map(Timestamp::from_secs),
        },
        reply: ReplySecrets::MasaRing { nonce: Zeroizing::new(job.quote) },
        salt,
        job_digest,
        input_digest: None,
        broken,
        masa_type: Some(job.job_type),
    })
}

/// A job that no engine will see, under a name that may stand in a journal and a metric.
#[allow(clippy::expect_used, reason = "the constant is a valid engine name")]
fn unusable(job: &MasaJob) -> JobSpec {
    let name = job.job_type.parse::<EngineName>();
    let name = name.unwrap_or_else(|_| "unknown".parse().expect("a valid name"));
    JobSpec::new(name, Value::Object(serde_json::Map::new()))
}

fn open_public(json: &[u8]) -> Result<OpenedJob, Failure> {
    let spec = JobSpec::from_json(json)?;
    let salt = Zeroizing::new([0; 32]);
    let job_digest = salted_digest(&salt, "job", json);
    Ok(OpenedJob {
        spec,
        input: None,
        requester: None,
        reply: ReplySecrets::Public,
        salt,
        nonce: Nonce { scope: "public", value: job_digest.0.to_vec(), expiry: None },
        job_digest,
        input_digest: None,
        broken: None,
        masa_type: None,
    })
}

/// Checks the clear header against this worker and the time, before any key is touched.
///
/// # Errors
/// The first thing that is wrong, coded.
pub(crate) fn check_header(
    header: &Header,
    keyring: &Keyring,
    now: Timestamp,
    skew: std::time::Duration,
    max_lifetime: std::time::Duration,
) -> Result<(), Failure> {
    if !header.target.is_any() && header.target != keyring.worker() {
        return Err(Failure::new(Code::WrongWorker, "the job is sealed for another worker"));
    }
    let expiry = Timestamp::from_secs(header.expiry);
    if expiry <= now {
        return Err(Failure::new(
            Code::JobExpired,
            format!("the job expired at {}, it is {} here", header.expiry, now.as_secs()),
        ));
    }
    if Timestamp::from_secs(header.not_before) > now.plus(skew) {
        return Err(Failure::new(
            Code::JobNotYetValid,
            format!("the job is valid from {}, it is {} here", header.not_before, now.as_secs()),
        ));
    }
    if expiry > now.plus(max_lifetime).plus(skew) {
        return Err(Failure::new(
            Code::JobLifetime,
            format!(
                "the job expires in {} s, at most {} s are allowed",
                expiry.since(now).as_secs(),
                max_lifetime.as_secs()
            ),
        ));
    }
    Ok(())
}
