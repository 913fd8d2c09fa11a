//! Runs one engine under the job's deadline; stops it when that passes or the requester cancels.

use std::{sync::Arc, time::Duration};

use sealwork_engine::{Context, Engine, Report};
use sealwork_job::{Code, Failure};
use serde_json::Value;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// How long a stopped engine may take to let go: the time to its next await. Its slot is not given
/// away meanwhile.
const TO_LET_GO: Duration = Duration::from_secs(2);

/// Performs the job in a task of its own, so that a panic or a stuck engine harms no other job.
pub(crate) async fn perform(
    engine: Arc<dyn Engine>,
    context: Context,
    arguments: Value,
    cancel: &CancellationToken,
) -> Report {
    let deadline = context.deadline;
    // Whatever ends this future, a dropped one included, ends the engine's work.
    let stop = context.stop.clone();
    let _stop = stop.clone().drop_guard();
    let name = engine.name();
    let output_limit = context.limits.output_bytes;
    let task = tokio::spawn(async move { engine.run(&context, arguments).await });
    let mut task = AbortOnDropHandle::new(task);
    let stopped = tokio::select! {
        biased;
        ended = &mut task => return match ended {
            Ok(report) => within(report, output_limit),
            Err(_) => failure(Code::EnginePanicked, "the engine failed on this job"),
        },
        () = cancel.cancelled() => failure(Code::Cancelled, "the job was cancelled"),
        () = tokio::time::sleep_until(deadline) => {
            failure(Code::DeadlineExceeded, "the job ran out of time")
        }
    };
    stop.cancel();
    task.abort();
    if tokio::time::timeout(TO_LET_GO, &mut task).await.is_err() {
        tracing::error!(engine = name, "an engine goes on after its job was stopped");
    }
    stopped
}

fn within(report: Report, output_limit: Option<u64>) -> Report {
    match (&report.result, output_limit) {
        (Ok(output), Some(limit)) if output.data.len() as u64 > limit => Report::failure(
            Failure::new(
                Code::OutputTooLarge,
                format!("the output has {} bytes, the limit is {limit}", output.data.len()),
            ),
            report.stats,
        ),
        _ => report,
    }
}

fn failure(code: Code, message: &str) -> Report {
    Report::failure(Failure::new(code, message), [])
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use async_trait::async_trait;
    use sealwork_engine::Meter;
    use sealwork_job::{JobId, Limits, Output, RequesterId, Rerun};
    use tokio::time::Instant;

    use super::*;

    /// Does what its arguments say.
    #[derive(Default)]
    struct Odd(Arc<AtomicBool>);

    struct Ended(Arc<AtomicBool>);

    impl Drop for Ended {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[async_trait]
    impl Engine for Odd {
        fn name(&self) -> &'static str {
            "odd"
        }

        fn capabilities(&self) -> Vec<String> {
            Vec::new()
        }

        fn admit(&self, _: &Value) -> Result<Rerun, Failure> {
            Ok(Rerun::Idempotent)
        }

        async fn run(&self, _: &Context, arguments: Value) -> Report {
            match arguments.as_str() {
                Some("panic") => panic!("as asked"),
                Some("hang") => std::future::pending().await,
                Some("busy") => {
                    // Blocks its thread for a while, as no engine should.
                    let _ended = Ended(Arc::clone(&self.0));
                    std::thread::sleep(Duration::from_millis(200));
                    tokio::task::yield_now().await;
                    Report::output(Output::json("1"), [])
                }
                _ => Report::output(Output::json("12345"), [("web_success", 1)]),
            }
        }
    }

    fn context() -> Context {
        Context {
            job: JobId([1; 16]),
            requester: RequesterId::anonymous(),
            limits: Limits { output_bytes: Some(5), ..Limits::default() },
            deadline: Instant::now() + Duration::from_secs(5),
            stop: CancellationToken::new(),
            meter: Arc::new(Meter::default()),
        }
    }

    async fn code(arguments: &str, context: Context, cancel: &CancellationToken) -> String {
        let report =
            perform(Arc::new(Odd::default()), context, Value::from(arguments), cancel).await;
        report.result.map_or_else(|f| f.code.to_string(), |_| "ok".to_owned())
    }

    #[tokio::test]
    async fn a_panic_becomes_that_jobs_failure() {
        assert_eq!(code("panic", context(), &CancellationToken::new()).await, "engine_panicked");
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_stops_the_engine_and_tells_its_helpers() {
        let context = context();
        let stop = context.stop.clone();
        assert_eq!(code("hang", context, &CancellationToken::new()).await, "deadline_exceeded");
        assert!(stop.is_cancelled());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_stopped_job_settles_when_its_engine_has_let_go() {
        let cancel = CancellationToken::new();
        let engine = Odd::default();
        let ended = Arc::clone(&engine.0);
        let late = Context { deadline: Instant::now() + Duration::from_millis(50), ..context() };
        let report = perform(Arc::new(engine), late, Value::from("busy"), &cancel).await;
        assert_eq!(report.result.unwrap_err().code, Code::DeadlineExceeded);
        assert!(ended.load(Ordering::SeqCst), "the engine's work ended before its job did");
    }

    #[tokio::test]
    async fn a_cancelled_job_stops_at_once() {
        let cancel = CancellationToken::new();
        cancel.cancel();
        assert_eq!(code("hang", context(), &cancel).await, "cancelled");
    }

    #[tokio::test]
    async fn output_beyond_the_limit_is_a_failure_and_not_cut() {
        let mut narrow = context();
        narrow.limits.output_bytes = Some(4);
        assert_eq!(code("", narrow, &CancellationToken::new()).await, "output_too_large");
        assert_eq!(code("", context(), &CancellationToken::new()).await, "ok");
    }
}
