use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Why a text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text has another form than the id's.
    #[error("not a valid {0}")]
    Malformed(&'static str),
}

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// The bytes, in the order in which they are written.
            pub fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let mut bytes = [0; $len];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| IdError::Malformed($what))?;
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

byte_id!(
    /// A SHA-256 digest, written as 64 lower-case hex digits.
    Digest, 32, "digest (64 hex digits)"
);
byte_id!(
    /// A worker: the SHA-256 digest of its receipt key, so that it outlives restarts.
    WorkerId, 32, "worker id (64 hex digits)"
);
byte_id!(
    /// One boot of a worker.
    InstanceId, 16, "instance id (32 hex digits)"
);

impl WorkerId {
    /// In a clear header: whichever worker holds the key.
    pub const ANY: Self = Self([0; 32]);

    /// Whether it stands for whichever worker holds the key.
    pub fn is_any(&self) -> bool {
        *self == Self::ANY
    }
}

/// One job, a random UUID (RFC 9562 version 4), written in the hyphenated lower-case form.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub [u8; 16]);

impl JobId {
    /// Makes a version 4 UUID of 16 random bytes.
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(random).into_uuid().into_bytes())
    }

    /// The 16 bytes in network order.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_bytes(self.0).as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobId({self})")
    }
}

impl FromStr for JobId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        // `Uuid` also reads braces, URNs and the form without hyphens; one job has one name.
        if text.len() != 36 {
            return Err(IdError::Malformed("job id (a UUID)"));
        }
        let uuid =
            uuid::Uuid::try_parse(text).map_err(|_| IdError::Malformed("job id (a UUID)"))?;
        Ok(Self(uuid.into_bytes()))
    }
}

impl Serialize for JobId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Who asks: a signing key, the name of an API key, a chain account, a Masa worker, or anonymous.
///
/// Written as `scheme:value`, for example `ed25519:3b6a…`, `api-key:alice`, `masa:7d14d050-…`.
/// Quotas, fairness and statistics are counted by it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequesterId(String);

impl RequesterId {
    /// The longest accepted text; longer ones are cut.
    pub const MAX_LEN: usize = 160;

    /// Nobody in particular: no API key, no signature.
    pub fn anonymous() -> Self {
        Self("anonymous".to_owned())
    }

    /// `scheme:value`, without control characters and no longer than [`Self::MAX_LEN`].
    pub fn new(scheme: &str, value: &str) -> Self {
        let mut text: String =
            value.chars().filter(|c| !c.is_control()).take(Self::MAX_LEN).collect();
        text.insert(0, ':');
        text.insert_str(0, scheme);
        Self(text)
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first colon; of `anonymous` the whole text.
    pub fn scheme(&self) -> &str {
        self.0.split_once(':').map_or(self.0.as_str(), |(scheme, _)| scheme)
    }

    /// The part after the scheme, by which Masa's telemetry names a requester.
    pub fn value(&self) -> &str {
        self.0.split_once(':').map_or(self.0.as_str(), |(_, value)| value)
    }

    /// Whether a key or a signature stands behind it. Of a Masa job without a key there is only
    /// what the job says of itself, which is the same for all clients of a worker.
    pub fn is_proven(&self) -> bool {
        !matches!(self.scheme(), "anonymous" | "masa")
    }

    /// Whose share of what requesters divide it takes. All that nobody can tell apart have one.
    pub fn share(&self) -> &str {
        if self.is_proven() { self.as_str() } else { self.scheme() }
    }
}

impl fmt::Display for RequesterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_id_is_a_version_4_uuid_in_one_form_only() {
        let id = JobId::from_random([0xff; 16]);
        assert_eq!(id.to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("{ffffffff-ffff-4fff-bfff-ffffffffffff}".parse::<JobId>().is_err());
        assert!("ffffffffffff4fffbfffffffffffffff".parse::<JobId>().is_err());
    }

    #[test]
    fn a_requester_id_has_no_control_characters_and_a_bound() {
        let id = RequesterId::new("masa", &format!("a\nb{}", "x".repeat(1000)));
        assert!(id.as_str().starts_with("masa:abx"));
        assert!(id.as_str().len() <= RequesterId::MAX_LEN + 5);
        assert_eq!(RequesterId::new("api-key", "alice").value(), "alice");
        assert_eq!(RequesterId::anonymous().value(), "anonymous");
    }
}
