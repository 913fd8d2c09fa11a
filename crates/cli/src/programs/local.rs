//! `sealwork program run` and `check`: the engine of a worker, without the worker.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, IsTerminal as _, Read as _, Write as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sealwork_egress::Egress;
use sealwork_engine::{Context, Engine as _, Meter, Report};
use sealwork_engine_program::ProgramEngine;
use sealwork_job::{Code, Failure, JobId, Limits, Outcome, RequesterId, Usage};
use sealwork_platform::{
    Entropy, Environment, OsEntropy, Platform, RealDisk, load_or_create_root_secret,
};
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Parts;
use crate::{
    cli::{ProgramCheckArgs, ProgramRunArgs},
    config::{self, Config},
    exit::{CliError, CliResult, Exit},
    files,
    serve::{ServeError, settings},
    ui::Ui,
};

/// Compiled modules of these commands, apart from a worker's.
const DIRECTORY: &str = "programs-here";
/// What `--dir` copies at most.
const MAX_FILES: usize = 1000;
/// How long a script may take to show that it is one; the first time its engine is compiled.
const TRIAL: Duration = Duration::from_secs(20);
const MAX_BYTES: u64 = 64 << 20;

/// `sealwork program run`.
pub(super) async fn run(args: &ProgramRunArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let config = config::load(environment, &(&args.config).into())?;
    let arguments = arguments(args)?;
    let engine = engine(&config, &args.hosts).await?;
    engine.admit(&arguments).map_err(refused)?;
    let meter = Arc::new(Meter::default());
    let entropy: &dyn Entropy = &OsEntropy;
    let context = Context {
        job: JobId::from_random(entropy.array()),
        requester: RequesterId::anonymous(),
        limits: limits(args, &config)?,
        deadline: Instant::now() + Duration::from_secs(args.wall),
        stop: CancellationToken::new(),
        meter: Arc::clone(&meter),
    };
    let began = Instant::now();
    let report = engine.run(&context, arguments).await;
    let mut usage = meter.usage();
    usage.wall_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    print(report, &usage, ui)
}

/// `sealwork program check`.
pub(super) async fn check(
    args: &ProgramCheckArgs,
    environment: &Environment,
    ui: &Ui,
) -> CliResult {
    let config = config::load(environment, &(&args.config).into())?;
    let engine = engine(&config, &[]).await?;
    let arguments = json!({ "program": program(&args.file)? });
    engine.admit(&arguments).map_err(refused)?;
    engine.check(&arguments).await.map_err(refused)?;
    if let Some(failure) = tried(&engine, arguments).await {
        return Err(refused(failure));
    }
    if ui.json {
        ui.object(&json!({ "ok": true }));
    } else {
        ui.line("a worker would take this program");
    }
    Ok(Exit::Ok)
}

/// A script is looked at by running it, without network and for a moment: what it does with a
/// request that is not the one it was written for says nothing, but that it is none does.
async fn tried(engine: &ProgramEngine, arguments: Value) -> Option<Failure> {
    arguments["program"].get("javascript")?;
    let context = Context {
        job: JobId([0; 16]),
        requester: RequesterId::anonymous(),
        limits: Limits::default(),
        deadline: Instant::now() + TRIAL,
        stop: CancellationToken::new(),
        meter: Arc::default(),
    };
    let failure = engine.run(&context, arguments).await.result.err()?;
    let is_unfit = matches!(
        failure.code,
        Code::ProgramInvalid | Code::ProgramNoHandler | Code::SandboxUnavailable
    );
    is_unfit.then_some(failure)
}

fn refused(failure: Failure) -> CliError {
    let code = failure.code;
    CliError::new(Exit::JobFailed, code.as_str(), failure.message, code.hint())
}

/// The engine as `serve` would have it; the hosts that the caller names count as the operator's.
pub(crate) async fn engine(config: &Config, hosts: &[String]) -> Result<ProgramEngine, CliError> {
    let values = &config.values;
    let directory = config.data_dir.join(DIRECTORY);
    let unusable = |source| ServeError::DataDir { path: directory.clone(), source };
    let platform = Platform::system(RealDisk::open_root(&directory).map_err(unusable)?);
    let root = load_or_create_root_secret(&*platform.disk, &*platform.entropy, &[])
        .map_err(ServeError::from)?;
    let (resolver, dialer) = (Arc::clone(&platform.resolver), Arc::clone(&platform.dialer));
    let egress = Egress::new(resolver, dialer, settings::egress(values)?)
        .map_err(|error| ServeError::Setting { name: "EGRESS_*", reason: error.to_string() })?;
    Ok(super::engine(Parts { values, platform: &platform, egress, root: &root, hosts }).await?)
}

fn limits(args: &ProgramRunArgs, config: &Config) -> Result<Limits, CliError> {
    let asked = Limits {
        wall_ms: Some(args.wall.saturating_mul(1000)),
        fuel: args.fuel,
        memory_bytes: args.memory.map(|mib| mib.saturating_mul(1 << 20)),
        ..Limits::default()
    };
    let worker = settings::worker(&config.values, config.digest);
    asked.resolve(&worker.default_limits, &worker.max_limits).map_err(|text| {
        CliError::usage(
            text,
            "ask for less, or raise the maximum with --set; docs/configuration.md",
        )
    })
}

fn arguments(args: &ProgramRunArgs) -> Result<Value, CliError> {
    let program = program(&args.file)?;
    let mut all = Map::from_iter([("program".to_owned(), program)]);
    if let Some(input) = input(args.input.as_deref())? {
        all.insert("input_base64".to_owned(), STANDARD.encode(input).into());
    }
    if !args.args.is_empty() {
        all.insert("args".to_owned(), json!(args.args));
    }
    if !args.env.is_empty() {
        let env: BTreeMap<_, _> = args.env.iter().cloned().collect();
        all.insert("env".to_owned(), json!(env));
    }
    if let Some(directory) = &args.dir {
        all.insert("files".to_owned(), Value::Object(copy_of(directory)?));
        all.insert("directory".to_owned(), directory.to_string_lossy().into());
    }
    if let Some(secret) = &args.secret {
        all.insert("secret_base64".to_owned(), STANDARD.encode(files::read(secret)?).into());
    }
    if !args.hosts.is_empty() {
        all.insert("hosts".to_owned(), json!(args.hosts));
    }
    Ok(Value::Object(all))
}

/// By its name and its first bytes: JavaScript, or WebAssembly.
fn program(path: &Path) -> Result<Value, CliError> {
    let is_script = path.extension().is_some_and(|ending| ending == "js" || ending == "mjs");
    if is_script {
        return Ok(json!({ "javascript": files::read_text(path)? }));
    }
    let bytes = files::read(path)?;
    if !bytes.starts_with(b"\0asm") {
        return Err(CliError::usage(
            format!("{} is neither a WebAssembly module nor named *.js", path.display()),
            "give a .wasm file, or a JavaScript module whose name ends in .js or .mjs",
        ));
    }
    Ok(json!({ "wasm_base64": STANDARD.encode(bytes) }))
}

/// The input that is given; else what is piped in.
fn input(given: Option<&str>) -> Result<Option<Vec<u8>>, CliError> {
    match given {
        Some("-") => files::read(Path::new("-")).map(Some),
        Some(text) => match text.strip_prefix('@') {
            Some(path) => files::read(Path::new(path)).map(Some),
            None => Ok(Some(text.as_bytes().to_vec())),
        },
        None if io::stdin().is_terminal() => Ok(None),
        None => {
            let mut bytes = Vec::new();
            // A closed standard input is none.
            let _ = io::stdin().lock().take(MAX_BYTES).read_to_end(&mut bytes);
            Ok((!bytes.is_empty()).then_some(bytes))
        }
    }
}

/// The files below a directory, bounded in number and size. Symbolic links are not followed.
#[allow(clippy::disallowed_methods, reason = "the user's own files")]
fn copy_of(directory: &Path) -> Result<Map<String, Value>, CliError> {
    let failed = |path: &Path, error: io::Error| {
        CliError::usage(
            format!("cannot read {}: {error}", path.display()),
            "check the directory and that you may read it",
        )
    };
    let mut files = Map::new();
    let mut size = 0;
    let mut ahead = vec![(directory.to_owned(), String::new())];
    while let Some((at, below)) = ahead.pop() {
        for entry in fs::read_dir(&at).map_err(|error| failed(&at, error))? {
            let entry = entry.map_err(|error| failed(&at, error))?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(|e| failed(&at, e))?);
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            if kind.is_dir() {
                files.insert(format!("{name}/"), "".into());
                ahead.push((path, format!("{name}/")));
            } else if kind.is_file() {
                let content = fs::read(&path).map_err(|error| failed(&path, error))?;
                size += content.len() as u64;
                files.insert(name, STANDARD.encode(content).into());
            }
            if files.len() > MAX_FILES || size > MAX_BYTES {
                return Err(CliError::usage(
                    format!("{} holds more than {MAX_FILES} files or 64 MiB", directory.display()),
                    "give a smaller directory",
                ));
            }
        }
    }
    Ok(files)
}

/// What the program wrote goes where it wrote it; what it took is a remark.
fn print(report: Report, usage: &Usage, ui: &Ui) -> CliResult {
    let details = report.details.unwrap_or(Value::Null);
    let outcome = match report.result {
        Ok(output) => Outcome::Output(output),
        Err(failure) => Outcome::Failure(failure),
    };
    if ui.json {
        let mut object = json!({
            "code": outcome.code(), "program": report.program, "usage": usage, "details": details,
        });
        match &outcome {
            Outcome::Output(output) => {
                object["media_type"] = output.media_type.clone().into();
                object["output_base64"] = STANDARD.encode(&output.data).into();
            }
            Outcome::Failure(failure) => object["message"] = failure.message.clone().into(),
        }
        ui.object(&object);
    } else {
        if let Outcome::Output(output) = &outcome {
            ui.bytes(&output.data);
        }
        if let Some(log) = details["log"].as_str() {
            let _ = io::stderr().lock().write_all(log.as_bytes());
        }
        ui.remark(format_args!(
            "{}: {} ms, {} ms of CPU, fuel {}, {} KiB of memory, {} requests",
            outcome.code(),
            usage.wall_ms,
            usage.cpu_us / 1000,
            usage.fuel,
            usage.peak_memory_bytes >> 10,
            usage.egress_requests,
        ));
    }
    match outcome {
        Outcome::Output(_) => {
            let code = details["exit_code"].as_i64().unwrap_or(0);
            Ok(Exit::Program(u8::try_from(code & 0xff).unwrap_or(1)))
        }
        Outcome::Failure(failure) => Err(refused(failure)),
    }
}
