use std::time::Duration;

use sealwork_job::{Code, JobId};
use sealwork_seal::{EnvelopeError, KeyConfigError, ReceiptError, SealError, Suite};
use sealwork_verify::{DocumentError, Reason, Rejected};

/// What can go wrong between a requester and a worker.
///
/// Each kind has a stable [`ClientError::code`] and says in [`ClientError::hint`] what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The client was set up with something unusable: an address, a certificate, a key.
    #[error("{part}: {reason}")]
    Setup {
        /// Which part.
        part: SetupPart,
        /// What is wrong with it.
        reason: String,
    },
    /// No connection.
    #[error("cannot reach the worker at {origin}: {reason}")]
    Unreachable {
        /// Scheme, host and port.
        origin: String,
        /// What the network said.
        reason: String,
    },
    /// The connection is not with whom it should be, or TLS failed otherwise.
    #[error("no trusted connection to the worker at {origin}: {reason}")]
    Untrusted {
        /// Scheme, host and port.
        origin: String,
        /// What TLS said.
        reason: String,
    },
    /// No answer in time.
    #[error("the worker at {origin} did not answer within {} s", .after.as_secs_f32())]
    Timeout {
        /// Scheme, host and port.
        origin: String,
        /// How long was waited.
        after: Duration,
    },
    /// An answer that no Sealwork worker gives.
    #[error("{origin} does not answer like a Sealwork worker: {reason}")]
    Protocol {
        /// Scheme, host and port.
        origin: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The worker said no.
    #[error("{0}")]
    Refused(Refusal),
    /// The job cannot be sealed.
    #[error("cannot seal the job: {0}")]
    Seal(#[from] SealError),
    /// There is no key to seal the job to.
    #[error("the worker offers no current key of suite {}", names(.0))]
    NoKey(Vec<Suite>),
    /// Nobody has said which workers to trust.
    #[error("there is no policy that says which workers to trust, so nothing was sealed")]
    NoPolicy,
    /// The worker cannot show where it runs.
    #[error("the worker gives no evidence of where it runs: {0}")]
    NoEvidence(Unproven),
    /// The worker's evidence is not what the policy demands.
    #[error("the worker's evidence does not satisfy the policy: {}", codes(.0))]
    EvidenceRejected(Box<Rejected>),
    /// The evidence that a receipt cites is not what the policy demands, or there is none.
    #[error("the receipt does not lead to evidence that satisfies the policy: {}", codes(.0))]
    ReceiptRejected(Box<Rejected>),
    /// Something is not what it claims to be.
    #[error("{0}")]
    Verification(#[from] VerifyError),
    /// The time for waiting is over; the job goes on.
    #[error("job {job} has not settled yet (it is {state})")]
    StillRunning {
        /// Which job.
        job: JobId,
        /// Where it stood last.
        state: String,
    },
    /// What was given as a job's handle cannot be used.
    #[error("{0}")]
    Handle(#[from] HandleError),
    /// What a result gave could not be written where it was to go.
    #[error("the output cannot be written: {0}")]
    Sink(#[source] std::io::Error),
}

/// How a worker without evidence showed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unproven {
    /// Its key config says so.
    #[error("its key config says `none`")]
    KeyConfig,
    /// It refused to give any.
    #[error("asked for it, it answers {0}")]
    Answer(String),
}

/// What a client is set up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupPart {
    /// The worker's address.
    #[error("worker address")]
    Address,
    /// The API key.
    #[error("API key")]
    ApiKey,
    /// Certificates to trust.
    #[error("root certificates")]
    Certificates,
    /// The fingerprint of a certificate to trust.
    #[error("certificate fingerprint")]
    Fingerprint,
    /// TLS itself.
    #[error("TLS")]
    Tls,
}

/// Why something is no job's handle. Quotes nothing of it, since it could be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandleError {
    /// Not the JSON that a handle is.
    #[error("this is not a job's handle: unexpected content at line {line}, column {column}")]
    Form {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// Of a version that this program does not read.
    #[error("the handle has version {0}, which this program does not read")]
    Version(u32),
    /// Its secrets are not whole.
    #[error("this is not a job's handle: its secrets are damaged")]
    Secrets,
}

/// Why something that a worker sent, or that was kept from it, is not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The key config.
    #[error("the key config is not valid: {0}")]
    KeyConfig(#[from] KeyConfigError),
    /// What came as evidence.
    #[error("what came as evidence cannot be read: {0}")]
    Evidence(#[from] DocumentError),
    /// The sealed result.
    #[error("the result does not open: {0}")]
    Result(#[from] EnvelopeError),
    /// The receipt's form or signature.
    #[error("the receipt is not valid: {0}")]
    Receipt(#[from] ReceiptError),
    /// Two things that must agree.
    #[error("{what} differs: expected {expected}, got {got}")]
    Mismatch {
        /// What was compared.
        what: &'static str,
        /// The value that was known before.
        expected: String,
        /// The value that came.
        got: String,
    },
}

/// A worker's refusal (problem+json, RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The stable code, one of [`Code`] for a Sealwork worker; `http_503` and the like otherwise.
    pub code: String,
    /// What happened.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether the same request can succeed later.
    pub retryable: bool,
    /// How long to wait before that.
    pub retry_after: Option<Duration>,
    /// The job concerned, where there is one.
    pub job: Option<JobId>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the worker refused ({}): {}", self.code, self.detail)
    }
}

impl Refusal {
    /// Whether the worker, not the request, is why: it is full, busy, stopping or broken.
    pub(crate) fn is_passing(&self) -> bool {
        self.retryable && matches!(self.status, 429 | 500 | 502 | 503 | 504)
    }

    /// Whether the worker gave this code.
    pub fn is(&self, code: Code) -> bool {
        self.code == code.as_str()
    }
}

impl ClientError {
    /// A stable code: the worker's where it refused, else one of `setup`, `unreachable`,
    /// `untrusted`, `timeout`, `protocol`, `seal`, `no_key`, `no_policy`, `evidence_none`,
    /// `evidence_rejected`, `receipt_rejected`, `verification`, `still_running`, `handle`,
    /// `output_unwritable`.
    pub fn code(&self) -> &str {
        match self {
            Self::Setup { .. } => "setup",
            Self::Unreachable { .. } => "unreachable",
            Self::Untrusted { .. } => "untrusted",
            Self::Timeout { .. } => "timeout",
            Self::Protocol { .. } => "protocol",
            Self::Refused(refusal) => &refusal.code,
            Self::Seal(_) => "seal",
            Self::NoKey(_) => "no_key",
            Self::NoPolicy => "no_policy",
            Self::NoEvidence(_) => "evidence_none",
            Self::EvidenceRejected(_) => "evidence_rejected",
            Self::ReceiptRejected(_) => "receipt_rejected",
            Self::Verification(_) => "verification",
            Self::StillRunning { .. } => "still_running",
            Self::Handle(_) => "handle",
            Self::Sink(_) => "output_unwritable",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Setup { part: SetupPart::Address, .. } => {
                "give an address like https://worker.example:8443/".to_owned()
            }
            Self::Setup { part: SetupPart::Fingerprint, .. } => {
                "the worker logs it as certificate_sha256 when it starts; for a file: openssl x509 \
                 -noout -fingerprint -sha256 -in FILE"
                    .to_owned()
            }
            Self::Setup { .. } => "correct the value".to_owned(),
            Self::Unreachable { origin, .. } => {
                format!("check that a worker listens at {origin} and that the address is right")
            }
            Self::Untrusted { .. } => "for a worker with a self-made certificate, give its \
                certificate or its fingerprint; otherwise somebody may be in between"
                .to_owned(),
            Self::Timeout { .. } => "try again; look whether the worker is overloaded".to_owned(),
            Self::Protocol { .. } => {
                "check the address; it may belong to another service or a proxy".to_owned()
            }
            Self::Refused(refusal) => match (&refusal.hint, refusal.code.parse::<Code>()) {
                (Some(hint), _) => hint.clone(),
                (None, Ok(code)) => code.hint().to_owned(),
                (None, Err(_)) => "a worker's refusals have another form: check the address, and \
                    what stands between you and the worker"
                    .to_owned(),
            },
            Self::Seal(_) => "correct the job, or look at the worker's key config".to_owned(),
            Self::NoKey(_) => {
                "name a suite that the key config lists; if it lists the suite, this machine's \
                clock is wrong, or the worker's is or was (its /readyz says `clock_behind` then)"
                    .to_owned()
            }
            Self::NoPolicy => "give a policy (ClientBuilder::attestation), which `sealwork policy \
                init --from URL` writes for review, or say that no evidence is wanted \
                (ClientBuilder::unattested)"
                .to_owned(),
            Self::NoEvidence(_) => "use a worker with an attester; whoever runs this one may read \
                your jobs"
                .to_owned(),
            Self::EvidenceRejected(_) => {
                "nothing was sealed; each reason says what to do".to_owned()
            }
            Self::ReceiptRejected(_) => {
                "do not rely on the receipt; each reason says what to do".to_owned()
            }
            Self::Verification(_) => "do not rely on it: the worker, or somebody between you and \
                it, sent something that it cannot prove"
                .to_owned(),
            Self::StillRunning { .. } => "wait again with the job's handle".to_owned(),
            Self::Handle(_) => "use the file that submitting the job wrote, unchanged".to_owned(),
            Self::Sink(_) => {
                "check the place and the free space, and fetch the result again".to_owned()
            }
        }
    }

    /// Whether the same call can succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::StillRunning { .. } => true,
            Self::Refused(refusal) => refusal.retryable,
            _ => false,
        }
    }

    /// Everything that is wrong with evidence, where that is why.
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::EvidenceRejected(rejected) | Self::ReceiptRejected(rejected) => &rejected.reasons,
            _ => &[],
        }
    }

    /// The refusal, if it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

fn codes(rejected: &Rejected) -> String {
    let mut codes: Vec<_> = rejected.reasons.iter().map(|reason| reason.code.as_str()).collect();
    codes.dedup();
    codes.join(", ")
}

fn names(suites: &[Suite]) -> String {
    suites.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}
