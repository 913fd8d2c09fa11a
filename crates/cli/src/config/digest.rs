//! The digest of the configuration, which key configs and evidence carry.

use sealwork_job::Digest;
use sha2::{Digest as _, Sha256};

use super::{
    kind::Value,
    values::{Resolved, Values},
};

/// Begins what is hashed, so that the digest is of nothing else.
const LABEL: &str = "sealwork/v1 configuration";

/// SHA-256 over the label and then, in the order of their names, every setting's name and value,
/// each preceded by its length as 8 bytes, big-endian. Of a secret, the value is what may be shown
/// of it: `set` or nothing, and of API keys their names and quotas. Of a file, it is the SHA-256 of
/// its content in hex.
pub(crate) fn digest(values: &Values) -> Digest {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    add(LABEL);
    for resolved in values.iter() {
        add(resolved.setting.name);
        add(&hashed_text(resolved));
    }
    Digest(hash.finalize().into())
}

fn hashed_text(resolved: &Resolved) -> String {
    match &resolved.value {
        Value::File(file) if !resolved.setting.secret => hex::encode(Sha256::digest(&file.content)),
        _ => resolved.public_text(),
    }
}
