use std::{io, sync::Arc};

use sealwork_job::{Code, JobId};

use crate::DamagedJob;

/// Why a store does not open. Each text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it open.
    #[error(
        "another process uses this data directory: stop it, or give this worker a directory of its own"
    )]
    Locked,
    /// There is none, and none is to be made ([`crate::StoreOptions::create`]).
    #[error(
        "store.redb is missing, though this directory has been used: an empty one would take jobs again that have run"
    )]
    Missing,
    /// The directory or the file cannot be written.
    #[error(
        "the data directory cannot be written ({0}): make it writable for this user, mode 0700"
    )]
    NotWritable(#[source] io::Error),
    /// There is no room.
    #[error("the disk of the data directory is full: free some space and start again")]
    DiskFull,
    /// The disk fails.
    #[error("the data directory cannot be used ({0}): check the disk and the file system")]
    Io(#[source] io::Error),
    /// The file is not, or no longer, a store.
    #[error(
        "{file} is damaged ({detail}): restore the data directory from a backup, or move it away to start empty; jobs and results in it are then lost"
    )]
    Damaged {
        /// Which file.
        file: &'static str,
        /// What does not fit.
        detail: String,
    },
    /// The key does not open it.
    #[error(
        "the store was sealed under another root secret: put the root.key that belongs to this data directory back"
    )]
    WrongKey,
    /// A newer Sealwork wrote it.
    #[error(
        "the store has format {found}, this version reads up to {supported}: run the Sealwork version that wrote it, or a newer one"
    )]
    NewerFormat {
        /// The file's format.
        found: u32,
        /// The newest format known here.
        supported: u32,
    },
    /// The committer's thread does not start.
    #[error("cannot start the store's thread ({0}): raise the limit on threads")]
    Thread(#[source] io::Error),
}

impl OpenError {
    pub(crate) fn from_io(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock => Self::Locked,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::NotWritable(error)
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                Self::damaged(error.to_string())
            }
            _ => Self::Io(error),
        }
    }

    pub(crate) fn damaged(detail: impl Into<String>) -> Self {
        Self::Damaged { file: crate::database::FILE, detail: detail.into() }
    }
}

impl From<redb::Error> for OpenError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error) => Self::from_io(error),
            redb::Error::DatabaseAlreadyOpen => Self::Locked,
            other => Self::damaged(other.to_string()),
        }
    }
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::DiskFull => Self::DiskFull,
            StoreError::Damaged(detail) => Self::damaged(detail),
            StoreError::Disk(error) => {
                Self::from_io(io::Error::new(error.kind(), error.to_string()))
            }
            StoreError::Closed => Self::Io(io::Error::other("the store is closed")),
        }
    }
}

/// Why the store cannot do what was asked, whatever it was.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no room. Nothing was changed.
    #[error("the disk of the data directory is full")]
    DiskFull,
    /// The disk fails. The store tries again with the next change.
    #[error("the disk of the data directory fails: {0}")]
    Disk(Arc<io::Error>),
    /// What is stored does not read back.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// The stable code.
    pub fn code(&self) -> Code {
        Code::StoreUnavailable
    }

    pub(crate) fn damaged(table: &str) -> Self {
        Self::Damaged(format!("a value of `{table}` does not open"))
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            io::ErrorKind::InvalidData => Self::Damaged(error.to_string()),
            _ => Self::Disk(Arc::new(error)),
        }
    }
}

impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error) => error.into(),
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => {
                io::Error::other("an earlier error has not been recovered from").into()
            }
            other => Self::Damaged(other.to_string()),
        }
    }
}

macro_rules! from_redb {
    ($($error:ident),*) => {$(
        impl From<redb::$error> for StoreError {
            fn from(error: redb::$error) -> Self {
                redb::Error::from(error).into()
            }
        }
    )*};
}

from_redb!(StorageError, TableError, TransactionError, CommitError, DatabaseError);

/// Why [`crate::Store::pending`] cannot give a job.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PendingError {
    /// This job does not read back; the others follow.
    #[error("an accepted job does not read back ({})", named(.0))]
    Damaged(DamagedJob),
    /// The store fails. Trying again may help.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn named(damaged: &DamagedJob) -> String {
    match damaged.job {
        Some(job) => format!("job {job}"),
        None => format!("the one accepted as number {}", damaged.number),
    }
}

/// Why a job was not journalled.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// Its nonce belongs to this job already.
    #[error("the job has been accepted before, as {0}")]
    Replayed(JobId),
    /// What would recognise a second arrival of it is forgotten by now.
    #[error("the job expired before it was written")]
    Expired,
    /// Its lane has taken this position, or a later one.
    #[error("the lane has taken position {last} already")]
    LaneOrder {
        /// The last position that was accepted.
        last: u64,
    },
    /// Too many changes wait for a commit.
    #[error("too many changes wait for the disk")]
    Full,
    /// The store fails. Nothing of the job remains, unless the process ends before the disk
    /// recovers: the job may then come back as accepted.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AcceptError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Replayed(_) => Code::JobReplayed,
            Self::Expired => Code::JobExpired,
            Self::LaneOrder { .. } => Code::LaneOrder,
            Self::Full => Code::QueueFull,
            Self::Store(error) => error.code(),
        }
    }
}

/// Why a job was not settled, or marked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SettleError {
    /// It has settled before.
    #[error("the job has settled before")]
    AlreadySettled,
    /// No such job.
    #[error("there is no such job")]
    Unknown,
    /// The closure that makes the settlement panicked.
    #[error("making the settlement panicked")]
    Panicked,
    /// The store fails. Settling again is safe, whatever became of this attempt.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SettleError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::AlreadySettled => Code::AlreadySettled,
            Self::Unknown => Code::JobUnknown,
            Self::Panicked => Code::Internal,
            Self::Store(error) => error.code(),
        }
    }
}
