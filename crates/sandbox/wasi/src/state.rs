//! One program's view of its world.

use crate::clocks::Clocks;
use crate::config::{ConfigError, GoOn, Interrupted, Preopen, Random, SleepUntil, WasiConfig};
use crate::errno::Errno;
use crate::fds::{Descriptor, Descriptors, Resource};
use crate::stdio::{Input, Output, Tail};
use crate::tree::{FileTree, InodeNumber};
use crate::types::Rights;
use std::fmt;

/// What a program has and has done; one per instance.
pub struct WasiState {
    /// Each with its closing NUL, as the program reads them.
    pub(crate) args: Vec<Vec<u8>>,
    /// `NAME=value`, each with its closing NUL.
    pub(crate) env: Vec<Vec<u8>>,
    pub(crate) stdin: Input,
    pub(crate) stdout: Output,
    pub(crate) stderr: Tail,
    pub(crate) files: FileTree,
    pub(crate) descriptors: Descriptors,
    pub(crate) clocks: Clocks,
    pub(crate) random: Random,
    go_on: GoOn,
    pub(crate) sleep_until: SleepUntil,
    pub(crate) bytes_written: u64,
    calls: u64,
}

/// What is left of a program that has ended.
pub struct WasiOutcome {
    /// All of standard output, up to its limit.
    pub stdout: Vec<u8>,
    /// Whether the program tried to write more than the limit.
    pub stdout_overflowed: bool,
    /// The end of standard error.
    pub stderr_tail: Vec<u8>,
    /// Bytes that were written to standard error in all.
    pub stderr_bytes: u64,
    /// Bytes that were written to files and standard streams in all.
    pub bytes_written: u64,
    /// How many calls the program made.
    pub calls: u64,
    /// The file system as the program left it.
    pub files: FileTree,
}

/// What a program wrote to its streams.
pub struct Written {
    /// All of standard output, up to its limit.
    pub stdout: Vec<u8>,
    /// Whether the program tried to write more than the limit.
    pub stdout_overflowed: bool,
    /// The end of standard error.
    pub stderr_tail: Vec<u8>,
    /// Bytes that were written to standard error in all.
    pub stderr_bytes: u64,
}

/// Sizes only: what a program writes is the requester's.
impl fmt::Debug for WasiOutcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WasiOutcome")
            .field("stdout_bytes", &self.stdout.len())
            .field("stdout_overflowed", &self.stdout_overflowed)
            .field("stderr_bytes", &self.stderr_bytes)
            .field("bytes_written", &self.bytes_written)
            .field("calls", &self.calls)
            .field("files", &self.files)
            .finish()
    }
}

impl WasiState {
    /// Makes the state of a program that is about to start.
    ///
    /// # Errors
    /// [`ConfigError`] names the argument, variable or preopen that does not fit.
    pub fn new(config: WasiConfig) -> Result<Self, ConfigError> {
        let args = strings(&config.args)?;
        let env = variables(&config.env, args.len())?;
        let mut files = config.files;
        let descriptors = preopened(&mut files, config.preopens)?;
        Ok(Self {
            args,
            env,
            stdin: Input::new(config.stdin),
            stdout: Output::new(config.stdout_limit),
            stderr: Tail::new(config.stderr_tail),
            files,
            descriptors,
            clocks: Clocks::new(config.clock),
            random: config.random,
            go_on: config.go_on,
            sleep_until: config.sleep_until,
            bytes_written: 0,
            calls: 0,
        })
    }

    /// What the program did, when it has ended, in whatever way.
    pub fn finish(mut self) -> WasiOutcome {
        let Written { stdout, stdout_overflowed, stderr_tail, stderr_bytes } = self.take_written();
        WasiOutcome {
            stdout,
            stdout_overflowed,
            stderr_tail,
            stderr_bytes,
            bytes_written: self.bytes_written,
            calls: self.calls,
            files: self.files,
        }
    }

    /// What the program wrote to its streams: for a host that answers before it takes the program
    /// apart. Later it is empty.
    pub fn take_written(&mut self) -> Written {
        let (stdout, stdout_overflowed) = self.stdout.take();
        let (stderr_tail, stderr_bytes) = self.stderr.take();
        Written { stdout, stdout_overflowed, stderr_tail, stderr_bytes }
    }

    /// How many calls the program has made so far.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Counts a call that begins, if there may be one.
    pub(crate) fn begin_call(&mut self) -> Result<(), Interrupted> {
        self.calls = self.calls.saturating_add(1);
        self.go_on()
    }

    /// Whether the program may go on: asked between the parts of a long call too.
    pub(crate) fn go_on(&mut self) -> Result<(), Interrupted> {
        (self.go_on)()
    }

    /// The directory behind `fd`, for a use that needs `rights`.
    pub(crate) fn directory(&self, fd: u32, rights: Rights) -> Result<InodeNumber, Errno> {
        let descriptor = self.descriptors.get(fd)?;
        let inode = descriptor.directory()?;
        descriptor.need(rights)?;
        Ok(inode)
    }

    /// The file behind `fd`, for a use that needs `rights`.
    pub(crate) fn file(&self, fd: u32, rights: Rights) -> Result<InodeNumber, Errno> {
        let descriptor = self.descriptors.get(fd)?;
        let inode = descriptor.file()?;
        descriptor.need(rights)?;
        Ok(inode)
    }

    /// Gives back what a closed descriptor held.
    pub(crate) fn release(&mut self, descriptor: &Descriptor) {
        if let Some(inode) = descriptor.inode() {
            self.files.close(inode);
        }
    }
}

fn strings(args: &[String]) -> Result<Vec<Vec<u8>>, ConfigError> {
    let string = |(index, arg): (usize, &String)| {
        if arg.contains('\0') { Err(ConfigError::Unfit { index }) } else { Ok(terminated(arg)) }
    };
    args.iter().enumerate().map(string).collect()
}

fn variables(env: &[(String, String)], before: usize) -> Result<Vec<Vec<u8>>, ConfigError> {
    let variable = |(index, (name, value)): (usize, &(String, String))| {
        if name.is_empty() || name.contains(['\0', '=']) || value.contains('\0') {
            return Err(ConfigError::Unfit { index: before + index });
        }
        Ok(terminated(&format!("{name}={value}")))
    };
    env.iter().enumerate().map(variable).collect()
}

fn terminated(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\0"].concat()
}

fn preopened(files: &mut FileTree, preopens: Vec<Preopen>) -> Result<Descriptors, ConfigError> {
    let count = preopens.len();
    let too_many = |_| ConfigError::TooManyPreopens { count };
    let mut descriptors = Descriptors::new(files.limits().open_files);
    let streams = [
        Descriptor::stream(Resource::Stdin, Rights::FD_READ),
        Descriptor::stream(Resource::Stdout, Rights::FD_WRITE),
        Descriptor::stream(Resource::Stderr, Rights::FD_WRITE),
    ];
    for stream in streams {
        descriptors.insert(stream).map_err(too_many)?;
    }
    for preopen in preopens {
        let missing = || ConfigError::NoDirectory { path: preopen.path.clone() };
        let inode = files.directory_at(&preopen.path).ok_or_else(missing)?;
        files.open(inode).map_err(|_| missing())?;
        descriptors.insert(Descriptor::preopen(inode, preopen.guest)).map_err(too_many)?;
    }
    Ok(descriptors)
}
