//! How a door behaves.

use std::time::Duration;

use crate::{auth::ApiKey, error::DoorError, tls::TlsIdentity};

/// How a door behaves. Everything has a bound; the defaults suit a public worker.
#[derive(Debug, Clone, Default)]
pub struct DoorConfig {
    /// Bounds on connections and their silence.
    pub connections: ConnectionLimits,
    /// Bounds on single requests.
    pub requests: RequestLimits,
    /// Who may come in. Empty: everybody.
    pub api_keys: Vec<ApiKey>,
    /// A key that opens everything, `/debug` and `/metrics` among it. These are open to everybody
    /// only when neither this nor any other key is set; a key of `api_keys` opens them when it is
    /// an admin's.
    pub admin_key: Option<ApiKey>,
    /// Which web pages may call from a browser.
    pub cors: Cors,
    /// The certificate and its key. Absent: plain HTTP.
    pub tls: Option<TlsIdentity>,
    /// Serves `/metrics` without an API key.
    pub metrics_public: bool,
}

/// Bounds on connections.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Open connections at once; more are answered 503 and closed.
    pub total: usize,
    /// Open connections at once from one IPv4 address or one IPv6 /64. Behind a proxy every
    /// client has the proxy's address: raise this to [`Self::total`] there.
    pub per_address: usize,
    /// For the TLS handshake, and for the whole head of a request from its first byte.
    pub head_timeout: Duration,
    /// For a kept-alive connection between two requests.
    pub idle_timeout: Duration,
    /// The least progress of a client that reads an answer.
    pub download: Pace,
    /// For taking an answer of more than 16 KiB, and a window of [`Self::answers`] more for each so many
    /// bytes of it. It bounds how long an answer holds the memory that it takes.
    pub answer_timeout: Duration,
    /// See [`Self::answer_timeout`].
    pub answers: Pace,
    /// Requests at once on one HTTP/2 connection.
    pub http2_streams: u32,
    /// For requests in flight when the door shuts down.
    pub drain_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            total: 4096,
            per_address: 512,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            download: Pace { bytes: 8 * 1024, window: Duration::from_secs(20) },
            answer_timeout: Duration::from_secs(120),
            answers: Pace { bytes: 64 * 1024, window: Duration::from_secs(1) },
            http2_streams: 128,
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// Bounds on one request.
#[derive(Debug, Clone)]
pub struct RequestLimits {
    /// Bytes of a body.
    pub body_bytes: u64,
    /// Bytes of a body of `/job/result`, where that is more: it holds the sealed text of a whole
    /// result. Such a body is on the disk, not in memory.
    pub result_body_bytes: u64,
    /// Bytes of the path and query and of all header names and values together, at least 8192.
    pub header_bytes: usize,
    /// Number of headers.
    pub header_count: usize,
    /// The least progress of a client that sends a body.
    pub upload: Pace,
    /// From the head to the answer, the body included. A long poll may wait its time on top.
    pub timeout: Duration,
    /// Bytes of bodies and answers in memory, all requests together; at least twice
    /// [`Self::body_bytes`]. What finds no room is answered 503. A sixteenth is kept for bodies and
    /// answers of at most 16 KiB; of the rest no API key has more than seven eighths, and no address
    /// without one.
    pub bytes_in_flight: u64,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            body_bytes: 8 * 1024 * 1024,
            result_body_bytes: 128 * 1024 * 1024,
            header_bytes: 16 * 1024,
            header_count: 100,
            upload: Pace { bytes: 4 * 1024, window: Duration::from_secs(10) },
            timeout: Duration::from_secs(60),
            bytes_in_flight: 256 * 1024 * 1024,
        }
    }
}

/// At least so many bytes in each window of time in which the peer keeps us waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Bytes.
    pub bytes: u64,
    /// The window.
    pub window: Duration,
}

/// Which origins a browser may call from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cors {
    /// None: no CORS header is ever sent.
    #[default]
    Off,
    /// Any. Credentials are API keys in headers, never cookies, so this gives no page more than
    /// it already has.
    Any,
    /// Exactly these, each as a browser writes it: `https://portal.example`, no path.
    Origins(Vec<String>),
}

impl Cors {
    /// Reads a comma-separated list: empty is off, `*` is any.
    pub fn from_list(text: &str) -> Self {
        let origins: Vec<String> =
            text.split(',').map(str::trim).filter(|o| !o.is_empty()).map(str::to_owned).collect();
        match origins.as_slice() {
            [] => Self::Off,
            list if list.iter().any(|origin| origin == "*") => Self::Any,
            _ => Self::Origins(origins),
        }
    }
}

impl DoorConfig {
    /// Refuses limits under which no request could succeed.
    pub(crate) fn check(&self) -> Result<(), DoorError> {
        let limit = |name, value: u64, least| {
            if value < least { Err(DoorError::Limit { name, least }) } else { Ok(()) }
        };
        limit("total connections", self.connections.total as u64, 1)?;
        limit("connections per address", self.connections.per_address as u64, 1)?;
        limit("HTTP/2 streams", u64::from(self.connections.http2_streams), 1)?;
        limit("header bytes", self.requests.header_bytes as u64, 8192)?;
        limit("header count", self.requests.header_count as u64, 8)?;
        let bodies = self.requests.body_bytes.saturating_mul(2);
        limit("bytes in flight", self.requests.bytes_in_flight, bodies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_origins_reads_as_off_any_or_exactly_those() {
        assert_eq!(Cors::from_list(" "), Cors::Off);
        assert_eq!(Cors::from_list("https://a.example, *"), Cors::Any);
        assert_eq!(
            Cors::from_list("https://a.example,http://b.example:81"),
            Cors::Origins(vec!["https://a.example".to_owned(), "http://b.example:81".to_owned()])
        );
    }

    #[test]
    fn limits_that_refuse_everything_are_errors() {
        let mut config = DoorConfig::default();
        assert!(config.check().is_ok());
        config.requests.header_bytes = 100;
        assert!(matches!(config.check(), Err(DoorError::Limit { name: "header bytes", .. })));
        let mut config = DoorConfig::default();
        config.requests.body_bytes = 256 << 20;
        assert!(matches!(config.check(), Err(DoorError::Limit { name: "bytes in flight", .. })));
    }
}
