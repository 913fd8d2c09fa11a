//! `sealwork serve`: puts the parts of a worker together, runs it, and stops it in order.

mod attestation;
mod error;
mod first_start;
mod generations;
mod listen;
mod logging;
mod marlin_port;
mod masa_port;
mod metrics;
#[cfg(feature = "sim")]
mod noop;
mod parts;
pub(crate) mod settings;
mod signals;
mod social;
mod telemetry;
mod v1_port;

use std::{sync::Arc, time::Duration};

#[cfg(feature = "tpm")]
pub(crate) use attestation::tpm_settings;
pub(crate) use error::ServeError;
use sealwork_door_http::{AccessLog, DoorParts, Health, HttpDoor, MetricsPage, marlin, masa};
use sealwork_platform::{Environment, Platform, RealDisk, SystemResolver, TcpAcceptor};
use sealwork_profiling::{Native, Profiler};
use sealwork_worker::{StatsHandle, Worker, WorkerConfig};
use social::SocialEngines;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::ServeArgs,
    config::{self, Config, registry},
    exit::{CliResult, Exit},
    ui::Ui,
};

/// Sampling of the heap needs it (`/debug/pprof/heap`), and it keeps memory smaller than the
/// system's allocator under many small jobs.
#[global_allocator]
static ALLOCATOR: sealwork_profiling::Jemalloc = sealwork_profiling::Jemalloc;

/// Said at every start of a build that can simulate evidence. scripts/test-dist.sh looks for it.
#[cfg(feature = "sim")]
const SIMULATED: &str =
    "SIMULATION BUILD: its evidence proves nothing; build the production worker with `make dist`";

/// Runs a worker until it is told to stop.
pub(crate) async fn run(args: ServeArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let config = config::load(environment, &(&args.config).into())?;
    Box::pin(serve(&config, &args, ui)).await?;
    Ok(Exit::Ok)
}

async fn serve(config: &Config, args: &ServeArgs, ui: &Ui) -> Result<(), ServeError> {
    let values = &config.values;
    let log_level = logging::init(values, ui.colours_errors())
        .map_err(|error| ServeError::Process { what: "begin to log", reason: error.to_string() })?;
    logging::quiet_panics();
    #[cfg(feature = "sim")]
    tracing::warn!("{SIMULATED}");
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let mut stops = signals::Stops::catch(args.exit_with_stdin)?;

    // What can be refused is refused before the store is touched, the port first of all.
    let address = values.text(&registry::LISTEN_ADDRESS).unwrap_or_default();
    let mut door = settings::door(values)?;
    let metrics = MetricsPage::install()?;
    metrics::describe();
    let acceptor = listen::bind(address, &SystemResolver).await?;

    let data_dir = &config.data_dir;
    let unusable = |source| ServeError::DataDir { path: data_dir.clone(), source };
    let platform = Platform::system(RealDisk::open_root(data_dir).map_err(unusable)?);
    let opened = attestation::open(values, &platform).await?;
    let is_first = first_start::begin(&*platform.disk).map_err(unusable)?;
    let root = attestation::root_secret(opened.as_ref(), values, &platform)?;
    door.tls = parts::tls(values, &root)?;
    let store = parts::store(values, data_dir, &platform, &root, is_first)?;
    first_start::end(&*platform.disk).map_err(unusable)?;
    let counter = attestation::counter(opened.as_ref(), values, &root)?;
    let generations = generations::open(counter, &store).await?;
    // After the store was found to be the newest: of an older one it is not known what waits in it.
    if args.reset_clock {
        parts::reset_clock(&platform, &store).await?;
    }
    // Behind the lock of the store: what is left of another worker's socket is stale.
    let admin = listen::bind_admin(values, data_dir)?;
    let stats = StatsHandle::new();
    let egress = parts::egress(values)?;
    let social = Arc::new(SocialEngines::new(values, &platform, &root, &store, egress)?);
    let engines = parts::engines(values, &platform, &root, &stats, &social, args).await?;
    let worker = WorkerConfig {
        attestation: opened.as_ref().map(attestation::attestation),
        ..settings::worker(values, config.digest)
    };
    let worker = Worker::start(worker, &platform, &root, store, engines, &stats).await?;
    let _watch = social.watch().await;
    parts::announce(&acceptor, config, &worker, door.tls.as_ref());

    let standalone = values.flag(&registry::STANDALONE);
    let access_log = if values.flag(&registry::ACCESS_LOG) {
        Some(AccessLog::stdout(Arc::clone(&platform.clock)).map_err(|error| {
            ServeError::Process { what: "start the access log", reason: error.to_string() }
        })?)
    } else {
        None
    };
    let profiling = standalone && values.flag(&registry::ENABLE_PPROF);
    let profiler = standalone.then(|| Arc::new(Native::new()) as Arc<dyn Profiler>);
    if profiling && let Some(profiler) = &profiler {
        profiler.enable().await.map_err(|error| ServeError::Process {
            what: "begin to sample the heap",
            reason: error.to_string(),
        })?;
    }
    let health = Health::new(Arc::clone(&platform.clock));
    let mut foreign =
        masa::routes(Arc::new(masa_port::MasaWorker(Arc::clone(&worker))), Arc::clone(&health));
    if values.flag(&registry::MARLIN_ATTESTATION) {
        let port = marlin_port::MarlinWorker::new(&worker, opened.as_ref(), &root);
        foreign = foreign.merge(marlin::routes(Arc::new(port)));
    }
    let door = HttpDoor::new(
        door,
        DoorParts {
            v1: Arc::new(v1_port::V1Worker { worker: Arc::clone(&worker), social }),
            masa: foreign,
            health,
            log_level: Arc::new(log_level),
            profiler,
            profiling,
            command_line: sealwork_door_http::debug::redact_command_line(
                std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()),
            ),
            access_log,
            metrics: Some(metrics),
            entropy: Arc::clone(&platform.entropy),
        },
    )?;
    let door = match admin {
        Some(socket) => door.with_admin(Box::new(socket)),
        None => door,
    };
    let patience = values.seconds(&registry::DRAIN_TIMEOUT_SECONDS);
    tokio::select! {
        () = until_stopped(door, &acceptor, &worker, &mut stops, patience) => {}
        // Nothing more may be written, not even at an orderly end.
        error = generations::overtaken(generations) => return Err(ServeError::Rollback(error)),
    }
    worker.close().await;
    Ok(())
}

/// Serves until the first stop, then refuses new jobs while running ones and their results go on,
/// and at last closes the door. A second stop ends the process at once: what has been accepted is
/// in the journal.
async fn until_stopped(
    door: HttpDoor,
    acceptor: &TcpAcceptor,
    worker: &Worker,
    stops: &mut signals::Stops,
    patience: Duration,
) {
    let close = CancellationToken::new();
    let serving = door.serve(acceptor, close.clone());
    let stopping = async {
        let reason = stops.next().await;
        tracing::info!(reason = reason.as_str(), patience_s = patience.as_secs(), "stopping");
        tokio::select! {
            () = worker.drain(patience) => close.cancel(),
            again = stops.next() => at_once(again),
        }
        // The last answers are on their way; a second stop still ends the wait for them.
        at_once(stops.next().await);
    };
    tokio::select! {
        drained = serving => {
            tracing::info!(cut_off = drained.cut_off, "stopped");
        }
        () = stopping => {}
    }
}

fn at_once(reason: signals::Reason) -> ! {
    tracing::warn!(reason = reason.as_str(), "stopping at once; accepted jobs are in the journal");
    std::process::exit(reason.exit_status())
}
