//! A clock that ran ahead: how it shows, and how it is reset.

use std::time::Duration;

use sealwork_job::Code;
use sealwork_platform::Disk as _;
use sealwork_store::{CommitterKind, StoreOptions};
use sealwork_worker::{ClockReset, reset_clock};
use serde_json::json;

use crate::common::{Machine, job, open_store};

#[tokio::test(start_paused = true)]
async fn a_clock_that_ran_ahead_shows_and_is_reset_together_with_the_keys() {
    const AHEAD: i64 = 400 * 24 * 3600;
    let machine = Machine::new(18);
    let worker = machine.worker().await;
    let before = machine.seal(&worker.key_config(), &job(json!({})));
    assert_eq!(worker.clock_lag(), None);
    machine.clock.jump(AHEAD);
    while worker.key_config().keys.iter().all(|key| key.not_after < machine.now()) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let sealed = machine.seal(&worker.key_config(), &job(json!({})));
    let id = worker.submit(sealed.submission()).await.unwrap().job;
    sealed.result(&worker, id).await.unwrap();
    machine.clock.jump(-AHEAD);
    assert!(worker.clock_lag().unwrap() > Duration::from_secs(3600));
    worker.close().await;
    drop(worker);

    let platform = machine.platform();
    let options = || StoreOptions { committer: CommitterKind::Task, ..StoreOptions::default() };
    let store = open_store(&platform, options()).unwrap();
    let reset = reset_clock(&platform, &store).await.unwrap();
    assert!(matches!(reset, ClockReset::Done(_)), "{reset:?}");
    assert_eq!(reset_clock(&platform, &store).await.unwrap(), ClockReset::NotBehind);
    store.close().await;

    let worker = machine.worker().await;
    assert_eq!(worker.clock_lag(), None);
    for old in [&before, &sealed] {
        let refused = worker.submit(old.submission()).await.unwrap_err();
        assert_eq!(refused.code, Code::KeyUnknown, "its nonce may be forgotten");
    }
    let after = machine.seal(&worker.key_config(), &job(json!({})));
    let id = worker.submit(after.submission()).await.unwrap().job;
    after.result(&worker, id).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_clock_is_not_reset_under_jobs_that_wait() {
    const AHEAD: i64 = 24 * 3600;
    let machine = Machine::new(19);
    let worker = machine.worker().await;
    machine.clock.jump(AHEAD / 2);
    let sealed = machine.seal(&worker.key_config(), &job(json!({"sleep_ms": 3_600_000})));
    worker.submit(sealed.submission()).await.unwrap();
    machine.clock.jump(-AHEAD / 2);
    worker.close().await;
    drop(worker);
    let platform = machine.platform();
    let options = StoreOptions { committer: CommitterKind::Task, ..StoreOptions::default() };
    let store = open_store(&platform, options).unwrap();
    assert_eq!(reset_clock(&platform, &store).await.unwrap(), ClockReset::Unsettled(1));
    assert!(!machine.disk.list("keys").unwrap().is_empty(), "the keys are gone");
}
