use std::{fmt::Write as _, io, net::IpAddr, sync::Arc, time::Duration};

use http::{HeaderValue, Method, Uri};
use sealwork_job::Timestamp;
use sealwork_platform::Clock;

use super::writer::Writer;

/// Query parameters whose values are harmless and tell something; all others are left out.
const SHOWN_PARAMETERS: [&str; 3] = ["wait", "seconds", "level"];
/// The longest text that is taken over from a client.
const MAX_TEXT: usize = 256;

/// One JSON line per request: the fields of Masa's access log.
///
/// A line shows the path, the host and the `User-Agent`, and of a query `wait`, `seconds` and `level`;
/// of headers, queries and bodies it shows nothing else, so that no key, token or job can get into it. Lines go through a bounded buffer
/// to a thread that writes them; when its output does not keep up, lines are dropped, and a line
/// says how many.
#[derive(Clone)]
pub struct AccessLog {
    clock: Arc<dyn Clock>,
    writer: Arc<Writer>,
}

impl AccessLog {
    /// A log on the standard output.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn stdout(clock: Arc<dyn Clock>) -> io::Result<Self> {
        Self::to(clock, io::stdout())
    }

    /// A log on `out`. What is still buffered when the last clone is dropped is written then.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn to(clock: Arc<dyn Clock>, out: impl io::Write + Send + 'static) -> io::Result<Self> {
        Ok(Self { clock, writer: Arc::new(Writer::start(Box::new(out))?) })
    }

    pub(super) fn write(
        &self,
        line: &Line,
        status: u16,
        code: &str,
        bytes_out: Option<u64>,
        latency: Duration,
    ) {
        let now = self.clock.now();
        self.writer.append(|out| line.render(out, now, status, code, bytes_out, latency));
    }
}

impl std::fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccessLog")
    }
}

/// What a line shows of a request. Cheap to make: the parts share the request's memory.
pub(super) struct Line {
    pub(super) id: HeaderValue,
    pub(super) peer: Option<IpAddr>,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) host: Option<HeaderValue>,
    pub(super) user_agent: Option<HeaderValue>,
    pub(super) bytes_in: Option<u64>,
}

impl Line {
    /// Appends the line. Writing to a string cannot fail.
    fn render(
        &self,
        out: &mut String,
        now: Timestamp,
        status: u16,
        code: &str,
        bytes_out: Option<u64>,
        latency: Duration,
    ) {
        out.push_str("{\"time\":\"");
        time(out, now);
        out.push_str("\",\"id\":\"");
        out.push_str(self.id.to_str().unwrap_or_default());
        out.push_str("\",\"remote_ip\":\"");
        if let Some(peer) = self.peer {
            let _ = write!(out, "{}", peer.to_canonical());
        }
        out.push_str("\",\"host\":\"");
        escape(out, header(self.host.as_ref()));
        out.push_str("\",\"method\":\"");
        escape(out, self.method.as_str());
        out.push_str("\",\"uri\":\"");
        escape(out, self.uri.path());
        query(out, self.uri.query());
        out.push_str("\",\"user_agent\":\"");
        escape(out, header(self.user_agent.as_ref()));
        let _ = writeln!(
            out,
            "\",\"status\":{status},\"error\":\"{code}\",\"latency\":{},\"latency_human\":\"{latency:?}\",\"bytes_in\":{},\"bytes_out\":{}}}",
            latency.as_nanos(),
            self.bytes_in.unwrap_or(0),
            bytes_out.unwrap_or(0),
        );
    }
}

fn time(out: &mut String, now: Timestamp) {
    let time = i64::try_from(now.as_millis())
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let _ = write!(out, "{:.3}", time.unwrap_or(jiff::Timestamp::UNIX_EPOCH));
}

fn header(value: Option<&HeaderValue>) -> &str {
    value.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Appends the harmless parameters; an ellipsis stands for the rest.
fn query(out: &mut String, query: Option<&str>) {
    let (mut sign, mut hidden) = ('?', false);
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let harmless = SHOWN_PARAMETERS.contains(&name)
            && value.len() <= 8
            && value.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
        if harmless {
            let _ = write!(out, "{sign}{name}={value}");
            sign = '&';
        }
        hidden |= !harmless;
    }
    if hidden {
        let _ = write!(out, "{sign}…");
    }
}

/// Appends `text` as the inside of a JSON string, cut at [`MAX_TEXT`] bytes.
fn escape(out: &mut String, text: &str) {
    let text = match text.char_indices().find(|(at, _)| *at >= MAX_TEXT) {
        Some((at, _)) => text.get(..at).unwrap_or_default(),
        None => text,
    };
    if text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\' && b != 0x7f) {
        out.push_str(text);
        return;
    }
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(uri: &str, user_agent: &'static str) -> Line {
        Line {
            id: HeaderValue::from_static("0-1"),
            peer: Some("::ffff:10.1.2.3".parse().unwrap()),
            method: Method::GET,
            uri: uri.parse().unwrap(),
            host: Some(HeaderValue::from_static("worker.example")),
            user_agent: Some(HeaderValue::from_static(user_agent)),
            bytes_in: Some(7),
        }
    }

    fn rendered(line: &Line) -> serde_json::Value {
        let mut out = String::new();
        let latency = Duration::from_micros(1500);
        line.render(&mut out, Timestamp(1_795_000_000_123), 200, "", Some(9), latency);
        assert!(out.ends_with('\n') && out.matches('\n').count() == 1, "{out}");
        serde_json::from_str(&out).unwrap()
    }

    #[test]
    fn a_line_has_the_fields_of_masas_access_log() {
        let line = rendered(&line("/v1/jobs/x?wait=30", "curl/8"));
        assert_eq!(
            line,
            serde_json::json!({
                "time": "2026-11-18T11:06:40.123Z", "id": "0-1", "remote_ip": "10.1.2.3",
                "host": "worker.example", "method": "GET", "uri": "/v1/jobs/x?wait=30",
                "user_agent": "curl/8", "status": 200, "error": "", "latency": 1_500_000,
                "latency_human": "1.5ms", "bytes_in": 7, "bytes_out": 9,
            })
        );
    }

    #[test]
    fn parameters_that_could_hold_a_secret_are_left_out_and_others_stay() {
        for (uri, shown) in [
            ("/a?api_key=s3cret", "/a?…"),
            ("/a?s3cret", "/a?…"),
            ("/a?wait=5&token=s3cret", "/a?wait=5&…"),
            ("/a?wait=S3CRET", "/a?…"),
            ("/a?wait=123456789", "/a?…"),
            ("/a?", "/a"),
        ] {
            assert_eq!(rendered(&line(uri, "x"))["uri"], shown, "{uri}");
        }
    }

    #[test]
    fn quotes_backslashes_and_endless_texts_cannot_break_a_line() {
        assert_eq!(rendered(&line("/", "a\"b\\c\td"))["user_agent"], "a\"b\\c\td");
        let long = format!("/{}", "x".repeat(5000));
        assert_eq!(rendered(&line(&long, "x"))["uri"].as_str().unwrap().len(), MAX_TEXT);
    }
}
