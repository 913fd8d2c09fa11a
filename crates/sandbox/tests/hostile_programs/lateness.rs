//! How late this machine is by itself, so that a busy one does not make the sandbox's promise look
//! broken, and a broken promise does not hide behind a busy machine.
//!
//! Two things count: how long threads of the worker and its sandboxes were ready to run and had no
//! processor, by the kernel's books; and how late a thread wakes that asked for a moment, which also
//! shows time that a hypervisor took away.
#![allow(clippy::disallowed_methods, reason = "measures the machine itself")]

use std::{
    fs,
    sync::{Arc, Mutex, Weak},
    thread,
    time::{Duration, Instant},
};

const NAP: Duration = Duration::from_millis(5);
/// Plain work between naps, which is late when something else has the processor.
const WORK: Duration = Duration::from_micros(200);

type Moments = Mutex<Vec<(Instant, Duration)>>;

/// The lateness of all moments so far. Its thread ends with it.
pub(crate) struct Lateness(Arc<Moments>);

/// Where the books stood.
pub(crate) struct Mark {
    moment: Instant,
    waited: Duration,
}

impl Mark {
    pub(crate) fn elapsed(&self) -> Duration {
        self.moment.elapsed()
    }
}

impl Lateness {
    pub(crate) fn watch() -> Self {
        let seen = Arc::<Moments>::default();
        let watched = Arc::downgrade(&seen);
        thread::spawn(move || nap(&watched));
        Self(seen)
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { moment: Instant::now(), waited: waited() }
    }

    /// How late the machine was since then.
    pub(crate) fn since(&self, mark: &Mark) -> Duration {
        let seen = self.0.lock().unwrap();
        let recent = seen.iter().rev().take_while(|(at, _)| *at + NAP >= mark.moment);
        let woken = recent.map(|(_, late)| *late).max().unwrap_or_default();
        woken + waited().saturating_sub(mark.waited)
    }
}

fn nap(seen: &Weak<Moments>) {
    while let Some(seen) = seen.upgrade() {
        let began = Instant::now();
        thread::sleep(NAP);
        let awake = Instant::now();
        while awake.elapsed() < WORK {}
        let late = began.elapsed().saturating_sub(NAP + WORK);
        seen.lock().unwrap().push((Instant::now(), late));
    }
}

/// What all threads of this process and of its children have waited for a processor.
fn waited() -> Duration {
    let own = waited_by("self");
    let children = children().iter().map(|process| waited_by(process)).sum::<Duration>();
    own + children
}

fn waited_by(process: &str) -> Duration {
    let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else { return Duration::ZERO };
    let of_task = |path: std::path::PathBuf| {
        let books = fs::read_to_string(path.join("schedstat")).ok()?;
        books.split(' ').nth(1)?.parse().ok().map(Duration::from_nanos)
    };
    tasks.filter_map(|task| of_task(task.ok()?.path())).sum()
}

fn children() -> Vec<String> {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return Vec::new() };
    let lists =
        tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}
