use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::RequesterId;

/// What a door hands to the worker.
#[derive(Clone)]
pub struct Submission {
    /// Where it came from.
    pub origin: Origin,
    /// The job itself.
    pub body: Body,
    /// How the result goes back.
    pub reply: Reply,
    /// The ordered lane it belongs to; most jobs are in none.
    pub lane: Option<LanePosition>,
    /// What a restart does with it when it was running. The engine may raise it to [`Rerun::Once`].
    pub rerun: Rerun,
}

/// Where a submission came from: names the requester when nothing in the body does, and
/// deduplicates what can arrive twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// Over HTTP; the requester is the API key's name, or anonymous.
    Http {
        /// Who holds the API key that was sent.
        requester: RequesterId,
    },
    /// From a chain: the same event never becomes two jobs.
    Chain {
        /// Genesis or chain id, as the door writes it.
        chain: String,
        /// The block's hash.
        block: [u8; 32],
        /// Index of the event or extrinsic in the block.
        index: u32,
        /// The account that asked.
        requester: RequesterId,
    },
}

impl Origin {
    /// Who asks, unless the body names somebody accountable.
    pub fn requester(&self) -> &RequesterId {
        match self {
            Self::Http { requester } | Self::Chain { requester, .. } => requester,
        }
    }

    /// The door that carries the result away from the outbox, by the name of its chain. `None`
    /// when the requester fetches it.
    pub fn outbox(&self) -> Option<&str> {
        match self {
            Self::Http { .. } => None,
            Self::Chain { chain, .. } => Some(chain),
        }
    }
}

/// The job as it arrived.
#[derive(Clone)]
pub enum Body {
    /// A `/v1` envelope (docs/formats.md, "Request envelope").
    Sealed(Bytes),
    /// A Masa job, sealed by a worker (`/job/generate`).
    Masa(Bytes),
    /// The JSON of a [`crate::JobSpec`], readable by everyone.
    Public(Bytes),
}

impl Body {
    /// The bytes as they arrived.
    pub fn bytes(&self) -> &Bytes {
        match self {
            Self::Sealed(bytes) | Self::Masa(bytes) | Self::Public(bytes) => bytes,
        }
    }

    /// How confidential the way in was: what the receipt says as `intake`.
    pub fn intake(&self) -> Intake {
        match self {
            Self::Sealed(_) => Intake::Sealed,
            Self::Masa(_) => Intake::Assisted,
            Self::Public(_) => Intake::Public,
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({:?}, {} bytes)", self.intake(), self.bytes().len())
    }
}

/// How the result goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Sealed under the secret exported from the request's HPKE context.
    Hpke,
    /// Sealed in Masa's ring mode, under a key bound to the job's nonce.
    MasaRing,
    /// Readable by everyone.
    Public,
    /// No result goes back; the receipt alone remains.
    None,
}

/// How the plaintext reached the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intake {
    /// Sealed by the requester: nobody else saw it.
    Sealed,
    /// A worker sealed it for the requester (Masa).
    Assisted,
    /// In the open.
    Public,
}

/// What a restart does with a job that was running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rerun {
    /// Run it again: nothing happens twice that matters.
    Idempotent,
    /// Settle it as `interrupted`: it pays, posts, or otherwise must not happen twice.
    Once,
}

/// A totally ordered sequence of jobs, for example a chain's shard.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LaneId(pub String);

/// A place in a lane.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LanePosition {
    /// Which lane.
    pub lane: LaneId,
    /// Its place; jobs of a lane run one at a time, in ascending order.
    pub position: u64,
}
