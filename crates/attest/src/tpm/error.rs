use std::fmt;

use tss_esapi::{Error, constants::Tss2ResponseCodeKind as Code};

/// What a TPM was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TpmTask {
    /// Make the endorsement key or the attestation key.
    MakeIdentity,
    /// Make the key under which secrets are stored.
    MakeStorage,
    /// Say what there is.
    Ask,
    /// Read PCRs.
    ReadPcrs,
    /// Quote.
    Quote,
    /// Read certificates.
    ReadCertificates,
    /// Open a credential.
    Activate,
    /// Seal a secret.
    Seal,
    /// Take a sealed secret in.
    Load,
    /// Give a sealed secret out.
    Unseal,
    /// Make a counter.
    MakeCounter,
    /// Read or move a counter.
    Count,
}

impl TpmTask {
    fn as_str(self) -> &'static str {
        match self {
            Self::MakeIdentity => "make its identity keys",
            Self::MakeStorage => "make its storage key",
            Self::Ask => "say what it has",
            Self::ReadPcrs => "read its PCRs",
            Self::Quote => "quote",
            Self::ReadCertificates => "read its certificates",
            Self::Activate => "open a credential",
            Self::Seal => "seal a secret",
            Self::Load => "load a sealed secret",
            Self::Unseal => "unseal a secret",
            Self::MakeCounter => "make a counter",
            Self::Count => "count",
        }
    }

    /// Whose authorisation it needs.
    fn hierarchy(self) -> &'static str {
        match self {
            Self::MakeIdentity | Self::Activate => "endorsement",
            _ => "owner",
        }
    }
}

impl fmt::Display for TpmTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a TPM does not serve. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TpmError {
    /// Not an address that the TSS knows.
    #[error(
        "`{0}` is no address of a TPM: use device:/dev/tpmrm0, tabrmd or \
         swtpm:host=ADDRESS,port=PORT"
    )]
    Address(String),
    /// There is no such device.
    #[error("no TPM here: {0} does not exist. Switch the TPM on in the firmware's settings")]
    Missing(String),
    /// The worker's user may not use the device.
    #[error("{0} may not be used by this user: add the user to the group `tss`")]
    Denied(String),
    /// Another process has the device.
    #[error("{0} is in use by another process: use the resource manager, /dev/tpmrm0")]
    InUse(String),
    /// Nothing answers at the address.
    #[error(
        "no TPM answers at {address}: {source}. Check that it runs, and that nobody else uses it"
    )]
    Unreachable {
        /// Where.
        address: String,
        /// What the TSS said.
        source: Error,
    },
    /// The bank that quotes are made from is not there.
    #[error(
        "the TPM has no active SHA-256 bank of PCRs: switch it on, in the firmware's settings or \
         with tpm2_pcrallocate, and start the machine again"
    )]
    BankMissing,
    /// PCRs change faster than they can be quoted.
    #[error("the quoted PCRs change all the time: leave those out that are extended while running")]
    Unsteady,
    /// A wrong authorisation.
    #[error(
        "the TPM refuses to {task}: wrong authorisation. Give the {} hierarchy's, or reset it",
        .task.hierarchy()
    )]
    Authorisation {
        /// What it was asked.
        task: TpmTask,
    },
    /// Locked after wrong authorisations.
    #[error(
        "the TPM is locked after too many wrong authorisations: wait, or run \
         tpm2_dictionarylockout --clear-lockout with the lockout authorisation"
    )]
    Lockout,
    /// A hierarchy is switched off.
    #[error("the TPM's {} hierarchy is switched off: switch it on in the firmware's settings",
        .task.hierarchy())]
    Disabled {
        /// What it was asked.
        task: TpmTask,
    },
    /// No room for keys or sessions.
    #[error(
        "the TPM has no room for another key or session: use the resource manager, /dev/tpmrm0, or \
         run tpm2_flushcontext -t and -s"
    )]
    Full,
    /// No room in the non-volatile memory.
    #[error(
        "the TPM has no room for a counter: remove indices that nobody needs (tpm2_getcap handles-nv-index)"
    )]
    NvFull,
    /// Not now.
    #[error("the TPM is busy, or spares its memory: try again later")]
    Busy,
    /// Another system was booted than the secret was sealed for.
    #[error(
        "the TPM does not give the secret out: PCRs {0} differ from when it was sealed, so another \
         system was booted. Boot the former one; if the change is meant, begin with a new data \
         directory"
    )]
    PcrsChanged(String),
    /// Sealed by another TPM, or changed.
    #[error(
        "the secret was not sealed by this TPM, or its file was changed: bring the data directory \
         back to its machine, or restore the file from a backup"
    )]
    OtherTpm,
    /// The index is something else than this worker's counter.
    #[error(
        "index {0:#010x} of the TPM is not this worker's counter: it was replaced, or belongs to \
         another. Choose another index; if it should be this worker's, its state cannot be trusted"
    )]
    ForeignCounter(u32),
    /// Numbers outside the owner's.
    #[error("{0:#010x} is no index for a counter: choose one from 0x01800000 to 0x01bfffff")]
    CounterIndex(u32),
    /// Not made for this TPM and this key.
    #[error("the credential is not for this TPM and its attestation key: enrol again")]
    Credential,
    /// Anything else.
    #[error("the TPM failed to {task}: {source}")]
    Failed {
        /// What it was asked.
        task: TpmTask,
        /// What it said.
        source: Error,
    },
}

impl TpmError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address(_) => "tpm_address",
            Self::Missing(_) => "tpm_missing",
            Self::Denied(_) => "tpm_denied",
            Self::InUse(_) => "tpm_in_use",
            Self::Unreachable { .. } => "tpm_unreachable",
            Self::BankMissing => "tpm_bank_missing",
            Self::Unsteady => "tpm_pcrs_unsteady",
            Self::Authorisation { .. } => "tpm_authorisation",
            Self::Lockout => "tpm_lockout",
            Self::Disabled { .. } => "tpm_disabled",
            Self::Full => "tpm_full",
            Self::NvFull => "tpm_nv_full",
            Self::Busy => "tpm_busy",
            Self::PcrsChanged(_) => "tpm_pcrs_changed",
            Self::OtherTpm => "tpm_other",
            Self::ForeignCounter(_) => "tpm_counter_foreign",
            Self::CounterIndex(_) => "tpm_counter_index",
            Self::Credential => "tpm_credential",
            Self::Failed { .. } => "tpm_failed",
        }
    }

    /// Whether the same call may succeed later, with nothing changed.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy | Self::Unsteady)
    }

    /// The error of a task.
    pub(super) fn of(task: TpmTask) -> impl Fn(Error) -> Self + Copy {
        move |source| classify(task, source)
    }
}

fn classify(task: TpmTask, source: Error) -> TpmError {
    let Error::Tss2Error(code) = source else {
        return TpmError::Failed { task, source };
    };
    match code.kind() {
        Some(Code::Lockout) => TpmError::Lockout,
        // Failure: what libtpms says where the seed does not decrypt.
        Some(Code::Integrity | Code::Value | Code::Size | Code::Failure)
            if task == TpmTask::Activate =>
        {
            TpmError::Credential
        }
        Some(Code::Integrity | Code::Hash | Code::Size) if task == TpmTask::Load => {
            TpmError::OtherTpm
        }
        Some(Code::AuthFail | Code::BadAuth) => TpmError::Authorisation { task },
        Some(Code::Hierarchy | Code::Disabled) => TpmError::Disabled { task },
        Some(
            Code::ObjectMemory
            | Code::SessionMemory
            | Code::Memory
            | Code::SessionHandles
            | Code::ObjectHandles
            | Code::TooManyContexts,
        ) => TpmError::Full,
        Some(Code::NvSpace) => TpmError::NvFull,
        Some(Code::Retry | Code::NvRate | Code::NvUnavailable | Code::Yielded | Code::Testing) => {
            TpmError::Busy
        }
        _ => TpmError::Failed { task, source },
    }
}
