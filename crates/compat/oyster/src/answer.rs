use serde::{Serialize, Serializer};

use crate::{
    Attested, OysterError, VerifierKey,
    eip712::{Member, digest},
};

/// What the old answer says of a document (7.5): its PCRs, for contracts that compute the image id.
/// As JSON, bytes are hex digits without 0x.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OldStatement {
    /// The enclave's key: X and Y.
    #[serde(serialize_with = "as_hex")]
    pub secp256k1_public: [u8; 64],
    /// PCR 0.
    #[serde(serialize_with = "as_hex")]
    pub pcr0: [u8; 48],
    /// PCR 1.
    #[serde(serialize_with = "as_hex")]
    pub pcr1: [u8; 48],
    /// PCR 2.
    #[serde(serialize_with = "as_hex")]
    pub pcr2: [u8; 48],
    /// When the document was made, in milliseconds since 1970.
    pub timestamp: u64,
}

impl OldStatement {
    /// What there is to say of a document.
    ///
    /// # Errors
    /// [`OysterError::PublicKey`].
    pub fn new(attested: &Attested) -> Result<Self, OysterError> {
        let key = attested.public_key.as_slice();
        let secp256k1_public = key.try_into().map_err(|_| OysterError::PublicKey(key.len()))?;
        let [pcr0, pcr1, pcr2] = attested.image;
        Ok(Self { secp256k1_public, pcr0, pcr1, pcr2, timestamp: attested.timestamp_ms })
    }

    /// The EIP-712 digest that is signed.
    pub fn digest(&self) -> [u8; 32] {
        digest(
            "Attestation(bytes enclavePubKey,bytes PCR0,bytes PCR1,bytes PCR2,\
             uint256 timestampInMilliseconds)",
            &[
                Member::Bytes(&self.secp256k1_public),
                Member::Bytes(&self.pcr0),
                Member::Bytes(&self.pcr1),
                Member::Bytes(&self.pcr2),
                Member::Number(self.timestamp),
            ],
        )
    }

    /// The answer.
    pub fn sign(self, key: &VerifierKey) -> OldAnswer {
        OldAnswer {
            signature: key.sign(&self.digest()),
            statement: self,
            verifier_secp256k1_public: key.public(),
        }
    }
}

/// The old answer (7.5): an [`OldStatement`] with the verifier's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OldAnswer {
    /// r, s and v, which is 27 or 28.
    #[serde(serialize_with = "as_hex")]
    pub signature: [u8; 65],
    /// What is signed; its fields are the answer's own.
    #[serde(flatten)]
    pub statement: OldStatement,
    /// The verifier's key: X and Y.
    #[serde(serialize_with = "as_hex")]
    pub verifier_secp256k1_public: [u8; 64],
}

/// What the new answer says of a document (7.5): the image's id, and what the enclave put in. As
/// JSON, bytes are hex digits without 0x.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewStatement {
    /// [`Attested::new_image_id`].
    #[serde(serialize_with = "as_hex")]
    pub image_id: [u8; 32],
    /// When the document was made, in milliseconds since 1970.
    pub timestamp_ms: u64,
    /// The document's public key, of any length.
    #[serde(serialize_with = "as_hex")]
    pub public_key: Vec<u8>,
    /// The document's user data, of any length.
    #[serde(serialize_with = "as_hex")]
    pub user_data: Vec<u8>,
}

impl NewStatement {
    /// What there is to say of a document.
    pub fn new(attested: &Attested) -> Self {
        Self {
            image_id: attested.new_image_id(),
            timestamp_ms: attested.timestamp_ms,
            public_key: attested.public_key.clone(),
            user_data: attested.user_data.clone(),
        }
    }

    /// The EIP-712 digest that is signed.
    pub fn digest(&self) -> [u8; 32] {
        digest(
            "Attestation(bytes32 imageId,uint64 timestampMs,bytes publicKey,bytes userData)",
            &[
                Member::Word(self.image_id),
                Member::Number(self.timestamp_ms),
                Member::Bytes(&self.public_key),
                Member::Bytes(&self.user_data),
            ],
        )
    }

    /// The answer.
    pub fn sign(self, key: &VerifierKey) -> NewAnswer {
        NewAnswer {
            signature: key.sign(&self.digest()),
            statement: self,
            verifier_public_key: key.public(),
        }
    }
}

/// The new answer (7.5): a [`NewStatement`] with the verifier's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewAnswer {
    /// r, s and v, which is 27 or 28.
    #[serde(serialize_with = "as_hex")]
    pub signature: [u8; 65],
    /// What is signed; its fields are the answer's own.
    #[serde(flatten)]
    pub statement: NewStatement,
    /// The verifier's key: X and Y.
    #[serde(serialize_with = "as_hex")]
    pub verifier_public_key: [u8; 64],
}

fn as_hex<S: Serializer>(bytes: impl AsRef<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(bytes))
}
