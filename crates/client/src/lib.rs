//! The requester's side: seals jobs, submits and follows them, opens results, verifies receipts.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use sealwork_client::{Client, SealOptions};
//! use sealwork_job::JobSpec;
//!
//! let client = Client::builder("https://worker.example:8443/")?.build()?;
//! let spec = JobSpec::from_json(br#"{"engine":"web","arguments":{"url":"https://example.com/"}}"#)?;
//! let result = client
//!     .run(&spec, &SealOptions::default(), Duration::from_secs(300), |status| {
//!         eprintln!("{}", status.state);
//!     })
//!     .await?;
//! match &result.outcome {
//!     Ok(output) => println!("{} bytes of {}", output.data.len(), output.media_type),
//!     Err(failure) => eprintln!("{}: {}", failure.code, failure.message),
//! }
//! println!("receipt {}", result.receipt.digest);
//! # Ok(())
//! # }
//! ```
//!
//! Plaintext never leaves the machine, except through [`Client::masa`], which says so.
#![forbid(unsafe_code)]

mod client;
mod connect;
mod error;
mod handle;
mod http;
mod jobs;
mod masa;
mod receipts;
mod result;
mod retry;
mod sealing;
mod trust;
mod wire;

pub use client::{Client, ClientBuilder};
pub use error::{ClientError, HandleError, Refusal, SetupPart, VerifyError};
pub use handle::JobHandle;
pub use masa::Masa;
pub use result::{JobFailure, JobOutput, JobResult, OpenedResult, VerifiedReceipt};
pub use retry::RetryPolicy;
pub use sealing::{SealOptions, SealedJob, seal_job};
pub use sealwork_seal::{RequesterKey, Suite};
pub use trust::Trust;
pub use wire::{Capabilities, EngineCapability, Status};
