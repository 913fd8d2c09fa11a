//! Runs one engine under the job's deadline; stops it when that passes or the requester cancels.

use std::sync::Arc;

use sealwork_engine::{Context, Engine, Report};
use sealwork_job::{Code, Failure};
use serde_json::Value;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// Performs the job in a task of its own, so that a panic or a stuck engine harms no other job.
pub(crate) async fn perform(
    engine: Arc<dyn Engine>,
    context: Context,
    arguments: Value,
    cancel: &CancellationToken,
) -> Report {
    let deadline = context.deadline;
    // Whatever ends this future, a dropped one included, ends the engine's work.
    let _stop = context.stop.clone().drop_guard();
    let output_limit = context.limits.output_bytes;
    let task = tokio::spawn(async move { engine.run(&context, arguments).await });
    let mut task = AbortOnDropHandle::new(task);
    tokio::select! {
        biased;
        ended = &mut task => match ended {
            Ok(report) => within(report, output_limit),
            Err(_) => failure(Code::EnginePanicked, "the engine failed on this job"),
        },
        () = cancel.cancelled() => failure(Code::Cancelled, "the job was cancelled"),
        () = tokio::time::sleep_until(deadline) => {
            failure(Code::DeadlineExceeded, "the job ran out of time")
        }
    }
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
    use std::time::Duration;

    use async_trait::async_trait;
    use sealwork_engine::Meter;
    use sealwork_job::{JobId, Limits, Output, RequesterId, Rerun};
    use tokio::time::Instant;

    use super::*;

    /// Does what its arguments say.
    struct Odd;

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
        let report = perform(Arc::new(Odd), context, Value::from(arguments), cancel).await;
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
