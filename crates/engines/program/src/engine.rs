use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use sealwork_egress::Egress;
use sealwork_engine::{Context, Engine, Report};
use sealwork_job::{Code, Failure, Limits, RequesterId, Rerun};
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
    javascript, outcome, oyster,
    services::JobServices,
};

/// How long a program whose job was stopped may take to say what it did until then: it ends within
/// milliseconds, or its process is killed, see [`Pool`].
const GRACE: Duration = Duration::from_millis(500);
/// What the JavaScript engine needs for itself, with a little for a script.
const SCRIPT_MEMORY: u64 = 4 << 20;

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
    /// Hosts that jobs may declare. Empty: programs have no network.
    pub hosts: HostPatterns,
}

/// What the engine works with.
pub struct ProgramConfig {
    /// The sandbox processes.
    pub pool: Pool,
    /// The compiled modules.
    pub artefacts: Arc<ArtefactCache>,
    /// The module of the JavaScript engine (guests/js).
    pub javascript: Bytes,
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
        let (module, digest) = (&self.config.javascript, self.config.javascript_digest);
        let compiled = || self.config.artefacts.artefact_of(digest, module.clone());
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
        let report = match self.prepare(context, arguments).await {
            Err(failure) => Report::failure(failure, []),
            Ok((hosts, program)) => {
                let name = match arguments.program.cid() {
                    Some(cid) => Some(cid.to_owned()),
                    None => self.config.content.cid_of(&program),
                };
                let report = if arguments.program.is_script() {
                    self.script(context, arguments, &program, hosts).await
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
            let artefact = compiled(context, self.config.artefacts.artefact(program)).await?;
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
    ) -> Report {
        let run = async {
            let deadline = self.config.clock.now().plus(context.remaining());
            let memory = self.limits(context).memory_bytes;
            let input = javascript::input(arguments, source, context, deadline, memory)?;
            let engine = compiled(context, self.javascript()).await?;
            self.run(context, engine, Form::Reactor { input }, hosts).await
        };
        run.await.map_or_else(|failure| Report::failure(failure, []), outcome::of_script)
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
            share: &context.requester.to_string(),
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
        let (limits, maxima) = (&context.limits, &self.config.maxima);
        RunLimits {
            wall: context.remaining(),
            fuel: limits.fuel.unwrap_or(maxima.fuel),
            memory_bytes: limits.memory_bytes.unwrap_or(maxima.memory_bytes),
            output_bytes: limits.output_bytes.unwrap_or(u64::MAX),
            log_bytes: maxima.log_bytes,
            calls: maxima.open_requests,
        }
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

/// Whose process a program may run in. Nobody knows that two anonymous jobs have one requester.
fn tenant(context: &Context) -> String {
    if context.requester == RequesterId::anonymous() {
        context.job.to_string()
    } else {
        context.requester.to_string()
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
