//! The same work done by others, in the same run: workerd, and QuickJS-ng as native code.
//! scripts/bench-peers.sh puts them into one directory.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Stdio,
    time::Duration,
};

use bytes::Bytes;
use sealwork_engine_program::ProgramEngine;
use sealwork_platform::{Listener as _, TcpAcceptor};
use tokio::{
    process::Command,
    time::{Instant, sleep, timeout},
};

use super::{Figures, fault, once, quantile, script};
use crate::{
    bench::load::{Connection, micros_since},
    exit::CliError,
    files,
};

/// How often workerd is started.
const STARTS: usize = 20;
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks whether it listens.
const LOOK: Duration = Duration::from_micros(200);
/// How often each piece of work is done; the fastest counts.
const REPEATS: usize = 5;
/// Each defines `run`.
const WORK: [(&str, &str); 4] = [
    ("loops, against native", include_str!("../../../../../guests/js/peer/work/loops.js")),
    ("strings, against native", include_str!("../../../../../guests/js/peer/work/strings.js")),
    ("JSON, against native", include_str!("../../../../../guests/js/peer/work/json.js")),
    (
        "regular expressions, against native",
        include_str!("../../../../../guests/js/peer/work/regex.js"),
    ),
];

/// `fresh`: the median of a fresh script here, in milliseconds.
pub(super) async fn compare(
    peers: Option<&Path>,
    fresh: f64,
    engine: &ProgramEngine,
    figures: &mut Figures,
) -> Result<(), CliError> {
    let present = |name| peers.map(|peers| peers.join(name)).filter(|path| path.is_file());
    match present("workerd") {
        Some(workerd) => {
            let took = start_to_answer(&workerd).await?;
            let median = f64::from(quantile(&took, 0.5)) / 1000.0;
            figures.add("workerd, spawn to first response, p50", median, "ms");
            figures.add("fresh JavaScript is faster by", median / fresh, "times");
        }
        None => figures.miss(absent("workerd")),
    }
    match present("quickjs") {
        Some(quickjs) => {
            for (name, work) in WORK {
                figures.add(name, ratio(engine, &quickjs, work).await?, "times the time");
            }
        }
        None => figures.miss(absent("QuickJS as native code")),
    }
    Ok(())
}

fn absent(name: &str) -> String {
    format!("{name} is not there: run scripts/bench-peers.sh DIR, then this with --peers DIR")
}

/// Microseconds from starting workerd to its first answer, sorted.
async fn start_to_answer(workerd: &Path) -> Result<Vec<u32>, CliError> {
    let directory = tempfile::tempdir().map_err(fault)?;
    let mut took = Vec::new();
    for _ in 0..STARTS {
        let address = free_address().await.map_err(fault)?;
        let config = directory.path().join("config.capnp");
        files::write_public(&config, config_of_workerd(address).as_bytes())?;
        let began = Instant::now();
        let mut child = command(workerd).arg("serve").arg(&config).spawn().map_err(fault)?;
        let answered = timeout(PATIENCE, answer(address)).await;
        took.push(micros_since(began));
        child.kill().await.map_err(fault)?;
        answered.map_err(|_| fault("workerd did not answer"))?;
    }
    took.sort_unstable();
    Ok(took)
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.kill_on_drop(true);
    command
}

async fn free_address() -> io::Result<SocketAddr> {
    TcpAcceptor::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?.local_addr()
}

/// The script of the measurement here, as workerd is told to serve it.
fn config_of_workerd(address: SocketAddr) -> String {
    let script = super::SCRIPT.replace('"', "\\\"");
    format!(
        r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .script)],
  sockets = [(name = "http", address = "{address}", http = (), service = "main")],
);
const script :Workerd.Worker = (
  modules = [(name = "main.js", esModule = "{script}")],
  compatibilityDate = "2024-01-01",
);
"#
    )
}

/// Resolves when the server has answered.
async fn answer(address: SocketAddr) {
    loop {
        if let Ok(mut connection) = Connection::open(address).await {
            let answer = connection.post("/", "text/plain", Bytes::new()).await;
            if answer.is_ok_and(|(status, body)| status.is_success() && body == "Hello") {
                return;
            }
        }
        sleep(LOOK).await;
    }
}

/// How much longer the work takes here than as native code, both from start to end.
async fn ratio(engine: &ProgramEngine, quickjs: &Path, work: &str) -> Result<f64, CliError> {
    let directory = tempfile::tempdir().map_err(fault)?;
    let file = directory.path().join("work.js");
    files::write_public(&file, work.as_bytes())?;
    let handler = "export default { fetch() { return new Response(run()) } };";
    let arguments = script(&format!("{work}\n{handler}"));
    let (mut here, mut native) = (u32::MAX, u32::MAX);
    for _ in 0..REPEATS {
        let began = Instant::now();
        once(engine, &arguments).await?;
        here = here.min(micros_since(began));
        let began = Instant::now();
        let output = command(quickjs).arg(&file).output().await.map_err(fault)?;
        native = native.min(micros_since(began));
        if !output.status.success() {
            return Err(fault("the native QuickJS failed"));
        }
    }
    Ok(f64::from(here) / f64::from(native.max(1)))
}
