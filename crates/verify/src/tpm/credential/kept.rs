//! A challenge in a file, for an answer that comes back another day.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{CredentialChallenge, CredentialError};
use crate::Hex;

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    version: u32,
    credential_blob: Hex,
    encrypted_secret: Hex,
    secret: Hex,
    name: Hex,
    endorsement_key: Hex,
}

impl CredentialChallenge {
    /// All of it as JSON, bytes in hex digits. Secret: who reads it can answer in a TPM's place.
    pub fn to_json(&self) -> Zeroizing<String> {
        let kept = Kept {
            version: VERSION,
            credential_blob: Hex(self.credential_blob.clone()),
            encrypted_secret: Hex(self.encrypted_secret.clone()),
            secret: Hex(self.secret.to_vec()),
            name: Hex(self.name.clone()),
            endorsement_key: self.endorsement_key.into(),
        };
        // Numbers and digits only, which serialise.
        Zeroizing::new(serde_json::to_string(&kept).unwrap_or_default())
    }

    /// Reads what [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// [`CredentialError::Kept`].
    pub fn from_json(json: &[u8]) -> Result<Self, CredentialError> {
        let kept: Kept = serde_json::from_slice(json).map_err(|_| CredentialError::Kept)?;
        if kept.version != VERSION {
            return Err(CredentialError::Kept);
        }
        let secret = kept.secret.0.try_into().map_err(|_| CredentialError::Kept)?;
        let endorsement_key =
            kept.endorsement_key.0.try_into().map_err(|_| CredentialError::Kept)?;
        Ok(Self {
            credential_blob: kept.credential_blob.0,
            encrypted_secret: kept.encrypted_secret.0,
            secret: Zeroizing::new(secret),
            name: kept.name.0,
            endorsement_key,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Day;

    #[test]
    fn a_kept_challenge_takes_the_same_answer_and_no_other() {
        let challenge = CredentialChallenge {
            credential_blob: vec![1; 70],
            encrypted_secret: vec![2; 40],
            secret: Zeroizing::new([3; 32]),
            name: vec![4; 34],
            endorsement_key: [5; 32],
        };
        let json = challenge.to_json();
        let kept = CredentialChallenge::from_json(json.as_bytes()).unwrap();
        assert_eq!(*kept.to_json(), *json);
        let until = Day::new(2027, 1, 31).unwrap();
        assert_eq!(kept.confirm(&[3; 32], until), challenge.confirm(&[3; 32], until));
        assert_eq!(kept.confirm(&[4; 32], until), Err(CredentialError::Answer));
        for damaged in [
            json.replace("\"version\":1", "\"version\":2"),
            json.replace(&"03".repeat(32), &"03".repeat(31)),
            json.replace(&"05".repeat(32), ""),
            json.replace("\"name\"", "\"nom\""),
            json[1..].to_owned(),
        ] {
            let read = CredentialChallenge::from_json(damaged.as_bytes());
            assert_eq!(read.map(|_| ()), Err(CredentialError::Kept), "{damaged}");
        }
    }
}
