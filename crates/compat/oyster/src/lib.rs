//! Marlin's attestation verifier: from a Nitro document to the answer that its contracts accept,
//! in both versions that are deployed.
//!
//! [`Attested::from_document`] checks the document, [`OldStatement`] and [`NewStatement`] are what
//! an answer says about it, [`VerifierKey`] signs them as EIP-712 typed data.
//!
//! Section numbers in the documentation of this crate are those of the behaviour reference
//! (`reference/oyster.md`). Nothing here does I/O or reads a clock.
#![forbid(unsafe_code)]

mod answer;
mod attested;
mod eip712;
mod key;

pub use answer::{NewAnswer, NewStatement, OldAnswer, OldStatement};
pub use attested::{Attested, OysterError, Rules, read_hex};
pub use key::{KeyError, VerifierKey};
