use std::{io, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use sealwork_compat_masa::{
    MasaJob, OpenPiecesError, OpenResultError, ResultBody, RingError, SetKeyBody, SetKeyError,
};
use sealwork_job::{Code, JobId, JobState, Refusal};
use zeroize::Zeroizing;

use crate::{auth::Caller, v1::Content};

/// What Masa's routes need of a worker.
#[async_trait]
pub trait MasaPort: Send + Sync {
    /// Whether the ring key is this worker's own: then nobody can push one.
    fn is_standalone(&self) -> bool;

    /// Whether new jobs are refused because the worker is about to stop.
    fn is_draining(&self) -> bool;

    /// Whether the machine's clock is behind the time that the worker goes by: then new jobs are
    /// refused that are sealed by the right time.
    fn is_clock_behind(&self) -> bool;

    /// Stamps a job with the worker's id and a fresh nonce, and seals it.
    ///
    /// # Errors
    /// [`RingError::Empty`].
    fn generate(&self, job: MasaJob) -> Result<String, RingError>;

    /// Opens a result with the sealed job that it belongs to.
    ///
    /// # Errors
    /// [`OpenResultError`].
    fn open_result(&self, body: &ResultBody) -> Result<Zeroizing<Vec<u8>>, OpenResultError>;

    /// Somewhere to put the sealed text of a result that is too large for memory.
    ///
    /// # Errors
    /// [`Code::StoreUnavailable`].
    fn spool_result(&self) -> Result<Box<dyn ResultSpool>, Refusal>;

    /// Takes a sealed job. When this returns, the job is on disk.
    ///
    /// # Errors
    /// The codes of [`crate::v1::V1Port::submit`]. A blob that does not open has a code of an
    /// envelope, [`Code::JobMalformed`], or [`Code::NotConfigured`] without a key; the message is
    /// then that of [`sealwork_compat_masa::OpenJobError`].
    async fn add(&self, blob: Bytes, caller: &Caller) -> Result<Added, Refusal>;

    /// Waits until a job of the caller's has settled, at most for `patience`. May be dropped at any
    /// moment.
    async fn wait(&self, job: JobId, caller: &Caller, patience: Duration);

    /// Where a job stands; its result when it has settled. Shows Masa jobs and no others; one that
    /// was added with an API key, to its holder only.
    ///
    /// # Errors
    /// [`Code::StoreUnavailable`]; an unknown job is a [`MasaStatus`].
    async fn status(&self, job: JobId, caller: &Caller) -> Result<MasaStatus, Refusal>;

    /// Takes a ring key that the distributor has signed.
    ///
    /// # Errors
    /// [`KeyRefusal`].
    async fn set_key(&self, body: SetKeyBody) -> Result<(), KeyRefusal>;
}

/// Takes the sealed text of a result piece by piece, and opens it.
pub trait ResultSpool: Send {
    /// Takes the next piece.
    ///
    /// # Errors
    /// Those of the disk.
    fn push(&mut self, text: &[u8]) -> io::Result<()>;

    /// Opens the result with the sealed job that it belongs to. Blocks while it reads all of it.
    ///
    /// # Errors
    /// [`OpenPiecesError`].
    fn open(self: Box<Self>, encrypted_request: &[u8]) -> Result<Content, OpenPiecesError>;
}

/// A job that has been accepted: it is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// Its id.
    pub job: JobId,
    /// Whether its engine answers within milliseconds: the answer is then held until it has.
    pub is_instant: bool,
}

/// Where a Masa job stands.
pub enum MasaStatus {
    /// No such job, or it is gone.
    Unknown,
    /// It has not settled.
    Pending(JobState),
    /// It has a result.
    Done {
        /// The sealed result's text.
        sealed: Content,
        /// Where the next page begins, when there is one.
        next_cursor: Option<String>,
        /// The code of what stopped it, when it is not complete.
        stopped: Option<String>,
        /// The way that answered, of an engine that has several.
        way: Option<String>,
    },
    /// It failed.
    Failed {
        /// The stable code.
        code: Code,
        /// What clients read.
        message: String,
        /// Where what it had begun goes on, when it need not be begun again.
        next_cursor: Option<String>,
    },
}

impl std::fmt::Debug for MasaStatus {
    /// Shows nothing of the result.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown => f.write_str("Unknown"),
            Self::Pending(state) => write!(f, "Pending({})", state.name()),
            Self::Done { sealed, .. } => write!(f, "Done({sealed:?})"),
            Self::Failed { code, .. } => write!(f, "Failed({code})"),
        }
    }
}

/// Why a ring key was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRefusal {
    /// The signature or the key is wrong.
    #[error(transparent)]
    Refused(#[from] SetKeyError),
    /// The key cannot be kept.
    #[error("cannot store the key: {0}")]
    Store(String),
}
