//! `sealwork verify ...`: what a worker claims, checked.

mod evidence;
pub(crate) mod judge;
mod marlin;
mod receipt;
pub(crate) mod source;

use sealwork_job::Timestamp;
use sealwork_platform::Environment;

use self::judge::Instant;
use crate::{
    cli::VerifyCommand,
    exit::{CliError, CliResult},
    ui::Ui,
};

/// Checks what the arguments name.
pub(crate) async fn run(command: &VerifyCommand, environment: &Environment, ui: &Ui) -> CliResult {
    match command {
        VerifyCommand::Evidence(args) => evidence::run(args, environment, ui).await,
        VerifyCommand::Receipt(args) => receipt::run(args, environment, ui).await,
        VerifyCommand::Marlin(args) => marlin::run(args, ui),
    }
}

/// The time that `--at` names, else now: RFC 3339, or seconds since 1970.
fn instant(at: Option<&str>) -> Result<Instant, CliError> {
    at.map(time).transpose().map(Instant::given_or_now)
}

fn time(text: &str) -> Result<Timestamp, CliError> {
    let seconds = text.parse::<u64>().ok();
    let date = || text.parse::<jiff::Timestamp>().ok()?.as_millisecond().try_into().ok();
    seconds.map(Timestamp::from_secs).or_else(|| date().map(Timestamp)).ok_or_else(|| {
        CliError::usage(
            format!("--at {text:?} is no time"),
            "give for example 2025-07-01T00:00:00Z, or seconds since 1970",
        )
    })
}

/// Bytes of the command line, or of a file.
fn hex_digits(what: &str, text: &[u8]) -> Result<Vec<u8>, CliError> {
    hex::decode(text).map_err(|_| {
        CliError::usage(
            format!("{what} is not hex digits"),
            "give two hex digits for each byte and nothing else, without 0x",
        )
    })
}
