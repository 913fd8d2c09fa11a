//! Masa's envelopes and encodings, bit for bit: the ring of keys, sealed jobs and results, bodies
//! and their errors, key pushes, job types.
//!
//! Section numbers in the documentation of this crate are those of the behaviour reference
//! (`reference/masa.md`). Nothing here does I/O; random values and times come in as parameters.
#![forbid(unsafe_code)]

mod base64;
mod base64_pieces;
mod body;
mod exchange;
mod form;
mod gcm;
mod job;
mod json;
mod pieces;
mod ring;
mod setkey;
mod spec;

pub use base64::Base64Error;
pub use body::{AddBody, Body, ResultBody, SetKeyBody, read_body};
pub use exchange::{OpenJobError, OpenResultError};
pub use job::MasaJob;
pub use json::{DecodeError, LIFTED, LONG, LiftError, Lifter, write_string, write_value};
pub use pieces::{OpenPiecesError, OpenedPieces, ResultSealer, TextPieces};
pub use ring::{BlobError, IV_LEN, RING_SIZE, Ring, RingError, TAG_LEN};
pub use setkey::{DistributorKey, SetKeyError, verify_setkey};
pub use spec::{to_spec, unknown_job_type};
