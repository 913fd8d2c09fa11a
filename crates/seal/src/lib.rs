//! Keys and envelopes: what is sealed, signed and derived, down to the byte.
//!
//! Everything here is a function of its arguments: no I/O, no clock, and randomness comes in as a
//! parameter, so that the crate builds for a browser as it does for a worker. The bytes are drawn
//! in `docs/formats.md`.
//!
//! * A requester seals with [`seal_request`] to a key of a [`KeyConfig`] and opens the result with
//!   [`open_response`].
//! * A worker opens with [`open_request`], seals with [`seal_response`] and signs with
//!   [`ReceiptKey::sign`].
//! * Anyone checks with [`KeyConfig::verify`], [`verify_receipt`] and [`verify_chain`].
#![forbid(unsafe_code)]

mod aead;
mod chain;
mod context;
pub mod derive;
mod digest;
mod ed25519;
mod envelope_key;
mod error;
mod evm_key;
pub mod frame;
mod header;
mod key_config;
mod key_config_json;
mod length_prefix;
pub mod padding;
mod receipt;
mod receipt_key;
mod request;
mod requester;
mod response;
mod response_stream;
mod secrets;
mod statement;
mod suite;
pub mod tlv;
#[cfg(feature = "native")]
mod x25519_kem;

pub use chain::{Chain, ChainLink, verify_chain};
pub use digest::{SaltedDigest, receipt_digest, salted_digest, token_hash};
pub use envelope_key::{EnvelopeKeyPair, KeyId, PublicEnvelopeKey, UnwrapError};
pub use error::{EnvelopeError, KeyConfigError, ReceiptError, SealError};
pub use evm_key::EvmKey;
pub use header::Header;
pub use key_config::{KeyConfig, KeyConfigParams};
pub use receipt::{ReceiptClaims, verify_receipt};
pub use receipt_key::{ReceiptKey, ReceiptPublicKey};
pub use request::{
    OpenLimits, Opened, RequestParts, SealOptions, Sealed, open_request, request_opener,
    request_sealer, seal_request,
};
pub use requester::{RequesterKey, RequesterKeyError};
pub use response::{
    OpenedResponse, ResponseHeader, SealedOutcome, open_response, response_opener, response_sealer,
    seal_response,
};
pub use response_stream::{ResponseReader, ResponseWriter};
pub use secrets::RequestSecrets;
pub use statement::{MAX_STATEMENT_FIELD_LEN, Purpose, Statement};
pub use suite::{Suite, SuiteId};
