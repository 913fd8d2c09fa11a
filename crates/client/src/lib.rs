//! The requester's side: seals jobs, submits and follows them, opens results, verifies receipts.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use sealwork_client::{Attestation, Client, Policy, SealOptions};
//! use sealwork_job::JobSpec;
//!
//! # let policy_json = b"";
//! let policy = Policy::from_json(policy_json)?;
//! let client = Client::builder("https://worker.example:8443/")?
//!     .attestation(Attestation::new(policy))
//!     .build()?;
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
//! A job is sealed to a worker whose evidence satisfies the policy, and to no other. Without a
//! policy nothing is sealed, unless [`ClientBuilder::unattested`] says that no evidence is wanted.
//!
//! Plaintext never leaves the machine, except through [`Client::masa`], which says so.
#![forbid(unsafe_code)]

mod archive;
mod attestation;
mod client;
mod connect;
mod error;
mod evidence;
mod handle;
mod http;
mod jobs;
mod keys;
mod masa;
mod receipts;
mod recipient;
mod result;
mod retry;
mod sealing;
mod trust;
mod wire;

pub use archive::time_of_judgement;
pub use attestation::Attestation;
pub use client::{Client, ClientBuilder};
pub use error::{ClientError, HandleError, Refusal, SetupPart, Unproven, VerifyError};
pub use evidence::WorkerEvidence;
pub use handle::JobHandle;
pub use masa::Masa;
pub use recipient::Recipient;
pub use result::{JobFailure, JobOutput, JobResult, OpenedResult, VerifiedReceipt};
pub use retry::RetryPolicy;
pub use sealing::{SealOptions, SealedJob, seal_job};
pub use sealwork_seal::{RequesterKey, Suite};
pub use sealwork_verify::{Endorsements, Policy, Trusted, Watermark};
pub use trust::Trust;
pub use wire::{Availability, Capabilities, EngineCapability, Status};
