//! Receipts that are fetched without their results.

use sealwork_client::{Client, ClientError, SealOptions, VerifyError};
use sealwork_job::{Digest, JobId, JobSpec};
use sealwork_seal::{ReceiptClaims, ReceiptKey, receipt_digest, verify_receipt};

use crate::support::FakeWorker;

/// A job that the worker knows, and the claims of its receipt.
async fn settled(worker: &FakeWorker, client: &Client) -> (JobId, ReceiptClaims) {
    let spec = JobSpec::from_json(br#"{"engine":"web","arguments":{}}"#).unwrap();
    let sealed = client.seal(&spec, &SealOptions::default()).await.unwrap();
    let job = client.submit(&sealed).await.unwrap().job();
    let (_, receipt) = worker.state.settled(job);
    (job, verify_receipt(&receipt, &worker.state.receipt_key.public()).unwrap())
}

/// Receipts of these numbers, each naming the one before.
fn chain(worker: &FakeWorker, claims: &ReceiptClaims, numbers: &[u64]) -> Vec<String> {
    let mut previous = Digest([0; 32]);
    let receipts = numbers.iter().map(|sequence| {
        let claims = ReceiptClaims { sequence: *sequence, previous, ..claims.clone() };
        let receipt = worker.state.receipt_key.sign(&claims);
        previous = receipt_digest(&receipt);
        receipt
    });
    receipts.collect()
}

fn keep(worker: &FakeWorker, receipts: Vec<String>) {
    *worker.state.receipts.lock().unwrap() = receipts;
}

#[tokio::test]
async fn a_job_s_receipt_is_fetched_by_its_id_and_must_be_of_that_job() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    let (job, _) = settled(&worker, &client).await;
    assert_eq!(client.receipt_of(job).await.unwrap().claims.job, job);
    let (other, _) = settled(&worker, &client).await;
    let path = format!("{job}/receipt").leak();
    worker.answer_once(path, 200, &worker.state.settled(other).1);
    let error = client.receipt_of(job).await.unwrap_err();
    assert!(matches!(error, ClientError::Verification(VerifyError::Mismatch { .. })), "{error}");
}

#[tokio::test]
async fn a_receipt_fetched_by_its_number_must_have_that_number_and_the_worker_s_signature() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    let (_, claims) = settled(&worker, &client).await;
    keep(&worker, chain(&worker, &claims, &[7]));
    assert_eq!(client.receipt_at(7).await.unwrap().claims.sequence, 7);
    let error = client.receipt_at(8).await.unwrap_err();
    assert!(matches!(error, ClientError::Verification(VerifyError::Mismatch { .. })), "{error}");
    let stranger = ReceiptKey::from_seed(&[8; 32]);
    keep(&worker, vec![stranger.sign(&ReceiptClaims { sequence: 7, ..claims })]);
    let error = client.receipt_at(7).await.unwrap_err();
    assert!(matches!(error, ClientError::Verification(VerifyError::Receipt(_))), "{error}");
}

#[tokio::test]
async fn a_page_of_receipts_is_one_chain_or_an_error() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    let (_, claims) = settled(&worker, &client).await;
    let receipts = chain(&worker, &claims, &[3, 4, 5]);
    keep(&worker, receipts.clone());
    let page = client.receipts(3, 100).await.unwrap();
    assert_eq!(page.iter().map(|r| r.claims.sequence).collect::<Vec<_>>(), [3, 4, 5]);
    assert_eq!(page[2].digest, receipt_digest(&receipts[2]));
    for broken in [vec![0, 2], vec![1, 0, 2]] {
        keep(&worker, broken.into_iter().map(|at: usize| receipts[at].clone()).collect());
        let error = client.receipts(3, 100).await.unwrap_err();
        assert!(matches!(error, ClientError::Verification(VerifyError::Receipt(_))), "{error}");
    }
}
