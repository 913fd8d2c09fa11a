use sealwork_job::{Digest, InstanceId};
use serde::{Deserialize, Serialize};

use crate::{digest::sha256, length_prefix, tlv};

const LABEL: &[u8] = b"sealwork/v1 statement";
/// A nonce and a context are no longer than this, in bytes.
pub const MAX_STATEMENT_FIELD_LEN: usize = 1024;

/// What a worker states with its evidence: the platform signs its digest as report data
/// (docs/formats.md, "Statement").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The kind of evidence, so that evidence of one kind cannot be shown as another.
    pub kind: String,
    /// What the evidence is for.
    pub purpose: Purpose,
    /// The asker's nonce; empty for evidence of an epoch.
    #[serde(with = "hex_text")]
    pub nonce: Vec<u8>,
    /// Digest of the key config, and with it all public keys.
    pub key_config: Digest,
    /// Digest of the configuration.
    pub config: Digest,
    /// The boot of the worker.
    pub instance: InstanceId,
    /// What else the purpose needs, for example the job and module of a key release.
    #[serde(with = "hex_text")]
    pub context: Vec<u8>,
}

/// Bytes as lower-case hex digits.
mod hex_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        hex::decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// What evidence is for. Evidence for one purpose is none for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// To seal jobs: answers an asker's nonce.
    Session,
    /// Archived for the worker's receipts; its nonce is empty.
    Epoch,
    /// To receive a key; the context names what it is for.
    KeyRelease,
}

impl Purpose {
    /// Its name in a statement.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Epoch => "epoch",
            Self::KeyRelease => "key-release",
        }
    }
}

impl Statement {
    /// The one encoding: a label, then each field as a section, tags ascending from 1.
    pub fn encode(&self) -> Vec<u8> {
        let fields: [&[u8]; 7] = [
            self.kind.as_bytes(),
            self.purpose.as_str().as_bytes(),
            &self.nonce,
            self.key_config.as_bytes(),
            self.config.as_bytes(),
            self.instance.as_bytes(),
            &self.context,
        ];
        let mut out = length_prefix::join(&[LABEL]);
        for (tag, field) in (1..).zip(fields) {
            tlv::push(&mut out, tag, field);
        }
        out
    }

    /// SHA-256 of the encoding.
    pub fn digest(&self) -> Digest {
        sha256(&[&self.encode()])
    }

    /// What the platform signs: the digest, padded with zeros to 64 bytes. A platform that takes
    /// data of any length signs the first 32 bytes.
    pub fn report_data(&self) -> [u8; 64] {
        let mut data = [0; 64];
        data[..32].copy_from_slice(self.digest().as_bytes());
        data
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn statement() -> Statement {
        Statement {
            kind: "tdx".into(),
            purpose: Purpose::Session,
            nonce: vec![1; 32],
            key_config: Digest([2; 32]),
            config: Digest([3; 32]),
            instance: InstanceId([4; 16]),
            context: vec![],
        }
    }

    #[test]
    fn the_encoding_is_the_documented_one() {
        let mut expected = vec![0, 0, 0, 0, 0, 0, 0, 21];
        expected.extend_from_slice(b"sealwork/v1 statement");
        expected.extend_from_slice(b"\x01\0\0\0\x03tdx\x02\0\0\0\x07session\x03\0\0\0\x20");
        expected.extend_from_slice(&[1; 32]);
        expected.extend_from_slice(b"\x04\0\0\0\x20");
        expected.extend_from_slice(&[2; 32]);
        expected.extend_from_slice(b"\x05\0\0\0\x20");
        expected.extend_from_slice(&[3; 32]);
        expected.extend_from_slice(b"\x06\0\0\0\x10");
        expected.extend_from_slice(&[4; 16]);
        expected.extend_from_slice(b"\x07\0\0\0\0");
        assert_eq!(statement().encode(), expected);
        let data = statement().report_data();
        assert_eq!(&data[..32], statement().digest().as_bytes());
        assert_eq!(data[32..], [0; 32]);
    }

    #[test]
    fn every_field_changes_the_digest() {
        let changes: [fn(&mut Statement); 7] = [
            |s| s.kind.push('x'),
            |s| s.purpose = Purpose::Epoch,
            |s| s.nonce[31] ^= 1,
            |s| s.key_config.0[0] ^= 1,
            |s| s.config.0[0] ^= 1,
            |s| s.instance.0[0] ^= 1,
            |s| s.context.push(0),
        ];
        for change in changes {
            let mut changed = statement();
            change(&mut changed);
            assert_ne!(changed.digest(), statement().digest());
        }
    }

    proptest! {
        #[test]
        fn bytes_cannot_move_from_one_field_to_the_next(
            kind in "[a-z]{0,8}", other in "[a-z]{0,8}",
            nonce in prop::collection::vec(any::<u8>(), 0..40),
            context in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let one = Statement { kind: kind.clone(), nonce: nonce.clone(),
                context: context.clone(), ..statement() };
            let two = Statement { kind: other.clone(), nonce: context.clone(),
                context: nonce.clone(), ..statement() };
            prop_assert_eq!(one.encode() == two.encode(), one == two);
        }
    }
}
