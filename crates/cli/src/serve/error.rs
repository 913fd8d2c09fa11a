//! Why a worker does not start, and what to do about it.

use std::{io, path::PathBuf};

use sealwork_attest::AttestError;
use sealwork_door_http::DoorError;
use sealwork_platform::{RollbackError, RootSecretError};
use sealwork_store::{OpenError, StoreError};
use sealwork_worker::StartError;

use crate::{
    config::ConfigError,
    exit::{CliError, Exit},
};

/// Why a worker does not start. Each has a stable code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ServeError {
    /// The configuration cannot be used.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// A file that the configuration names cannot be used.
    #[error("{name} names {path}, which cannot be used: {reason}", path = path.display())]
    File {
        /// The setting.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A setting's value is refused by the part that uses it.
    #[error("{name}: {reason}")]
    Setting {
        /// The setting, or several.
        name: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The data directory cannot be used.
    #[error("cannot use the data directory {path}: {source}", path = path.display())]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The root secret is damaged or unreadable.
    #[error("{0}")]
    RootSecret(#[from] RootSecretError),
    /// The data directory has the root secret in another form than this attester keeps it in.
    #[error(
        "the data directory has its root secret in {found}, and with these settings it would be in \
         {wanted}"
    )]
    OtherRootSecret {
        /// The file that is there.
        found: &'static str,
        /// The file that is wanted.
        wanted: &'static str,
    },
    /// There is no attester as the settings want it.
    #[error("{0}")]
    Attester(#[from] AttestError),
    /// The store is not the newest one that ran with its counter.
    #[error("{0}")]
    Rollback(RollbackError),
    /// The store's generation is not kept.
    #[error("cannot keep the store's generation: {0}")]
    Generation(StoreError),
    /// The store does not open. Its texts say what to do.
    #[error("cannot open the store in {path}: {source}", path = path.display())]
    Store {
        /// The data directory.
        path: PathBuf,
        /// What is wrong.
        source: OpenError,
    },
    /// The clock cannot be reset: the jobs that wait could not be opened any more.
    #[error("{0} accepted jobs have not settled, so the clock is not reset")]
    Unsettled(usize),
    /// The name in the listen address is not found.
    #[error("cannot find the host in LISTEN_ADDRESS ({address})")]
    ListenHost {
        /// The setting's value.
        address: String,
    },
    /// Another process listens there.
    #[error("{address} is taken by another process")]
    PortTaken {
        /// The address.
        address: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The door cannot be made.
    #[error("{0}")]
    Door(#[from] DoorError),
    /// The worker does not start.
    #[error("{0}")]
    Worker(#[from] StartError),
    /// Programs cannot be confined on this machine.
    #[error("cannot run programs: {0}")]
    Sandbox(#[from] sealwork_sandbox::StartError),
    /// The process cannot do what every process can.
    #[error("cannot {what}: {reason}")]
    Process {
        /// What it tried.
        what: &'static str,
        /// What the system said.
        reason: String,
    },
}

impl ServeError {
    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        if self.is_disk_full() {
            return "disk_full";
        }
        match self {
            Self::Config(_) | Self::Setting { .. } => "config_invalid",
            Self::File { .. } => "config_file_unusable",
            Self::DataDir { .. } => "data_dir_unusable",
            Self::RootSecret(RootSecretError::Missing { .. }) => "root_secret_missing",
            Self::RootSecret(RootSecretError::Busy) => "store_in_use",
            Self::RootSecret(error) => tpm_code(error).unwrap_or("root_secret_unusable"),
            Self::OtherRootSecret { .. } => "root_secret_other",
            Self::Attester(error) | Self::Worker(StartError::Evidence(error)) => error.code(),
            Self::Rollback(error) => error.code(),
            Self::Generation(_) => "store_unusable",
            Self::Store { source, .. } => match source {
                OpenError::Locked => "store_in_use",
                OpenError::Missing => "store_missing",
                OpenError::Damaged { .. } => "store_damaged",
                OpenError::WrongKey => "store_wrong_key",
                OpenError::NewerFormat { .. } => "store_newer",
                _ => "store_unusable",
            },
            Self::Unsettled(_) => "jobs_unsettled",
            Self::ListenHost { .. } | Self::Listen { .. } => "listen_failed",
            Self::PortTaken { .. } => "port_taken",
            Self::Door(_) => "door_invalid",
            Self::Worker(_) => "worker_start_failed",
            Self::Sandbox(_) => "sandbox_unavailable",
            Self::Process { .. } => "process_failed",
        }
    }

    /// Whether there is no room left where the data directory lies.
    fn is_disk_full(&self) -> bool {
        let source = match self {
            Self::Store { source: OpenError::DiskFull, .. } => return true,
            Self::DataDir { source, .. }
            | Self::RootSecret(RootSecretError::Io { source, .. })
            | Self::Worker(StartError::Keys(source)) => source,
            _ => return false,
        };
        matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    /// What the operator can do.
    pub(crate) fn hint(&self) -> &'static str {
        if self.is_disk_full() {
            return "free space on the disk of the data directory (df -h shows it), or raise the \
                    quota, and start again; nothing was lost";
        }
        match self {
            Self::Config(error) => error.hint(),
            Self::Setting { .. } => "docs/configuration.md lists every setting and its values",
            Self::File { .. } => "check the path, and that the worker's user may read it",
            Self::DataDir { .. } => {
                "make the directory writable for the worker's user (chown, chmod 700), or set \
                 DATA_DIR"
            }
            Self::RootSecret(RootSecretError::Io { .. }) => {
                "let the worker's user read and write root.key in the data directory"
            }
            Self::RootSecret(RootSecretError::Exposed { .. }) => {
                "run `chmod 600` on root.key in the data directory"
            }
            Self::RootSecret(RootSecretError::Busy) => {
                "start one worker on a data directory; if the other one has ended, start again"
            }
            Self::OtherRootSecret { .. } => {
                "set ATTESTER as it was when the directory was made; to begin anew instead, with a \
                 new identity, move the whole data directory away"
            }
            Self::RootSecret(error) if tpm_code(error).is_some() => ATTESTATION_HINT,
            Self::Attester(_) | Self::Worker(StartError::Evidence(_)) | Self::Rollback(_) => {
                ATTESTATION_HINT
            }
            Self::Generation(_) => "look at the disk of the data directory",
            Self::RootSecret(_) => {
                "restore root.key from its backup; to begin anew instead, move the whole data \
                 directory away: what is sealed in it cannot be read without its key"
            }
            Self::Store { source: OpenError::Missing, .. } => {
                "restore the whole data directory from its backup; to begin anew instead, with a \
                 new identity and without the jobs and receipts of the old one, move the directory \
                 away"
            }
            Self::Unsettled(_) => {
                "start without --reset-clock, wait until sealwork_jobs_running and \
                 sealwork_jobs_queued are 0, stop, and start with it once"
            }
            Self::Store { .. } => "docs/operations.md, \"When it does not start\", says more",
            Self::ListenHost { .. } | Self::Listen { .. } => {
                "LISTEN_ADDRESS must be an address of this machine; ports below 1024 need \
                 CAP_NET_BIND_SERVICE"
            }
            Self::PortTaken { .. } => {
                "stop what listens there (ss -ltnp shows it), or set LISTEN_ADDRESS"
            }
            Self::Door(_) => "correct the setting that the message names; docs/configuration.md",
            Self::Worker(StartError::Keys(_)) => {
                "let the worker's user read and write keys/ in the data directory"
            }
            Self::Worker(_) => "restore the data directory as a whole; its files belong together",
            Self::Sandbox(_) => {
                "`sealwork doctor` shows what this kernel lacks; PROGRAMS=false runs without programs"
            }
            Self::Process { .. } => "check the limits of this user (ulimit -a)",
        }
    }
}

const ATTESTATION_HINT: &str =
    "docs/attestation-operators.md, \"What can go wrong\", says what to do about this code";

/// The code of a TPM that does not give the root secret out.
fn tpm_code(error: &RootSecretError) -> Option<&'static str> {
    #[cfg(feature = "tpm")]
    if let RootSecretError::Kept { source, .. } = error {
        let error = source.downcast_ref::<sealwork_attest::tpm::TpmError>();
        return error.map(sealwork_attest::tpm::TpmError::code);
    }
    let _ = error;
    None
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        ServeError::Config(error).into()
    }
}

impl From<ServeError> for CliError {
    fn from(error: ServeError) -> Self {
        let exit = match error {
            ServeError::Config(_)
            | ServeError::Setting { .. }
            | ServeError::File { .. }
            | ServeError::Attester(AttestError::NotBuilt(_) | AttestError::Other { .. })
            | ServeError::Door(_) => Exit::Usage,
            _ => Exit::Local,
        };
        Self::new(exit, error.code(), error.to_string(), error.hint())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sealwork_platform::{
        Disk, OsEntropy, SystemClock, load_or_create_root_secret,
        sim::{DiskFault, SimDisk},
    };
    use sealwork_store::{Store, StoreOptions};

    use super::*;

    #[test]
    fn a_full_disk_is_told_as_such_wherever_it_shows_at_a_start() {
        let disk = SimDisk::new(1);
        disk.inject(DiskFault::Full);
        let path = PathBuf::from("/data");
        let source = super::super::first_start::begin(&disk).unwrap_err();
        let first = ServeError::DataDir { path: path.clone(), source };
        let secret = load_or_create_root_secret(&disk, &OsEntropy, &[]).unwrap_err();
        let (shared, clock) = (Arc::new(disk), Arc::new(SystemClock::new()));
        let options = StoreOptions::default();
        let opened = Store::open(shared.clone(), clock, &OsEntropy, &[7; 32], options).unwrap_err();
        let keys = shared.write_atomic("keys/epoch-1", b"sealed").unwrap_err();
        for error in [
            first,
            secret.into(),
            ServeError::Store { path, source: opened },
            StartError::Keys(keys).into(),
        ] {
            assert_eq!(error.code(), "disk_full", "{error}");
            assert!(error.hint().starts_with("free space"), "{error}: {}", error.hint());
        }
    }
}
