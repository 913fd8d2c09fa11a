//! The command line: from these types come parsing, help, completions and man pages.
//!
//! Only shapes live here. What a command does is in the module named after it.

mod attest;
mod enrol;
mod job;
mod program;
mod tools;
mod verify;

use std::path::PathBuf;

pub(crate) use attest::{AttestArgs, PolicyArgs, PolicyCommand, PolicyInitArgs, RawArgs, TpmArgs};
use clap::{Args, Parser, Subcommand, ValueEnum};
pub(crate) use enrol::{ChallengeArgs, ConfirmArgs, EnrolCommand};
pub(crate) use job::{
    FormatArg, HandleArgs, JobCommand, KeptReceiptArgs, OutArgs, ResultArgs, RunArgs, SealArgs,
    SendArgs, SpecArgs, SubmitArgs, SuiteArg, WaitArgs,
};
pub(crate) use program::{
    DirArg, ProgramAddArgs, ProgramCheckArgs, ProgramCommand, ProgramRemoveArgs, ProgramRunArgs,
};
pub(crate) use tools::{
    BenchArgs, BenchCommand, CompletionsArgs, DemoArgs, DoctorArgs, KeysCommand, ManArgs,
};
pub(crate) use verify::{EvidenceArgs, MarlinArgs, MarlinForm, ReceiptArgs, VerifyCommand};

/// Shown after the help of the whole program.
const AFTER_HELP: &str = "\
Exit codes:
  0  done; for a job: it succeeded
  1  the job failed or was cancelled (its receipt says why)
  2  wrong usage: an argument, a file or the configuration
  3  the worker cannot be reached
  4  the worker refused
  5  verification failed: a key config, receipt or result is not what it claims, or evidence is
     not what the policy demands
  6  the time given with --timeout is over; the job goes on
  7  this machine: disk, permissions, a port, a child process
  8  a check failed (doctor)

Environment:
  SEALWORK_URL           the worker, when --worker-url is not given
  SEALWORK_API_KEY       the API key; there is no flag for it, because others can read the arguments
  SEALWORK_POLICY        the policy that evidence has to satisfy, when --policy is not given
  SEALWORK_ENDORSEMENTS  certificates and collateral, when --endorsements is not given
  NO_COLOR               no colours, also on a terminal";

/// Confidential jobs: sealed here, run in a worker, opened here, with a receipt.
#[derive(Debug, Parser)]
#[command(name = "sealwork", bin_name = "sealwork", version, after_help = AFTER_HELP, max_term_width = 100)]
#[command(propagate_version = true, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How to print.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Printing")]
pub(crate) struct OutputArgs {
    /// Print one JSON object instead of text; errors go to standard error as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// No progress, no remarks: only the answer, and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorArg,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorArg {
    /// On terminals
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one command in a process")]
pub(crate) enum Command {
    /// Run a worker
    Serve(ServeArgs),
    /// Show the whole path once: start a worker, seal a web job, open and verify its result
    Demo(DemoArgs),
    /// Seal, submit, follow and open jobs
    #[command(subcommand)]
    Job(JobCommand),
    /// Write, check, run and keep programs
    #[command(subcommand)]
    Program(ProgramCommand),
    /// Look at a worker's key config
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Check what a worker claims: its evidence, its receipts
    #[command(subcommand)]
    Verify(VerifyCommand),
    /// Say which workers to trust
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Find out in which TPM an attestation key lives
    #[command(subcommand)]
    Enrol(EnrolCommand),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check whether this machine is fit to run a worker
    Doctor(DoctorArgs),
    /// Measure a worker on this machine, over loopback
    Bench(BenchArgs),
    /// Print a completion script
    Completions(CompletionsArgs),
    /// Print the manual, or write its pages to a directory
    Man(ManArgs),
}

/// Arguments of `serve`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeArgs {
    /// After a clock that ran ahead: go by the clock again, with new keys
    ///
    /// Forgets the highest time that this worker has seen and erases the envelope keys, so that
    /// nothing which was sealed to them opens. Does nothing when the clock is not behind. See
    /// docs/operations.md, "A clock that ran ahead".
    #[arg(long)]
    pub(crate) reset_clock: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Drain and stop when standard input closes: for a worker started by another program
    #[arg(long, hide = true)]
    pub(crate) exit_with_stdin: bool,
    /// Offer the engine `noop`, which answers at once
    #[cfg(feature = "sim")]
    #[arg(long, hide = true)]
    pub(crate) bench_engine: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read the configuration as `serve` would, and print each value and where it came from
    Check(ConfigArgs),
}

/// Where the configuration comes from. Each layer overrides the one before: defaults, the TOML
/// file, `.env` in the data directory, the environment, these flags.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct ConfigArgs {
    /// TOML file to read
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Data directory (DATA_DIR)
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address to listen on, as HOST:PORT or :PORT (LISTEN_ADDRESS)
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Run without a TEE, over plain HTTP (STANDALONE)
    #[arg(long)]
    pub(crate) standalone: bool,
    /// debug, info, warn or error (LOG_LEVEL)
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
    /// Set any variable of the configuration; may be repeated. Not for secrets: others can read
    /// the arguments
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = name_value)]
    pub(crate) set: Vec<(String, String)>,
}

impl ConfigArgs {
    /// The flags as variables of the configuration; later ones win. Not the data directory, which
    /// is a path and need not be text.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        let mut push = |name: &str, value: Option<String>| {
            all.extend(value.map(|value| (name.to_owned(), value)));
        };
        push("LISTEN_ADDRESS", self.listen.clone());
        push("STANDALONE", self.standalone.then(|| "true".to_owned()));
        push("LOG_LEVEL", self.log_level.clone());
        all.extend(self.set.iter().cloned());
        all
    }
}

/// Which worker to talk to, and how to know it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Worker")]
pub(crate) struct WorkerArgs {
    /// The worker's address [default: SEALWORK_URL, else http://127.0.0.1:8080]
    #[arg(long, value_name = "URL")]
    pub(crate) worker_url: Option<String>,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
}

/// How to know a worker whose address is given.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Worker")]
pub(crate) struct AccessArgs {
    /// Read the API key from this file instead of SEALWORK_API_KEY
    #[arg(long, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// Trust the certificates in this PEM file as well as the public ones: the worker's own, or
    /// that of an authority
    #[arg(long, value_name = "FILE", conflicts_with = "pin_cert")]
    pub(crate) ca_cert: Option<PathBuf>,
    /// Trust exactly the certificate with this SHA-256 fingerprint (64 hex digits)
    #[arg(long, value_name = "SHA256")]
    pub(crate) pin_cert: Option<String>,
    /// Accept only the worker with this id (64 hex digits)
    #[arg(long, value_name = "ID")]
    pub(crate) worker: Option<String>,
}

fn name_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("must be NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_become_variables_and_set_comes_last() {
        let cli = Cli::parse_from([
            "sealwork",
            "serve",
            "--listen",
            ":1",
            "--standalone",
            "--set",
            "LISTEN_ADDRESS=:2",
        ]);
        let Command::Serve(args) = cli.command else { panic!("not serve") };
        let expected = [("LISTEN_ADDRESS", ":1"), ("STANDALONE", "true"), ("LISTEN_ADDRESS", ":2")];
        let got = args.config.variables();
        let got: Vec<_> = got.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(got, expected);
    }
}
