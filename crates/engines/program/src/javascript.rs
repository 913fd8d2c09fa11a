//! The bytes that worker and JavaScript guest exchange (guests/js/ABI.md): a length, u32
//! little-endian, a head of that many bytes of JSON, and what the head says follows.

use bytes::Bytes;
use http::HeaderValue;
use sealwork_engine::Context;
use sealwork_job::{Failure, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Arguments, HttpRequest, arguments::normalized, oyster::Mode};

/// How far a script is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// To where its handler would be asked.
    Asked,
    /// To its handler's answer.
    Answered,
}

/// The job as the guest reads it.
pub(crate) fn input(
    arguments: &Arguments,
    source: &[u8],
    context: &Context,
    deadline: Timestamp,
    memory_bytes: u64,
    until: Until,
) -> Result<Bytes, Failure> {
    let body = arguments.input_bytes(context.input.as_ref())?;
    let secret = arguments.secret()?;
    let is_strict = arguments.oyster == Some(Mode::Strict);
    let fallback = HttpRequest::default();
    let request = arguments.request.as_ref().unwrap_or(&fallback);
    let head = json!({
        "source_len": source.len(),
        "secret_len": secret.as_ref().map(|secret| secret.len()),
        "body_len": body.as_ref().map(Bytes::len),
        "memory_bytes": memory_bytes,
        "rejections": if is_strict { "log" } else { "fail" },
        "evaluation": if is_strict { "refuse" } else { "allow" },
        "trial": until == Until::Asked,
        "request": {
            "method": normalized(&request.method),
            "url": request.url,
            "headers": request.headers,
        },
        "env": {
            "id": context.job.to_string(),
            "requester": context.requester.as_str(),
            "deadline_ms": deadline.as_millis(),
        },
    });
    let mut parts: Vec<&[u8]> = vec![source];
    parts.extend(secret.as_ref().map(|secret| &secret[..]));
    parts.extend(body.as_deref());
    Ok(frame(&head, &parts))
}

/// What the guest handed out: an answer, whose body follows, or a failure.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Head {
    /// `response`, or the failure's code.
    pub(crate) outcome: String,
    /// Of a failure: `start`, the top level, or `answer`.
    pub(crate) phase: String,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body_len: usize,
    pub(crate) name: String,
    pub(crate) message: String,
    pub(crate) stack: String,
    pub(crate) line: Option<u32>,
    pub(crate) column: Option<u32>,
}

impl Head {
    pub(crate) fn is_response(&self) -> bool {
        self.outcome == "response"
    }
}

/// Splits what the guest handed out; `None` when it is not of the guest's form.
pub(crate) fn output(bytes: &Bytes) -> Option<(Head, Bytes)> {
    let (head, rest) = split(bytes)?;
    let head: Head = serde_json::from_slice(&head).ok()?;
    (!head.is_response() || head.body_len == rest.len()).then_some((head, rest))
}

/// One request that the guest sends out; its body follows.
#[derive(Debug, Deserialize)]
pub(crate) struct FetchHead {
    pub(crate) kind: String,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) redirect: String,
    pub(crate) headers: Vec<(String, String)>,
}

/// Splits a request.
pub(crate) fn call(bytes: &Bytes) -> Option<(FetchHead, Bytes)> {
    let (head, body) = split(bytes)?;
    Some((serde_json::from_slice(&head).ok()?, body))
}

/// A header's value as scripts have it: a text in which each character stands for a byte.
pub(crate) fn header_value(text: &str) -> Option<HeaderValue> {
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
    HeaderValue::from_bytes(&bytes?).ok()
}

/// A head and what follows it, in one.
pub(crate) fn frame(head: &impl Serialize, parts: &[&[u8]]) -> Bytes {
    let head = serde_json::to_vec(head).unwrap_or_default();
    let len = u32::try_from(head.len()).unwrap_or(u32::MAX);
    let mut bytes =
        Vec::with_capacity(4 + head.len() + parts.iter().map(|part| part.len()).sum::<usize>());
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(&head);
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes.into()
}

fn split(bytes: &Bytes) -> Option<(Bytes, Bytes)> {
    let (len, _) = bytes.split_first_chunk::<4>()?;
    let end = 4_usize.checked_add(u32::from_le_bytes(*len) as usize)?;
    (end <= bytes.len()).then(|| (bytes.slice(4..end), bytes.slice(end..)))
}
