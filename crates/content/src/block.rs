use bytes::Bytes;

use crate::{Cid, Codec, ContentError};

/// The largest block, in bytes: what Bitswap carries and kubo keeps.
pub const BLOCK_MAX: usize = 2 * 1024 * 1024;

/// Bytes with their address. The address has been computed from the bytes or compared with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    cid: Cid,
    bytes: Bytes,
}

impl Block {
    pub(crate) fn of(codec: Codec, bytes: Bytes) -> Self {
        Self { cid: Cid::of(codec, &bytes), bytes }
    }

    /// The block that `cid` names, if these are its bytes.
    ///
    /// # Errors
    /// [`ContentError::BlockTooLarge`], [`ContentError::Mismatch`].
    pub fn checked(cid: Cid, bytes: Bytes) -> Result<Self, ContentError> {
        if bytes.len() > BLOCK_MAX {
            return Err(ContentError::BlockTooLarge(cid));
        }
        let block = Self::of(cid.codec(), bytes);
        if block.cid == cid { Ok(block) } else { Err(ContentError::Mismatch(cid)) }
    }

    /// Its address.
    pub fn cid(&self) -> Cid {
        self.cid
    }

    /// Its bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub(crate) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_made_only_of_the_bytes_that_its_cid_names() {
        let cid = Cid::of(Codec::Raw, b"content");
        assert_eq!(Block::checked(cid, Bytes::from_static(b"content")).unwrap().cid(), cid);
        let changed = Block::checked(cid, Bytes::from_static(b"Content"));
        assert!(matches!(changed, Err(ContentError::Mismatch(of)) if of == cid));
    }

    #[test]
    fn a_block_has_at_most_two_mebibytes() {
        let fits = Bytes::from(vec![0; BLOCK_MAX]);
        assert!(Block::checked(Cid::of(Codec::Raw, &fits), fits).is_ok());
        let large = Bytes::from(vec![0; BLOCK_MAX + 1]);
        let refused = Block::checked(Cid::of(Codec::Raw, &large), large);
        assert!(matches!(refused, Err(ContentError::BlockTooLarge(_))));
    }
}
