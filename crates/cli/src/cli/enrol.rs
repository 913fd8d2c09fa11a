//! `sealwork enrol ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ConfigArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum EnrolCommand {
    /// On the worker's machine, first: print the keys of its TPM
    ///
    /// The TPM is the one of the configuration that `serve` would read (TPM_ADDRESS,
    /// TPM_ENDORSEMENT_AUTH).
    Keys {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// As a requester, second: make a challenge that only this TPM with these keys can answer
    ///
    /// The challenge goes to the worker's machine; the file of --keep stays here.
    Challenge(ChallengeArgs),
    /// On the worker's machine, third: have the TPM answer a challenge
    Answer {
        /// The challenge, or `-` for standard input
        challenge: PathBuf,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// As a requester, last: check the answer, and print the entry for a policy
    Confirm(ConfirmArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ChallengeArgs {
    /// What `enrol keys` printed, or `-` for standard input
    pub(crate) keys: PathBuf,
    /// Write what the answer is checked with to this file, which must not exist yet; who reads it
    /// can answer in the TPM's place
    #[arg(long, value_name = "FILE")]
    pub(crate) keep: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ConfirmArgs {
    /// What `enrol answer` printed, or `-` for standard input
    pub(crate) answer: PathBuf,
    /// What `enrol challenge` kept
    #[arg(long, value_name = "FILE")]
    pub(crate) kept: PathBuf,
    /// The last day on which the enrolment counts, as 2027-06-30
    #[arg(long, value_name = "DAY")]
    pub(crate) until: String,
}
