use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Code;

/// What a job came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It produced output.
    Output(Output),
    /// It failed.
    Failure(Failure),
}

impl Outcome {
    /// `ok`, or the failure's code: what the receipt and the status show.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Output(_) => "ok",
            Self::Failure(failure) => failure.code.as_str(),
        }
    }

    /// The failure, if it is one.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Output(_) => None,
            Self::Failure(failure) => Some(failure),
        }
    }
}

/// A job's output.
#[derive(Clone, PartialEq, Eq)]
pub struct Output {
    /// The bytes.
    pub data: Bytes,
    /// Their media type, for example `application/json`.
    pub media_type: String,
    /// Where the next page begins, when there is one.
    pub next_cursor: Option<String>,
}

impl Output {
    /// JSON output without a cursor.
    pub fn json(data: impl Into<Bytes>) -> Self {
        Self { data: data.into(), media_type: "application/json".to_owned(), next_cursor: None }
    }
}

impl std::fmt::Debug for Output {
    /// Shows the size, never the data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Output({}, {} bytes)", self.media_type, self.data.len())
    }
}

/// Why a job failed. The message is the requester's: it is sealed like output, never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The stable code.
    pub code: Code,
    /// What happened, for a person. May quote the job; carries no secret of the worker.
    pub message: String,
    /// What a refusal says in its place, because it goes out in the clear: no part of the job.
    #[serde(skip)]
    in_clear: Option<String>,
}

impl Failure {
    /// A failure with its code and text.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), in_clear: None }
    }

    /// Adds what is said of it outside the sealed result: for a message that quotes the job.
    #[must_use]
    pub fn in_clear(mut self, text: impl Into<String>) -> Self {
        self.in_clear = Some(text.into());
        self
    }

    /// Its text for the clear.
    pub fn into_clear(self) -> String {
        self.in_clear.unwrap_or(self.message)
    }
}

impl std::fmt::Debug for Failure {
    /// Shows the code only: the message may quote the job.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Failure({})", self.code)
    }
}
