//! Typed data as contracts hash them (EIP-712), as far as the two answers need it.

use sha3::{Digest as _, Keccak256};

/// A member of a struct, encoded.
pub(crate) enum Member<'a> {
    /// `bytes32`.
    Word([u8; 32]),
    /// `bytes`.
    Bytes(&'a [u8]),
    /// `uint256`.
    Number(u64),
}

impl Member<'_> {
    fn encode(&self) -> [u8; 32] {
        match self {
            Self::Word(word) => *word,
            Self::Bytes(bytes) => keccak(bytes),
            Self::Number(number) => {
                let mut word = [0; 32];
                word[24..].copy_from_slice(&number.to_be_bytes());
                word
            }
        }
    }
}

pub(crate) fn keccak(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

fn hash_struct(kind: &str, members: &[Member<'_>]) -> [u8; 32] {
    let mut hash = Keccak256::new_with_prefix(keccak(kind.as_bytes()));
    members.iter().for_each(|member| hash.update(member.encode()));
    hash.finalize().into()
}

/// What is signed: a struct of this type in the domain of Marlin's verifier (7.5).
pub(crate) fn digest(kind: &str, members: &[Member<'_>]) -> [u8; 32] {
    let domain = hash_struct(
        "EIP712Domain(string name,string version)",
        &[Member::Bytes(b"marlin.oyster.AttestationVerifier"), Member::Bytes(b"1")],
    );
    keccak(&[&[0x19, 0x01], &domain[..], &hash_struct(kind, members)].concat())
}
