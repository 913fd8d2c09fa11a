//! The requester's own key, for `--sign-with`.

use std::path::Path;

use sealwork_client::RequesterKey;
use zeroize::Zeroizing;

use crate::{exit::CliError, files};

/// Reads `ALGORITHM:FILE`: `ed25519`, `secp256k1` or `sr25519`, and a file with the 32-byte secret
/// key in hex.
pub(super) fn load(text: &str) -> Result<RequesterKey, CliError> {
    let usage = |what: String| {
        CliError::usage(
            what,
            "give ed25519:FILE, secp256k1:FILE or sr25519:FILE; the file holds the secret key as \
             64 hex digits",
        )
    };
    let (algorithm, path) = text
        .split_once(':')
        .ok_or_else(|| usage(format!("--sign-with {text:?} does not say which algorithm")))?;
    let secret = Zeroizing::new(files::read_secret(Path::new(path))?);
    let mut key = Zeroizing::new([0; 32]);
    hex::decode_to_slice(secret.trim(), &mut *key)
        .map_err(|_| usage(format!("{path} does not hold 64 hex digits")))?;
    match algorithm {
        "ed25519" => Ok(RequesterKey::ed25519(&key)),
        "secp256k1" => RequesterKey::secp256k1(&key)
            .map_err(|_| usage(format!("{path} holds no secret key of secp256k1"))),
        "sr25519" => RequesterKey::sr25519(&key)
            .map_err(|_| usage(format!("{path} holds no secret key of sr25519"))),
        other => Err(usage(format!("{other:?} is not a signature algorithm here"))),
    }
}
