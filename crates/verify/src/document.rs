use base64::{Engine as _, engine::general_purpose::STANDARD};
use sealwork_job::Digest;
use sealwork_seal::{MAX_STATEMENT_FIELD_LEN, Statement};
use serde::{Deserialize, Serialize};

use crate::{Endorsements, Evidence, EvidenceKind};

const VERSION: u32 = 1;
/// No document is longer than this, in bytes.
pub const MAX_DOCUMENT_LEN: usize = 8 << 20;

/// What a worker answers when it is asked for evidence: the evidence, what it is about, and what
/// the platform's maker says, as far as the worker has it.
#[derive(Debug, Clone)]
pub struct EvidenceDocument {
    /// What the platform was made to sign the digest of.
    pub statement: Statement,
    /// The evidence.
    pub evidence: Evidence,
    /// Certificates and collateral that came along.
    pub endorsements: Endorsements,
}

/// Why a document is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// Longer than [`MAX_DOCUMENT_LEN`].
    #[error("the evidence document is longer than 8 MiB")]
    TooLarge,
    /// Not the JSON of a document.
    #[error("not an evidence document: {0}")]
    Malformed(String),
    /// Another version of the format.
    #[error("version {0} of evidence documents is not supported, only version 1")]
    Version(u32),
    /// A kind that is not known.
    #[error("evidence of kind `{0}` is not known to this version")]
    Kind(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    version: u32,
    kind: String,
    statement: Statement,
    /// Base64.
    evidence: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endorsements: Option<Endorsements>,
}

impl EvidenceDocument {
    /// Reads a document.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn from_json(json: &[u8]) -> Result<Self, DocumentError> {
        if json.len() > MAX_DOCUMENT_LEN {
            return Err(DocumentError::TooLarge);
        }
        let json: Json = serde_json::from_slice(json)
            .map_err(|error| DocumentError::Malformed(error.to_string()))?;
        if json.version != VERSION {
            return Err(DocumentError::Version(json.version));
        }
        let kind = EvidenceKind::from_name(&json.kind)
            .ok_or_else(|| DocumentError::Kind(json.kind.escape_debug().to_string()))?;
        let bytes = STANDARD
            .decode(&json.evidence)
            .map_err(|_| DocumentError::Malformed("`evidence` is not base64".to_owned()))?;
        let fields = [&json.statement.nonce, &json.statement.context];
        if fields.iter().any(|field| field.len() > MAX_STATEMENT_FIELD_LEN) {
            return Err(DocumentError::Malformed("a field of `statement` is too long".to_owned()));
        }
        Ok(Self {
            statement: json.statement,
            evidence: Evidence { kind, bytes },
            endorsements: json.endorsements.unwrap_or_default(),
        })
    }

    /// The document as JSON.
    pub fn to_json(&self) -> String {
        let json = Json {
            version: VERSION,
            kind: self.evidence.kind.as_str().to_owned(),
            statement: self.statement.clone(),
            evidence: STANDARD.encode(&self.evidence.bytes),
            endorsements: Some(self.endorsements.clone()),
        };
        // Texts and numbers only, which serialise.
        serde_json::to_string(&json).unwrap_or_default()
    }

    /// The digest by which receipts cite it.
    pub fn digest(&self) -> Digest {
        self.evidence.digest(&self.statement)
    }
}
