use std::time::Duration;

use async_trait::async_trait;

/// A profile that shows a moment or everything since the start, as Go names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Memory in use, by the stack that allocated it.
    Heap,
    /// The same samples under the name that Go gives to allocations since the start.
    Allocs,
    /// Threads, by name: the nearest thing to goroutines.
    Goroutine,
    /// Threads that were created and still live, by name.
    ThreadCreate,
    /// Waits for locks and channels. Not sampled: always empty.
    Block,
    /// Holders of contended locks. Not sampled: always empty.
    Mutex,
}

impl Kind {
    /// All kinds, in the order of the index page.
    pub const ALL: [Self; 6] =
        [Self::Allocs, Self::Block, Self::Goroutine, Self::Heap, Self::Mutex, Self::ThreadCreate];

    /// The last part of its path.
    pub fn name(self) -> &'static str {
        match self {
            Self::Heap => "heap",
            Self::Allocs => "allocs",
            Self::Goroutine => "goroutine",
            Self::ThreadCreate => "threadcreate",
            Self::Block => "block",
            Self::Mutex => "mutex",
        }
    }

    /// What it shows, for the index page.
    pub fn about(self) -> &'static str {
        match self {
            Self::Heap => "memory in use, sampled, by the stack that allocated it",
            Self::Allocs => "the samples of heap, under Go's name for allocations",
            Self::Goroutine => "threads by name",
            Self::ThreadCreate => "live threads by name",
            Self::Block => "not sampled here: always empty",
            Self::Mutex => "not sampled here: always empty",
        }
    }
}

/// Why there is no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// Another CPU profile is being taken.
    #[error("a CPU profile is already being taken; try again when it has ended")]
    Busy,
    /// This build or this start cannot take it; the text says what would.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The sampler failed.
    #[error("cannot take the profile: {0}")]
    Failed(String),
}

/// Takes profiles of this process. Every profile is a `profile.proto` message, gzip-compressed.
#[async_trait]
pub trait Profiler: Send + Sync {
    /// Begins sampling the heap. CPU samples are taken only while a profile is asked for.
    ///
    /// # Errors
    /// [`ProfileError`].
    async fn enable(&self) -> Result<(), ProfileError>;

    /// Ends sampling the heap and forgets its samples.
    ///
    /// # Errors
    /// [`ProfileError`].
    async fn disable(&self) -> Result<(), ProfileError>;

    /// Samples the CPU for `duration`.
    ///
    /// # Errors
    /// [`ProfileError::Busy`] while another is being taken.
    async fn cpu(&self, duration: Duration) -> Result<Vec<u8>, ProfileError>;

    /// The profile of `kind` as it is now.
    ///
    /// # Errors
    /// [`ProfileError`].
    async fn snapshot(&self, kind: Kind) -> Result<Vec<u8>, ProfileError>;

    /// The names of the functions at these addresses; of each that is known.
    async fn symbols(&self, addresses: Vec<u64>) -> Vec<(u64, String)>;
}
