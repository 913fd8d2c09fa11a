use std::{fmt, str::FromStr};

use ::cid::multibase::{self, Base};
use sealwork_job::Code;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

const VERSION_1: u8 = 1;
const SHA2_256: u8 = 0x12;
const DIGEST_LEN: usize = 32;
/// Where the hash begins: after version and codec.
const HASH_AT: usize = 2;
const PREFIX_LEN: usize = 4;
/// Base58 is decoded in quadratic time. The longest text that can be valid has 59 characters.
const TEXT_MAX: usize = 128;

/// How the bytes of a block are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    /// The bytes are the content.
    Raw,
    /// A node with links, in protobuf.
    DagPb,
}

impl Codec {
    /// Its number in the multicodec table.
    const fn number(self) -> u8 {
        match self {
            Self::Raw => 0x55,
            Self::DagPb => 0x70,
        }
    }

    fn from_number(number: u64) -> Option<Self> {
        [Self::Raw, Self::DagPb].into_iter().find(|codec| u64::from(codec.number()) == number)
    }
}

/// The address of a block: SHA-256 of its bytes, and how to read them.
///
/// Two CIDs are equal when they stand for the same block: a CIDv0 is the CIDv1 of the codec dag-pb
/// with its digest, and is shown as that one. The text is base32, as `ipfs add --cid-version=1`
/// prints it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cid {
    codec: Codec,
    digest: [u8; DIGEST_LEN],
}

impl Cid {
    /// The address of these bytes.
    pub fn of(codec: Codec, bytes: &[u8]) -> Self {
        Self { codec, digest: Sha256::digest(bytes).into() }
    }

    /// How the block is read.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// SHA-256 of the block.
    pub fn digest(&self) -> &[u8; DIGEST_LEN] {
        &self.digest
    }

    /// Reads the binary form, of version 0 or 1, and nothing after it.
    ///
    /// # Errors
    /// Any [`CidError`] except those of the text.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CidError> {
        let read = ::cid::Cid::read_bytes(bytes).map_err(|_| CidError::Malformed)?;
        let hash = read.hash();
        if hash.code() != u64::from(SHA2_256) {
            return Err(CidError::HashFunction(hash.code()));
        }
        let digest = hash.digest().try_into().map_err(|_| CidError::Malformed)?;
        let codec = Codec::from_number(read.codec()).ok_or(CidError::Codec(read.codec()))?;
        let cid = Self { codec, digest };
        // The reader stops at the end of the digest, and drops bits of numbers above the 64th.
        let whole = cid.to_bytes();
        let written = match read.version() {
            ::cid::Version::V0 => &whole[HASH_AT..],
            ::cid::Version::V1 => &whole[..],
        };
        if written == bytes { Ok(cid) } else { Err(CidError::Malformed) }
    }

    /// The binary form of version 1.
    pub fn to_bytes(&self) -> [u8; PREFIX_LEN + DIGEST_LEN] {
        let mut bytes = [0; PREFIX_LEN + DIGEST_LEN];
        let (prefix, digest) = bytes.split_at_mut(PREFIX_LEN);
        prefix.copy_from_slice(&[VERSION_1, self.codec.number(), SHA2_256, DIGEST_LEN as u8]);
        digest.copy_from_slice(&self.digest);
        bytes
    }
}

impl FromStr for Cid {
    type Err = CidError;

    /// CIDv0 in base58btc (`Qm...`), CIDv1 in base32 (`b...`) or base58btc (`z...`).
    fn from_str(text: &str) -> Result<Self, CidError> {
        if text.len() > TEXT_MAX {
            return Err(CidError::Text);
        }
        let bytes = if text.starts_with("Qm") {
            Base::Base58Btc.decode(text).map_err(|_| CidError::Text)?
        } else {
            match text.chars().next() {
                None => return Err(CidError::Text),
                Some('b' | 'z') => multibase::decode(text).map_err(|_| CidError::Text)?.1,
                Some(base) => return Err(CidError::Base(base)),
            }
        };
        // Base58 without a prefix is for version 0 alone, and version 0 has no other text.
        if text.starts_with("Qm") != bytes.starts_with(&[SHA2_256, DIGEST_LEN as u8]) {
            return Err(CidError::Malformed);
        }
        Self::from_bytes(&bytes)
    }
}

impl fmt::Display for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&multibase::encode(Base::Base32Lower, self.to_bytes()))
    }
}

impl fmt::Debug for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cid({self})")
    }
}

impl Serialize for Cid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Why something is not a CID that can be used here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CidError {
    /// The text cannot be decoded.
    #[error("this is not the text of a CID: give it as `ipfs add` prints it, without `/ipfs/`")]
    Text,
    /// The text is in a base that is not read.
    #[error(
        "a CID that begins with `{}` is not read: give it in base32 (`b...`) or base58btc (`Qm...`, `z...`)",
        .0.escape_default()
    )]
    Base(char),
    /// The bytes are no CID.
    #[error("this is not a CID: a part is missing, too much, or out of range")]
    Malformed,
    /// Another hash function than sha2-256.
    #[error("CIDs with the hash function {0:#x} are not read: add the content with sha2-256")]
    HashFunction(u64),
    /// Another codec than raw and dag-pb.
    #[error("CIDs with the codec {0:#x} are not read: only raw and dag-pb are")]
    Codec(u64),
}

impl CidError {
    /// The stable code.
    pub fn code(&self) -> Code {
        Code::CidInvalid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `hello world` without a newline, from kubo's own tests (test/cli/add_test.go).
    const RAW: &str = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
    const DAG_PB_V0: &str = "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD";
    const DAG_PB_V1: &str = "bafybeihykld7uyxzogax6vgyvag42y7464eywpf55gxi5qpoisibh3c5wa";
    const SHA2_512: &str = "bafkrgqbqt3gerhas23vuzrapkdeqf4vu2dwxp3srdj6hvg6nhsug2tgyn6mj3u23yx7utftq3i2ckw2fwdh5qmhid5qf3t35yvkc5e5ottlw6";

    fn parsed(text: &str) -> Cid {
        text.parse().unwrap()
    }

    fn refused(text: &str) -> CidError {
        text.parse::<Cid>().unwrap_err()
    }

    fn text_of(bytes: &[u8]) -> String {
        multibase::encode(Base::Base32Lower, bytes)
    }

    #[test]
    fn the_cid_of_hello_world_is_the_one_that_kubo_prints() {
        assert_eq!(Cid::of(Codec::Raw, b"hello world").to_string(), RAW);
        assert_eq!(parsed(RAW), Cid::of(Codec::Raw, b"hello world"));
        assert_eq!(parsed(DAG_PB_V1).codec(), Codec::DagPb);
    }

    #[test]
    fn version_0_is_read_as_version_1_of_the_same_digest() {
        let old = parsed(DAG_PB_V0);
        assert_eq!(old.codec(), Codec::DagPb);
        let new = parsed(&old.to_string());
        assert!(old.to_string().starts_with("bafybei"));
        assert_eq!(old, new);
        let binary = [&[SHA2_256, 32][..], old.digest()].concat();
        assert_eq!(Cid::from_bytes(&binary), Ok(old));
    }

    #[test]
    fn base58_and_base32_of_version_1_are_the_same_cid() {
        let cid = parsed(RAW);
        assert_eq!(parsed(&multibase::encode(Base::Base58Btc, cid.to_bytes())), cid);
        assert_eq!(Cid::from_bytes(&cid.to_bytes()), Ok(cid));
        let json = serde_json::to_string(&cid).unwrap();
        assert_eq!(json, format!("\"{RAW}\""));
        assert_eq!(serde_json::from_str::<Cid>(&json).unwrap(), cid);
    }

    #[test]
    fn other_hash_functions_and_codecs_are_refused_by_name() {
        assert_eq!(refused(SHA2_512), CidError::HashFunction(0x13));
        let digest = [7; 32];
        let identity = [&[1, 0x55, 0, 5][..], b"hello"].concat();
        assert_eq!(Cid::from_bytes(&identity), Err(CidError::HashFunction(0)));
        let dag_cbor = [&[1, 0x71, SHA2_256, 32][..], &digest].concat();
        assert_eq!(Cid::from_bytes(&dag_cbor), Err(CidError::Codec(0x71)));
        assert_eq!(refused(SHA2_512).code(), Code::CidInvalid);
    }

    #[test]
    fn a_cid_that_is_short_long_or_of_an_unknown_version_is_refused() {
        let whole = parsed(RAW).to_bytes();
        for end in 0..whole.len() {
            assert!(Cid::from_bytes(&whole[..end]).is_err(), "{end}");
        }
        assert_eq!(Cid::from_bytes(&[&whole[..], &[0]].concat()), Err(CidError::Malformed));
        let mut other = whole;
        other[0] = 2;
        assert_eq!(Cid::from_bytes(&other), Err(CidError::Malformed));
        let short = [&[1, 0x55, SHA2_256, 20][..], &[7; 20]].concat();
        assert_eq!(Cid::from_bytes(&short), Err(CidError::Malformed));
        let long_varint = [&[0x81, 0, 0x55, SHA2_256, 32][..], &[7; 32]].concat();
        assert_eq!(Cid::from_bytes(&long_varint), Err(CidError::Malformed));
        let wrapped = [0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02];
        let above_64_bits = [&wrapped[..], &whole[1..]].concat();
        assert_eq!(Cid::from_bytes(&above_64_bits), Err(CidError::Malformed));
        // Version 0 has no prefix of a base.
        let old = parsed(DAG_PB_V0);
        let dressed = text_of(&[&[SHA2_256, 32][..], old.digest()].concat());
        assert_eq!(refused(&dressed), CidError::Malformed);
    }

    #[test]
    fn texts_that_are_no_cid_are_refused_and_say_why() {
        for text in ["", "b", "bafkrei!", "Qm", "z0", &format!("/ipfs/{RAW}")] {
            assert!(text.parse::<Cid>().is_err(), "{text:?}");
        }
        assert_eq!(refused(&"b".repeat(10_000)), CidError::Text);
        assert_eq!(refused("k51qzi5uqu5d"), CidError::Base('k'));
        assert_eq!(refused(&RAW.to_uppercase()), CidError::Base('B'));
        assert_eq!(refused(&format!("{RAW}=")), CidError::Text);
        assert_eq!(refused(&format!("b/ipfs/{RAW}")), CidError::Text);
        // The last character carries bits that no byte takes: they must be zero.
        assert_eq!(refused(&format!("{}f", &RAW[..RAW.len() - 1])), CidError::Text);
    }
}
