//! `sealwork verify ...`: what a worker claims, checked.

mod evidence;
mod marlin;
mod receipt;
pub(crate) mod source;

use sealwork_job::Timestamp;
use sealwork_platform::Environment;

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

/// A time of the command line: RFC 3339, or seconds since 1970.
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
