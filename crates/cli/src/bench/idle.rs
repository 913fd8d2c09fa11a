use std::{fs, time::Duration};

use super::{Figures, fault, mebibytes};
use crate::{
    child::{ChildWorker, Options},
    exit::CliError,
    proc,
    ui::Ui,
};

/// How long the worker is left alone before it is measured: its JavaScript engine is compiled by then.
const REST: Duration = Duration::from_secs(15);

/// Resident memory of a worker that does nothing, and the size of this binary.
pub(super) async fn run(ui: &Ui) -> Result<Figures, CliError> {
    let progress = ui.progress("leaving a worker alone");
    let worker = ChildWorker::start(&Options::default()).await?;
    tokio::time::sleep(REST).await;
    let pid = worker.pid().ok_or_else(|| fault("the worker has ended"))?;
    let (now, highest) = proc::resident_memory(pid).ok_or_else(|| fault("no figures in /proc"))?;
    let binary = std::env::current_exe().and_then(fs::metadata).map_err(fault)?.len();
    drop(progress);
    worker.stop().await?;

    let mut figures = Figures::new("idle worker");
    figures.add("resident memory", mebibytes(now), "MiB");
    figures.add("resident memory, highest", mebibytes(highest), "MiB");
    figures.add("binary", mebibytes(binary), "MiB");
    Ok(figures)
}
