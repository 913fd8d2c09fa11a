use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sealwork_egress::Egress;
use sealwork_engine::{Context, Engine, Report};
use sealwork_job::{Code, Failure, RequesterId, Rerun};
use sealwork_platform::{Clock, Entropy};
use sealwork_sandbox::{
    Artefact, ArtefactCache, CompileError, Ended, Form, Pool, Request, RunLimits,
};
use serde_json::Value;
use tokio::{sync::OnceCell, time::timeout_at};

use crate::{Arguments, HostPatterns, arguments::invalid, fetch::Fetches, javascript, outcome};

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

    /// Whether a job with these arguments would find its program fit: compiles WebAssembly.
    ///
    /// # Errors
    /// The failure that the job would end with.
    pub async fn check(&self, arguments: &Value) -> Result<(), Failure> {
        let arguments = Arguments::parse(arguments)?;
        self.hosts(&arguments)?;
        let program = self.program(&arguments)?;
        if arguments.program.is_script() {
            return Ok(());
        }
        let compiled = self.config.artefacts.artefact(program).await;
        compiled.map(drop).or_else(|error| outcome::of_compile_error(&error).result.map(drop))
    }

    async fn javascript(&self) -> Result<&Artefact, CompileError> {
        let (module, digest) = (&self.config.javascript, self.config.javascript_digest);
        let compiled = || self.config.artefacts.artefact_of(digest, module.clone());
        self.javascript.get_or_try_init(compiled).await
    }

    fn hosts(&self, arguments: &Arguments) -> Result<HostPatterns, Failure> {
        let asked = HostPatterns::parse(arguments.hosts.iter().map(String::as_str));
        let asked = asked.map_err(|error| invalid(format!("`hosts`: {error}")))?;
        if self.config.maxima.hosts.cover(&asked) {
            Ok(asked)
        } else {
            Err(Failure::new(
                Code::EgressDenied,
                "`hosts` names hosts that the operator of this worker does not allow to programs",
            ))
        }
    }

    fn program(&self, arguments: &Arguments) -> Result<Bytes, Failure> {
        let max = self.config.maxima.program_bytes;
        let program = match arguments.program.cid() {
            Some(cid) => self.config.content.read(cid, max)?,
            None => arguments.program.inline()?.unwrap_or_default(),
        };
        if program.len() as u64 > max {
            let text = format!("the program has {} bytes, at most {max} are taken", program.len());
            return Err(Failure::new(Code::ProgramInvalid, text));
        }
        Ok(program)
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Result<Report, Failure> {
        let hosts = self.hosts(arguments)?;
        let program = self.program(arguments)?;
        let name = match arguments.program.cid() {
            Some(cid) => Some(cid.to_owned()),
            None => self.config.content.cid_of(&program),
        };
        let report = if arguments.program.is_script() {
            self.script(context, arguments, &program, hosts).await?
        } else {
            self.command(context, arguments, program, hosts).await?
        };
        Ok(report.with_program(name))
    }

    async fn command(
        &self,
        context: &Context,
        arguments: &Arguments,
        program: Bytes,
        hosts: HostPatterns,
    ) -> Result<Report, Failure> {
        let compiled = timeout_at(context.deadline, self.config.artefacts.artefact(program)).await;
        let artefact = match compiled {
            Ok(Ok(artefact)) => artefact,
            Ok(Err(error)) => return Ok(outcome::of_compile_error(&error)),
            Err(_) => return Err(uncompiled()),
        };
        let mut args = vec!["program".to_owned()];
        args.extend(arguments.args.iter().cloned());
        let form = Form::Command {
            args,
            env: arguments.env.clone().into_iter().collect(),
            stdin: arguments.input_bytes()?.unwrap_or_default(),
            files: arguments.file_bytes()?,
            directory: arguments.directory.clone().unwrap_or_else(|| "/".to_owned()),
        };
        Ok(self.run(context, &artefact, form, hosts).await.map_or_else(|r| r, outcome::of_command))
    }

    async fn script(
        &self,
        context: &Context,
        arguments: &Arguments,
        source: &[u8],
        hosts: HostPatterns,
    ) -> Result<Report, Failure> {
        let deadline = self.config.clock.now().plus(context.remaining());
        let memory = self.limits(context).memory_bytes;
        let input = javascript::input(arguments, source, context, deadline, memory)?;
        let form = Form::Reactor { input };
        let engine = match timeout_at(context.deadline, self.javascript()).await {
            Ok(Ok(artefact)) => artefact,
            Ok(Err(error)) => return Ok(outcome::of_compile_error(&error)),
            Err(_) => return Err(uncompiled()),
        };
        let ended = self.run(context, engine, form, hosts).await;
        Ok(ended.map_or_else(|report| report, outcome::of_script))
    }

    /// The program's end, or the report of a run that has none.
    async fn run(
        &self,
        context: &Context,
        artefact: &Artefact,
        form: Form,
        hosts: HostPatterns,
    ) -> Result<Ended, Report> {
        let request = Request {
            tenant: &tenant(context),
            artefact,
            form,
            limits: self.limits(context),
            seed: self.config.entropy.array(),
            now_ms: self.config.clock.now().as_millis(),
            services: Arc::new(Fetches::new(Arc::clone(&self.config.egress), context, hosts)),
            stop: context.stop.clone(),
        };
        let ended = self.config.pool.run(request).await;
        let ended = ended.map_err(|error| outcome::of_run_error(&error))?;
        context.meter.add_cpu(ended.cpu);
        context.meter.add_fuel(ended.fuel);
        context.meter.note_memory(ended.peak_memory);
        Ok(ended)
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

fn uncompiled() -> Failure {
    let text = "the job's time was over before its program was compiled";
    Failure::new(Code::DeadlineExceeded, text)
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

    async fn run(&self, context: &Context, arguments: Value) -> Report {
        let performed = match Arguments::parse(&arguments) {
            Ok(arguments) => self.perform(context, &arguments).await,
            Err(failure) => Err(failure),
        };
        performed.unwrap_or_else(|failure| Report::failure(failure, []))
    }
}
