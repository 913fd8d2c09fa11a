//! Keys and envelopes: HPKE, receipts, key configs, rotation, streaming frames.
#![forbid(unsafe_code)]
