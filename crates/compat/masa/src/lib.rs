//! Masa's envelopes and encodings, bit for bit.
#![forbid(unsafe_code)]
