use std::{fmt, time::Duration};

use sealwork_job::{Code, Failure};
use thiserror::Error;

use crate::address::Range;

/// Why a fetch failed. The texts name hosts, never whole URLs, resolved addresses or headers:
/// those may hold secrets or tell about the operator's network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EgressError {
    /// The guard refuses the URL or an address behind it.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The operator's blacklist names the host.
    #[error("{host} is on the operator's blacklist")]
    Blacklisted {
        /// The host of the refused URL.
        host: String,
    },
    /// The job did not say that it goes there.
    #[error("{host} is not among the hosts that the job declares")]
    Undeclared {
        /// The host of the refused URL.
        host: String,
    },
    /// The name does not exist or could not be resolved.
    #[error("the name {host} could not be resolved")]
    HostNotFound {
        /// The name.
        host: String,
    },
    /// No address behind the host took the connection, or it broke before the request was sent.
    #[error("could not connect to {host}: {reason}")]
    Connect {
        /// The host.
        host: String,
        /// What the network said.
        reason: String,
    },
    /// The TLS handshake failed.
    #[error("the TLS connection to {host} was refused: {reason}")]
    Tls {
        /// The host.
        host: String,
        /// What rustls said.
        reason: String,
    },
    /// A step took too long.
    #[error("the {phase} for {host} took longer than {} ms", .after.as_millis())]
    Timeout {
        /// The host.
        host: String,
        /// The step.
        phase: Phase,
        /// The time it had.
        after: Duration,
    },
    /// The job's own deadline passed.
    #[error("the job's deadline passed while waiting for {host}")]
    Deadline {
        /// The host.
        host: String,
    },
    /// The body trickled in below the minimum rate.
    #[error("{host} sends slower than {floor} bytes per second")]
    TooSlow {
        /// The host.
        host: String,
        /// The least rate, in bytes per second.
        floor: u64,
    },
    /// The answer breaks the protocol or is of no use.
    #[error("the answer of {host} is unusable: {fault}")]
    Upstream {
        /// The host.
        host: String,
        /// What is wrong with it.
        fault: UpstreamFault,
    },
    /// The body exceeds the limit and the request asked for all or nothing.
    #[error("the answer of {host} exceeds {limit} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// The limit, in bytes after decompression.
        limit: u64,
    },
    /// The body grows out of proportion when decompressed.
    #[error("the answer of {host} decompresses to more than {ratio} times its size")]
    Bomb {
        /// The host.
        host: String,
        /// The allowed ratio.
        ratio: u64,
    },
    /// More redirects than the request allows.
    #[error("redirected more than {limit} times, last by {host}")]
    TooManyRedirects {
        /// The host that sent the redirect too many.
        host: String,
        /// The limit.
        limit: u32,
    },
    /// The host asked for a pause that ends after the job's deadline.
    #[error("{host} limits the rate; it asks for a pause of {} s", .wait.as_secs())]
    RateLimited {
        /// The host.
        host: String,
        /// The time left of the pause.
        wait: Duration,
    },
    /// The host's robots.txt forbids it, or cannot be had while the host is failing.
    #[error("the robots.txt of {host} {}", robots_reason(*.status))]
    Robots {
        /// The host.
        host: String,
        /// The status with which the file was refused; `None` when the file itself forbids.
        status: Option<u16>,
    },
    /// The job has used up what its limits allow.
    #[error("the job's limit on {what} is used up")]
    Exhausted {
        /// Which limit, for example `egress_requests`.
        what: &'static str,
    },
}

impl EgressError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Refused(_) | Self::Undeclared { .. } => Code::EgressDenied,
            Self::Blacklisted { .. } => Code::Blacklisted,
            Self::HostNotFound { .. } => Code::HostNotFound,
            Self::Connect { .. } => Code::ConnectFailed,
            Self::Tls { .. } => Code::TlsFailed,
            Self::Timeout { .. } | Self::TooSlow { .. } => Code::UpstreamTimeout,
            Self::Deadline { .. } => Code::DeadlineExceeded,
            Self::Upstream { .. } => Code::UpstreamInvalid,
            Self::TooLarge { .. } | Self::Bomb { .. } => Code::ResponseTooLarge,
            Self::TooManyRedirects { .. } => Code::TooManyRedirects,
            Self::RateLimited { .. } => Code::RateLimited,
            Self::Robots { .. } => Code::RobotsDenied,
            Self::Exhausted { .. } => Code::EgressExhausted,
        }
    }

    /// Whether it is about the job and not about the host: the same for every other URL.
    pub fn is_about_the_job(&self) -> bool {
        matches!(self, Self::Deadline { .. } | Self::Exhausted { .. })
    }
}

impl From<EgressError> for Failure {
    fn from(error: EgressError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

fn robots_reason(status: Option<u16>) -> String {
    match status {
        None => "forbids fetching this address".to_owned(),
        Some(status) => {
            format!("cannot be had (status {status}), which counts as a ban until it can")
        }
    }
}

/// Why the guard refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The text is no URL.
    #[error("the address is no valid URL: {0}")]
    Url(String),
    /// Longer than the limit.
    #[error("the URL is longer than {0} bytes")]
    UrlLength(usize),
    /// Neither `http` nor `https`.
    #[error("the scheme {0} is not fetched; only http and https are")]
    Scheme(String),
    /// User name or password in the URL.
    #[error("the URL carries a user name or password")]
    Credentials,
    /// No host, or none that can be looked up.
    #[error("the URL has no usable host")]
    Host,
    /// A port that the policy refuses.
    #[error("port {0} is not fetched")]
    Port(u16),
    /// The host is, or resolves to, an address that is not public.
    #[error("{host} is {}{range}", if *.resolved { "a name for " } else { "" })]
    Address {
        /// The host as in the URL.
        host: String,
        /// What kind of address.
        range: Range,
        /// Whether the host is a name and the address came from resolving it.
        resolved: bool,
    },
    /// A redirect from https to http.
    #[error("{0} redirects from https to http")]
    Downgrade(String),
    /// A method that opens tunnels or echoes requests.
    #[error("the method {0} is not sent")]
    Method(String),
    /// A header that the connection itself sets.
    #[error("the header {0} is set by the connection and cannot be given")]
    Header(String),
}

/// A step of a fetch that has its own time limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Resolving the name.
    Resolve,
    /// TCP and TLS.
    Connect,
    /// From sending the request to the head of the answer.
    FirstByte,
    /// Waiting for other requests of this worker to end; nothing has been sent.
    Queue,
    /// The whole of the request, redirects and body included.
    Total,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "name resolution",
            Self::Connect => "connection set-up",
            Self::FirstByte => "wait for an answer",
            Self::Queue => "wait for a free place of this worker",
            Self::Total => "whole request",
        })
    }
}

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UpstreamFault {
    /// Not HTTP, or broken framing.
    #[error("it is not valid HTTP")]
    Protocol,
    /// Headers over the limits.
    #[error("its headers are too many or too large")]
    Headers,
    /// The connection ended after the request, with nothing of an answer.
    #[error("the connection ended before it came")]
    NoAnswer,
    /// The connection ended before the body did.
    #[error("it ends before its body is complete")]
    Truncated,
    /// The body does not decompress.
    #[error("its {0} encoding is broken")]
    Encoding(&'static str),
    /// A content encoding that is not understood, or several at once.
    #[error("its content encoding is not supported")]
    EncodingUnknown,
    /// A redirect without a usable location.
    #[error("it redirects without a valid location")]
    Location,
    /// It wants to change the protocol.
    #[error("it switches to another protocol")]
    Upgrade,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_name_is_told_by_kind_and_never_by_address() {
        let refusal = Refusal::Address {
            host: "db.corp.example".to_owned(),
            range: Range::Private,
            resolved: true,
        };
        let failure = Failure::from(EgressError::from(refusal));
        assert_eq!(failure.code, Code::EgressDenied);
        assert_eq!(failure.message, "db.corp.example is a name for a private address");
    }
}
