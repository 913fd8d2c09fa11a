//! A worker's evidence, asked for with a nonce.

use http::StatusCode;
use sealwork_seal::KeyConfig;
use sealwork_verify::{EvidenceDocument, MAX_DOCUMENT_LEN, Question};

use crate::{Client, ClientError, Unproven, VerifyError, http::Call};

/// How a key config names that the worker has no attester.
const NONE: &str = "none";

/// What a worker answered when it was asked for evidence. Only the key config's signature has been
/// checked; [`sealwork_verify::verify_worker`] judges the rest.
#[derive(Debug, Clone)]
pub struct WorkerEvidence {
    /// The keys that the evidence has to be about.
    pub key_config: KeyConfig,
    /// The evidence.
    pub document: EvidenceDocument,
    /// What was asked.
    pub question: Question,
}

impl WorkerEvidence {
    /// Whether key config and evidence are of the same keys and boot.
    fn is_of_one_moment(&self) -> bool {
        let statement = &self.document.statement;
        statement.key_config == self.key_config.digest()
            && statement.instance == self.key_config.instance
    }
}

impl Client {
    /// Asks the worker for its key config, and for evidence about it with a new random nonce. Asks
    /// once more when the worker changed its keys in between.
    ///
    /// # Errors
    /// As [`Client::key_config`]; [`ClientError::NoEvidence`] when the worker gives none.
    pub async fn evidence(&self) -> Result<WorkerEvidence, ClientError> {
        let first = self.ask_for_evidence().await?;
        if first.is_of_one_moment() { Ok(first) } else { self.ask_for_evidence().await }
    }

    async fn ask_for_evidence(&self) -> Result<WorkerEvidence, ClientError> {
        let key_config = self.fetch_key_config().await?;
        if key_config.evidence_kind() == NONE {
            return Err(ClientError::NoEvidence(Unproven::KeyConfig));
        }
        let mut nonce = [0; 32];
        self.inner.entropy.fill(&mut nonce);
        let path = format!("v1/evidence?nonce={}", hex::encode(nonce));
        let document = match self.fetch_document(&path).await {
            Err(ClientError::Refused(refusal))
                if refusal.status == StatusCode::NOT_FOUND.as_u16() =>
            {
                return Err(ClientError::NoEvidence(Unproven::Answer(refusal.code)));
            }
            other => other?,
        };
        Ok(WorkerEvidence { key_config, document, question: Question::session(nonce) })
    }

    pub(crate) async fn fetch_document(&self, path: &str) -> Result<EvidenceDocument, ClientError> {
        let call = Call { max_answer: MAX_DOCUMENT_LEN, ..Call::public(path) };
        let answer = self.inner.http.call(&call).await?;
        Ok(EvidenceDocument::from_json(&answer.body).map_err(VerifyError::from)?)
    }
}
