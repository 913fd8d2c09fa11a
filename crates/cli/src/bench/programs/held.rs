//! Programs that wait for a slow site, all at once: what each takes, and what all take.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::{sync::Notify, time::timeout};

use super::{Figures, engine, fault, once};
use crate::{
    bench::mebibytes,
    exit::CliError,
    loopback::{Page, Site},
    proc,
};

/// How many wait.
pub(super) const AT_ONCE: usize = 500;
/// How long the site takes to answer: all are there before the first goes on.
const SLOW: Duration = Duration::from_secs(10);
/// Until all have asked the site.
const PATIENCE: Duration = Duration::from_secs(9);

pub(super) async fn run(figures: &mut Figures) -> Result<(), CliError> {
    let directory = tempfile::tempdir().map_err(fault)?;
    let engine = engine(directory.path()).await?;
    engine.warm_up().await.map_err(fault)?;
    let (asked, all_asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (count, all) = (Arc::clone(&asked), Arc::clone(&all_asked));
    let site = Site::serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), move |_| {
        if count.fetch_add(1, Ordering::SeqCst) + 1 == AT_ONCE {
            all.notify_one();
        }
        Page { delay: SLOW, ..Page::text("at last") }
    });
    let site = site.await.map_err(fault)?;
    let arguments = waiting_for(&site.url());
    let before = memory();
    let running = join_all((0..AT_ONCE).map(|_| once(&engine, &arguments)));
    let measured = async {
        // A machine that is too busy shows fewer of them.
        let _ = timeout(PATIENCE, all_asked.notified()).await;
        (memory(), asked.load(Ordering::SeqCst))
    };
    let (ended, (during, waited)) = tokio::join!(running, measured);
    let answered = ended.into_iter().filter(Result::is_ok).count();
    let waited = u32::try_from(waited).unwrap_or(u32::MAX);
    let each = mebibytes(during.saturating_sub(before)) / f64::from(waited.max(1));
    figures.add("scripts that wait at once", f64::from(waited), "");
    figures.add("answered of them", f64::from(u32::try_from(answered).unwrap_or(0)), "");
    figures.add("memory of all processes then", mebibytes(during), "MiB");
    figures.add("memory of each script that waits", each, "MiB");
    Ok(())
}

fn waiting_for(url: &str) -> Value {
    let source = format!("export default {{ fetch() {{ return fetch({}) }} }}", json!(url));
    json!({ "program": { "javascript": source }, "hosts": ["127.0.0.1"] })
}

/// What this process and those that it started take together.
fn memory() -> u64 {
    let own = std::process::id();
    let children = proc::children(own);
    std::iter::once(own).chain(children).filter_map(proc::memory).sum()
}
