//! Saying in advance what a job would be refused for.

use std::{sync::Arc, time::Duration};

use sealwork_engine::Context;
use sealwork_job::{Code, Failure, JobId, Limits, RequesterId};
use sealwork_sandbox::Form;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{Arguments, HostPatterns, ProgramEngine, javascript::Until, outcome};

impl ProgramEngine {
    /// Whether a job with these arguments and limits would find its program fit. WebAssembly is
    /// compiled and instantiated, its start function included; a script is run to where its handler
    /// would be asked, and asked only if its top level leaves a rejection, which the handler may
    /// listen to. Neither has a network, each may take `trial`.
    ///
    /// # Errors
    /// The failure that the job would end with.
    pub async fn check(
        &self,
        arguments: &Value,
        limits: &Limits,
        trial: Duration,
    ) -> Result<(), Failure> {
        let arguments = Arguments::parse(arguments)?;
        self.hosts(&arguments)?;
        self.fits(&arguments, limits)?;
        let program = self.program(&arguments).await?;
        if !arguments.program.is_script() {
            let compiled = self.artefacts().artefact("", program).await;
            let artefact = compiled.map_err(|error| outcome::of_compile_error(&error))?;
            let ended = self.run(&context(limits, trial), &artefact, Form::Trial, none()).await;
            return ended.and_then(|ended| outcome::of_trial(ended.end));
        }
        self.warm_up().await.map_err(|error| outcome::of_compile_error(&error))?;
        let run = |until| self.outcome(&arguments, &program, limits, trial, until);
        match run(Until::Asked).await {
            // What else a handler does with a request that it was not written for says nothing.
            Err(left) if left.code == Code::ProgramRejection => match run(Until::Answered).await {
                Err(failure) if failure == left => Err(left),
                _ => Ok(()),
            },
            Err(failure) if failure.code == Code::DeadlineExceeded => {
                let text = "the top level of the script does not end";
                Err(Failure::new(failure.code, format!("{text}: it was stopped after {trial:?}")))
            }
            other => other,
        }
    }

    async fn outcome(
        &self,
        arguments: &Arguments,
        source: &[u8],
        limits: &Limits,
        trial: Duration,
        until: Until,
    ) -> Result<(), Failure> {
        let context = context(limits, trial);
        self.script(&context, arguments, source, none(), until).await.result.map(drop)
    }
}

fn none() -> HostPatterns {
    HostPatterns::default()
}

/// A job of nobody.
fn context(limits: &Limits, trial: Duration) -> Context {
    Context {
        job: JobId([0; 16]),
        requester: RequesterId::anonymous(),
        account: RequesterId::anonymous(),
        limits: *limits,
        input: None,
        deadline: Instant::now() + trial,
        stop: CancellationToken::new(),
        meter: Arc::default(),
        spool: None,
    }
}
