//! The functions of the interface. Each takes the state, the guest's memory, and the arguments as
//! the guest gave them; each answers with an error number or nothing.
#![allow(clippy::too_many_arguments, reason = "the interface has that many")]

pub(crate) mod args;
pub(crate) mod clock;
pub(crate) mod fd;
pub(crate) mod path;
pub(crate) mod poll;
pub(crate) mod proc;
pub(crate) mod random;
pub(crate) mod sock;
mod transfer;
