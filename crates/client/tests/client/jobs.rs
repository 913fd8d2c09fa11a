use std::time::Duration;

use sealwork_client::{ClientError, JobHandle, RetryPolicy, SealOptions, Suite, VerifyError};
use sealwork_job::{Code, Digest, Failure, JobId, JobSpec, Outcome};
use sealwork_seal::{ReceiptClaims, ReceiptKey};

use crate::support::{FakeWorker, Scripted};

const PATIENCE: Duration = Duration::from_secs(10);
const CANARY: &str = "a-word-that-only-the-job-has";

fn spec() -> JobSpec {
    let json = format!(r#"{{"engine":"web","arguments":{{"url":"https://{CANARY}/"}}}}"#);
    JobSpec::from_json(json.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_job_goes_out_sealed_and_comes_back_verified_under_both_suites() {
    let worker = FakeWorker::start().await;
    for suite in [None, Some(Suite::XWing), Some(Suite::X25519)] {
        let options = SealOptions { suite, ..SealOptions::default() };
        let mut states = Vec::new();
        let result = worker
            .client()
            .run(&spec(), &options, PATIENCE, |status| states.push(status.state.clone()))
            .await
            .unwrap();
        let output = result.outcome.as_ref().unwrap();
        assert_eq!(&**output.data, br#"{"answer":42}"#);
        assert_eq!(output.media_type, "application/json");
        assert_eq!(result.receipt.claims.worker, worker.state.worker());
        assert!(result.same_key_config);
        assert_eq!(states, ["settled"]);
    }
    for (_, path, body) in worker.state.seen.lock().unwrap().iter() {
        let text = String::from_utf8_lossy(body);
        assert!(!text.contains(CANARY) && !path.contains(CANARY), "plaintext left the machine");
    }
}

#[tokio::test]
async fn input_and_signature_travel_inside_the_envelope() {
    let worker = FakeWorker::start().await;
    let options = SealOptions {
        input: Some(CANARY.as_bytes().into()),
        signer: Some(std::sync::Arc::new(sealwork_client::RequesterKey::ed25519(&[3; 32]))),
        ..SealOptions::default()
    };
    let result = worker.client().run(&spec(), &options, PATIENCE, |_| ()).await.unwrap();
    assert!(result.receipt.claims.input_digest.is_some());
}

#[tokio::test]
async fn a_failed_job_is_a_result_with_a_receipt_and_not_an_error() {
    let worker = FakeWorker::start().await;
    *worker.state.outcome.lock().unwrap() =
        Outcome::Failure(Failure::new(Code::RobotsDenied, "robots.txt says no"));
    let options = SealOptions::default();
    let result = worker.client().run(&spec(), &options, PATIENCE, |_| ()).await.unwrap();
    let failure = result.outcome.as_ref().err().unwrap();
    assert_eq!((failure.code.as_str(), result.code.as_str()), ("robots_denied", "robots_denied"));
    assert!(failure.hint().is_some());
    assert!(!format!("{result:?}").contains("says no"));
}

#[tokio::test]
async fn a_full_worker_is_asked_again_and_a_refusal_of_the_job_is_not() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    let sealed = client.seal(&spec(), &SealOptions::default()).await.unwrap();
    worker.answer_once("/v1/jobs", 503, r#"{"code":"queue_full","retryable":true}"#);
    client.submit(&sealed).await.unwrap();
    assert_eq!(worker.requests_to("/v1/jobs"), 2);

    worker.answer_once("/v1/jobs", 400, r#"{"code":"job_expired","detail":"too late"}"#);
    let error = client.submit(&sealed).await.unwrap_err();
    assert!(error.refusal().unwrap().is(Code::JobExpired));
    assert_eq!(error.code(), "job_expired");
    assert_eq!(error.hint(), Code::JobExpired.hint());
    assert_eq!(worker.requests_to("/v1/jobs"), 3);
}

#[tokio::test]
async fn a_worker_that_asks_for_a_later_date_is_asked_again_after_it_and_not_beyond_patience() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    let busy = |retry_after| Scripted {
        path: "/v1/keys",
        status: 503,
        body: r#"{"code":"queue_full","retryable":true}"#.to_owned(),
        retry_after: Some(retry_after),
    };
    worker.script(busy("Sun, 06 Nov 1994 08:49:37 GMT"));
    client.refresh_key_config().await.unwrap();
    assert_eq!(worker.requests_to("/v1/keys"), 2);
    worker.script(busy("Fri, 31 Dec 2100 23:59:59 GMT"));
    let error = client.refresh_key_config().await.unwrap_err();
    assert!(error.refusal().unwrap().retry_after > Some(Duration::from_secs(60)));
    assert_eq!(worker.requests_to("/v1/keys"), 3);
}

#[tokio::test]
async fn all_pauses_of_a_call_together_stay_within_patience() {
    let worker = FakeWorker::start().await;
    let pause = Duration::from_millis(10);
    let policy = RetryPolicy { attempts: 100, first: pause, longest: pause, patience: 3 * pause };
    let client = worker.builder().retry(policy).build().unwrap();
    for _ in 0..100 {
        worker.answer_once("/v1/keys", 503, r#"{"code":"queue_full","retryable":true}"#);
    }
    assert!(client.key_config().await.is_err());
    let tries = worker.requests_to("/v1/keys");
    assert!((4..=7).contains(&tries), "{tries} tries");
}

#[tokio::test]
async fn tries_end_with_the_last_refusal() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    let sealed = client.seal(&spec(), &SealOptions::default()).await.unwrap();
    for _ in 0..3 {
        worker.answer_once("/v1/jobs", 502, "<html>a proxy</html>");
    }
    let error = client.submit(&sealed).await.unwrap_err();
    assert_eq!(error.code(), "http_502");
    assert_eq!(worker.requests_to("/v1/jobs"), 3);
}

#[tokio::test]
async fn submitting_the_same_envelope_twice_gives_the_same_job() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    let sealed = client.seal(&spec(), &SealOptions::default()).await.unwrap();
    let first = client.submit(&sealed).await.unwrap();
    let second = client.submit(&sealed).await.unwrap();
    assert_eq!(first.job(), second.job());
    assert!(client.result(&second).await.is_ok());
}

#[tokio::test]
async fn a_job_sealed_to_keys_that_were_rotated_is_sealed_again() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    client.key_config().await.unwrap();
    worker.state.rotate();
    let options = SealOptions::default();
    assert!(client.run(&spec(), &options, PATIENCE, |_| ()).await.unwrap().is_ok());
    assert_eq!(worker.requests_to("/v1/keys"), 2);
}

#[tokio::test]
async fn the_key_config_is_fetched_once_and_must_be_of_the_expected_worker() {
    let worker = FakeWorker::start().await;
    let client = worker.builder().worker(worker.state.worker()).build().unwrap();
    client.key_config().await.unwrap();
    client.key_config().await.unwrap();
    assert_eq!(worker.requests_to("/v1/keys"), 1);

    let other = ReceiptKey::from_seed(&[8; 32]).public().worker_id();
    let error = worker.builder().worker(other).build().unwrap().key_config().await.unwrap_err();
    assert!(matches!(error, ClientError::Verification(VerifyError::Mismatch { .. })), "{error}");
}

#[tokio::test]
async fn a_handle_that_was_kept_fetches_the_result_elsewhere_and_shows_no_secret() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    let sealed = client.seal(&spec(), &SealOptions::default()).await.unwrap();
    let kept = client.submit(&sealed).await.unwrap().to_json();
    assert!(!String::from_utf8_lossy(&kept).contains(CANARY));

    let handle = JobHandle::from_json(&kept).unwrap();
    assert_eq!(handle.base_url(), client.base_url().as_str());
    assert!(!format!("{handle:?}{sealed:?}").contains(&*sealed.token_hex()));
    assert!(worker.client().result(&handle).await.unwrap().is_ok());

    for cut in [0, 1, kept.len() / 2, kept.len() - 1] {
        assert!(JobHandle::from_json(&kept[..cut]).is_err());
    }
    let newer = String::from_utf8_lossy(&kept).replace(r#""version":1"#, r#""version":2"#);
    assert!(JobHandle::from_json(newer.as_bytes()).unwrap_err().to_string().contains("version 2"));
}

#[tokio::test]
async fn a_receipt_that_differs_in_anything_is_refused() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    type Forgery = fn(&mut ReceiptClaims);
    let forgeries: [(&str, Forgery); 9] = [
        ("another job", |c| c.job = JobId([5; 16])),
        ("another job's digest", |c| c.job_digest = Some(Digest([5; 32]))),
        ("no job digest", |c| c.job_digest = None),
        ("an input that there was not", |c| c.input_digest = Some(Digest([5; 32]))),
        ("another output", |c| c.output_digest = Some(Digest([5; 32]))),
        ("no output", |c| c.output_digest = None),
        ("another outcome", |c| c.code = "cancelled".to_owned()),
        ("a public intake", |c| c.intake = sealwork_job::Intake::Public),
        ("other usage", |c| c.usage.wall_ms = 4096),
    ];
    for (what, forgery) in forgeries {
        *worker.state.forge.lock().unwrap() = Some(Box::new(forgery));
        let error = client.run(&spec(), &SealOptions::default(), PATIENCE, |_| ()).await;
        let error = error.map(|_| ()).unwrap_err();
        assert!(matches!(error, ClientError::Verification(_)), "{what}: {error}");
    }
}

#[tokio::test]
async fn a_receipt_signed_by_another_key_or_sent_for_another_one_is_refused() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    let options = SealOptions::default();
    *worker.state.wrong_key.lock().unwrap() = Some(ReceiptKey::from_seed(&[8; 32]));
    let error = client.run(&spec(), &options, PATIENCE, |_| ()).await.unwrap_err();
    assert!(matches!(error, ClientError::Verification(VerifyError::Receipt(_))), "{error}");

    *worker.state.wrong_key.lock().unwrap() = None;
    worker.answer_once("/receipt", 200, "some.other.receipt");
    let error = client.run(&spec(), &options, PATIENCE, |_| ()).await.unwrap_err();
    assert!(matches!(error, ClientError::Verification(VerifyError::Mismatch { .. })), "{error}");
}

#[tokio::test]
async fn a_result_that_was_changed_or_belongs_to_another_job_does_not_open() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    let mut handles = Vec::new();
    for _ in 0..2 {
        let sealed = client.seal(&spec(), &SealOptions::default()).await.unwrap();
        handles.push(client.submit(&sealed).await.unwrap());
    }
    worker.answer_once("/result", 200, "SWR1 and nothing more");
    let error = client.result(&handles[0]).await.unwrap_err();
    assert!(matches!(error, ClientError::Verification(VerifyError::Result(_))), "{error}");

    let (mut sealed, _) = worker.state.settled(handles[0].job());
    assert!(handles[0].open(&sealed).is_ok());
    assert!(handles[1].open(&sealed).is_err());
    for at in [0, 10, 40, 70, 90, sealed.len() - 1] {
        sealed[at] ^= 1;
        assert!(handles[0].open(&sealed).is_err(), "byte {at} was changed");
        sealed[at] ^= 1;
    }
}

#[tokio::test]
async fn waiting_ends_with_patience_and_the_job_goes_on() {
    let worker = FakeWorker::start().await;
    *worker.state.stuck_in.lock().unwrap() = Some("running");
    let client = worker.client();
    let sealed = client.seal(&spec(), &SealOptions::default()).await.unwrap();
    let handle = client.submit(&sealed).await.unwrap();
    let error = client.wait(&handle, Duration::ZERO, |_| ()).await.unwrap_err();
    assert!(matches!(error, ClientError::StillRunning { ref state, .. } if state == "running"));
    assert!(error.is_retryable());
}

/// Broken by leaving the pauses between a call's tries to its policy alone.
#[tokio::test]
async fn waiting_ends_soon_after_patience_where_the_worker_asks_for_more() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    let sealed = client.seal(&spec(), &SealOptions::default()).await.unwrap();
    let handle = client.submit(&sealed).await.unwrap();
    worker.script(Scripted {
        path: handle.job().to_string().leak(),
        status: 503,
        body: r#"{"code":"draining","retryable":true}"#.to_owned(),
        retry_after: Some("30"),
    });
    let begun = tokio::time::Instant::now();
    let error = client.wait(&handle, Duration::ZERO, |_| ()).await.unwrap_err();
    assert!(matches!(error, ClientError::Timeout { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_worker_that_restarts_is_waited_for() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    let sealed = client.seal(&spec(), &SealOptions::default()).await.unwrap();
    let handle = client.submit(&sealed).await.unwrap();
    let path: &'static str = handle.job().to_string().leak();
    for _ in 0..4 {
        worker.answer_once(path, 503, r#"{"code":"draining","retryable":true}"#);
    }
    assert!(client.wait(&handle, PATIENCE, |_| ()).await.unwrap().is_settled());
}

#[tokio::test]
async fn cancelling_a_job_that_came_to_its_end_before_is_refused_and_twice_is_once() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    let sealed = client.seal(&spec(), &SealOptions::default()).await.unwrap();
    let handle = client.submit(&sealed).await.unwrap();
    let error = client.cancel(&handle).await.unwrap_err();
    assert!(error.refusal().is_some_and(|r| r.is(Code::AlreadySettled)), "{error}");

    let path: &'static str = handle.job().to_string().leak();
    let job = handle.job();
    let cancelled =
        format!(r#"{{"job_id":"{job}","state":"settled","code":"cancelled","accepted_at":1}}"#);
    worker.answer_once(path, 200, cancelled.leak());
    assert!(client.cancel(&handle).await.unwrap().is_settled());
}

#[tokio::test]
async fn nobody_at_the_address_is_unreachable_and_says_where() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    let address = worker.address.to_string();
    drop(worker);
    tokio::task::yield_now().await;
    let error = client.key_config().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&address));
}
