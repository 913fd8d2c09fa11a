use std::io;

use sealwork_verify::EvidenceKind;

#[cfg(feature = "tpm")]
use crate::tpm::TpmError;

/// Why there is no evidence. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttestError {
    /// The platform is not compiled in.
    #[error(
        "this build makes no evidence of kind {0}: build with the feature for it, or choose \
         another attester"
    )]
    NotBuilt(EvidenceKind),
    /// The platform is not there.
    #[error("no {what} here: {path} does not exist. {hint}")]
    Missing {
        /// What was looked for.
        what: &'static str,
        /// Where.
        path: String,
        /// What may help.
        hint: &'static str,
    },
    /// The worker's user may not use the platform.
    #[error("{path} may not be used by this user: run the worker as {who}")]
    Denied {
        /// What was refused.
        path: String,
        /// Who may.
        who: &'static str,
    },
    /// The kernel's interface is there, and nothing behind it.
    #[error(
        "the kernel has the interface for reports, but no driver answers: load tdx_guest or \
         sev-guest, and check that this is a confidential guest"
    )]
    NoProvider,
    /// A platform that is not known here.
    #[error("the kernel reports for `{0}`, which is neither TDX nor SEV-SNP")]
    UnknownProvider(String),
    /// Another platform than the one that was chosen.
    #[error("this machine is {found}, not {chosen}: correct the attester's name")]
    Other {
        /// What was chosen.
        chosen: EvidenceKind,
        /// What answers.
        found: EvidenceKind,
    },
    /// The platform did not answer in time.
    #[error(
        "the platform was busy for {attempts} attempts: another process asks for reports, or the \
         host does not serve them. Ask again later; see the kernel's log"
    )]
    Busy {
        /// How often it was asked.
        attempts: u32,
    },
    /// The platform did not answer at all.
    #[error(
        "the platform has not answered for {seconds} s: look whether it hangs, and start it or the \
         machine again"
    )]
    Silent {
        /// How long it was waited for.
        seconds: u64,
    },
    /// The platform answered something else.
    #[error(
        "the platform's answer is not usable: {0}. Update its firmware or kernel, or report this"
    )]
    Answer(&'static str),
    /// The kernel refused.
    #[error("cannot use {path}: {source}. See the kernel's log")]
    Io {
        /// What was read or written.
        path: String,
        /// What it said.
        source: io::Error,
    },
    /// The security module of a Nitro enclave refused.
    #[error("the Nitro security module refuses: {0}. Check that this is a Nitro enclave")]
    Nitro(String),
    /// The asker's question is none that is answered.
    #[error("this document is not made: {0}")]
    Question(&'static str),
    /// The TPM or the way to it.
    #[cfg(feature = "tpm")]
    #[error(transparent)]
    Tpm(#[from] TpmError),
}

impl AttestError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotBuilt(_) => "attester_not_built",
            Self::Missing { .. } => "attester_missing",
            Self::Denied { .. } => "attester_denied",
            Self::NoProvider => "attester_no_driver",
            Self::UnknownProvider(_) => "attester_unknown",
            Self::Other { .. } => "attester_other",
            Self::Busy { .. } => "attester_busy",
            Self::Silent { .. } => "attester_silent",
            Self::Answer(_) => "attester_answer",
            Self::Io { .. } => "attester_io",
            Self::Nitro(_) => "attester_nitro",
            Self::Question(_) => "attester_question",
            #[cfg(feature = "tpm")]
            Self::Tpm(error) => error.code(),
        }
    }

    /// Whether the same call may succeed later, with nothing changed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy { .. } => true,
            #[cfg(feature = "tpm")]
            Self::Tpm(error) => error.is_transient(),
            _ => false,
        }
    }
}
