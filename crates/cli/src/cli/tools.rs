//! The smaller commands.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

use super::{AttestArgs, ConfigArgs, WorkerArgs};

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Crawl this site instead of the small one that the demo serves itself on loopback
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Let the demo's worker reach these private ranges too, for example 127.0.0.0/8 for a site
    /// on this machine
    #[arg(long, value_name = "RANGES", requires = "url")]
    pub(crate) allow: Option<String>,
    /// How far to follow links: 1 is the start page alone
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) depth: u32,
    /// How many pages to fetch at most
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) max_pages: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Fetch a worker's key config, check its signature, with a policy its evidence, and print it
    Show {
        #[command(flatten)]
        attest: AttestArgs,
        #[command(flatten)]
        worker: WorkerArgs,
        /// Also write the key config to this file, for `keys verify` and `verify receipt`; it replaces
        /// an earlier one
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Check a saved key config
    Verify {
        /// The key config as JSON, or `-` for standard input
        file: PathBuf,
        /// Accept only the worker with this id (64 hex digits)
        #[arg(long, value_name = "ID")]
        worker: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write one page per command to this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    pub(crate) what: BenchCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum BenchCommand {
    /// Sealed jobs per second: one submit and one fetch each, every acknowledgement after fsync
    #[cfg(feature = "sim")]
    Jobs {
        /// How long to send
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        #[arg(value_parser = clap::value_parser!(u64).range(1..=600))]
        seconds: u64,
        /// How many connections
        #[arg(long, value_name = "N", default_value_t = 64)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=512))]
        connections: u32,
        /// Seal this many jobs beforehand for each second; when they are used up the run ends
        #[arg(long, value_name = "N", default_value_t = 5000)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=50_000))]
        prepared: u32,
    },
    /// Requests per second to the Masa routes /job/generate and /job/result
    Masa {
        /// How long to send to each route
        #[arg(long, value_name = "SECONDS", default_value_t = 10)]
        #[arg(value_parser = clap::value_parser!(u64).range(1..=600))]
        seconds: u64,
        /// How many connections
        #[arg(long, value_name = "N", default_value_t = 16)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=512))]
        connections: u32,
    },
    /// Many slow sites at once: 200 web jobs over 50 origins whose pages take a second
    Web {
        /// How many jobs
        #[arg(long, value_name = "N", default_value_t = 200)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=5000))]
        jobs: u32,
        /// How many origins
        #[arg(long, value_name = "N", default_value_t = 50)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=250))]
        origins: u32,
    },
    /// Programs in the sandbox: fresh scripts, compiled modules, 500 that wait, and others' ways
    Programs {
        /// How many runs of each kind
        #[arg(long, value_name = "N", default_value_t = 1000)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
        runs: u32,
        /// Where scripts/bench-peers.sh put workerd and QuickJS, to compare with
        #[arg(long, value_name = "DIR")]
        peers: Option<PathBuf>,
    },
    /// One crawl of a local site of linked pages: pages per second, CPU per page
    Crawl {
        /// How many pages
        #[arg(long, value_name = "N", default_value_t = 10_000)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
        pages: u32,
    },
    /// Social engines against a test upstream: 100 mixed jobs at once, parsing, a large result
    #[cfg(feature = "sim")]
    Social {
        /// How many jobs at once
        #[arg(long, value_name = "N", default_value_t = 100)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
        jobs: u32,
        /// How often
        #[arg(long, value_name = "N", default_value_t = 5)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=100))]
        rounds: u32,
        /// Items of the large result
        #[arg(long, value_name = "N", default_value_t = 100_000)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        items: u32,
    },
    /// Resident memory of a worker that does nothing, and the size of this binary
    Idle,
}
