//! What worker and sandbox process say to each other over the one inherited pipe.
//!
//! A frame is a length, u32 little-endian, and that many bytes of postcard. To the worker the other
//! side is hostile: whatever does not decode, is too long or was not asked for ends the process.

use std::{
    io::{self, Read, Write},
    time::Duration,
};

use bytes::Bytes;
use postcard::ser_flavors::Flavor;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::confine::Confinement;

/// Longest frame towards a sandbox: the largest artefact, or a run's input.
pub(crate) const MAX_TO_CHILD: usize = 512 << 20;

/// The largest request of a program.
pub(crate) const REQUEST_BYTES: u64 = 16 << 20;

/// What is kept of the output of a command that did not come to its end, in bytes.
pub(crate) const KEPT_OUTPUT: usize = 64 << 10;

/// Most bytes that the head of a script's outcome adds to its output.
pub(crate) const HEAD: u64 = 256 << 10;

/// A script's answer up to this is still handed out when its time is over: what is larger would
/// come too late.
pub(crate) const LATE_ANSWER: usize = 4 << 20;

/// A longer output is fetched in pieces of this, so that what other runs of the process say does not
/// stand behind it.
pub(crate) const PIECE: usize = 256 << 10;

/// What the worker says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToChild {
    /// Keep this compiled module ready.
    Load { module: u32, artefact: Bytes },
    /// Run a module that was loaded.
    Run(Box<Run>),
    /// The answer to a call.
    Answer { run: u32, call: u32, answer: Bytes },
    /// End a run.
    Stop { run: u32 },
    /// Hand out the next piece of the output of a run that has ended.
    Next { run: u32 },
    /// Drop the rest of that output.
    Drop { run: u32 },
}

/// One run of a program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) run: u32,
    pub(crate) module: u32,
    pub(crate) form: Form,
    pub(crate) limits: RunLimits,
    /// The seed of all randomness that the program sees.
    pub(crate) seed: [u8; 32],
    /// Unix time in milliseconds when the run begins.
    pub(crate) now_ms: u64,
    /// When it must end, by [`monotonic`]: it may have waited in the pipe for a while.
    pub(crate) deadline: Duration,
}

/// How a program is called.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Form {
    /// A WASI preview 1 command.
    Command {
        /// Arguments, the program's name first.
        args: Vec<String>,
        /// Environment variables.
        env: Vec<(String, String)>,
        /// Standard input.
        stdin: Bytes,
        /// Files in memory: path, content. A path that ends in `/` is a directory.
        files: Vec<(String, Bytes)>,
        /// The directories that it finds open: the name that it sees, the path among its files.
        directories: Vec<(String, String)>,
    },
    /// A module that speaks the `sealwork` interface; `input` is what it reads.
    Reactor {
        /// The bytes of the job, in the guest's own form.
        input: Bytes,
    },
    /// Not at all: it is made ready, its start function included, and its entry is looked for.
    Trial,
}

/// What a run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLimits {
    /// Wall time.
    pub wall: Duration,
    /// Fuel: about one unit for each wasm instruction.
    pub fuel: u64,
    /// All linear memories together, in bytes.
    pub memory_bytes: u64,
    /// Output, in bytes.
    pub output_bytes: u64,
    /// What is kept of standard error and the log, in bytes.
    pub log_bytes: u64,
    /// Outgoing requests that are open at once.
    pub calls: u32,
    /// The largest answer to one of them, in bytes.
    pub answer_bytes: u64,
}

/// What a sandbox process says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromChild {
    /// It is confined and takes work, for this engine.
    Ready {
        confinement: Confinement,
        engine: [u8; 32],
    },
    /// It cannot be what it was started to be.
    Failed(Unready),
    Loaded {
        module: u32,
        error: Option<String>,
    },
    /// A run asks for something from outside.
    Call {
        run: u32,
        call: u32,
        request: Bytes,
    },
    /// What a run has used so far.
    Used {
        run: u32,
        used: Used,
    },
    /// `rest`: bytes of output that are to be fetched. Then `ended` has none.
    Ended {
        run: u32,
        ended: Box<Ended>,
        rest: u64,
    },
    /// The next bytes of the output.
    Piece {
        run: u32,
        bytes: Bytes,
    },
}

/// Why a process takes no work.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Unready {
    /// It could not be confined, or not set up.
    Unconfined(String),
    /// It cannot run what was compiled.
    NoCode(String),
}

impl From<io::Error> for Unready {
    fn from(error: io::Error) -> Self {
        Self::Unconfined(error.to_string())
    }
}

/// A clock that worker and sandbox process share.
pub(crate) fn monotonic() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
}

/// The longest output that a run with these limits hands out.
pub(crate) fn longest_output(limits: &RunLimits) -> u64 {
    limits.output_bytes.saturating_add(HEAD).max(LATE_ANSWER as u64)
}

/// What a run has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Fuel.
    pub fuel: u64,
    /// CPU time.
    pub cpu: Duration,
    /// The largest sum of linear memories, in bytes.
    pub peak_memory: u64,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// How it ended.
    pub end: End,
    /// Standard output, or what the program handed out; of a command that did not exit, its first
    /// 64 KiB.
    pub output: Bytes,
    /// The end of standard error, or of the log.
    pub log: Bytes,
    /// Bytes that were written to standard error or the log, kept or not.
    pub logged: u64,
    /// Used fuel.
    pub fuel: u64,
    /// Used CPU time.
    pub cpu: Duration,
    /// The largest sum of linear memories, in bytes.
    pub peak_memory: u64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// It returned, or called `proc_exit` with this code.
    Exit(i32),
    /// Its wall time was over.
    OutOfTime,
    /// Its fuel was used up.
    OutOfFuel,
    /// It wrote more output than it may.
    OutputTooLarge,
    /// The worker stopped it.
    Stopped,
    /// Its memories begin with more bytes than it may have: with so many.
    OutOfMemory(u64),
    /// It trapped: what wasm says.
    Trap(String),
    /// It is not a program of the form in which it was called.
    Unfit(String),
}

/// Writes one frame.
pub(crate) fn write(pipe: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    pipe.write_all(&encode(message)?)
}

/// One frame.
pub(crate) fn encode(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame =
        postcard::serialize_with_flavor(message, Frame(vec![0; 4])).map_err(io::Error::other)?;
    let len = u32::try_from(frame.len() - 4).map_err(io::Error::other)?;
    frame[..4].copy_from_slice(&len.to_le_bytes());
    Ok(frame)
}

/// A frame that is being written. Answers and inputs may have many megabytes: they are copied as
/// they are, not byte by byte.
struct Frame(Vec<u8>);

impl Flavor for Frame {
    type Output = Vec<u8>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Self::Output> {
        Ok(self.0)
    }
}

/// Reads one frame; `None` at the end of the pipe.
pub(crate) fn read<T: DeserializeOwned>(pipe: &mut impl Read, max: usize) -> io::Result<Option<T>> {
    let mut len = [0; 4];
    match pipe.read_exact(&mut len) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut frame = vec![0; checked_len(len, max)?];
    pipe.read_exact(&mut frame)?;
    decode(&frame).map(Some)
}

/// The length that a frame announces, if it is allowed.
pub(crate) fn checked_len(len: [u8; 4], max: usize) -> io::Result<usize> {
    let len = u32::from_le_bytes(len) as usize;
    if len > max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame beyond the limit"));
    }
    Ok(len)
}

/// The message in a frame.
pub(crate) fn decode<T: DeserializeOwned>(frame: &[u8]) -> io::Result<T> {
    let invalid = |text: &str| io::Error::new(io::ErrorKind::InvalidData, text.to_owned());
    match postcard::take_from_bytes(frame) {
        Ok((message, [])) => Ok(message),
        Ok(_) => Err(invalid("a frame with bytes left over")),
        Err(_) => Err(invalid("a frame that does not decode")),
    }
}

impl Ended {
    /// What the run has used.
    pub fn used(&self) -> Used {
        Used { fuel: self.fuel, cpu: self.cpu, peak_memory: self.peak_memory }
    }

    /// A run that did not begin.
    pub(crate) fn unrun(end: End) -> Self {
        Self {
            end,
            output: Bytes::new(),
            log: Bytes::new(),
            logged: 0,
            fuel: 0,
            cpu: Duration::ZERO,
            peak_memory: 0,
        }
    }
}
