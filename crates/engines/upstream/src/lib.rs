//! What the engines share that ask upstream APIs: a JSON client over egress, errors with codes,
//! arguments, results that grow within their limit, and runs of Apify actors.
//!
//! * [`Upstream`] sends a [`Call`] beneath its configured base address and gives an [`Answer`].
//! * [`UpstreamError`] maps whatever an upstream does to one stable code. It quotes nothing of what
//!   the upstream said: an upstream may send a token back.
//! * [`Secret`] holds a token, prints nothing, and finds itself in what goes out; [`Secrets`] are all
//!   those of a worker.
//! * [`Fields`] reads arguments; its errors name the field and the allowed values.
//! * [`ItemList`] is a JSON array within the job's output limit; [`Details`] says beside it which
//!   way answered and whether something is missing.
//! * [`Apify`] starts an actor once, waits for it, stops it when the job stops, and pages its
//!   dataset.
//! * [`Operation`] is one line of an engine's capabilities, with the reason when it is missing.
#![forbid(unsafe_code)]

mod answer;
pub mod apify;
mod arguments;
mod array;
mod call;
mod capability;
mod client;
mod cursor;
mod details;
mod error;
mod items;
pub mod objects;
mod rate;
mod rest;
mod scope;
mod secret;
mod secrets;
mod shape;
mod site;
mod stop;
mod time;

pub use answer::{Answer, read_json};
pub use apify::{Apify, ApifyConfig};
pub use arguments::{FieldError, Fields};
pub use array::{ArrayError, ArrayReader, Found};
pub use call::Call;
pub use capability::{Availability, Operation, Social, not_configured, working};
pub use client::{Upstream, egress_limits};
pub use cursor::{CursorError, CursorKey};
pub use details::{Capped, Details, Stopped, Tried, left_out};
pub use error::{Fault, UpstreamError};
pub use items::ItemList;
pub use rate::RateLimit;
pub use rest::growing;
pub use scope::job_scope;
pub use secret::Secret;
pub use secrets::Secrets;
pub use shape::{Number, Text, holds, or_empty};
pub use site::site_url;
pub use stop::{Stop, unless_stopped};
pub use time::rfc3339;
