//! Ends a process that takes more memory than its programs may.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::sleep;

use super::Process;
use crate::{holdings, spawn::Confined};

/// How often the memory of a busy process is looked at.
const LOOK: Duration = Duration::from_millis(100);

impl Process {
    /// Kills the process when it is to go, or takes more memory than its programs may. Its group
    /// goes with it.
    pub(super) async fn guard(self: Arc<Self>, mut child: Confined) {
        let pid = child.id().unwrap_or(0);
        let mut was_over = false;
        loop {
            tokio::select! {
                ended = child.wait() => {
                    if !self.is_gone() {
                        tracing::warn!(?ended, "a sandbox process ended by itself");
                    }
                    break;
                }
                () = self.gone() => {
                    child.kill().await;
                    break;
                }
                () = sleep(LOOK) => {
                    // A run that has just ended may still be taken apart: once does not count.
                    let is_over = resident(pid).is_some_and(|held| held > self.allowed_memory());
                    if is_over && was_over {
                        tracing::warn!("a sandbox process took more memory than its programs may");
                        self.kill();
                    }
                    was_over = is_over;
                }
            }
        }
        self.kill();
    }

    fn allowed_memory(&self) -> u64 {
        let modules = holdings::of_modules(self.module_bytes());
        self.own.saturating_add(modules).saturating_add(self.most_held.load(Ordering::SeqCst))
    }
}

/// Resident bytes of a process; none when it is gone, or hidden from us.
#[allow(clippy::disallowed_methods, reason = "the kernel's books about a child of ours")]
pub(super) fn resident(pid: u32) -> Option<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages = statm.split(' ').nth(1)?.parse::<u64>().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
