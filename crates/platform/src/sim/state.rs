//! What a simulated disk is: files, names, faults and a planned power cut.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use super::{
    DiskActivity, DiskFault, PowerCut, SimRandom,
    file::{BLOCK, Content},
};

#[derive(Debug)]
pub(super) struct State {
    random: SimRandom,
    contents: BTreeMap<u64, Content>,
    pub(super) names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    /// Creations, renames (as new content of a name) and removals, in order.
    unsynced_names: Vec<(String, Option<u64>)>,
    pub(super) held: BTreeSet<u64>,
    next: u64,
    /// Open files of an earlier boot are dead.
    pub(super) boot: u64,
    pub(super) powered: bool,
    pub(super) faults: Vec<DiskFault>,
    pub(super) cut: Option<PowerCut>,
    pub(super) activity: DiskActivity,
}

#[derive(Clone, Copy)]
pub(super) enum Step {
    Read,
    Write,
    Sync,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: SimRandom::new(seed),
            contents: BTreeMap::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced_names: Vec::new(),
            held: BTreeSet::new(),
            next: 0,
            boot: 0,
            powered: true,
            faults: Vec::new(),
            cut: None,
            activity: DiskActivity::default(),
        }
    }

    pub(super) fn used_bytes(&self) -> u64 {
        let nodes: BTreeSet<&u64> = self.names.values().collect();
        let blocks = |node: &&u64| self.contents.get(*node).map_or(0, Content::allocated_blocks);
        nodes.iter().map(blocks).sum::<u64>() * BLOCK
    }

    /// Counts one operation and lets faults and the power cut have their way with it.
    pub(super) fn step(&mut self, step: Step) -> io::Result<()> {
        if !self.powered {
            return Err(power_is_off());
        }
        if let Step::Read = step {
            return if self.faults.contains(&DiskFault::FailReads) {
                Err(broken())
            } else {
                Ok(())
            };
        }
        let due = match (&mut self.cut, step) {
            (Some(PowerCut::BeforeSync(n)), Step::Sync)
            | (Some(PowerCut::AtWrite(n)), Step::Write) => count_down(n),
            _ => false,
        };
        if due {
            self.powered = false;
            return Err(power_is_off());
        }
        match step {
            Step::Sync => self.activity.syncs += 1,
            _ => self.activity.writes += 1,
        }
        if self.fails_now() {
            return Err(broken());
        }
        for fault in &self.faults {
            match fault {
                DiskFault::FailWrites => return Err(broken()),
                DiskFault::ReadOnly => return Err(io::ErrorKind::ReadOnlyFilesystem.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Counts one-time failures down; the one that is due is spent.
    fn fails_now(&mut self) -> bool {
        let mut fails = false;
        self.faults.retain_mut(|fault| match fault {
            DiskFault::FailOnce(n) => {
                let due = count_down(n);
                fails |= due;
                !due
            }
            _ => true,
        });
        fails
    }

    pub(super) fn content(&mut self, node: u64) -> io::Result<&mut Content> {
        self.contents.get_mut(&node).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn create(&mut self, path: &str) -> io::Result<u64> {
        self.step(Step::Write)?;
        let node = self.next;
        self.next += 1;
        self.contents.insert(node, Content::default());
        self.name(path, Some(node));
        Ok(node)
    }

    pub(super) fn write(&mut self, node: u64, offset: u64, data: &[u8]) -> io::Result<()> {
        let was_on = self.powered;
        if let Err(error) = self.step(Step::Write) {
            // A write that fails, or that the power cut meets, may have got some of the way.
            if was_on && !self.faults.contains(&DiskFault::ReadOnly) {
                let done = usize::try_from(self.random.below(data.len() as u64 + 1)).unwrap_or(0);
                self.content(node)?.write(offset, &data[..done]);
            }
            return Err(error);
        }
        let missing = self.content(node)?.missing_blocks(offset, data.len());
        let is_full = |fault: &DiskFault| match fault {
            DiskFault::Full => true,
            DiskFault::Room(bytes) => self.used_bytes() + missing * BLOCK > *bytes,
            _ => false,
        };
        if missing > 0 && self.faults.iter().any(is_full) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let content = self.content(node)?;
        content.write(offset, data);
        Ok(())
    }

    pub(super) fn sync_file(&mut self, node: u64, path: &str) -> io::Result<()> {
        let was_on = self.powered;
        if let Err(error) = self.step(Step::Sync) {
            if was_on && self.powered {
                let mut random = self.random.clone();
                self.content(node)?.fail_sync(&mut random);
                self.random = random;
            }
            return Err(error);
        }
        if !self.ignores(path) {
            self.content(node)?.sync();
        }
        self.cut_after_sync()
    }

    pub(super) fn sync_names(&mut self, directory: &str) -> io::Result<()> {
        self.step(Step::Sync)?;
        if !self.ignores(directory) {
            for (path, node) in std::mem::take(&mut self.unsynced_names) {
                if directory_of(&path) == directory {
                    set_name(&mut self.durable_names, path, node);
                } else {
                    self.unsynced_names.push((path, node));
                }
            }
        }
        self.cut_after_sync()
    }

    fn cut_after_sync(&mut self) -> io::Result<()> {
        if let Some(PowerCut::AfterSync(n)) = &mut self.cut
            && count_down(n)
        {
            self.powered = false;
            return Err(power_is_off());
        }
        Ok(())
    }

    fn ignores(&self, path: &str) -> bool {
        self.faults
            .iter()
            .any(|f| matches!(f, DiskFault::IgnoreSyncs(prefix) if path.starts_with(prefix)))
    }

    pub(super) fn name(&mut self, path: &str, node: Option<u64>) {
        set_name(&mut self.names, path.to_owned(), node);
        self.unsynced_names.push((path.to_owned(), node));
    }

    pub(super) fn rename(&mut self, from: &str, to: &str, node: u64) {
        self.name(to, Some(node));
        self.name(from, None);
    }

    pub(super) fn lose_power(&mut self) {
        // File systems journal names in order, so a prefix of the changes survives.
        let changes = std::mem::take(&mut self.unsynced_names);
        let kept = self.random.below(changes.len() as u64 + 1);
        for (path, node) in changes.into_iter().take(usize::try_from(kept).unwrap_or(0)) {
            set_name(&mut self.durable_names, path, node);
        }
        self.names = self.durable_names.clone();
        let reachable: BTreeSet<u64> = self.names.values().copied().collect();
        self.contents.retain(|node, _| reachable.contains(node));
        for content in self.contents.values_mut() {
            content.lose_power(&mut self.random);
        }
        self.held.clear();
        self.boot += 1;
        self.powered = true;
        self.cut = None;
    }
}

fn set_name(names: &mut BTreeMap<String, u64>, path: String, node: Option<u64>) {
    match node {
        Some(node) => names.insert(path, node),
        None => names.remove(&path),
    };
}

fn count_down(n: &mut u64) -> bool {
    if *n == 0 {
        return true;
    }
    *n -= 1;
    false
}

pub(super) fn directory_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

fn broken() -> io::Error {
    io::Error::other("injected I/O error")
}

pub(super) fn power_is_off() -> io::Error {
    io::Error::other("the power is off")
}
