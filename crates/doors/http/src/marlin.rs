//! Marlin's attestation server (reference: oyster.md 7.3): documents of the Nitro security module
//! with the asker's contents, for Marlin's verifiers.

use std::sync::Arc;

use async_trait::async_trait;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::get,
};
use bytes::Bytes;
use http::{HeaderValue, Uri, header};
use sealwork_job::{Code, Refusal};

use crate::reply::{refuse, retry_after_value};

/// What a document is to contain; what is absent, the worker chooses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MarlinQuestion {
    /// `public_key`; absent: the worker's own on EVM chains.
    pub public_key: Option<Vec<u8>>,
    /// `user_data`.
    pub user_data: Option<Vec<u8>>,
    /// `nonce`.
    pub nonce: Option<Vec<u8>>,
}

/// What these routes need of a worker.
#[async_trait]
pub trait MarlinPort: Send + Sync {
    /// The document: the bytes of COSE.
    ///
    /// # Errors
    /// [`Code::EvidenceNone`] where the worker runs in no Nitro enclave, [`Code::RequestMalformed`],
    /// [`Code::AttesterBusy`], [`Code::AttesterFailed`].
    async fn document(&self, question: MarlinQuestion) -> Result<Bytes, Refusal>;
}

/// `/attestation/raw` and `/attestation/hex`, public as Marlin's are.
pub fn routes(port: Arc<dyn MarlinPort>) -> Router {
    Router::new()
        .route("/attestation/raw", get(raw))
        .route("/attestation/hex", get(hex_text))
        .with_state(port)
}

async fn raw(State(port): State<Arc<dyn MarlinPort>>, uri: Uri) -> Response {
    match document(&*port, &uri).await {
        Ok(document) => {
            ([(header::CONTENT_TYPE, "application/octet-stream")], document).into_response()
        }
        Err(refusal) => refused(&uri, refusal),
    }
}

async fn hex_text(State(port): State<Arc<dyn MarlinPort>>, uri: Uri) -> Response {
    match document(&*port, &uri).await {
        Ok(document) => hex::encode(document).into_response(),
        Err(refusal) => refused(&uri, refusal),
    }
}

async fn document(port: &dyn MarlinPort, uri: &Uri) -> Result<Bytes, Refusal> {
    port.document(question(uri.query().unwrap_or_default())?).await
}

/// Parameters that are not known are left alone, as Marlin's server leaves them.
fn question(query: &str) -> Result<MarlinQuestion, Refusal> {
    let mut question = MarlinQuestion::default();
    for (name, text) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let field = match name {
            "public_key" => &mut question.public_key,
            "user_data" => &mut question.user_data,
            "nonce" => &mut question.nonce,
            _ => continue,
        };
        let bytes = hex::decode(text).map_err(|_| {
            Refusal::new(Code::RequestMalformed, format!("{name} must be hexadecimal digits"))
        })?;
        *field = Some(bytes);
    }
    Ok(question)
}

fn refused(uri: &Uri, refusal: Refusal) -> Response {
    let mut response = refuse(uri.path(), refusal.code, refusal.message);
    if let Some(delay) = refusal.retry_after {
        let delay: HeaderValue = retry_after_value(delay);
        response.headers_mut().insert(header::RETRY_AFTER, delay);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_hex_and_each_part_is_optional() {
        let all = question("public_key=0aff&x=zz&user_data=&nonce=00").unwrap();
        assert_eq!(all.public_key, Some(vec![0x0a, 0xff]));
        assert_eq!((all.user_data, all.nonce), (Some(vec![]), Some(vec![0])));
        assert_eq!(question("").unwrap(), MarlinQuestion::default());
        for bad in ["nonce=0", "user_data=zz", "public_key=0x00"] {
            assert_eq!(question(bad).unwrap_err().code, Code::RequestMalformed, "{bad}");
        }
    }
}
