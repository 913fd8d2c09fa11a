use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What a waiting job waits for. It holds no slot and no plaintext meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// A publisher's grant.
    Grant,
    /// Content to be fetched.
    Fetch,
    /// Its turn in its lane.
    Turn,
}

/// Where a job stands on the one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum JobState {
    /// On disk, queued.
    Accepted,
    /// Held back, without a slot.
    Waiting {
        /// For what.
        reason: WaitReason,
    },
    /// An engine works on it.
    Running {
        /// Since when.
        since: Timestamp,
    },
    /// Done: result and receipt are on disk.
    Settled {
        /// `ok`, or the failure's code.
        code: String,
        /// Since when.
        at: Timestamp,
    },
    /// Settled, and handed out at least once.
    Delivered {
        /// `ok`, or the failure's code.
        code: String,
        /// When it settled.
        at: Timestamp,
    },
}

impl JobState {
    /// One word: `accepted`, `waiting`, `running`, `settled`, `delivered`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Waiting { .. } => "waiting",
            Self::Running { .. } => "running",
            Self::Settled { .. } => "settled",
            Self::Delivered { .. } => "delivered",
        }
    }

    /// Whether there is a result to fetch.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Settled { .. } | Self::Delivered { .. })
    }
}
