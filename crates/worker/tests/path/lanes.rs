//! Public jobs, and the order of those that are in a lane.

use std::time::Duration;

use bytes::Bytes;
use sealwork_job::{
    Body, Code, JobState, LaneId, LanePosition, Limits, Origin, Reply, RequesterId, Rerun,
    Submission, WaitReason,
};
use sealwork_worker::{Access, PublicResult, WorkerConfig};
use serde_json::json;

use crate::common::{Machine, job};

pub(crate) fn in_lane(position: u64, arguments: serde_json::Value) -> Submission {
    Submission {
        origin: Origin::Chain {
            chain: "31337".to_owned(),
            block: [1; 32],
            index: u32::try_from(position).unwrap(),
            requester: RequesterId::new("evm", "0xabc"),
        },
        body: Body::Public(Bytes::from(job(arguments).to_json().to_vec())),
        reply: Reply::Public,
        lane: Some(LanePosition { lane: LaneId("shard".to_owned()), position }),
        rerun: Rerun::Idempotent,
    }
}

#[tokio::test(start_paused = true)]
async fn public_jobs_and_lanes_take_the_same_path() {
    let machine = Machine::new(12);
    let config = WorkerConfig { queue_capacity: 1, ..WorkerConfig::default() };
    let worker = machine.boot(config).await.unwrap();
    let submission = |position, echo| in_lane(position, json!({"sleep_ms": 10, "echo": echo}));
    let first = worker.submit(submission(1, "a")).await.unwrap().job;
    // The queue is full, but a lane is never refused.
    let second = worker.submit(submission(2, "b")).await.unwrap().job;
    let waiting = JobState::Waiting { reason: WaitReason::Turn };
    assert_eq!(worker.status(second, Access::Public).unwrap().state, waiting);
    let replayed = worker.submit(submission(1, "a")).await.unwrap_err();
    assert_eq!((replayed.code, replayed.job), (Code::JobReplayed, Some(first)));
    let status = worker.wait(second, Access::Public, Duration::from_secs(60)).await.unwrap();
    assert!(status.state.is_settled());
    let result = worker.result(second, Access::Public).unwrap();
    let result: PublicResult = serde_json::from_slice(&result.response.whole().unwrap()).unwrap();
    assert_eq!(result.output, hex::encode(r#"{"echo":"b"}"#));
    assert!(worker.result(first, Access::Public).is_ok(), "the lane's first job settled first");
}

#[tokio::test(start_paused = true)]
async fn a_lane_goes_up_only_also_after_a_restart() {
    let machine = Machine::new(30);
    let worker = machine.worker().await;
    worker.submit(in_lane(7, json!({"sleep_ms": 10}))).await.unwrap();
    let job = worker.submit(in_lane(9, json!({"sleep_ms": 10}))).await.unwrap().job;
    // Another event that claims a place which is taken, or lies before it.
    let late = |position, index| {
        let mut late = in_lane(position, json!({}));
        let Origin::Chain { index: at, .. } = &mut late.origin else { unreachable!() };
        *at = index;
        late
    };
    for position in [9, 8, 0] {
        let refused = worker.submit(late(position, 100)).await.unwrap_err();
        assert_eq!(refused.code, Code::LaneOrder);
    }
    worker.close().await;
    drop(worker);

    let worker = machine.worker().await;
    assert_eq!(worker.submit(late(8, 101)).await.unwrap_err().code, Code::LaneOrder);
    let last = worker.submit(in_lane(10, json!({}))).await.unwrap().job;
    worker.wait(last, Access::Public, Duration::from_secs(60)).await.unwrap();
    let order: Vec<_> = worker.outbox("31337").list(None, 10).unwrap();
    assert_eq!(order.len(), 3);
    assert_eq!((order[1].job, order[2].job), (job, last));
}

#[tokio::test(start_paused = true)]
async fn no_clock_and_no_requester_stops_a_job_of_a_lane() {
    let machine = Machine::new(31);
    let config = WorkerConfig {
        max_queue_wait: Duration::from_secs(1),
        default_limits: Limits { wall_ms: Some(10), ..WorkerConfig::default().default_limits },
        ..WorkerConfig::default()
    };
    let worker = machine.boot(config).await.unwrap();
    let first = worker.submit(in_lane(1, json!({"sleep_ms": 5_000}))).await.unwrap().job;
    let second = worker.submit(in_lane(2, json!({}))).await.unwrap().job;
    for job in [first, second] {
        assert_eq!(worker.cancel(job, Access::Public).unwrap_err().code, Code::NotCancellable);
    }
    for job in [first, second] {
        worker.wait(job, Access::Public, Duration::from_secs(60)).await.unwrap();
        assert_eq!(worker.result(job, Access::Public).unwrap().code, "ok");
    }
}
