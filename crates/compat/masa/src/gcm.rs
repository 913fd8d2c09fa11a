//! AES-256-GCM over a text that comes in pieces (NIST SP 800-38D): an IV of 96 bits, a tag of 128,
//! nothing beside the text that is authenticated. Put together of RustCrypto's `ctr` and `ghash`,
//! because `aes-gcm` takes a text whole only; the tests compare the two.

use aes::Aes256;
use ctr::{
    Ctr32BE,
    cipher::{BlockCipherEncrypt as _, KeyInit as _, KeyIvInit as _, StreamCipher as _},
};
use ghash::{Block, GHash, universal_hash::UniversalHash as _};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{IV_LEN, TAG_LEN};

const BLOCK: usize = 16;

/// Encrypts or decrypts one text, and computes its tag. At most 64 GiB, which is far above every
/// limit on outputs.
pub(crate) struct Gcm {
    keystream: Ctr32BE<Aes256>,
    hash: GHash,
    /// What the hash is masked with to be the tag.
    mask: Zeroizing<[u8; BLOCK]>,
    /// Ciphertext that fills no block yet.
    rest: Vec<u8>,
    len: u64,
}

impl Gcm {
    pub(crate) fn new(key: &[u8; 32], iv: [u8; IV_LEN]) -> Self {
        let mut hash_key = Block::default();
        Aes256::new(key.into()).encrypt_block(&mut hash_key);
        let hash = GHash::new(&hash_key);
        hash_key.zeroize();
        let mut counter = [0; BLOCK];
        counter[..IV_LEN].copy_from_slice(&iv);
        counter[BLOCK - 1] = 1;
        let mut keystream = Ctr32BE::<Aes256>::new(key.into(), &counter.into());
        let mut mask = Zeroizing::new([0; BLOCK]);
        keystream.apply_keystream(&mut *mask);
        Self { keystream, hash, mask, rest: Vec::with_capacity(BLOCK), len: 0 }
    }

    /// Encrypts the next piece in place.
    pub(crate) fn encrypt(&mut self, text: &mut [u8]) {
        self.keystream.apply_keystream(text);
        self.authenticate(text);
    }

    /// Decrypts the next piece in place. Whether it is genuine [`Self::authenticate`] shows.
    pub(crate) fn decrypt(&mut self, text: &mut [u8]) {
        self.keystream.apply_keystream(text);
    }

    /// Takes the next piece of ciphertext into the tag.
    pub(crate) fn authenticate(&mut self, mut sealed: &[u8]) {
        self.len += sealed.len() as u64;
        if !self.rest.is_empty() {
            let (first, after) = sealed.split_at(sealed.len().min(BLOCK - self.rest.len()));
            self.rest.extend_from_slice(first);
            sealed = after;
            if self.rest.len() == BLOCK {
                self.hash.update_padded(&self.rest);
                self.rest.clear();
            }
        }
        let (blocks, rest) = sealed.split_at(sealed.len() / BLOCK * BLOCK);
        self.hash.update_padded(blocks);
        self.rest.extend_from_slice(rest);
    }

    /// The tag of what was encrypted or authenticated.
    pub(crate) fn tag(mut self) -> [u8; TAG_LEN] {
        self.hash.update_padded(&self.rest);
        let mut lengths = Block::default();
        lengths[BLOCK / 2..].copy_from_slice(&(self.len * 8).to_be_bytes());
        self.hash.update(&[lengths]);
        let mut tag: [u8; TAG_LEN] = self.hash.finalize().into();
        tag.iter_mut().zip(self.mask.iter()).for_each(|(byte, mask)| *byte ^= mask);
        tag
    }
}

#[cfg(test)]
mod tests {
    use aes_gcm::{
        Aes256Gcm, Key, Nonce,
        aead::{AeadInOut as _, inout::InOutBuf},
    };
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_of_any_size_give_what_one_piece_gives(
            key: [u8; 32],
            iv: [u8; IV_LEN],
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..6),
        ) {
            let mut whole = pieces.concat();
            let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from(key));
            let tag = cipher
                .encrypt_inout_detached(&Nonce::from(iv), b"", InOutBuf::from(&mut whole[..]))
                .unwrap();
            let (mut sealing, mut opening) = (Gcm::new(&key, iv), Gcm::new(&key, iv));
            let mut sealed = Vec::new();
            for piece in &pieces {
                let mut text = piece.clone();
                sealing.encrypt(&mut text);
                sealed.extend_from_slice(&text);
                opening.authenticate(&text);
                opening.decrypt(&mut text);
                prop_assert_eq!(&text, piece);
            }
            prop_assert_eq!(sealed, whole);
            prop_assert_eq!(&sealing.tag()[..], &tag[..]);
            prop_assert_eq!(&opening.tag()[..], &tag[..]);
        }
    }
}
