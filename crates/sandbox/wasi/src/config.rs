//! What the caller gives a program.

use crate::clocks::WasiClock;
use crate::tree::FileTree;

/// Fills a buffer with random bytes.
pub type Random = Box<dyn FnMut(&mut [u8]) + Send>;

/// Blocks until the monotonic clock of [`WasiClock`] has reached the given nanoseconds. The moment
/// may lie beyond any deadline, `u64::MAX` included: the caller ends such a wait.
pub type SleepUntil = Box<dyn FnMut(u64) -> Result<(), Interrupted> + Send>;

/// Asked at each call, which may take long: whether the program may go on.
pub type GoOn = Box<dyn FnMut() -> Result<(), Interrupted> + Send>;

/// The program's time was over at a call; the instance ends with this error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the program was stopped in a call")]
pub struct Interrupted;

/// A directory that the program finds open from the start, descriptors from 3 up, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preopen {
    /// The name that the program sees, such as `/`.
    pub guest: String,
    /// The directory in the tree; empty or `.` is its root.
    pub path: String,
}

/// What a program gets.
pub struct WasiConfig {
    /// The arguments, the program's own name first.
    pub args: Vec<String>,
    /// The environment, names and values.
    pub env: Vec<(String, String)>,
    /// All of standard input.
    pub stdin: Vec<u8>,
    /// The most bytes of standard output; a write beyond them is an error of the program.
    pub stdout_limit: usize,
    /// How many bytes of the end of standard error are kept.
    pub stderr_tail: usize,
    /// The file system.
    pub files: FileTree,
    /// The directories of the file system that the program sees.
    pub preopens: Vec<Preopen>,
    /// The time.
    pub clock: Box<dyn WasiClock>,
    /// Randomness.
    pub random: Random,
    /// Whether to go on.
    pub go_on: GoOn,
    /// How to wait.
    pub sleep_until: SleepUntil,
}

/// Why a program cannot be given what its configuration says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An argument, or a name or value of the environment, has a NUL, or a name is empty or has
    /// an `=`.
    #[error(
        "argument or variable {index} cannot be passed to a program; remove NUL, and `=` in names"
    )]
    Unfit {
        /// Which one, counted from 0: arguments first, variables after them.
        index: usize,
    },
    /// A preopen names no directory of the tree.
    #[error("{path}: no such directory to open for the program; add it to its files")]
    NoDirectory {
        /// The path in the tree.
        path: String,
    },
    /// More preopens than descriptors.
    #[error("{count} directories are more than the limit of open files; open fewer or raise it")]
    TooManyPreopens {
        /// How many were asked for.
        count: usize,
    },
}
