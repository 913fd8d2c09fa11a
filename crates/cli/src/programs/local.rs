//! `sealwork program run` and `check`: the engine of a worker, without the worker.

mod arguments;
mod print;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sealwork_egress::Egress;
use sealwork_engine::{Context, Engine as _, Meter};
use sealwork_engine_program::{HostPatterns, ProgramEngine};
use sealwork_job::{Failure, JobId, Limits, RequesterId};
use sealwork_platform::{
    Entropy, Environment, OsEntropy, Platform, RealDisk, RootSecret, load_or_create_root_secret,
};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use self::arguments::program;
use super::Parts;
use crate::{
    cli::{ProgramCheckArgs, ProgramRunArgs},
    config::{self, Config, ConfigError, Overrides, registry as r},
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
    let mut place = Place::find((&args.config).into(), environment)?;
    let arguments = arguments::arguments(args)?;
    HostPatterns::parse(args.hosts.iter().map(String::as_str)).map_err(|error| {
        CliError::usage(
            format!("--host: {error}"),
            "give the name of a host, without scheme or path",
        )
    })?;
    let limits = limits(args, &place.config)?;
    let engine = place.engine(&args.hosts, ui).await?;
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
        account: RequesterId::anonymous(),
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
    let mut place = Place::find((&args.config).into(), environment)?;
    let arguments = json!({ "program": arguments::program(&args.file)? });
    let engine = place.engine(&[], ui).await?;
    let (limits, _) = settings::limits(&place.config.values);
    engine.admit(&arguments).map_err(refused)?;
    engine.check(&arguments, &limits, TRIAL).await.map_err(refused)?;
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

/// A configuration, and where compiled modules are kept.
struct Place {
    config: Config,
    kept: Kept,
}

enum Kept {
    /// In a worker's directory, which the caller named.
    Named(PathBuf),
    /// With the user's other caches.
    Cache(PathBuf),
    /// As long as the command runs.
    Nowhere(TempDir),
}

impl Place {
    /// In the data directory that was named, else with the user's other caches: a worker's own
    /// directory is not made by trying a program. Without either there is a directory for a while.
    fn find(overrides: Overrides, environment: &Environment) -> Result<Self, CliError> {
        let cache = cache(environment);
        let (config, homeless) = match config::load(environment, &overrides) {
            Err(ConfigError::NoDataDir) => {
                let made = temporary()?;
                let data_dir = Some(made.path().to_owned());
                (config::load(environment, &Overrides { data_dir, ..overrides })?, Some(made))
            }
            loaded => (loaded?, None),
        };
        let kept = match (homeless, cache) {
            (None, _) if config.values.is_set(&r::DATA_DIR) => {
                Kept::Named(config.data_dir.join(DIRECTORY))
            }
            (_, Some(cache)) => Kept::Cache(cache),
            (Some(made), None) => Kept::Nowhere(made),
            (None, None) => Kept::Nowhere(temporary()?),
        };
        Ok(Self { config, kept })
    }

    /// A cache that cannot be used costs time and nothing else.
    async fn engine(&mut self, hosts: &[String], ui: &Ui) -> Result<ProgramEngine, CliError> {
        let opened = match (open(self.directory()), &self.kept) {
            (Err(error), Kept::Cache(_)) => {
                ui.remark(format!("compiled modules are not kept: {error}"));
                self.kept = Kept::Nowhere(temporary()?);
                open(self.directory())
            }
            (opened, _) => opened,
        };
        Ok(engine_of(&self.config, &opened?, hosts).await?)
    }

    fn directory(&self) -> &Path {
        match &self.kept {
            Kept::Named(path) | Kept::Cache(path) => path,
            Kept::Nowhere(made) => made.path(),
        }
    }
}

fn cache(environment: &Environment) -> Option<PathBuf> {
    let home = || Some(environment.absolute_path("HOME")?.join(".cache"));
    let cache = environment.absolute_path("XDG_CACHE_HOME").or_else(home)?;
    Some(cache.join("sealwork").join(DIRECTORY))
}

fn temporary() -> Result<TempDir, CliError> {
    tempfile::tempdir().map_err(|error| {
        CliError::local(
            format!("cannot make a temporary directory: {error}"),
            "set HOME, or TMPDIR to a directory that is writable",
        )
    })
}

/// What is kept in a directory, and the key under which it is sealed.
struct Opened {
    platform: Platform,
    root: RootSecret,
}

fn open(directory: &Path) -> Result<Opened, ServeError> {
    let unusable = |source| ServeError::DataDir { path: directory.to_owned(), source };
    let platform = Platform::system(RealDisk::open_root(directory).map_err(unusable)?);
    let root = load_or_create_root_secret(&*platform.disk, &*platform.entropy, &[])?;
    Ok(Opened { platform, root })
}

/// The engine as `serve` would have it, which keeps compiled modules in `directory`; the hosts that
/// the caller names count as the operator's.
pub(crate) async fn engine(
    config: &Config,
    directory: &Path,
    hosts: &[String],
) -> Result<ProgramEngine, CliError> {
    Ok(engine_of(config, &open(directory)?, hosts).await?)
}

async fn engine_of(
    config: &Config,
    Opened { platform, root }: &Opened,
    hosts: &[String],
) -> Result<ProgramEngine, ServeError> {
    let values = &config.values;
    let (resolver, dialer) = (Arc::clone(&platform.resolver), Arc::clone(&platform.dialer));
    let egress = Egress::new(resolver, dialer, settings::egress(values)?)
        .map_err(|error| ServeError::Setting { name: "EGRESS_*", reason: error.to_string() })?;
    super::engine(Parts { values, platform, egress, root, hosts }).await
}

fn limits(args: &ProgramRunArgs, config: &Config) -> Result<Limits, CliError> {
    let asked = Limits {
        wall_ms: Some(args.wall.saturating_mul(1000)),
        fuel: args.fuel,
        memory_bytes: args.memory.map(|mib| mib.saturating_mul(1 << 20)),
        ..Limits::default()
    };
    let (default, most) = settings::limits(&config.values);
    asked.resolve(&default, &most).map_err(|text| {
        CliError::usage(
            text,
            "ask for less, or raise the maximum with --set; docs/configuration.md",
        )
    })
}
