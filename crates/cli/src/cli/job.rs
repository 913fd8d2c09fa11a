//! `sealwork job ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use sealwork_job::JobId;

use super::{AttestArgs, WorkerArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Seal a job, submit it, wait, open its result and verify its receipt
    Run(RunArgs),
    /// Seal and submit a job, and keep its handle for later
    Submit(SubmitArgs),
    /// Say where a job stands
    Status(HandleArgs),
    /// Wait until a job has settled
    Wait(WaitArgs),
    /// Fetch, open and verify a job's result
    Result(ResultArgs),
    /// Ask the worker to stop a job; exit code 4 when it came to its end before
    Cancel(HandleArgs),
    /// Fetch and verify a receipt that the worker keeps, also when the job's result is gone
    Receipt(KeptReceiptArgs),
}

/// A job on its way out.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    pub(crate) spec: SpecArgs,
    #[command(flatten)]
    pub(crate) seal: SealArgs,
    #[command(flatten)]
    pub(crate) attest: AttestArgs,
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) send: SendArgs,
    #[command(flatten)]
    pub(crate) wait: WaitFor,
    /// Also keep the handle, so that an interrupted wait can go on with `job result`
    #[arg(long, value_name = "FILE")]
    pub(crate) handle: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) out: OutArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SubmitArgs {
    #[command(flatten)]
    pub(crate) send: SendArgs,
    /// Where to keep the handle: a new file, readable by you alone. Whoever has it can follow and
    /// cancel the job and open its result
    #[arg(long, value_name = "FILE", help_heading = "Result")]
    pub(crate) handle: PathBuf,
}

/// A job that was submitted before.
#[derive(Debug, Args)]
pub(crate) struct HandleArgs {
    /// The handle that `job submit` wrote
    #[arg(value_name = "HANDLE")]
    pub(crate) handle: PathBuf,
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    #[command(flatten)]
    pub(crate) handle: HandleArgs,
    #[command(flatten)]
    pub(crate) wait: WaitFor,
}

#[derive(Debug, Args)]
pub(crate) struct ResultArgs {
    #[command(flatten)]
    pub(crate) handle: HandleArgs,
    #[command(flatten)]
    pub(crate) attest: AttestArgs,
    #[command(flatten)]
    pub(crate) wait: WaitFor,
    #[command(flatten)]
    pub(crate) out: OutArgs,
}

#[derive(Debug, Args)]
pub(crate) struct KeptReceiptArgs {
    /// The job's id
    #[arg(value_name = "JOB", required_unless_present = "sequence", conflicts_with = "sequence")]
    pub(crate) job: Option<JobId>,
    /// The receipt's number in the worker's chain, from 0, in place of a job's id
    #[arg(long, value_name = "N")]
    pub(crate) sequence: Option<u64>,
    #[command(flatten)]
    pub(crate) attest: AttestArgs,
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
    /// Write the receipt to this file, for `verify receipt`
    #[arg(long, short, value_name = "FILE", help_heading = "Result")]
    pub(crate) out: Option<PathBuf>,
}

/// How long to wait.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Waiting")]
pub(crate) struct WaitFor {
    /// Give up waiting after this many seconds; the job itself goes on
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: Option<u64>,
}

/// Where the opened result goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Result")]
pub(crate) struct OutArgs {
    /// Write the output to this new file, readable by you alone, instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write the receipt to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    /// How to print the output and the receipt
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "auto")]
    pub(crate) format: FormatArg,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// `text` on a terminal, `raw` elsewhere
    Auto,
    /// The output byte for byte, and nothing else
    Raw,
    /// Readable pages, usage and the receipt
    Text,
}

/// What is asked for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Job")]
pub(crate) struct SpecArgs {
    /// The engine: `web`, `program`, `telemetry`, or another one that the worker offers
    #[arg(help_heading = None::<&str>)]
    pub(crate) engine: String,
    /// Arguments: a JSON object, `@FILE`, or `-` for standard input
    #[arg(long, value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    pub(crate) args: Option<String>,
    /// One argument more, as JSON or else as text: digits that are a text have quotes, as in
    /// 'query="20"'; may be repeated
    #[arg(long = "arg", value_name = "NAME=VALUE", value_parser = super::name_value)]
    pub(crate) arg: Vec<(String, String)>,
    /// Short for the argument `url` (engine web)
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Short for the argument `max_depth` (engine web): 1 is the start page alone
    #[arg(long, value_name = "N")]
    pub(crate) depth: Option<u32>,
    /// Short for the argument `max_pages` (engine web)
    #[arg(long, value_name = "N")]
    pub(crate) max_pages: Option<u32>,
    /// Short for the argument `selector` (engine web)
    #[arg(long, value_name = "CSS")]
    pub(crate) selector: Option<String>,
    /// Short for the argument `program` (engine program): JavaScript (.js, .mjs), or a WebAssembly
    /// module
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Option<PathBuf>,
    /// Stop the job after this many seconds of run time
    #[arg(long, value_name = "SECONDS")]
    pub(crate) wall: Option<u64>,
    /// The job must have ended this many seconds from now
    #[arg(long, value_name = "SECONDS")]
    pub(crate) deadline: Option<u64>,
    /// Further limits: a JSON object (docs/formats.md, "Job")
    #[arg(long, value_name = "JSON")]
    pub(crate) limits: Option<String>,
}

/// How it is sealed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sealing")]
pub(crate) struct SealArgs {
    /// Input bytes beside the arguments, for engines that take some: text, `@FILE`, or `-` for
    /// standard input
    #[arg(long, value_name = "INPUT", allow_hyphen_values = true)]
    pub(crate) input: Option<String>,
    /// Which key to seal to: post-quantum hybrid when the worker offers it, else classical
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) suite: SuiteArg,
    /// The worker must have accepted the job this many seconds from now
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) expires: u64,
    /// Sign the job inside the envelope, with the 32-byte secret key (64 hex digits) in FILE
    #[arg(long, value_name = "ALGORITHM:FILE")]
    pub(crate) sign_with: Option<String>,
}

/// Which suite to seal with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SuiteArg {
    /// X-Wing when offered, else X25519
    Auto,
    /// X-Wing: X25519 and ML-KEM-768 together
    XWing,
    /// X25519
    X25519,
}
