use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sealwork_job::{Digest, InstanceId, Intake, JobId, Timestamp, Usage, WorkerId};
use serde::{Deserialize, Serialize};

use crate::{KeyId, ReceiptError, ReceiptKey, ReceiptPublicKey, receipt_key::ALGORITHM};

/// No receipt is longer than this, in bytes.
const MAX_LEN: usize = 16 << 10;
const TYPE: &str = "sealwork-receipt+jwt";
const PROFILE: &str = "urn:sealwork:receipt:1";

/// What a worker states about one settled job.
///
/// The claims of a JWT (RFC 7519) whose `eat_profile` (RFC 9711) is `urn:sealwork:receipt:1`. A
/// reader skips claims that it does not know; a claim that changes its meaning makes another
/// profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "eat_profile", rename = "urn:sealwork:receipt:1")]
pub struct ReceiptClaims {
    /// Who states it.
    #[serde(rename = "iss")]
    pub worker: WorkerId,
    /// Which boot of the worker.
    pub instance: InstanceId,
    /// About which job.
    pub job: JobId,
    /// How the job came in.
    pub intake: Intake,
    /// Which engine ran it.
    pub engine: String,
    /// CID of the program that ran, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// Salted digest of the job's JSON; absent when the job could not be opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_digest: Option<Digest>,
    /// Salted digest of the input, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_digest: Option<Digest>,
    /// Salted digest of the output, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_digest: Option<Digest>,
    /// `ok`, or the failure's code.
    pub code: String,
    /// When the job started, in milliseconds since 1970.
    #[serde(rename = "started_ms")]
    pub started: Timestamp,
    /// When it ended, in milliseconds since 1970.
    #[serde(rename = "ended_ms")]
    pub ended: Timestamp,
    /// What it used, each number rounded up to a power of two.
    pub usage: Usage,
    /// What isolated it: `vm`, `process` or `wasm`.
    pub isolation: String,
    /// Digest of the evidence about the worker, where there is some.
    #[serde(rename = "evidence_digest", default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Digest>,
    /// Digest of the worker's key config.
    #[serde(rename = "key_config_digest")]
    pub key_config: Digest,
    /// Place in the worker's chain of receipts.
    #[serde(rename = "seq")]
    pub sequence: u64,
    /// Digest of the receipt before; zeros for the first one.
    #[serde(rename = "prev")]
    pub previous: Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JoseHeader {
    alg: String,
    typ: String,
    kid: String,
}

#[derive(Deserialize)]
struct Profile {
    eat_profile: String,
}

impl ReceiptKey {
    /// Signs a receipt: a compact JWS (RFC 7515) of the claims, usage rounded up.
    pub fn sign(&self, claims: &ReceiptClaims) -> String {
        let header = JoseHeader {
            alg: ALGORITHM.to_owned(),
            typ: TYPE.to_owned(),
            kid: self.public().id().to_string(),
        };
        let claims = ReceiptClaims { usage: claims.usage.bucketed(), ..claims.clone() };
        // Text, numbers and digests only, which serialise.
        let part = |json: Result<Vec<u8>, _>| URL_SAFE_NO_PAD.encode(json.unwrap_or_default());
        let mut jws =
            [part(serde_json::to_vec(&header)), part(serde_json::to_vec(&claims))].join(".");
        let signature = self.sign_bytes(jws.as_bytes());
        jws.push('.');
        jws.push_str(&URL_SAFE_NO_PAD.encode(signature));
        jws
    }
}

/// Checks a receipt's form and signature, and that its issuer is the key's worker.
///
/// # Errors
/// [`ReceiptError`].
pub fn verify_receipt(jws: &str, key: &ReceiptPublicKey) -> Result<ReceiptClaims, ReceiptError> {
    if jws.len() > MAX_LEN {
        return Err(ReceiptError::Malformed("it is longer than 16 KiB"));
    }
    let (signed, signature) =
        jws.rsplit_once('.').ok_or(ReceiptError::Malformed("it has not three parts"))?;
    let (header, claims) =
        signed.split_once('.').ok_or(ReceiptError::Malformed("it has not three parts"))?;
    let part = |text: &str| {
        URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| ReceiptError::Malformed("a part is not base64url without padding"))
    };
    let header: JoseHeader =
        serde_json::from_slice(&part(header)?).map_err(|_| ReceiptError::Header)?;
    if header.alg != ALGORITHM || header.typ != TYPE {
        return Err(ReceiptError::Header);
    }
    let kid: KeyId = header.kid.parse().map_err(|_| ReceiptError::Header)?;
    if kid != key.id() {
        return Err(ReceiptError::Key(kid));
    }
    let claims = part(claims)?;
    let signature = part(signature)?.try_into().map_err(|_| ReceiptError::Signature)?;
    if !key.verifies(signed.as_bytes(), &signature) {
        return Err(ReceiptError::Signature);
    }
    let profile: Profile = serde_json::from_slice(&claims).map_err(|_| ReceiptError::Claims)?;
    if profile.eat_profile != PROFILE {
        return Err(ReceiptError::Profile);
    }
    let claims: ReceiptClaims =
        serde_json::from_slice(&claims).map_err(|_| ReceiptError::Claims)?;
    if claims.worker != key.worker_id() {
        return Err(ReceiptError::Issuer);
    }
    Ok(claims)
}
