//! Control groups: what the kernel holds child processes to, where the operator has delegated a
//! part of the cgroup v2 tree to the worker. In addition to everything else: without one, the
//! engine's own limits and the watchdog stand alone.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::StartError;

/// The controllers that are used, where they are offered.
const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];
/// How the names of our groups begin.
const PREFIX: &str = "sealwork-";
/// A child's share of the processor where others want it too; 100 is the kernel's default.
const CPU_WEIGHT: u64 = 50;

/// A directory of the cgroup v2 file system in which groups may be made.
#[derive(Debug)]
pub struct Cgroup {
    root: PathBuf,
    controllers: Vec<&'static str>,
    made: AtomicU64,
}

/// What a group is held to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GroupLimits {
    /// Bytes of memory of all its processes.
    pub(crate) memory_bytes: u64,
    /// Processes and threads.
    pub(crate) tasks: u64,
}

/// A group with one child in it; removed when dropped, after the child has ended.
#[derive(Debug)]
pub(crate) struct Group(PathBuf);

impl Cgroup {
    /// The group at `root`, which no process may be in, with its controllers passed on to the
    /// groups below.
    ///
    /// # Errors
    /// [`StartError::Cgroup`]: it is no such group, not writable, or offers no controller.
    #[allow(clippy::disallowed_methods, reason = "the kernel's interface, not a disk")]
    pub fn open(root: PathBuf) -> Result<Arc<Self>, StartError> {
        let failed = |source| StartError::Cgroup { root: root.clone(), source };
        let offered = fs::read_to_string(root.join("cgroup.controllers")).map_err(failed)?;
        let is_offered = |name: &&str| offered.split_whitespace().any(|other| other == *name);
        let controllers: Vec<_> = CONTROLLERS.into_iter().filter(is_offered).collect();
        if controllers.is_empty() {
            let why = io::Error::other("it offers none of the controllers memory, pids and cpu");
            return Err(failed(why));
        }
        let switched_on: Vec<_> = controllers.iter().map(|name| format!("+{name}")).collect();
        fs::write(root.join("cgroup.subtree_control"), switched_on.join(" ")).map_err(failed)?;
        remove_left_over(&root);
        Ok(Arc::new(Self { root, controllers, made: AtomicU64::new(0) }))
    }

    /// The controllers that hold each child.
    pub fn controllers(&self) -> &[&'static str] {
        &self.controllers
    }

    /// Puts a process into a group of its own.
    #[allow(clippy::disallowed_methods, reason = "the kernel's interface, not a disk")]
    pub(crate) fn place(&self, pid: u32, limits: GroupLimits) -> Result<Group, StartError> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let path = self.root.join(format!("{PREFIX}{}-{number}", std::process::id()));
        let failed = |source| StartError::Cgroup { root: path.clone(), source };
        fs::create_dir(&path).map_err(failed)?;
        let group = Group(path.clone());
        for (controller, file, value) in [
            ("memory", "memory.max", limits.memory_bytes),
            ("pids", "pids.max", limits.tasks),
            ("cpu", "cpu.weight", CPU_WEIGHT),
        ] {
            if self.controllers.contains(&controller) {
                fs::write(path.join(file), value.to_string()).map_err(failed)?;
            }
        }
        fs::write(path.join("cgroup.procs"), pid.to_string()).map_err(failed)?;
        Ok(group)
    }
}

impl Drop for Group {
    #[allow(clippy::disallowed_methods, reason = "the kernel's interface, not a disk")]
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.0) {
            tracing::warn!(group = %self.0.display(), %error, "a cgroup stays behind");
        }
    }
}

/// Removes the groups of a worker that was killed. One that has processes yet is somebody else's,
/// and stays.
#[allow(clippy::disallowed_methods, reason = "the kernel's interface, not a disk")]
fn remove_left_over(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a tree like the kernel's, and a child to put in it")]
mod tests {
    use std::{process::Command, time::Duration};

    use super::*;
    use crate::{ChildCommand, spawn::spawn};

    const LIMITS: GroupLimits = GroupLimits { memory_bytes: 64 << 20, tasks: 12 };

    fn tree(controllers: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("cgroup.controllers"), controllers).unwrap();
        root
    }

    fn value(group: &Group, file: &str) -> Option<String> {
        fs::read_to_string(group.0.join(file)).ok()
    }

    #[test]
    fn a_child_gets_a_group_with_its_limits() {
        let root = tree("cpuset cpu io memory pids\n");
        let cgroup = Cgroup::open(root.path().to_owned()).unwrap();
        let passed_on = fs::read_to_string(root.path().join("cgroup.subtree_control")).unwrap();
        assert_eq!(passed_on, "+memory +pids +cpu");
        let group = cgroup.place(4711, LIMITS).unwrap();
        assert_eq!(value(&group, "memory.max").as_deref(), Some("67108864"));
        assert_eq!(value(&group, "pids.max").as_deref(), Some("12"));
        assert_eq!(value(&group, "cpu.weight").as_deref(), Some("50"));
        assert_eq!(value(&group, "cgroup.procs").as_deref(), Some("4711"));
        let other = cgroup.place(4712, LIMITS).unwrap();
        assert_ne!(group.0, other.0);
    }

    #[test]
    fn what_is_not_offered_is_not_asked_for_and_nothing_at_all_is_an_error() {
        let root = tree("pids\n");
        let cgroup = Cgroup::open(root.path().to_owned()).unwrap();
        assert_eq!(cgroup.controllers(), ["pids"]);
        let group = cgroup.place(1, LIMITS).unwrap();
        assert_eq!(value(&group, "memory.max"), None);
        for root in [tree("\n").path(), Path::new("/nowhere")] {
            let error = Cgroup::open(root.to_owned()).unwrap_err().to_string();
            assert!(error.contains("SANDBOX_CGROUP"), "{error}");
        }
    }

    #[test]
    fn the_groups_of_a_killed_worker_are_removed_and_others_are_not() {
        let root = tree("memory\n");
        for name in ["sealwork-17-0", "of-somebody-else"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        Cgroup::open(root.path().to_owned()).unwrap();
        assert!(!root.path().join("sealwork-17-0").exists());
        assert!(root.path().join("of-somebody-else").exists());
    }

    /// The kernel's own tree, where this machine lets us: usually it offers no controller here, and
    /// so it is membership and removal that are looked at.
    fn tree_of_the_kernel(name: &str) -> Option<Cgroup> {
        let candidates = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
        let is_v2 = |root: &&Path| {
            root.join("cgroup.procs").exists() && root.join("cgroup.controllers").exists()
        };
        let Some(parent) = candidates.into_iter().find(is_v2) else {
            eprintln!("skipped: no cgroup v2 here");
            return None;
        };
        let root = parent.join(format!("sealwork-test-{name}-{}", std::process::id()));
        if fs::create_dir(&root).is_err() {
            eprintln!("skipped: {} is not writable", parent.display());
            return None;
        }
        let controllers = Cgroup::open(root.clone()).map(|cgroup| cgroup.controllers().to_vec());
        let controllers = controllers.unwrap_or_default();
        Some(Cgroup { root, controllers, made: AtomicU64::new(0) })
    }

    /// Fails when a group is removed while its child is being killed (src/spawn.rs, `Confined`).
    #[tokio::test]
    async fn a_child_that_nobody_wants_any_more_takes_its_group_with_it() {
        let Some(cgroup) = tree_of_the_kernel("dropped").map(Arc::new) else { return };
        let command = ChildCommand {
            program: "sleep".into(),
            arguments: Vec::new(),
            cgroup: Some(Arc::clone(&cgroup)),
        };
        drop(spawn(&command, &["60".to_owned()], LIMITS).unwrap());
        let groups =
            || fs::read_dir(&cgroup.root).unwrap().flatten().filter(|entry| entry.path().is_dir());
        let gone = async {
            while groups().count() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let gone = tokio::time::timeout(Duration::from_secs(10), gone).await;
        let removed = fs::remove_dir(&cgroup.root);
        assert!(gone.is_ok() && removed.is_ok());
    }

    #[test]
    fn the_kernel_moves_a_child_and_removes_its_group() {
        let Some(cgroup) = tree_of_the_kernel("moved") else { return };
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let group = cgroup.place(child.id(), LIMITS).unwrap();
        let path = group.0.clone();
        assert_eq!(value(&group, "cgroup.procs").unwrap().trim(), child.id().to_string());
        if cgroup.controllers.contains(&"memory") {
            assert_eq!(value(&group, "memory.max").unwrap().trim(), "67108864");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        drop(group);
        let removed = !path.exists();
        fs::remove_dir(&cgroup.root).unwrap();
        assert!(removed);
    }
}
