use std::{path::Path, sync::Arc, time::Duration};

use futures_util::future::join_all;
use sealwork_engine::{Context, Engine as _, Meter};
use sealwork_engine_program::ProgramEngine;
use sealwork_job::{JobId, Limits, RequesterId};
use sealwork_platform::Environment;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Figures, fault};
use crate::{
    config::{self, Overrides},
    exit::CliError,
    programs,
    ui::Ui,
};

const SCRIPT: &str = r#"export default { fetch() { return new Response("Hello") } }"#;
/// `(module (memory (export "memory") 1) (func (export "run") (result i32) i32.const 0))`
const WASM: &str = "AGFzbQEAAAABBQFgAAF/AwIBAAUDAQABBxACBm1lbW9yeQIAA3J1bgAACgYBBABBAAs=";
/// Runs before the first that is counted.
const WARM: u32 = 50;
const AT_ONCE: usize = 20;
const DEADLINE: Duration = Duration::from_secs(60);

/// Programs, from submitting to the sandbox until the output: no door, no envelope, no disk.
pub(super) async fn run(runs: u32, ui: &Ui) -> Result<Figures, CliError> {
    let progress = ui.progress("compiling the JavaScript engine");
    let directory = tempfile::tempdir().map_err(fault)?;
    let engine = engine(directory.path()).await?;
    engine.warm_up().await.map_err(fault)?;
    let script = json!({ "program": { "javascript": SCRIPT } });
    let wasm = json!({ "program": { "wasm_base64": WASM } });
    let mut figures = Figures::new(format!("programs, {runs} runs one after the other"));
    progress.say("running scripts");
    let took = in_turn(&engine, &script, runs).await?;
    let names = ["fresh JavaScript, p50", "fresh JavaScript, p99", "fresh JavaScript, most"];
    figures.add_latencies(names, took);
    let began = Instant::now();
    let all = join_all((0..AT_ONCE).map(|_| once(&engine, &script))).await;
    all.into_iter().collect::<Result<Vec<_>, _>>()?;
    figures.add("20 at once, all done", began.elapsed().as_secs_f64() * 1000.0, "ms");
    progress.say("running WebAssembly");
    let took = in_turn(&engine, &wasm, runs).await?;
    figures
        .add_latencies(["compiled wasm, p50", "compiled wasm, p99", "compiled wasm, most"], took);
    Ok(figures)
}

async fn engine(directory: &Path) -> Result<ProgramEngine, CliError> {
    let variables = vec![("DATA_DIR".to_owned(), directory.display().to_string())];
    let overrides = Overrides { file: None, variables };
    let config = config::load(&Environment::of_process(), &overrides)?;
    programs::local::engine(&config, &[]).await
}

/// Microseconds of each run.
async fn in_turn(
    engine: &ProgramEngine,
    arguments: &Value,
    runs: u32,
) -> Result<Vec<u32>, CliError> {
    for _ in 0..WARM {
        once(engine, arguments).await?;
    }
    let mut took = Vec::new();
    for _ in 0..runs {
        let began = Instant::now();
        once(engine, arguments).await?;
        took.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(took)
}

async fn once(engine: &ProgramEngine, arguments: &Value) -> Result<(), CliError> {
    let context = Context {
        job: JobId([7; 16]),
        requester: RequesterId::new("api-key", "bench"),
        limits: Limits::default(),
        deadline: Instant::now() + DEADLINE,
        stop: CancellationToken::new(),
        meter: Arc::new(Meter::default()),
    };
    let report = engine.run(&context, arguments.clone()).await;
    report.result.map(drop).map_err(|failure| fault(failure.message))
}
