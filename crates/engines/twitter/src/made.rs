//! Answers of X that unit tests make.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use sealwork_upstream::{Answer, RateLimit};

pub(crate) fn answer(status: u16, body: &str) -> Answer {
    Answer {
        upstream: "X",
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        rate: RateLimit::default(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}
