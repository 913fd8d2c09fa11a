//! Programs, from submitting to the sandbox until the output: no door, no envelope, no disk.

mod held;
mod peers;
mod unseen;

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::future::join_all;
use sealwork_engine::{Context, Engine as _, Meter};
use sealwork_engine_program::ProgramEngine;
use sealwork_job::{JobId, Limits, RequesterId};
use sealwork_platform::Environment;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Figures, fault, load::micros_since, quantile};
use crate::{
    config::{self, Overrides},
    exit::CliError,
    programs,
    ui::{Progress, Ui},
};

const SCRIPT: &str = r#"export default { fetch() { return new Response("Hello") } }"#;
/// `(module (memory (export "memory") 1) (func (export "run") (result i32) i32.const 0))`
const WASM: &str = "AGFzbQEAAAABBQFgAAF/AwIBAAUDAQABBxACBm1lbW9yeQIAA3J1bgAACgYBBABBAAs=";
/// Runs before the first that is counted.
const WARM: u32 = 50;
const AT_ONCE: usize = 20;
/// How often so many run at once.
const ROUNDS: u32 = 25;
const DEADLINE: Duration = Duration::from_secs(60);

pub(super) async fn run(runs: u32, peers: Option<&Path>, ui: &Ui) -> Result<Figures, CliError> {
    let progress = ui.progress("compiling the JavaScript engine");
    let directory = tempfile::tempdir().map_err(fault)?;
    let engine = Arc::new(engine(directory.path()).await?);
    engine.warm_up().await.map_err(fault)?;
    let mut figures = Figures::new(format!("programs, {runs} runs one after the other"));
    let fresh = latencies(&engine, runs, &mut figures, &progress).await?;
    progress.say("compiling a module of 1 MB");
    figures.add("first run of an unseen module of 1 MB", unseen::run(&engine).await?, "ms");
    progress.say("peers");
    peers::compare(peers, fresh, &engine, &mut figures).await?;
    drop(engine);
    progress.say("programs that wait");
    held::run(&mut figures).await?;
    Ok(figures)
}

/// Scripts and modules in turn and at once; the median of a fresh script in milliseconds.
async fn latencies(
    engine: &Arc<ProgramEngine>,
    runs: u32,
    figures: &mut Figures,
    progress: &Progress,
) -> Result<f64, CliError> {
    let script = script(SCRIPT);
    progress.say("running scripts");
    let mut took = in_turn(engine, &script, runs).await?;
    took.sort_unstable();
    let median = f64::from(quantile(&took, 0.5)) / 1000.0;
    let names = ["fresh JavaScript, p50", "fresh JavaScript, p99", "fresh JavaScript, most"];
    figures.add_latencies(names, took);
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let all = join_all((0..AT_ONCE).map(|_| once(engine, &script))).await;
        all.into_iter().collect::<Result<Vec<_>, _>>()?;
        rounds.push(micros_since(began));
    }
    figures.add("20 at once, all done, first time", f64::from(rounds[0]) / 1000.0, "ms");
    let names = ["20 at once, all done, p50", "20 at once, all done, p99", "20 at once, most"];
    figures.add_latencies(names, rounds);
    progress.say("running WebAssembly");
    let wasm = json!({ "program": { "wasm_base64": WASM } });
    let took = in_turn(engine, &wasm, runs).await?;
    figures
        .add_latencies(["compiled wasm, p50", "compiled wasm, p99", "compiled wasm, most"], took);
    Ok(median)
}

async fn engine(directory: &Path) -> Result<ProgramEngine, CliError> {
    let variables = [
        ("DATA_DIR", directory.display().to_string()),
        // For the programs that wait: for a site on loopback, all at once, whose share of the
        // requests to one host is seven eighths.
        ("EGRESS_ALLOW", "127.0.0.0/8".to_owned()),
        ("EGRESS_MAX_CONNECTIONS", held::AT_ONCE.to_string()),
        ("EGRESS_MAX_CONNECTIONS_PER_HOST", (2 * held::AT_ONCE).to_string()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let overrides = Overrides { variables, ..Overrides::default() };
    let config = config::load(&Environment::of_process(), &overrides)?;
    programs::local::engine(&config, directory, &["127.0.0.1".to_owned()]).await
}

fn script(source: &str) -> Value {
    json!({ "program": { "javascript": source } })
}

/// Microseconds of each run, in a task of the runtime: where the worker runs its jobs too.
async fn in_turn(
    engine: &Arc<ProgramEngine>,
    arguments: &Value,
    runs: u32,
) -> Result<Vec<u32>, CliError> {
    let (engine, arguments) = (Arc::clone(engine), arguments.clone());
    let runs = tokio::spawn(async move {
        for _ in 0..WARM {
            once(&engine, &arguments).await?;
        }
        let mut took = Vec::new();
        for _ in 0..runs {
            let began = Instant::now();
            once(&engine, &arguments).await?;
            took.push(micros_since(began));
        }
        Ok(took)
    });
    runs.await.map_err(fault)?
}

async fn once(engine: &ProgramEngine, arguments: &Value) -> Result<(), CliError> {
    let context = Context {
        job: JobId([7; 16]),
        requester: RequesterId::new("api-key", "bench"),
        account: RequesterId::new("api-key", "bench"),
        limits: Limits::default(),
        input: None,
        deadline: Instant::now() + DEADLINE,
        stop: CancellationToken::new(),
        meter: Arc::new(Meter::default()),
        spool: None,
    };
    let report = engine.run(&context, arguments.clone()).await;
    report.result.map(drop).map_err(|failure| fault(failure.message))
}
