use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::state::{State, Step, directory_of, power_is_off};
use crate::{Disk, DiskFile};

/// A disk in memory that forgets at a loss of power what was not synced, wholly or in part, and
/// fails on demand. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct SimDisk(Arc<Mutex<State>>);

/// What goes wrong, until [`SimDisk::heal`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DiskFault {
    /// The n-th write or sync from now (from 0) fails once with an I/O error.
    FailOnce(u64),
    /// Every write and sync fails with an I/O error.
    FailWrites,
    /// Every read fails with an I/O error.
    FailReads,
    /// Nothing more can be allocated; what is allocated can be overwritten.
    Full,
    /// No more than so many bytes can be allocated in all.
    Room(u64),
    /// Nothing can be changed.
    ReadOnly,
    /// Syncs of paths that begin so report success and do nothing: the harness must notice.
    IgnoreSyncs(String),
}

/// When the power goes. The operation that meets it fails, and so does every later one until
/// [`SimDisk::lose_power`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerCut {
    /// Just before the n-th sync from now, from 0.
    BeforeSync(u64),
    /// Just after the n-th sync from now has taken effect, before its caller hears of it.
    AfterSync(u64),
    /// At the n-th write from now, which is torn.
    AtWrite(u64),
}

/// What a disk was asked to do so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskActivity {
    /// Changes of contents, lengths and names.
    pub writes: u64,
    /// Syncs of files and directories.
    pub syncs: u64,
}

impl SimDisk {
    /// An empty disk whose losses follow `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State::new(seed))))
    }

    /// Adds a fault.
    pub fn inject(&self, fault: DiskFault) {
        self.state().faults.push(fault);
    }

    /// Ends all faults and a planned power cut.
    pub fn heal(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.cut = None;
    }

    /// Plans a power cut.
    pub fn cut_power(&self, when: PowerCut) {
        self.state().cut = Some(when);
    }

    /// Whether a planned power cut has come.
    pub fn is_off(&self) -> bool {
        !self.state().powered
    }

    /// Loses power, if it is not lost yet, and comes back with what had reached the disk. Open
    /// files are dead, locks are gone, faults stay.
    pub fn lose_power(&self) {
        self.state().lose_power();
    }

    /// What it was asked to do so far.
    pub fn activity(&self) -> DiskActivity {
        self.state().activity
    }

    /// Allocated bytes, in whole blocks.
    pub fn used_bytes(&self) -> u64 {
        self.state().used_bytes()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        check(path)?;
        let mut state = self.state();
        state.step(Step::Read)?;
        let node = match state.names.get(path) {
            Some(node) => *node,
            None => {
                let node = state.create(path)?;
                state.sync_names(directory_of(path))?;
                node
            }
        };
        if state.faults.contains(&DiskFault::ReadOnly) {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        if !state.held.insert(node) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let boot = state.boot;
        drop(state);
        let path = path.to_owned();
        Ok(Box::new(SimFile { disk: self.clone(), path, node, boot, is_held: true }))
    }

    fn open_to_read(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        check(path)?;
        let mut state = self.state();
        state.step(Step::Read)?;
        let node = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        let (boot, path) = (state.boot, path.to_owned());
        drop(state);
        Ok(Box::new(SimFile { disk: self.clone(), path, node, boot, is_held: false }))
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        check(path)?;
        let mut state = self.state();
        state.step(Step::Read)?;
        let node = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(state.content(node)?.seen().to_vec())
    }

    fn write_atomic(&self, path: &str, content: &[u8]) -> io::Result<()> {
        check(path)?;
        let unfinished = match path.rsplit_once('/') {
            Some((directory, name)) => format!("{directory}/.{name}.tmp"),
            None => format!(".{path}.tmp"),
        };
        let mut state = self.state();
        let node = state.create(&unfinished)?;
        let written = state
            .write(node, 0, content)
            .and_then(|()| state.sync_file(node, &unfinished))
            .and_then(|()| state.step(Step::Write))
            .and_then(|()| {
                state.rename(&unfinished, path, node);
                state.sync_names(directory_of(path))
            });
        if written.is_err() && state.powered {
            state.name(&unfinished, None);
        }
        written
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        check(path)?;
        let mut state = self.state();
        state.step(Step::Write)?;
        if state.names.contains_key(path) {
            state.name(path, None);
        }
        Ok(())
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.step(Step::Read)?;
        let of = |path: &str| directory_of(path) == directory;
        let base = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        let mut names: Vec<_> =
            state.names.keys().filter(|path| of(path)).map(|path| base(path)).collect();
        names.sort();
        Ok(names)
    }

    fn sync_directory(&self, directory: &str) -> io::Result<()> {
        self.state().sync_names(directory)
    }

    fn is_private(&self, path: &str) -> io::Result<bool> {
        check(path)?;
        if self.state().names.contains_key(path) {
            Ok(true)
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    path: String,
    node: u64,
    boot: u64,
    /// Whether it was opened for its opener alone.
    is_held: bool,
}

impl SimFile {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        if state.boot == self.boot { Ok(state) } else { Err(power_is_off()) }
    }
}

impl DiskFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        let mut state = self.state()?;
        state.step(Step::Read)?;
        Ok(state.content(self.node)?.seen().len() as u64)
    }

    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.state()?;
        state.step(Step::Read)?;
        let seen = state.content(self.node)?.seen();
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let range = start..start.saturating_add(out.len());
        out.copy_from_slice(seen.get(range).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_all_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.state()?.write(self.node, offset, data)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state()?;
        state.step(Step::Write)?;
        state.content(self.node)?.set_len(len);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.state()?.sync_file(self.node, &self.path)
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if self.is_held && state.boot == self.boot {
            state.held.remove(&self.node);
        }
    }
}

fn check(path: &str) -> io::Result<()> {
    let plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if plain { Ok(()) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_atomic_write_is_there_whole_or_not_at_all_wherever_the_power_goes() {
        for seed in 0..300 {
            let disk = SimDisk::new(seed);
            disk.write_atomic("blobs/a", &[1; 5000]).unwrap();
            let n = seed % 3;
            disk.cut_power(match seed % 5 {
                0 => PowerCut::BeforeSync(n % 2),
                1 => PowerCut::AfterSync(n % 2),
                _ => PowerCut::AtWrite(n),
            });
            assert!(disk.write_atomic("blobs/a", &[2; 5000]).is_err());
            assert!(disk.is_off());
            disk.lose_power();
            let content = disk.read("blobs/a").unwrap();
            assert!(content == [1; 5000] || content == [2; 5000], "seed {seed}");
        }
    }

    #[test]
    fn without_its_syncs_an_atomic_write_is_lost_or_torn() {
        let torn = (0..200).any(|seed| {
            let disk = SimDisk::new(seed);
            disk.inject(DiskFault::IgnoreSyncs("blobs".to_owned()));
            disk.write_atomic("blobs/a", &[1; 5000]).unwrap();
            disk.lose_power();
            disk.read("blobs/a").is_ok_and(|content| content != [1; 5000])
        });
        assert!(torn);
    }

    #[test]
    fn a_full_disk_takes_overwrites_only_and_a_read_only_one_nothing() {
        let disk = SimDisk::new(1);
        let file = disk.open("main").unwrap();
        file.write_all_at(0, &[1; 4096]).unwrap();
        assert_eq!(disk.used_bytes(), 4096);
        disk.inject(DiskFault::Full);
        file.write_all_at(0, &[2; 4096]).unwrap();
        file.set_len(1 << 20).unwrap();
        let error = file.write_all_at(4096, &[1]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        disk.heal();
        disk.inject(DiskFault::ReadOnly);
        assert_eq!(file.sync().unwrap_err().kind(), io::ErrorKind::ReadOnlyFilesystem);
        assert!(file.read_exact_at(0, &mut [0; 4]).is_ok());
    }

    #[test]
    fn one_operation_fails_once_and_the_disk_goes_on() {
        let disk = SimDisk::new(1);
        let file = disk.open("main").unwrap();
        disk.inject(DiskFault::FailOnce(1));
        file.write_all_at(0, b"a").unwrap();
        assert!(file.sync().is_err());
        file.write_all_at(0, b"b").unwrap();
        file.sync().unwrap();
    }

    #[test]
    fn a_file_is_held_by_one_until_it_is_dropped_or_the_power_goes() {
        let disk = SimDisk::new(1);
        let held = disk.open("main").unwrap();
        assert_eq!(disk.open("main").unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(disk.open_to_read("main").unwrap());
        assert_eq!(disk.open("main").unwrap_err().kind(), io::ErrorKind::WouldBlock);
        disk.lose_power();
        let again = disk.open("main").unwrap();
        assert!(held.len().is_err());
        drop(held);
        assert_eq!(disk.open("main").unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(again);
        assert!(disk.open("main").is_ok());
    }
}
