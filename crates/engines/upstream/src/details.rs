use sealwork_job::{Code, Failure};
use serde::Serialize;
use serde_json::Value;

/// What a result says beside its items: in the details of the sealed result on `/v1`.
///
/// ```json
/// {"way":"apify","complete":false,"returned":12,"unreadable":1,"filtered":0,
///  "stopped":{"code":"rate_limited","message":"…","retryable":true}}
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Details {
    /// The way that answered: `apify`, `api`, `credential`, `transcription`.
    pub way: &'static str,
    /// Whether everything that was asked for and is there has come, the pages after
    /// `next_cursor` left aside.
    pub complete: bool,
    /// Items in the result.
    pub returned: u64,
    /// Items that were left out because they have no form that is known.
    pub unreadable: u64,
    /// Items that were left out because the arguments exclude them.
    pub filtered: u64,
    /// Why it is not complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// Where a failed job's result begins, when what it fetched costs nothing to fetch again: give
    /// it as `next_cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
    /// Arguments above the operator's limit, and the limit that took their place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capped: Vec<Capped>,
    /// Ways that were tried before, and why they gave nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Tried>,
}

/// Why a result is not complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// The code that the whole job would have failed with.
    pub code: Code,
    /// What happened.
    pub message: String,
    /// Whether trying again makes sense.
    pub retryable: bool,
}

/// An argument that was cut to the operator's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Capped {
    /// Its name.
    pub argument: &'static str,
    /// What was asked for.
    pub asked: u64,
    /// What was used.
    pub used: u64,
}

/// A way that gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// Which.
    pub way: &'static str,
    /// Why it gave nothing.
    pub code: Code,
}

impl Capped {
    /// `asked`, or `most` when it is more; then notes that in `capped`.
    pub fn cap(argument: &'static str, asked: u64, most: u64, capped: &mut Vec<Self>) -> u64 {
        if asked > most {
            capped.push(Self { argument, asked, used: most });
        }
        asked.min(most)
    }
}

impl Details {
    /// As JSON.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Why a result is not complete of which items were left out because they have no form that is
/// known.
pub fn left_out(unreadable: u64) -> Option<Failure> {
    let text =
        format!("items that were left out, as this worker does not know their form: {unreadable}");
    (unreadable > 0).then(|| Failure::new(Code::UpstreamChanged, text))
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        let Failure { code, message, .. } = failure;
        Self { code, message, retryable: code.retryable() }
    }
}
