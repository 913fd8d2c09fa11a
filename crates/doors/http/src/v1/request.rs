//! What `/v1` reads from requests; each part that is missing or wrong becomes a problem document.

use std::time::Duration;

use axum::extract::{FromRequestParts, RawPathParams};
use http::{HeaderMap, request::Parts};
use sealwork_job::{Code, Digest, InstanceId, JobId};
use zeroize::Zeroizing;

use super::{MAX_WAIT, Problem, Token};

/// The job that the path names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job(pub(super) JobId);

impl<S: Send + Sync> FromRequestParts<S> for Job {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let malformed = || Problem::new(Code::JobUnknown, "the path names no job id (a UUID)");
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| malformed())?;
        let id = params.iter().find(|(name, _)| *name == "id");
        id.and_then(|(_, id)| id.parse().ok()).map(Self).ok_or_else(malformed)
    }
}

/// The job's token, from `Sealwork-Token`.
#[derive(Debug)]
pub(super) struct JobToken(pub(super) Token);

impl<S: Send + Sync> FromRequestParts<S> for JobToken {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        token(&parts.headers).map(Self)
    }
}

fn token(headers: &HeaderMap) -> Result<Token, Problem> {
    let text = headers
        .get("sealwork-token")
        .ok_or_else(|| Problem::new(Code::TokenInvalid, "the header Sealwork-Token is missing"))?;
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.as_bytes(), bytes.as_mut_slice()).map_err(|_| {
        Problem::new(Code::TokenInvalid, "Sealwork-Token must be 64 hexadecimal digits")
    })?;
    Ok(Token::new(*bytes))
}

/// How long the client wants to wait, from `?wait=SECONDS`; absent: not at all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait(pub(super) Duration);

impl<S: Send + Sync> FromRequestParts<S> for Wait {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let secs = number(parts, "wait", "wait must be whole seconds, 0 to 60")?;
        Ok(Self(Duration::from_secs(secs.unwrap_or(0)).min(MAX_WAIT)))
    }
}

/// Which receipts the client wants, from `?from=NUMBER&limit=COUNT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) from: u64,
    pub(super) limit: usize,
}

impl Page {
    const DEFAULT: u64 = 100;
    const MAX: u64 = 1000;
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let from = number(parts, "from", "from must be the number of a receipt")?.unwrap_or(0);
        let limit = number(parts, "limit", "limit must be a number, 1 to 1000")?;
        let limit = limit.unwrap_or(Self::DEFAULT).clamp(1, Self::MAX);
        Ok(Self { from, limit: usize::try_from(limit).unwrap_or(1) })
    }
}

/// The receipt that the path names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sequence(pub(super) u64);

impl<S: Send + Sync> FromRequestParts<S> for Sequence {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let malformed = || Problem::new(Code::ReceiptUnknown, "the path names no receipt's number");
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| malformed())?;
        let sequence = params.iter().find(|(name, _)| *name == "sequence");
        sequence.and_then(|(_, digits)| whole(digits)).map(Self).ok_or_else(malformed)
    }
}

/// The digest that the path names.
#[derive(Debug, Clone, Copy)]
pub(super) struct NamedDigest(pub(super) Digest);

impl<S: Send + Sync> FromRequestParts<S> for NamedDigest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let malformed = || Problem::new(Code::RequestMalformed, "a digest is 64 hex digits");
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| malformed())?;
        let digest = params.iter().find(|(name, _)| *name == "digest");
        digest.and_then(|(_, digest)| digest.parse().ok()).map(Self).ok_or_else(malformed)
    }
}

/// The nonce for evidence, from `?nonce=HEX`; how long it may be, the worker says.
#[derive(Debug, Clone)]
pub(super) struct Nonce(pub(super) Option<Vec<u8>>);

impl<S: Send + Sync> FromRequestParts<S> for Nonce {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let nonce = parameter(parts, "nonce").map(hex::decode).transpose();
        let no_hex = |_| Problem::new(Code::EvidenceNonce, "nonce must be hexadecimal digits");
        nonce.map(Self).map_err(no_hex)
    }
}

/// The instance whose key config is asked for, from `?instance=HEX`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instance(pub(super) Option<InstanceId>);

impl<S: Send + Sync> FromRequestParts<S> for Instance {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let instance = parameter(parts, "instance").map(str::parse).transpose();
        let malformed = |_| Problem::new(Code::RequestMalformed, "an instance is 32 hex digits");
        instance.map(Self).map_err(malformed)
    }
}

/// The parameter `name` of the query, as it was sent.
fn parameter<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    let query = parts.uri.query().unwrap_or_default();
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, text)| text)
}

/// The parameter `name` of the query; what is above a `u64` is cut to it.
fn number(parts: &Parts, name: &str, rule: &str) -> Result<Option<u64>, Problem> {
    let Some(text) = parameter(parts, name) else { return Ok(None) };
    whole(text).map(Some).ok_or_else(|| Problem::new(Code::RequestMalformed, rule))
}

fn whole(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // Only more digits than a u64 has can fail here.
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    async fn wait(query: &str) -> Result<Duration, Problem> {
        let request = Request::get(format!("/x{query}")).body(()).unwrap();
        let mut parts = request.into_parts().0;
        Wait::from_request_parts(&mut parts, &()).await.map(|wait| wait.0)
    }

    #[tokio::test]
    async fn a_wait_is_whole_seconds_cut_to_the_maximum_and_strangers_are_ignored() {
        assert_eq!(wait("").await.unwrap(), Duration::ZERO);
        assert_eq!(wait("?a=b&wait=5&c").await.unwrap(), Duration::from_secs(5));
        assert_eq!(wait("?wait=61").await.unwrap(), MAX_WAIT);
        assert_eq!(wait("?wait=99999999999999999999999").await.unwrap(), MAX_WAIT);
        for bad in ["?wait=", "?wait=-1", "?wait=1.5", "?wait=x", "?wait=%31"] {
            assert!(wait(bad).await.is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_page_has_defaults_and_bounds_and_takes_numbers_alone() {
        let page = async |query: &str| {
            let request = Request::get(format!("/v1/receipts{query}")).body(()).unwrap();
            Page::from_request_parts(&mut request.into_parts().0, &()).await
        };
        assert_eq!(page("").await.unwrap(), Page { from: 0, limit: 100 });
        assert_eq!(page("?limit=7&x&from=12").await.unwrap(), Page { from: 12, limit: 7 });
        assert_eq!(page("?limit=99999").await.unwrap().limit, 1000);
        assert_eq!(page("?limit=0").await.unwrap().limit, 1);
        for bad in ["?from=", "?from=-1", "?limit=many", "?limit=1e3"] {
            assert!(page(bad).await.is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_is_64_hex_digits_and_is_never_quoted() {
        let mut headers = HeaderMap::new();
        assert!(token(&headers).is_err());
        headers.insert("sealwork-token", "ab".repeat(32).parse().unwrap());
        assert_eq!(token(&headers).unwrap(), Token::new([0xab; 32]));
        for bad in ["ab".repeat(31), "zz".repeat(32), "ab".repeat(33)] {
            headers.insert("sealwork-token", bad.parse().unwrap());
            assert!(!format!("{:?}", token(&headers).unwrap_err()).contains(&bad));
        }
    }
}
