//! Content by its address: CIDs, the block layout of IPFS files, the local block store.
//!
//! [`import()`] cuts a file into the blocks that `ipfs add --cid-version=1 --raw-leaves` makes of it,
//! so that its CID is the same everywhere. [`read()`] puts a file together again from blocks that may
//! come from anybody: each is checked against its CID, and size, depth and number of blocks are
//! bounded. [`BlockStore`] keeps blocks on the worker's disk, under names that hold them there.
//!
//! Nothing here uses the network. Everything blocks on the disk at most: async callers move it to
//! a thread for blocking work. Bytes on disk and the rules of reading: `docs/content.md`.
#![forbid(unsafe_code)]

mod block;
mod cid;
mod dag_pb;
mod error;
mod import;
mod read;
mod store;
mod unix_fs;
mod wire;

pub use block::{BLOCK_MAX, Block};
pub use cid::{Cid, CidError, Codec};
pub use error::ContentError;
pub use import::{Imported, import};
pub use read::{Blocks, ReadLimits, read};
pub use store::{BlockStore, Collected, Damage, Pin, PinName, StoreLimits};
