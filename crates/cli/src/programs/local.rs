//! `sealwork program run` and `check`: the engine of a worker, without the worker.

mod arguments;
mod print;

use std::{path::PathBuf, sync::Arc, time::Duration};

use sealwork_egress::Egress;
use sealwork_engine::{Context, Engine as _, Meter};
use sealwork_engine_program::ProgramEngine;
use sealwork_job::{Failure, JobId, Limits, RequesterId};
use sealwork_platform::{
    Entropy, Environment, OsEntropy, Platform, RealDisk, load_or_create_root_secret,
};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use self::arguments::program;
use super::Parts;
use crate::{
    cli::{ProgramCheckArgs, ProgramRunArgs},
    config::{self, Config, registry as r},
    exit::{CliError, CliResult, Exit},
    serve::{ServeError, settings},
    ui::{Ui, harmless},
};

/// Compiled modules of these commands, apart from a worker's.
const DIRECTORY: &str = "programs-here";
/// How long a start function, a script's top level or its handler may take in a check.
const TRIAL: Duration = Duration::from_secs(5);

/// `sealwork program run`.
pub(super) async fn run(args: &ProgramRunArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let config = config::load(environment, &(&args.config).into())?;
    let arguments = arguments::arguments(args)?;
    let limits = limits(args, &config)?;
    let local = local(&config, environment, &args.hosts).await?;
    let engine = &local.engine;
    engine.admit(&arguments).map_err(refused)?;
    engine.admit_with(&arguments, &limits, None).map_err(refused)?;
    let is_script = arguments["program"].get("javascript").is_some();
    if is_script {
        // As in a worker, where no script waits for that. Should it fail, the run says so.
        let _ = engine.warm_up().await;
    }
    let meter = Arc::new(Meter::default());
    let entropy: &dyn Entropy = &OsEntropy;
    let context = Context {
        job: JobId::from_random(entropy.array()),
        requester: RequesterId::anonymous(),
        limits,
        input: None,
        deadline: Instant::now() + Duration::from_secs(args.wall),
        stop: CancellationToken::new(),
        meter: Arc::clone(&meter),
        spool: None,
    };
    let began = Instant::now();
    let report = engine.run(&context, arguments).await;
    let mut usage = meter.usage();
    usage.wall_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    print::print(report, is_script, usage, ui)
}

/// `sealwork program check`.
pub(super) async fn check(
    args: &ProgramCheckArgs,
    environment: &Environment,
    ui: &Ui,
) -> CliResult {
    let config = config::load(environment, &(&args.config).into())?;
    let arguments = json!({ "program": arguments::program(&args.file)? });
    let local = local(&config, environment, &[]).await?;
    let limits = settings::worker(&config.values, config.digest).default_limits;
    local.engine.admit(&arguments).map_err(refused)?;
    local.engine.check(&arguments, &limits, TRIAL).await.map_err(refused)?;
    if ui.json {
        ui.object(&json!({ "ok": true }));
    } else {
        ui.line("a worker would take this program");
    }
    Ok(Exit::Ok)
}

/// The text may be the program's own.
fn refused(failure: Failure) -> CliError {
    let code = failure.code;
    CliError::new(Exit::JobFailed, code.as_str(), harmless(&failure.message), code.hint())
}

struct Local {
    engine: ProgramEngine,
    /// Lives as long as the command, where there is no place for what it keeps.
    _directory: Option<TempDir>,
}

async fn local(
    config: &Config,
    environment: &Environment,
    hosts: &[String],
) -> Result<Local, CliError> {
    let (path, directory) = match kept(config, environment) {
        Some(path) => (path, None),
        None => {
            let made = tempfile::tempdir().map_err(|error| {
                CliError::local(
                    format!("cannot make a temporary directory: {error}"),
                    "set HOME, or TMPDIR to a directory that is writable",
                )
            })?;
            (made.path().to_owned(), Some(made))
        }
    };
    Ok(Local { engine: engine(config, path, hosts).await?, _directory: directory })
}

/// Where these commands keep compiled modules: in the data directory that was named, else with the
/// user's other caches. A worker's own directory is not made by trying a program.
fn kept(config: &Config, environment: &Environment) -> Option<PathBuf> {
    if config.values.is_set(&r::DATA_DIR) {
        return Some(config.data_dir.join(DIRECTORY));
    }
    let absolute =
        |name| environment.var(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(cache.join("sealwork").join(DIRECTORY))
}

/// The engine as `serve` would have it, which keeps compiled modules in `directory`; the hosts that
/// the caller names count as the operator's.
pub(crate) async fn engine(
    config: &Config,
    directory: PathBuf,
    hosts: &[String],
) -> Result<ProgramEngine, CliError> {
    let values = &config.values;
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
