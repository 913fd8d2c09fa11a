use std::fmt;

use aes_gcm::{Aes256Gcm, KeyInit as _, aead::AeadInOut as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sealwork_platform::Entropy;
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;
use zeroize::Zeroizing;

const NONCE: usize = 12;
const TAG: usize = 16;
/// Longest cursor that is looked at, in bytes.
const MAX_CURSOR: usize = 4 << 10;

/// Seals cursors that name things of the operator's account at an upstream. A requester can neither
/// read nor make one, and one that was given to another requester, or for another query, does not
/// open. AES-256-GCM under a key of the worker, with random nonces.
#[derive(Clone)]
pub struct CursorKey(Zeroizing<[u8; 32]>);

/// Why a cursor is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("next_cursor is not one that this worker gave to this requester for these arguments")]
pub struct CursorError;

impl CursorKey {
    /// A key that outlives restarts, so that cursors do.
    pub fn new(key: [u8; 32]) -> Self {
        Self(Zeroizing::new(key))
    }

    /// Seals `place` for who can name `bound` again. `None` for what is no JSON.
    pub fn seal(
        &self,
        place: &impl Serialize,
        bound: &[&[u8]],
        entropy: &dyn Entropy,
    ) -> Option<String> {
        let mut text = serde_json::to_vec(place).ok()?;
        let nonce: [u8; NONCE] = entropy.array();
        let aad = length_prefixed(bound);
        let tag = self
            .cipher()
            .encrypt_inout_detached((&nonce).into(), &aad, text.as_mut_slice().into())
            .ok()?;
        let sealed = [nonce.as_slice(), text.as_slice(), tag.as_slice()].concat();
        Some(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens what was sealed with the same `bound`.
    ///
    /// # Errors
    /// [`CursorError`] for anything else.
    pub fn open<T: DeserializeOwned>(
        &self,
        cursor: &str,
        bound: &[&[u8]],
    ) -> Result<T, CursorError> {
        let mut sealed = decode(cursor).ok_or(CursorError)?;
        let (nonce, rest) = sealed.split_at_mut(NONCE);
        let (text, tag) = rest.split_at_mut(rest.len() - TAG);
        let nonce: [u8; NONCE] = (&*nonce).try_into().map_err(|_| CursorError)?;
        let tag: [u8; TAG] = (&*tag).try_into().map_err(|_| CursorError)?;
        let aad = length_prefixed(bound);
        self.cipher()
            .decrypt_inout_detached((&nonce).into(), &aad, (&mut *text).into(), (&tag).into())
            .map_err(|_| CursorError)?;
        serde_json::from_slice(text).map_err(|_| CursorError)
    }

    /// Whether `cursor` has the form of a sealed one: all that can be said without a requester.
    pub fn looks_sealed(cursor: &str) -> bool {
        decode(cursor).is_some()
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&*self.0).into())
    }
}

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorKey")
    }
}

fn decode(cursor: &str) -> Option<Vec<u8>> {
    if cursor.len() > MAX_CURSOR {
        return None;
    }
    let sealed = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    (sealed.len() >= NONCE + TAG).then_some(sealed)
}

/// No two lists of parts give the same bytes.
fn length_prefixed(parts: &[&[u8]]) -> Vec<u8> {
    parts
        .iter()
        .flat_map(|part| (part.len() as u64).to_be_bytes().into_iter().chain(part.iter().copied()))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sealwork_platform::OsEntropy;

    use super::*;

    fn key() -> CursorKey {
        CursorKey::new([7; 32])
    }

    #[test]
    fn a_cursor_opens_for_its_requester_and_query_alone() {
        let cursor = key().seal(&("dataset", 10), &[b"alice", b"query"], &OsEntropy).unwrap();
        let open = |key: CursorKey, bound: &[&[u8]]| key.open::<(String, u64)>(&cursor, bound);
        assert_eq!(open(key(), &[b"alice", b"query"]), Ok(("dataset".to_owned(), 10)));
        assert_eq!(open(key(), &[b"mallory", b"query"]), Err(CursorError));
        assert_eq!(open(key(), &[b"alice", b"other"]), Err(CursorError));
        assert_eq!(open(key(), &[b"alic", b"equery"]), Err(CursorError));
        assert_eq!(open(CursorKey::new([8; 32]), &[b"alice", b"query"]), Err(CursorError));
        assert!(!cursor.contains("dataset"));
    }

    #[test]
    fn what_was_not_sealed_does_not_open() {
        for cursor in ["", "eyJvZmZzZXQiOjEwfQ==", "A", "not a cursor", &"A".repeat(9000)] {
            assert!(!CursorKey::looks_sealed(cursor), "{cursor}");
            assert_eq!(key().open::<u64>(cursor, &[]), Err(CursorError));
        }
    }

    proptest! {
        #[test]
        fn no_changed_cursor_opens(at in 0usize..200, bit in 0u8..6) {
            let cursor = key().seal(&12345u64, &[b"a"], &OsEntropy).unwrap();
            let mut bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let changed = URL_SAFE_NO_PAD.encode(bytes);
            prop_assert_eq!(key().open::<u64>(&changed, &[b"a"]), Err(CursorError));
        }
    }
}
