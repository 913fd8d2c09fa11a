//! Runs one engine under the job's deadline; stops it when that passes or the requester cancels.

use std::{sync::Arc, time::Duration};

use sealwork_engine::{Context, Engine, Report};
use sealwork_job::{Code, Failure};
use serde_json::Value;
use tokio::task::JoinError;
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
    let (name, grace) = (engine.name(), engine.grace());
    let (output_limit, spool) = (context.limits.output_bytes, context.spool.clone());
    let ended_by_itself =
        |ended| ended_by_itself(ended, output_limit, spool.map_or(0, |spool| spool.appended()));
    let task = tokio::spawn(async move { engine.run(&context, arguments).await });
    let mut task = AbortOnDropHandle::new(task);
    let stopped = tokio::select! {
        biased;
        ended = &mut task => return ended_by_itself(ended),
        () = cancel.cancelled() => Stopped::Cancelled,
        () = tokio::time::sleep_until(deadline) => Stopped::Late,
    };
    if stopped == Stopped::Cancelled {
        stop.cancel();
    }
    if !grace.is_zero()
        && let Ok(ended) = tokio::time::timeout(grace, &mut task).await
    {
        let report = ended_by_itself(ended);
        return match stopped {
            // Nobody waits for its output any more; what it used and said stays.
            Stopped::Cancelled => Report { result: Err(stopped.failure()), ..report },
            // The engine's own deadline is the same.
            Stopped::Late => report,
        };
    }
    stop.cancel();
    task.abort();
    if tokio::time::timeout(TO_LET_GO, &mut task).await.is_err() {
        tracing::error!(engine = name, "an engine goes on after its job was stopped");
    }
    Report::failure(stopped.failure(), [])
}

/// Why an engine is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopped {
    Cancelled,
    Late,
}

impl Stopped {
    fn failure(self) -> Failure {
        match self {
            Self::Cancelled => Failure::new(Code::Cancelled, "the job was cancelled"),
            Self::Late => Failure::new(Code::DeadlineExceeded, "the job ran out of time"),
        }
    }
}

fn ended_by_itself(
    ended: Result<Report, JoinError>,
    output_limit: Option<u64>,
    spooled: u64,
) -> Report {
    match ended {
        Ok(report) => within(report, output_limit, spooled),
        Err(_) => {
            let text = "the engine failed on this job";
            Report::failure(Failure::new(Code::EnginePanicked, text), [])
        }
    }
}

fn within(report: Report, output_limit: Option<u64>, spooled: u64) -> Report {
    let len = report.result.as_ref().map_or(0, |output| spooled + output.data.len() as u64);
    match output_limit {
        Some(limit) if len > limit => {
            let text = format!("the output has {len} bytes, the limit is {limit}");
            Report { result: Err(Failure::new(Code::OutputTooLarge, text)), ..report }
        }
        _ => report,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use async_trait::async_trait;
    use sealwork_engine::Meter;
    use sealwork_job::{JobId, Limits, Output, RequesterId, Rerun};
    use tokio::time::Instant;

    use super::*;

    const GRACE: Duration = Duration::from_millis(100);

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

        fn grace(&self) -> Duration {
            GRACE
        }

        async fn run(&self, context: &Context, arguments: Value) -> Report {
            match arguments.as_str() {
                Some("panic") => panic!("as asked"),
                Some("hang") => std::future::pending().await,
                Some("self-stopping") => {
                    tokio::select! {
                        () = context.stop.cancelled() => {}
                        () = tokio::time::sleep_until(context.deadline) => {}
                    }
                    tokio::time::sleep(GRACE / 2).await;
                    let failure = Failure::new(Code::DeadlineExceeded, "by itself");
                    Report::failure(failure, []).with_details("its log".into())
                }
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
            account: RequesterId::anonymous(),
            limits: Limits { output_bytes: Some(5), ..Limits::default() },
            input: None,
            deadline: Instant::now() + Duration::from_secs(5),
            stop: CancellationToken::new(),
            meter: Arc::new(Meter::default()),
            spool: None,
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

    #[tokio::test(start_paused = true)]
    async fn an_engine_that_stops_by_itself_reports_what_its_job_did() {
        let run = async |cancel: &CancellationToken| {
            let engine = Arc::new(Odd::default());
            perform(engine, context(), Value::from("self-stopping"), cancel).await
        };
        let late = run(&CancellationToken::new()).await;
        assert_eq!(late.result.unwrap_err().message, "by itself");
        assert_eq!(late.details, Some("its log".into()));
        let cancel = CancellationToken::new();
        cancel.cancel();
        let cancelled = run(&cancel).await;
        assert_eq!(cancelled.result.unwrap_err().code, Code::Cancelled);
        assert_eq!(cancelled.details, Some("its log".into()));
    }

    #[tokio::test]
    async fn output_beyond_the_limit_is_a_failure_and_not_cut() {
        let mut narrow = context();
        narrow.limits.output_bytes = Some(4);
        assert_eq!(code("", narrow, &CancellationToken::new()).await, "output_too_large");
        assert_eq!(code("", context(), &CancellationToken::new()).await, "ok");
    }
}
