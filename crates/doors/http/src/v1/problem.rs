use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use sealwork_job::{Code, JobId, Refusal};

use super::ProblemDocument;
use crate::reply::{LoggedCode, json_text, retry_after, retry_after_value, status};

/// A refusal as a problem document (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    detail: String,
    instance: Option<String>,
    job: Option<JobId>,
    retry_after: Option<Duration>,
}

impl Problem {
    /// A problem with its code, and what is wrong this time. The detail must quote no secret.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), instance: None, job: None, retry_after: None }
    }

    /// Names the path that the problem is about.
    #[must_use]
    pub(crate) fn at(mut self, path: &str) -> Self {
        self.instance = Some(path.to_owned());
        self
    }

    /// The document.
    fn document(&self) -> ProblemDocument {
        ProblemDocument {
            r#type: format!("urn:sealwork:error:{}", self.code),
            title: title(self.code),
            status: status(self.code).as_u16(),
            detail: self.detail.clone(),
            code: self.code.as_str().to_owned(),
            retryable: self.code.retryable(),
            hint: self.code.hint().to_owned(),
            instance: self.instance.clone(),
            job_id: self.job.map(|job| job.to_string()),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code,
            detail: refusal.message,
            instance: None,
            job: refusal.job,
            retry_after: refusal.retry_after,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = self.document();
        // Texts and numbers only: this cannot fail.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = json_text(status(self.code), body);
        response.extensions_mut().insert(LoggedCode(self.code));
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(delay) = self.retry_after.or_else(|| retry_after(self.code)) {
            headers.insert(header::RETRY_AFTER, retry_after_value(delay));
        }
        response
    }
}

/// The code as a person reads it: `job_replayed` is `Job replayed`.
fn title(code: Code) -> String {
    let mut title = code.as_str().replace('_', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_becomes_a_document_with_its_job_and_when_to_come_back() {
        let mut refusal = Refusal::new(Code::QueueFull, "the queue holds 1000 jobs");
        refusal.retry_after = Some(Duration::from_millis(2500));
        refusal.job = Some(JobId([0; 16]));
        let response = Problem::from(refusal.clone()).at("/v1/jobs").into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "3");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let document = Problem::from(refusal).document();
        assert_eq!(document.r#type, "urn:sealwork:error:queue_full");
        assert_eq!(document.title, "Queue full");
        assert!(document.retryable && document.job_id.is_some());
    }
}
