//! `sealwork program ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ConfigArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum ProgramCommand {
    /// Run a program on this machine, in the sandbox that a worker would run it in
    Run(ProgramRunArgs),
    /// Say in advance whether a worker would take a program, and why not
    Check(ProgramCheckArgs),
    /// Keep a program in the worker's store, to be named by its CID
    Add(ProgramAddArgs),
    /// List the programs in the worker's store
    List(ConfigArgs),
    /// Remove a program from the worker's store
    Remove(ProgramRemoveArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ProgramRunArgs {
    /// The program: a WebAssembly module in its binary form, or JavaScript (.js, .mjs)
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The input: text, `@FILE`, or `-` for standard input, which is also taken when it is piped
    #[arg(long, value_name = "INPUT", help_heading = "Input")]
    pub(crate) input: Option<String>,
    /// An argument of a command; may be given several times
    #[arg(long = "arg", value_name = "ARG", allow_hyphen_values = true, help_heading = "Input")]
    pub(crate) args: Vec<String>,
    /// A variable of a command's environment; may be given several times
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = pair, help_heading = "Input")]
    pub(crate) env: Vec<(String, String)>,
    /// Open a copy of this directory to a command, under its own name or GUEST; may be given several
    /// times. Nothing is written back
    #[arg(long = "dir", value_name = "HOST[::GUEST]", value_parser = directory, help_heading = "Input")]
    pub(crate) dirs: Vec<DirArg>,
    /// `env.secret` of a script: a file
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub(crate) secret: Option<PathBuf>,
    /// A host that the program may reach; may be given several times
    #[arg(long = "host", value_name = "HOST", help_heading = "Input")]
    pub(crate) hosts: Vec<String>,
    /// Wall time in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, help_heading = "Limits")]
    pub(crate) wall: u64,
    /// Fuel: about one unit for each instruction
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub(crate) fuel: Option<u64>,
    /// Memory in MiB
    #[arg(long, value_name = "MIB", help_heading = "Limits")]
    pub(crate) memory: Option<u64>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ProgramCheckArgs {
    /// The program: a WebAssembly module in its binary form, or JavaScript (.js, .mjs)
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ProgramAddArgs {
    /// The program
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Its name in the store; the file's name when absent
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ProgramRemoveArgs {
    /// The program's CID or its name, as `program list` shows them
    #[arg(value_name = "CID|NAME")]
    pub(crate) program: String,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// A directory, and the name under which a command finds it.
#[derive(Debug, Clone)]
pub(crate) struct DirArg {
    pub(crate) host: PathBuf,
    pub(crate) guest: String,
}

fn directory(text: &str) -> Result<DirArg, String> {
    let (host, guest) = text.split_once("::").unwrap_or((text, text));
    if host.is_empty() || guest.is_empty() {
        return Err("write HOST or HOST::GUEST".to_owned());
    }
    Ok(DirArg { host: host.into(), guest: guest.to_owned() })
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}
