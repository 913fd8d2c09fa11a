//! AES-256-GCM outside of an HPKE context, in place.

use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInOut};

pub(crate) const KEY_LEN: usize = 32;
pub(crate) const NONCE_LEN: usize = 12;
pub(crate) const TAG_LEN: usize = 16;

pub(crate) struct Cipher(Aes256Gcm);

impl Cipher {
    pub(crate) fn new(key: &[u8; KEY_LEN]) -> Self {
        Self(Aes256Gcm::new(key.into()))
    }

    /// Encrypts `text` in place and gives the tag.
    pub(crate) fn seal(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        text: &mut [u8],
    ) -> [u8; TAG_LEN] {
        #[allow(clippy::expect_used, reason = "GCM fails above 64 GiB; a frame has 64 KiB")]
        self.0
            .encrypt_inout_detached(nonce.into(), aad, text.into())
            .expect("shorter than GCM's limit")
            .into()
    }

    /// Decrypts `text` in place; `false` when it does not authenticate.
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> bool {
        self.0.decrypt_inout_detached(nonce.into(), aad, text.into(), tag.into()).is_ok()
    }
}
