//! Exit codes, and errors that say what happened and what to do about it.

use std::process::ExitCode;

use sealwork_client::ClientError;
use sealwork_job::JobId;
use sealwork_verify::Reason;

/// How a command ended. The numbers are documented in the help and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; for a job: it succeeded.
    Ok,
    /// The job failed or was cancelled.
    JobFailed,
    /// Wrong usage: an argument, a file, the configuration.
    Usage,
    /// The worker cannot be reached.
    Connection,
    /// The worker refused.
    Refused,
    /// Verification failed.
    Verification,
    /// The time for waiting is over.
    StillRunning,
    /// This machine is at fault.
    Local,
    /// A check failed.
    CheckFailed,
    /// A program that ran here ended with this code of its own.
    Program(u8),
}

impl Exit {
    /// The process's exit code.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::JobFailed => 1,
            Self::Usage => 2,
            Self::Connection => 3,
            Self::Refused => 4,
            Self::Verification => 5,
            Self::StillRunning => 6,
            Self::Local => 7,
            Self::CheckFailed => 8,
            Self::Program(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct CliError {
    /// How to end.
    pub(crate) exit: Exit,
    /// A stable code.
    pub(crate) code: String,
    /// What happened.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: String,
    /// Everything that is wrong with evidence, where that is why.
    pub(crate) reasons: Vec<Reason>,
    /// The accepted job that it is about.
    pub(crate) job: Option<JobId>,
}

impl CliError {
    /// Wrong usage.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message, hint)
    }

    /// This machine is at fault.
    pub(crate) fn local(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Exit::Local, "local", message, hint)
    }

    /// Something is not what it claims.
    pub(crate) fn verification(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Exit::Verification, "verification", message, hint)
    }

    /// Any other.
    pub(crate) fn new(
        exit: Exit,
        code: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let (message, hint) = (message.into(), hint.into());
        Self { exit, code: code.to_owned(), message, hint, reasons: Vec::new(), job: None }
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        let exit = match &error {
            ClientError::Unreachable { .. }
            | ClientError::Untrusted { .. }
            | ClientError::Timeout { .. }
            | ClientError::Protocol { .. } => Exit::Connection,
            ClientError::Refused(_) => Exit::Refused,
            ClientError::Verification(_)
            | ClientError::NoEvidence(_)
            | ClientError::EvidenceRejected(_)
            | ClientError::ReceiptRejected(_) => Exit::Verification,
            ClientError::StillRunning { .. } => Exit::StillRunning,
            ClientError::Sink(_) => Exit::Local,
            _ => Exit::Usage,
        };
        let hint = match &error {
            ClientError::Untrusted { .. } => "for a worker with a self-made certificate use \
                --ca-cert or --pin-cert; one with STANDALONE speaks http:// alone; otherwise \
                somebody may be in between"
                .to_owned(),
            ClientError::Unreachable { .. } => {
                format!("{}; the address comes from --worker-url, else SEALWORK_URL", error.hint())
            }
            ClientError::NoPolicy => {
                "`sealwork policy init --from URL --out policy.json` writes one \
                from a worker; review it, then give --policy policy.json or set SEALWORK_POLICY. \
                To seal without evidence: --unattested"
                    .to_owned()
            }
            ClientError::NoEvidence(_) => {
                format!("{}; --unattested seals to it all the same", error.hint())
            }
            _ => error.hint(),
        };
        let reasons = error.reasons().to_vec();
        Self {
            exit,
            code: error.code().to_owned(),
            message: error.to_string(),
            hint,
            reasons,
            job: None,
        }
    }
}

/// What each command gives back.
pub(crate) type CliResult = Result<Exit, CliError>;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sealwork_client::{HandleError, Refusal, SetupPart, Unproven, VerifyError};
    use sealwork_job::JobId;
    use sealwork_verify::Rejected;

    use super::*;

    const DOCUMENTED: &str = include_str!("config/docs/errors-command-line.md");

    #[test]
    fn each_kind_of_client_error_has_its_exit_code_and_a_hint() {
        let rejected = || Box::new(Rejected { reasons: Vec::new(), claims: None });
        let origin = || "http://h".to_owned();
        let reason = String::new;
        let refusal = Refusal {
            status: 503,
            code: "queue_full".to_owned(),
            detail: String::new(),
            hint: None,
            retryable: true,
            retry_after: None,
            job: None,
        };
        let mismatch =
            VerifyError::Mismatch { what: "x", expected: String::new(), got: String::new() };
        let after = Duration::from_secs(1);
        let job = JobId::from_random([1; 16]);
        let setup = ClientError::Setup { part: SetupPart::ApiKey, reason: reason() };
        for (error, exit) in [
            (setup, Exit::Usage),
            (ClientError::Unreachable { origin: origin(), reason: reason() }, Exit::Connection),
            (ClientError::Untrusted { origin: origin(), reason: reason() }, Exit::Connection),
            (ClientError::Timeout { origin: origin(), after }, Exit::Connection),
            (ClientError::Protocol { origin: origin(), reason: reason() }, Exit::Connection),
            (ClientError::Refused(refusal), Exit::Refused),
            (ClientError::NoKey(Vec::new()), Exit::Usage),
            (ClientError::Verification(mismatch), Exit::Verification),
            (ClientError::StillRunning { job, state: String::new() }, Exit::StillRunning),
            (ClientError::Handle(HandleError::Secrets), Exit::Usage),
            (ClientError::Sink(std::io::ErrorKind::StorageFull.into()), Exit::Local),
            (ClientError::NoPolicy, Exit::Usage),
            (ClientError::NoEvidence(Unproven::KeyConfig), Exit::Verification),
            (ClientError::EvidenceRejected(rejected()), Exit::Verification),
            (ClientError::ReceiptRejected(rejected()), Exit::Verification),
        ] {
            let (code, error) = (error.code().to_owned(), CliError::from(error));
            assert_eq!((error.exit, &error.code), (exit, &code));
            let row = format!("| `{code}` | {} |", exit.number());
            assert!(exit == Exit::Refused || DOCUMENTED.contains(&row), "{code} is in no document");
            assert!(!error.hint.is_empty(), "{code}");
        }
    }
}
