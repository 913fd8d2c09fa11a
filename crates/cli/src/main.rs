//! The `sealwork` binary: a worker, and everything around it, on the command line.
#![forbid(unsafe_code)]

mod attestation;
mod bench;
mod child;
mod cli;
mod config;
mod connect;
mod demo;
mod doctor;
mod enrol;
mod exit;
mod files;
mod job;
mod keys;
mod loopback;
mod manual;
mod policy;
mod proc;
mod programs;
mod render;
mod serve;
mod ui;
mod usage;
mod verdict;
mod verify;
mod watermark;

use std::process::ExitCode;

use clap::Parser;
use sealwork_platform::Environment;

use crate::{
    cli::{Cli, Command, ConfigCommand},
    exit::{CliError, CliResult, Exit},
    ui::Ui,
};

fn main() -> ExitCode {
    if let Some(arguments) = sandbox_arguments() {
        return sealwork_sandbox::child::main(&arguments);
    }
    let environment = Environment::of_process();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return usage::print(&answer, &environment).into(),
    };
    let ui = Ui::new(cli.output, &environment);
    if let Err(error) = usage::check_environment(&environment) {
        ui.error(&error);
        return error.exit.into();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            let error = CliError::local(
                format!("cannot start the runtime: {e}"),
                "check the limits of threads and open files (ulimit -a)",
            );
            ui.error(&error);
            return error.exit.into();
        }
    };
    let done = runtime.block_on(dispatch(cli.command, &environment, &ui));
    finish(done, &ui).into()
}

/// The arguments of a process that was started to be a sandbox. Looked at before anything else is
/// done: such a process is to have as little as possible.
fn sandbox_arguments() -> Option<Vec<String>> {
    let mut arguments = std::env::args_os().skip(1);
    let is_sandbox = arguments.next().is_some_and(|first| first == programs::SANDBOX);
    is_sandbox.then(|| arguments.filter_map(|argument| argument.into_string().ok()).collect())
}

/// Prints what went wrong, and says how to end. An answer that could not be written is no success.
fn finish(done: CliResult, ui: &Ui) -> Exit {
    let done = match (done, ui.unwritten()) {
        (Ok(_), Some(unwritten)) => Err(unwritten),
        (done, _) => done,
    };
    done.unwrap_or_else(|error| {
        ui.error(&error);
        error.exit
    })
}

async fn dispatch(command: Command, environment: &Environment, ui: &Ui) -> CliResult {
    match command {
        Command::Serve(args) => serve::run(args, environment, ui).await,
        Command::Demo(args) => demo::run(&args, ui).await,
        Command::Job(command) => job::run(&command, environment, ui).await,
        Command::Program(command) => programs::run(&command, environment, ui).await,
        Command::Keys(command) => keys::run(&command, environment, ui).await,
        Command::Verify(command) => verify::run(&command, environment, ui).await,
        Command::Policy(command) => policy::run(&command, environment, ui).await,
        Command::Enrol(command) => enrol::run(&command, environment, ui),
        Command::Config(ConfigCommand::Check(args)) => config::check(&args, environment, ui),
        Command::Doctor(args) => doctor::run(&args.config, environment, ui).await,
        Command::Bench(args) => bench::run(&args, ui).await,
        Command::Completions(args) => manual::completions(&args, ui),
        Command::Man(args) => manual::man(&args, ui),
    }
}
