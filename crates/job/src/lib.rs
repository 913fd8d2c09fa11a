//! The words of the domain: ids, jobs, submissions, limits, usage, states and codes.
//!
//! No I/O, no clock, no cryptography: every other crate speaks in these types.
#![forbid(unsafe_code)]

mod code;
mod id;
mod limits;
mod outcome;
mod refusal;
mod spec;
mod state;
mod submission;
mod time;

pub use code::{Code, Family};
pub use id::{Digest, IdError, InstanceId, JobId, RequesterId, WorkerId};
pub use limits::{Limits, Usage};
pub use outcome::{Failure, Outcome, Output};
pub use refusal::Refusal;
pub use spec::{EngineName, JobSpec, MAX_ARGUMENT_DEPTH, SpecError};
pub use state::{JobState, WaitReason};
pub use submission::{Body, Intake, LaneId, LanePosition, Origin, Reply, Rerun, Submission};
pub use time::Timestamp;
