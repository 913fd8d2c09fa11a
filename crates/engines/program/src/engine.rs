use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use sealwork_content::Cid;
use sealwork_egress::Egress;
use sealwork_engine::{Context, Engine, Report};
use sealwork_job::{Code, Failure, Limits, Rerun};
use sealwork_platform::{Clock, Entropy};
use sealwork_sandbox::{
    Artefact, ArtefactCache, CompileError, Ended, Form, Pool, Request, RunLimits,
};
use serde_json::Value;
use tokio::{sync::OnceCell, task::spawn_blocking, time::timeout_at};

use crate::{
    Arguments, HostPatterns,
    arguments::{invalid, two_inputs},
    fetch::Fetches,
    javascript::{self, Until},
    outcome, oyster,
    services::JobServices,
};

/// How long a program whose job was stopped may take to say what it did until then: it ends within
/// milliseconds, or its process is killed, see [`Pool`].
const GRACE: Duration = Duration::from_millis(500);
/// What the JavaScript engine needs for itself, with a little for a script.
const SCRIPT_MEMORY: u64 = 4 << 20;
/// What the head of an answer has at most: more headers than egress lets in.
const ANSWER_HEAD: u64 = 1 << 20;

/// Whose the JavaScript engine is.
const ITSELF: &str = "worker";

/// Where programs are found by CID.
pub trait ContentSource: Send + Sync {
    /// The file of this CID, of at most `max_bytes`.
    ///
    /// # Errors
    /// The CID is malformed or not here, its blocks are damaged, the file is too large: coded.
    fn read(&self, cid: &str, max_bytes: u64) -> Result<Bytes, Failure>;

    /// The CID of a program that came inline: what the receipt names it by.
    fn cid_of(&self, program: &[u8]) -> Option<String>;
}

/// What the operator allows beside the limits of every job.
#[derive(Debug, Clone)]
pub struct ProgramMaxima {
    /// The largest program, in bytes.
    pub program_bytes: u64,
    /// What is kept of standard error and console, in bytes.
    pub log_bytes: u64,
    /// Requests that a program may have open at once.
    pub open_requests: u32,
    /// Fuel of a job that names none.
    pub fuel: u64,
    /// Memory of a job that names none, in bytes.
    pub memory_bytes: u64,
    /// Output of a job that names none, in bytes.
    pub output_bytes: u64,
    /// Hosts that jobs may declare. Empty: programs have no network.
    pub hosts: HostPatterns,
}

impl ProgramMaxima {
    /// What a run of a job with these limits may use, where answers to its requests have bodies of
    /// at most `body_bytes`.
    pub fn run_limits(&self, limits: &Limits, wall: Duration, body_bytes: u64) -> RunLimits {
        let memory_bytes = limits.memory_bytes.unwrap_or(self.memory_bytes);
        RunLimits {
            wall,
            fuel: limits.fuel.unwrap_or(self.fuel),
            memory_bytes,
            output_bytes: limits.output_bytes.unwrap_or(self.output_bytes),
            log_bytes: self.log_bytes,
            calls: self.open_requests,
            answer_bytes: body_bytes.min(memory_bytes).saturating_add(ANSWER_HEAD),
        }
    }
}

/// What the engine works with.
pub struct ProgramConfig {
    /// The sandbox processes.
    pub pool: Pool,
    /// The compiled modules.
    pub artefacts: Arc<ArtefactCache>,
    /// Makes the module of the JavaScript engine (guests/js), when it must be compiled.
    pub javascript: fn() -> Bytes,
    /// Its SHA-256.
    pub javascript_digest: [u8; 32],
    /// Programs by CID.
    pub content: Arc<dyn ContentSource>,
    /// The way out.
    pub egress: Arc<Egress>,
    /// The time that programs see.
    pub clock: Arc<dyn Clock>,
    /// The seeds of the randomness that they see.
    pub entropy: Arc<dyn Entropy>,
    /// What the operator allows.
    pub maxima: ProgramMaxima,
}

/// The engine `program`.
pub struct ProgramEngine {
    config: ProgramConfig,
    /// The JavaScript engine, compiled.
    javascript: OnceCell<Artefact>,
}

impl ProgramEngine {
    /// An engine that runs programs in the pool of `config`.
    pub fn new(config: ProgramConfig) -> Self {
        Self { config, javascript: OnceCell::new() }
    }

    /// Compiles the JavaScript engine and loads it where scripts will run, so that the first script
    /// need not wait for it.
    ///
    /// # Errors
    /// [`CompileError`]: scripts will fail with the same.
    pub async fn warm_up(&self) -> Result<(), CompileError> {
        let artefact = self.javascript().await?;
        self.config.pool.preload(artefact.clone()).await;
        Ok(())
    }

    pub(crate) fn artefacts(&self) -> &ArtefactCache {
        &self.config.artefacts
    }

    async fn javascript(&self) -> Result<&Artefact, CompileError> {
        let (module, digest) = (self.config.javascript, self.config.javascript_digest);
        let compiled = || self.config.artefacts.artefact_of(ITSELF, digest, module);
        self.javascript.get_or_try_init(compiled).await
    }

    pub(crate) fn hosts(&self, arguments: &Arguments) -> Result<HostPatterns, Failure> {
        let asked = HostPatterns::parse(arguments.hosts.iter().map(String::as_str));
        let asked = asked.map_err(|error| {
            invalid(format!("`hosts`: {error}"))
                .in_clear("`hosts`: write `api.example.com`, `*.example.com` or `*`")
        })?;
        if self.config.maxima.hosts.cover(&asked) {
            Ok(asked)
        } else {
            Err(Failure::new(
                Code::HostsNotAllowed,
                "`hosts` names hosts that the operator of this worker does not allow to programs",
            ))
        }
    }

    /// Whether the program can do with these limits.
    pub(crate) fn fits(&self, arguments: &Arguments, limits: &Limits) -> Result<(), Failure> {
        let memory = limits.memory_bytes.unwrap_or(self.config.maxima.memory_bytes);
        let files = arguments.file_sizes();
        if files > memory {
            return Err(Failure::new(
                Code::LimitsInvalid,
                format!(
                    "limits.memory_bytes bounds a command's files too: {memory} bytes for {files}"
                ),
            ));
        }
        match limits.memory_bytes {
            Some(given) if given < SCRIPT_MEMORY && arguments.program.is_script() => {
                Err(Failure::new(
                    Code::LimitsInvalid,
                    format!("limits.memory_bytes must be at least {SCRIPT_MEMORY} for a script"),
                ))
            }
            _ => Ok(()),
        }
    }

    pub(crate) async fn program(&self, arguments: &Arguments) -> Result<Bytes, Failure> {
        let max = self.config.maxima.program_bytes;
        let program = match arguments.program.cid() {
            Some(cid) => {
                let (content, cid) = (Arc::clone(&self.config.content), cid.to_owned());
                let read = spawn_blocking(move || content.read(&cid, max)).await;
                read.unwrap_or_else(|_| {
                    Err(Failure::new(Code::Internal, "reading the program failed"))
                })?
            }
            None => arguments.program.inline()?.unwrap_or_default(),
        };
        if program.len() as u64 > max {
            let text = format!("the program has {} bytes, at most {max} are taken", program.len());
            return Err(Failure::new(Code::ProgramInvalid, text));
        }
        Ok(program)
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Report {
        // In the one form in which receipts have it, also when there is nothing of that name.
        let named = arguments.program.cid().and_then(|cid| cid.parse::<Cid>().ok());
        let named = named.map(|cid| cid.to_string());
        let report = match self.prepare(context, arguments).await {
            Err(failure) => Report::failure(failure, []).with_program(named),
            Ok((hosts, program)) => {
                let name = named.or_else(|| self.config.content.cid_of(&program));
                let report = if arguments.program.is_script() {
                    self.script(context, arguments, &program, hosts, Until::Answered).await
                } else {
                    self.command(context, arguments, program, hosts).await
                };
                report.with_program(name)
            }
        };
        match arguments.oyster {
            Some(mode) => oyster::told(report, mode),
            None => report,
        }
    }

    /// Where the job may go, and its program.
    async fn prepare(
        &self,
        context: &Context,
        arguments: &Arguments,
    ) -> Result<(HostPatterns, Bytes), Failure> {
        let hosts = self.hosts(arguments)?;
        self.fits(arguments, &context.limits)?;
        Ok((hosts, self.program(arguments).await?))
    }

    async fn command(
        &self,
        context: &Context,
        arguments: &Arguments,
        program: Bytes,
        hosts: HostPatterns,
    ) -> Report {
        let run = async {
            let form = command_form(context, arguments)?;
            let artefact = self.config.artefacts.artefact(context.account.share(), program);
            let artefact = compiled(context, artefact).await?;
            self.run(context, &artefact, form, hosts).await
        };
        run.await.map_or_else(|failure| Report::failure(failure, []), outcome::of_command)
    }

    pub(crate) async fn script(
        &self,
        context: &Context,
        arguments: &Arguments,
        source: &[u8],
        hosts: HostPatterns,
        until: Until,
    ) -> Report {
        let run = async {
            let deadline = self.config.clock.now().plus(context.remaining());
            let memory = self.limits(context).memory_bytes;
            let input = javascript::input(arguments, source, context, deadline, memory, until)?;
            let engine = compiled(context, self.javascript()).await?;
            self.run(context, engine, Form::Reactor { input }, hosts).await
        };
        let most = self.limits(context).output_bytes;
        run.await.map_or_else(
            |failure| Report::failure(failure, []),
            |ended| outcome::of_script(ended, most),
        )
    }

    /// The program's end, or why it has none.
    pub(crate) async fn run(
        &self,
        context: &Context,
        artefact: &Artefact,
        form: Form,
        hosts: HostPatterns,
    ) -> Result<Ended, Failure> {
        let fetches = Fetches::new(Arc::clone(&self.config.egress), context, hosts);
        let request = Request {
            tenant: &tenant(context),
            share: context.account.share(),
            artefact,
            form,
            limits: self.limits(context),
            seed: self.config.entropy.array(),
            now_ms: self.config.clock.now().as_millis(),
            services: Arc::new(JobServices::new(fetches, Arc::clone(&context.meter))),
            stop: context.stop.clone(),
        };
        let ended = self.config.pool.run(request).await;
        ended.map_err(|error| outcome::of_run_error(&error))
    }

    fn limits(&self, context: &Context) -> RunLimits {
        let body_bytes = self.config.egress.limits().body_bytes;
        self.config.maxima.run_limits(&context.limits, context.remaining(), body_bytes)
    }
}

fn command_form(context: &Context, arguments: &Arguments) -> Result<Form, Failure> {
    let name = arguments.arg0.as_deref().unwrap_or("program");
    let mut args = vec![name.to_owned()];
    args.extend(arguments.args.iter().cloned());
    let everything = || vec![("/".to_owned(), String::new())];
    Ok(Form::Command {
        args,
        env: arguments.env.clone().into_iter().collect(),
        stdin: arguments.input_bytes(context.input.as_ref())?.unwrap_or_default(),
        files: arguments.file_bytes()?,
        directories: arguments.directories.clone().unwrap_or_else(everything),
    })
}

/// What is being compiled, when it is there before the job's time is over or it is stopped.
async fn compiled<T>(
    context: &Context,
    compiling: impl Future<Output = Result<T, CompileError>>,
) -> Result<T, Failure> {
    let late = |text| Err(Failure::new(Code::DeadlineExceeded, text));
    tokio::select! {
        compiled = timeout_at(context.deadline, compiling) => match compiled {
            Ok(compiled) => compiled.map_err(|error| outcome::of_compile_error(&error)),
            Err(_) => late("the job's time was over before its program was compiled"),
        },
        () = context.stop.cancelled() => late("the job was stopped before its program was compiled"),
    }
}

/// Whose process a program may run in. Nobody knows that two jobs have one requester when nothing
/// proves it.
fn tenant(context: &Context) -> String {
    if context.requester.is_proven() {
        context.requester.to_string()
    } else {
        context.job.to_string()
    }
}

#[async_trait]
impl Engine for ProgramEngine {
    fn name(&self) -> &'static str {
        "program"
    }

    fn capabilities(&self) -> Vec<String> {
        ["javascript", "wasm"].map(str::to_owned).to_vec()
    }

    fn admit(&self, arguments: &Value) -> Result<Rerun, Failure> {
        let arguments = Arguments::parse(arguments)?;
        self.hosts(&arguments)?;
        match arguments.program.inline()? {
            Some(program) if program.len() as u64 > self.config.maxima.program_bytes => {
                Err(invalid(format!(
                    "`program` has {} bytes, at most {} are taken",
                    program.len(),
                    self.config.maxima.program_bytes
                )))
            }
            Some(program) if !arguments.program.is_script() && !program.starts_with(b"\0asm") => {
                Err(invalid("`program.wasm_base64` is no WebAssembly module"))
            }
            // What a program sends out may not happen twice.
            _ if !arguments.hosts.is_empty() => Ok(Rerun::Once),
            _ => Ok(Rerun::Idempotent),
        }
    }

    fn admit_with(
        &self,
        arguments: &Value,
        limits: &Limits,
        input: Option<&[u8]>,
    ) -> Result<(), Failure> {
        let arguments = Arguments::parse(arguments)?;
        if input.is_some() && arguments.has_input() {
            return Err(two_inputs());
        }
        self.fits(&arguments, limits)
    }

    async fn run(&self, context: &Context, arguments: Value) -> Report {
        match Arguments::parse(&arguments) {
            Ok(arguments) => self.perform(context, &arguments).await,
            Err(failure) => Report::failure(failure, []),
        }
    }

    fn grace(&self) -> Duration {
        GRACE
    }
}

#[cfg(test)]
mod tests {
    use sealwork_job::RequesterId;
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    use super::*;

    fn of(requester: &RequesterId, job: u8) -> Context {
        Context {
            job: sealwork_job::JobId([job; 16]),
            requester: requester.clone(),
            account: requester.clone(),
            limits: Limits::default(),
            input: None,
            deadline: Instant::now(),
            stop: CancellationToken::new(),
            meter: Arc::default(),
            spool: None,
        }
    }

    #[test]
    fn only_requesters_that_something_proves_share_a_process_between_their_jobs() {
        for (requester, is_one) in [
            (RequesterId::anonymous(), false),
            (RequesterId::new("masa", "7d14d050"), false),
            (RequesterId::new("api-key", "alice"), true),
            (RequesterId::new("ed25519", "3b6a"), true),
        ] {
            let tenants = [1, 2].map(|job| tenant(&of(&requester, job)));
            assert_eq!(tenants[0] == tenants[1], is_one, "{requester}");
        }
    }

    #[test]
    fn a_run_may_hold_what_its_job_and_the_operator_allow() {
        let maxima = ProgramMaxima {
            program_bytes: 1,
            log_bytes: 7,
            open_requests: 3,
            fuel: 11,
            memory_bytes: 1 << 20,
            output_bytes: 13,
            hosts: HostPatterns::default(),
        };
        let asked = Limits { output_bytes: Some(5), ..Limits::default() };
        let limits = maxima.run_limits(&asked, Duration::ZERO, 10 << 20);
        assert_eq!((limits.output_bytes, limits.fuel, limits.memory_bytes), (5, 11, 1 << 20));
        assert_eq!((limits.log_bytes, limits.calls), (7, 3));
        let unlimited = maxima.run_limits(&Limits::default(), Duration::ZERO, 0);
        assert_eq!(unlimited.output_bytes, 13, "a run has a bound by which it gets a place");
        assert_eq!(
            limits.answer_bytes,
            (1 << 20) + ANSWER_HEAD,
            "no answer larger than the memory"
        );
    }
}
