//! Values sealed at rest.
//!
//! ```text
//! salt 16 | counter u64 BE | ciphertext | tag 16
//! ```
//! AES-256-GCM. Each opening of the store draws a random salt; the key is HKDF-SHA256 of the
//! store's key with that salt, and the nonce is four zero bytes and the counter, which never
//! repeats under one salt. So no number of values wears a key out, and a directory that is copied
//! back by a hostile host never makes a nonce repeat.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use aes_gcm::{
    Aes256Gcm, Key, KeyInit, Nonce, Tag,
    aead::{AeadInOut, inout::InOutBuf},
};
use hkdf::Hkdf;
use sealwork_platform::Entropy;
use sha2::Sha256;
use zeroize::Zeroizing;

const SALT: usize = 16;
const PREFIX: usize = SALT + 8;
const TAG: usize = 16;
/// By how much a sealed value is longer than its content.
pub(crate) const OVERHEAD: usize = PREFIX + TAG;
/// Ciphers of earlier openings that are kept at hand.
const REMEMBERED: usize = 32;

type Salt = [u8; SALT];

/// Seals and opens values, and hides nonces in the replay index.
pub(crate) struct Sealer {
    root: Zeroizing<[u8; 32]>,
    index: Zeroizing<[u8; 32]>,
    salt: Salt,
    current: Aes256Gcm,
    counter: AtomicU64,
    earlier: Mutex<Vec<(Salt, Arc<Aes256Gcm>)>>,
}

/// What a value is bound to: moved to another place, it does not open.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'static str,
    pub(crate) key: &'a [&'a [u8]],
}

impl Place<'_> {
    fn aad(&self) -> Vec<u8> {
        let mut aad = Vec::with_capacity(64);
        for part in std::iter::once(&self.table.as_bytes()).chain(self.key) {
            // Lengths before parts: no two places have the same bytes.
            aad.extend_from_slice(&(part.len() as u64).to_be_bytes());
            aad.extend_from_slice(part);
        }
        aad
    }
}

impl Sealer {
    pub(crate) fn new(key: &[u8; 32], entropy: &dyn Entropy) -> Self {
        let root = Zeroizing::new(*key);
        let mut index = Zeroizing::new([0; 32]);
        expand(&root, &[b"sealwork/v1 store replay-index hmac-sha256"], &mut *index);
        let salt = entropy.array();
        let current = cipher(&root, &salt);
        let (counter, earlier) = (AtomicU64::new(0), Mutex::new(Vec::new()));
        Self { root, index, salt, current, counter, earlier }
    }

    /// Seals `plain` for `place`.
    pub(crate) fn seal(&self, place: Place<'_>, plain: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(PREFIX + plain.len() + TAG);
        self.seal_into(place, plain, &mut sealed);
        sealed
    }

    /// Appends the sealed `plain` to `out`.
    pub(crate) fn seal_into(&self, place: Place<'_>, plain: &[u8], out: &mut Vec<u8>) {
        let counter = self.counter.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        out.extend_from_slice(&self.salt);
        out.extend_from_slice(&counter);
        let start = out.len();
        out.extend_from_slice(plain);
        let body = InOutBuf::from(&mut out[start..]);
        // AES-GCM refuses only what is longer than 64 GiB, which no caller can hold.
        match self.current.encrypt_inout_detached(&nonce(counter), &place.aad(), body) {
            Ok(tag) => out.extend_from_slice(&tag),
            Err(_) => out.truncate(start),
        }
    }

    /// Opens what [`Self::seal`] sealed for `place`. `None`: it is something else.
    pub(crate) fn open(&self, place: Place<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
        let (prefix, rest) = sealed.split_first_chunk::<PREFIX>()?;
        let (body, tag) = rest.split_last_chunk::<TAG>()?;
        let mut plain = body.to_vec();
        self.decrypt(place, prefix, &mut plain, *tag).then_some(plain)
    }

    /// The same without a second copy of a large value.
    pub(crate) fn open_owned(&self, place: Place<'_>, mut sealed: Vec<u8>) -> Option<Vec<u8>> {
        let (prefix, rest) = sealed.split_first_chunk_mut::<PREFIX>()?;
        let (body, tag) = rest.split_last_chunk_mut::<TAG>()?;
        if !self.decrypt(place, prefix, body, *tag) {
            return None;
        }
        sealed.truncate(sealed.len() - TAG);
        sealed.drain(..PREFIX);
        Some(sealed)
    }

    fn decrypt(
        &self,
        place: Place<'_>,
        prefix: &[u8; PREFIX],
        body: &mut [u8],
        tag: [u8; TAG],
    ) -> bool {
        let (mut salt, mut counter) = ([0; SALT], [0; 8]);
        salt.copy_from_slice(&prefix[..SALT]);
        counter.copy_from_slice(&prefix[SALT..]);
        let (nonce, aad, tag) = (nonce(counter), place.aad(), Tag::from(tag));
        let buffer = InOutBuf::from(body);
        let opened = if salt == self.salt {
            self.current.decrypt_inout_detached(&nonce, &aad, buffer, &tag)
        } else {
            self.earlier(&salt).decrypt_inout_detached(&nonce, &aad, buffer, &tag)
        };
        opened.is_ok()
    }

    /// A name for a nonce that tells nothing about it and cannot be guessed.
    pub(crate) fn replay_key(&self, scope: &str, nonce: &[u8]) -> [u8; 16] {
        let mut key = [0; 16];
        let len = (scope.len() as u64).to_be_bytes();
        expand(&self.index, &[&len, scope.as_bytes(), nonce], &mut key);
        key
    }

    /// A name that no other value of any store has: for files.
    pub(crate) fn unique_name(&self) -> String {
        use std::fmt::Write;
        let counter = self.counter.fetch_add(1, Ordering::Relaxed);
        let mut name = String::with_capacity(2 * PREFIX);
        for byte in self.salt {
            let _ = write!(name, "{byte:02x}");
        }
        let _ = write!(name, "{counter:016x}");
        name
    }

    fn earlier(&self, salt: &Salt) -> Arc<Aes256Gcm> {
        let mut earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = earlier.iter().find(|(of, _)| of == salt) {
            return Arc::clone(known);
        }
        let made = Arc::new(cipher(&self.root, salt));
        if earlier.len() == REMEMBERED {
            earlier.remove(0);
        }
        earlier.push((*salt, Arc::clone(&made)));
        made
    }
}

fn cipher(root: &[u8; 32], salt: &Salt) -> Aes256Gcm {
    let mut key = Zeroizing::new([0; 32]);
    expand(root, &[b"sealwork/v1 store value aes-256-gcm", salt], &mut *key);
    Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
}

fn expand(key: &[u8; 32], info: &[&[u8]], out: &mut [u8]) {
    // HKDF-SHA256 gives up to 8,160 bytes; every caller asks for at most 32.
    let expanded = Hkdf::<Sha256>::new(None, key).expand_multi_info(info, out);
    debug_assert!(expanded.is_ok());
}

fn nonce(counter: [u8; 8]) -> Nonce<aes_gcm::aead::consts::U12> {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter);
    Nonce::from(nonce)
}

#[cfg(test)]
mod tests {
    use sealwork_platform::sim::SeededEntropy;

    use super::*;

    fn place<'a>(key: &'a [&'a [u8]]) -> Place<'a> {
        Place { table: "jobs", key }
    }

    #[test]
    fn a_value_opens_in_its_place_and_nowhere_else() {
        let sealer = Sealer::new(&[1; 32], &SeededEntropy::new(1));
        let sealed = sealer.seal(place(&[b"a"]), b"value");
        assert_eq!(sealer.open(place(&[b"a"]), &sealed).unwrap(), b"value");
        assert_eq!(sealer.open_owned(place(&[b"a"]), sealed.clone()).unwrap(), b"value");
        assert!(sealer.open(place(&[b"b"]), &sealed).is_none());
        assert!(sealer.open(place(&[b"a", b""]), &sealed).is_none());
        assert!(sealer.open(Place { table: "other", key: &[b"a"] }, &sealed).is_none());
        for n in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[n] ^= 1;
            assert!(sealer.open(place(&[b"a"]), &changed).is_none());
            assert!(sealer.open_owned(place(&[b"a"]), changed).is_none());
            assert!(sealer.open(place(&[b"a"]), &sealed[..n]).is_none());
        }
    }

    #[test]
    fn a_later_opening_with_the_same_key_reads_it_and_another_key_does_not() {
        let sealed = Sealer::new(&[1; 32], &SeededEntropy::new(1)).seal(place(&[b"a"]), b"value");
        let later = Sealer::new(&[1; 32], &SeededEntropy::new(2));
        assert_eq!(later.open(place(&[b"a"]), &sealed).unwrap(), b"value");
        let other = Sealer::new(&[2; 32], &SeededEntropy::new(1));
        assert!(other.open(place(&[b"a"]), &sealed).is_none());
    }

    #[test]
    fn equal_values_never_look_equal_and_nothing_of_them_shows() {
        let sealer = Sealer::new(&[1; 32], &SeededEntropy::new(1));
        let (a, b) = (sealer.seal(place(&[]), b"same same"), sealer.seal(place(&[]), b"same same"));
        assert_ne!(a, b);
        assert!(!a.windows(4).any(|window| window == b"same"));
    }

    #[test]
    fn replay_keys_differ_by_scope_nonce_and_store() {
        let sealer = Sealer::new(&[1; 32], &SeededEntropy::new(1));
        assert_ne!(sealer.replay_key("ab", b"c"), sealer.replay_key("a", b"bc"));
        let later = Sealer::new(&[1; 32], &SeededEntropy::new(2));
        assert_eq!(sealer.replay_key("a", b"b"), later.replay_key("a", b"b"));
        let other = Sealer::new(&[2; 32], &SeededEntropy::new(1));
        assert_ne!(sealer.replay_key("a", b"b"), other.replay_key("a", b"b"));
    }
}
