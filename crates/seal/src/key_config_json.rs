use base64::{Engine as _, engine::general_purpose::STANDARD};
use sealwork_job::{Digest, InstanceId, WorkerId};
use serde::{Deserialize, Serialize};

use crate::{
    KeyConfig, KeyConfigError, KeyId, PublicEnvelopeKey, ReceiptPublicKey, SuiteId,
    key_config::VERSION,
};

/// No key config's JSON is longer than this, in bytes.
const MAX_LEN: usize = 256 << 10;

/// The JSON form. Version 1 has exactly these fields: one that it does not know could not be part
/// of its digest, so a new field makes a new version. New suites do not: a key of a suite that the
/// reader does not know is kept, digested and never picked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    version: u32,
    protocol: u32,
    worker: WorkerId,
    instance: InstanceId,
    max_lifetime_secs: u64,
    max_envelope_bytes: u64,
    isolation: String,
    config_digest: Digest,
    keys: Vec<JsonKey>,
    receipt_key: ReceiptPublicKey,
    evidence: JsonEvidence,
    signature: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonKey {
    id: KeyId,
    suite: SuiteId,
    public: String,
    not_before: u64,
    not_after: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonEvidence {
    kind: String,
}

#[derive(Deserialize)]
struct JsonVersion {
    version: u32,
}

impl KeyConfig {
    /// Its JSON.
    pub fn to_json(&self) -> Vec<u8> {
        let key = |key: &PublicEnvelopeKey| JsonKey {
            id: key.id,
            suite: key.suite,
            public: STANDARD.encode(&key.public),
            not_before: key.not_before,
            not_after: key.not_after,
        };
        let json = Json {
            version: self.version,
            protocol: self.protocol,
            worker: self.worker,
            instance: self.instance,
            max_lifetime_secs: self.max_lifetime_secs,
            max_envelope_bytes: self.max_envelope_bytes,
            isolation: self.isolation.clone(),
            config_digest: self.config_digest,
            keys: self.keys.iter().map(key).collect(),
            receipt_key: self.receipt_key.clone(),
            evidence: JsonEvidence { kind: self.evidence_kind.clone() },
            signature: STANDARD.encode(self.signature),
        };
        // Text and numbers only, which serialise.
        serde_json::to_vec(&json).unwrap_or_default()
    }

    /// Reads a key config. Its signature is checked by [`KeyConfig::verify`].
    ///
    /// # Errors
    /// [`KeyConfigError::Version`] for every other version, whatever its fields;
    /// [`KeyConfigError::Malformed`] else.
    pub fn from_json(json: &[u8]) -> Result<Self, KeyConfigError> {
        let malformed = |what: String| KeyConfigError::Malformed(what);
        if json.len() > MAX_LEN {
            return Err(malformed(format!("it is longer than {MAX_LEN} bytes")));
        }
        let JsonVersion { version } =
            serde_json::from_slice(json).map_err(|e| malformed(e.to_string()))?;
        if version != VERSION {
            return Err(KeyConfigError::Version(version));
        }
        let json: Json = serde_json::from_slice(json).map_err(|e| malformed(e.to_string()))?;
        let bytes = |what: &str, text: &str| {
            STANDARD.decode(text).map_err(|_| malformed(format!("{what} is not base64")))
        };
        let keys = json.keys.iter().map(|key| {
            Ok(PublicEnvelopeKey {
                id: key.id,
                suite: key.suite,
                public: bytes("a public key", &key.public)?,
                not_before: key.not_before,
                not_after: key.not_after,
            })
        });
        Ok(Self {
            version: json.version,
            protocol: json.protocol,
            worker: json.worker,
            instance: json.instance,
            max_lifetime_secs: json.max_lifetime_secs,
            max_envelope_bytes: json.max_envelope_bytes,
            isolation: json.isolation,
            config_digest: json.config_digest,
            keys: keys.collect::<Result<_, _>>()?,
            receipt_key: json.receipt_key,
            evidence_kind: json.evidence.kind,
            signature: bytes("the signature", &json.signature)?
                .try_into()
                .map_err(|_| malformed("the signature has not 64 bytes".to_owned()))?,
        })
    }
}
