//! Results that are written as they come.

use std::{io, time::Duration};

use sealwork_client::{Client, ClientError, JobHandle, SealOptions, VerifyError};
use sealwork_job::{Code, Failure, JobSpec, Outcome, Output};
use serde_json::json;

use crate::support::FakeWorker;

const LARGE: usize = 3_000_000;

async fn settled(worker: &FakeWorker, outcome: Outcome) -> (Client, JobHandle) {
    *worker.state.outcome.lock().unwrap() = outcome;
    let client = worker.client();
    let spec = JobSpec::new("web".parse().unwrap(), json!({}));
    let sealed = client.seal(&spec, &SealOptions::default()).await.unwrap();
    let handle = client.submit(&sealed).await.unwrap();
    client.wait(&handle, Duration::from_secs(10), |_| ()).await.unwrap();
    (client, handle)
}

fn large() -> (Vec<u8>, Outcome) {
    let data: Vec<u8> = (0..LARGE).map(|n| (n % 251) as u8).collect();
    (data.clone(), Outcome::Output(Output::json(data)))
}

#[tokio::test]
async fn a_large_result_is_written_as_it_was_and_its_receipt_is_checked() {
    let worker = FakeWorker::start().await;
    let (data, outcome) = large();
    let (client, handle) = settled(&worker, outcome).await;
    let mut written = Vec::new();
    let result = client.result_into(&handle, &mut written).await.unwrap();
    assert!(written == data);
    let output = result.outcome.as_ref().unwrap();
    assert!(output.data.is_empty() && output.media_type == "application/json");
    let whole = client.result(&handle).await.unwrap();
    assert!(*whole.outcome.unwrap().data == data);
    assert_eq!(whole.receipt.digest, result.receipt.digest);

    *worker.state.forge.lock().unwrap() =
        Some(Box::new(|claims| claims.output_digest = Some(sealwork_job::Digest([5; 32]))));
    let error = client.result_into(&handle, &mut Vec::new()).await.unwrap_err();
    assert!(matches!(error, ClientError::Verification(VerifyError::Mismatch { .. })), "{error}");
}

#[tokio::test]
async fn a_failed_job_writes_nothing() {
    let worker = FakeWorker::start().await;
    let failure = Failure::new(Code::RobotsDenied, "no");
    let (client, handle) = settled(&worker, Outcome::Failure(failure)).await;
    let mut written = Vec::new();
    let result = client.result_into(&handle, &mut written).await.unwrap();
    assert_eq!((result.code.as_str(), written.len()), ("robots_denied", 0));
}

#[tokio::test]
async fn what_is_no_result_or_half_of_one_is_refused() {
    let worker = FakeWorker::start().await;
    let (client, handle) = settled(&worker, large().1).await;
    for body in
        ["", "SWR1", "SWR1 and nothing more that would be a header of the length that one has"]
    {
        worker.answer_once("/result", 200, body);
        let error = client.result_into(&handle, &mut Vec::new()).await.unwrap_err();
        assert!(matches!(error, ClientError::Verification(VerifyError::Result(_))), "{error}");
    }
    worker.answer_once("/result", 404, r#"{"code":"job_unknown","detail":"gone"}"#);
    let error = client.result_into(&handle, &mut Vec::new()).await.unwrap_err();
    assert_eq!(error.code(), "job_unknown");
    worker.answer_once("/result", 503, r#"{"code":"overloaded","retryable":true}"#);
    assert!(client.result_into(&handle, &mut Vec::new()).await.is_ok(), "it is tried again");
}

/// A place that is full.
struct Full;

impl io::Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_place_that_is_full_is_told_apart_from_a_bad_result() {
    let worker = FakeWorker::start().await;
    let (client, handle) = settled(&worker, large().1).await;
    let error = client.result_into(&handle, &mut Full).await.unwrap_err();
    assert!(matches!(error, ClientError::Sink(_)), "{error}");
    assert_eq!(error.code(), "output_unwritable");
}
