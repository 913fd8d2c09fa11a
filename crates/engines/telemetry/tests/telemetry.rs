//! The result byte for byte, and what the engine takes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use sealwork_engine::{Context, Engine as _, Meter};
use sealwork_engine_telemetry::{Activity, TelemetryEngine, TelemetrySource};
use sealwork_job::{Code, JobId, Limits, RequesterId, Rerun, Timestamp};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A worker that was just started, or one that has worked.
struct Worker {
    has_worked: bool,
}

impl TelemetrySource for Worker {
    fn boot_time(&self) -> Timestamp {
        Timestamp(1_795_169_497_900)
    }

    fn current_time(&self) -> Timestamp {
        Timestamp(1_795_169_498_999)
    }

    fn worker_id(&self) -> String {
        "7d14d050-6b0f-4c0e-9d2f-2f0f3a1b5c6d".to_owned()
    }

    fn activity(&self, reader: &RequesterId) -> Activity {
        if !self.has_worked {
            return Activity::default();
        }
        let counters = BTreeMap::from([("web_errors", 1), ("web_queries", 2)]);
        Activity {
            stats: BTreeMap::from([(reader.to_string(), counters)]),
            last_operation_time: Some(Timestamp(1_795_169_498_001)),
        }
    }

    fn reported_capabilities(&self) -> BTreeMap<String, Vec<String>> {
        BTreeMap::from([
            ("telemetry".to_owned(), vec!["telemetry".to_owned()]),
            ("web".to_owned(), vec!["scraper".to_owned()]),
        ])
    }

    fn worker_version(&self) -> String {
        "beta".to_owned()
    }

    fn application_version(&self) -> String {
        "v0.1.0".to_owned()
    }
}

fn engine(has_worked: bool) -> TelemetryEngine {
    TelemetryEngine::new(Arc::new(Worker { has_worked }))
}

async fn run(engine: &TelemetryEngine, arguments: Value) -> Result<String, Code> {
    let context = Context {
        job: JobId([1; 16]),
        requester: RequesterId::anonymous(),
        account: RequesterId::anonymous(),
        limits: Limits::default(),
        input: None,
        deadline: Instant::now() + Duration::from_secs(1),
        stop: CancellationToken::new(),
        meter: Arc::new(Meter::default()),
        spool: None,
    };
    let report = engine.run(&context, arguments).await;
    assert!(report.stats.is_empty(), "asking moves no counter");
    match report.result {
        Ok(output) => {
            assert_eq!(output.media_type, "application/json");
            Ok(String::from_utf8(output.data.to_vec()).unwrap())
        }
        Err(failure) => Err(failure.code),
    }
}

#[tokio::test]
async fn the_result_has_the_bytes_that_validators_read() {
    assert_eq!(
        run(&engine(true), json!({})).await.unwrap(),
        concat!(
            r#"{"boot_time":1795169497,"last_operation_time":1795169498,"current_time":1795169498,"#,
            r#""worker_id":"7d14d050-6b0f-4c0e-9d2f-2f0f3a1b5c6d","#,
            r#""stats":{"anonymous":{"web_errors":1,"web_queries":2}},"#,
            r#""reported_capabilities":{"telemetry":["telemetry"],"web":["scraper"]},"#,
            r#""worker_version":"beta","application_version":"v0.1.0"}"#,
        )
    );
}

#[tokio::test]
async fn a_fresh_worker_has_empty_stats_and_no_last_operation() {
    let json: Value =
        serde_json::from_str(&run(&engine(false), Value::Null).await.unwrap()).unwrap();
    assert_eq!((&json["stats"], &json["last_operation_time"]), (&json!({}), &json!(0)));
}

#[tokio::test]
async fn the_type_may_be_absent_or_telemetry_and_other_arguments_are_ignored() {
    let engine = engine(true);
    for arguments in [json!({}), json!({"type": ""}), json!({"type": "Telemetry", "x": [1]})] {
        assert_eq!(engine.admit(&arguments).unwrap(), Rerun::Idempotent, "{arguments}");
        assert!(run(&engine, arguments).await.is_ok());
    }
    for arguments in [json!({"type": "web"}), json!({"type": 1}), json!([]), json!("x")] {
        assert_eq!(
            run(&engine, arguments.clone()).await,
            Err(Code::ArgumentsInvalid),
            "{arguments}"
        );
    }
    assert!(engine.is_instant());
    assert_eq!(engine.capabilities(), ["telemetry"]);
}
