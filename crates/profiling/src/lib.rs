//! Profiles of the running process in the form that `go tool pprof` reads.
//!
//! The trait and its words are always here. On Linux the feature `native` adds [`Native`], which
//! samples the CPU by timer signals, and the heap where [`Jemalloc`] is the global allocator and
//! was built with sampling possible (`.cargo/config.toml`).
#![forbid(unsafe_code)]

#[cfg(all(feature = "native", target_os = "linux"))]
mod native;
mod profiler;

#[cfg(all(feature = "native", target_os = "linux"))]
pub use native::Native;
pub use profiler::{Kind, ProfileError, Profiler};
#[cfg(all(feature = "native", target_os = "linux"))]
pub use tikv_jemallocator::Jemalloc;
