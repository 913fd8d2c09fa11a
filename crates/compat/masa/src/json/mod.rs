//! JSON as Go's `encoding/json` reads and writes it: what the Masa routes accept, how they complain,
//! and the one form in which a job is sealed (reference 1.1, 1.4, 2.2).

pub(crate) mod decode;
pub(crate) mod encode;
mod error;
mod lift;

pub(crate) use decode::{GoStruct, Slot, decode_first, decode_only};
pub use encode::{write_string, write_value};
pub use error::DecodeError;
pub use lift::{LIFTED, LONG, LiftError, Lifter};
