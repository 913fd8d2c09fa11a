//! configfs-tsm as the kernel has it (drivers/virt/coco, Documentation/ABI/testing/
//! configfs-tsm-report): entries with generations, answers that are made when they are read and
//! kept until something is written, and the errors that it gives.

use std::{
    collections::HashMap,
    io,
    sync::{Mutex, MutexGuard},
};

use sealwork_platform::KernelFiles;

const DIRECTORY: &str = "/sys/kernel/config/tsm/report";

const EACCES: i32 = 13;
const EBUSY: i32 = 16;
const EEXIST: i32 = 17;
const EFBIG: i32 = 27;
const EINVAL: i32 = 22;
const ENOENT: i32 = 2;
const ENXIO: i32 = 6;

/// What the machine is like.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guest {
    /// The driver's name; none where no driver is loaded.
    pub(crate) provider: Option<&'static str>,
    /// The lowest number of a privilege level that the guest may ask for (SEV-SNP).
    pub(crate) privilege_floor: Option<u32>,
    /// The host's certificates (SEV-SNP).
    pub(crate) auxiliary: Vec<u8>,
    /// How many requests the platform turns away as busy.
    pub(crate) busy: u32,
    /// How many times somebody else writes to an entry after we did.
    pub(crate) interlopers: u32,
    /// Whether the platform answers about other data than it was asked.
    pub(crate) answers_about_zeros: bool,
    /// Whether the user may make entries.
    pub(crate) denied: bool,
}

#[derive(Debug, Default)]
struct Entry {
    written: u64,
    read: u64,
    data: Option<Vec<u8>>,
    privilege: u32,
    report: Option<Vec<u8>>,
}

#[derive(Debug, Default)]
struct State {
    guest: Guest,
    entries: HashMap<String, Entry>,
    made: u32,
    reports: u32,
}

/// The kernel's side.
#[derive(Debug)]
pub(crate) struct ConfigFs(Mutex<State>);

impl ConfigFs {
    pub(crate) fn new(guest: Guest) -> Self {
        Self(Mutex::new(State { guest, ..State::default() }))
    }

    /// How many entries are there now, were made, and how many reports were asked for.
    pub(crate) fn counts(&self) -> (usize, u32, u32) {
        let state = self.state();
        (state.entries.len(), state.made, state.reports)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

fn errno<T>(number: i32) -> io::Result<T> {
    Err(io::Error::from_raw_os_error(number))
}

/// Entry and attribute of a path.
fn parts(path: &str) -> Option<(&str, Option<&str>)> {
    let below = path.strip_prefix(DIRECTORY)?.strip_prefix('/')?;
    Some(below.split_once('/').map_or((below, None), |(entry, name)| (entry, Some(name))))
}

impl State {
    fn has(&self, attribute: &str) -> bool {
        match attribute {
            "inblob" | "outblob" | "generation" | "provider" => true,
            "auxblob" | "privlevel" | "privlevel_floor" => self.guest.privilege_floor.is_some(),
            _ => false,
        }
    }

    /// The report of an entry: made now, if something was written since the last.
    fn report(&mut self, entry: &str) -> io::Result<Vec<u8>> {
        let Self { guest, entries, reports, .. } = self;
        let Some(entry) = entries.get_mut(entry) else { return errno(ENOENT) };
        if guest.interlopers > 0 && entry.data.is_some() {
            guest.interlopers -= 1;
            entry.written += 1;
            entry.data = Some(vec![0xee; 64]);
        }
        let Some(data) = &entry.data else { return errno(EINVAL) };
        if let Some(report) = &entry.report
            && entry.read == entry.written
        {
            return Ok(report.clone());
        }
        *reports += 1;
        if guest.busy > 0 {
            guest.busy -= 1;
            return errno(EBUSY);
        }
        if entry.privilege < guest.privilege_floor.unwrap_or(0) {
            return errno(EINVAL);
        }
        let mut about = [0; 64];
        if !guest.answers_about_zeros {
            about[..data.len()].copy_from_slice(data);
        }
        let report = match guest.provider {
            Some("sev_guest") => snp_report(&about, entry.privilege),
            _ => tdx_quote(&about),
        };
        entry.read = entry.written;
        Ok(entry.report.insert(report).clone())
    }

    fn text(&self, entry: &str, attribute: &str) -> io::Result<String> {
        let Some(entry) = self.entries.get(entry) else { return errno(ENOENT) };
        match attribute {
            "provider" => Ok(format!("{}\n", self.guest.provider.unwrap_or_default())),
            "generation" => Ok(format!("{}\n", entry.written)),
            "privlevel_floor" => Ok(format!("{}\n", self.guest.privilege_floor.unwrap_or(0))),
            _ => errno(EACCES),
        }
    }
}

impl KernelFiles for ConfigFs {
    fn exists(&self, path: &str) -> bool {
        let state = self.state();
        match parts(path) {
            None if path == "/dev/sev-guest" => state.guest.provider == Some("sev_guest"),
            None => path == DIRECTORY,
            Some((entry, None)) => state.entries.contains_key(entry),
            Some((entry, Some(name))) => state.entries.contains_key(entry) && state.has(name),
        }
    }

    fn read(&self, path: &str, max: usize) -> io::Result<Vec<u8>> {
        let mut state = self.state();
        let Some((entry, Some(attribute))) = parts(path) else { return errno(ENOENT) };
        if !state.has(attribute) {
            return errno(ENOENT);
        }
        let content = match attribute {
            "outblob" => state.report(entry)?,
            "auxblob" => {
                state.report(entry)?;
                state.guest.auxiliary.clone()
            }
            _ => state.text(entry, attribute)?.into_bytes(),
        };
        if content.len() > max { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(content) }
    }

    fn write(&self, path: &str, content: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let Some((name, Some(attribute))) = parts(path) else { return errno(ENOENT) };
        if !state.has(attribute) {
            return errno(ENOENT);
        }
        let floor = state.guest.privilege_floor.unwrap_or(0);
        let Some(entry) = state.entries.get_mut(name) else { return errno(ENOENT) };
        match attribute {
            "inblob" if content.len() > 64 => return errno(EFBIG),
            "inblob" => entry.data = Some(content.to_vec()),
            "privlevel" => {
                let level = std::str::from_utf8(content).ok().and_then(|text| text.parse().ok());
                match level {
                    Some(level) if (floor..=3).contains(&level) => entry.privilege = level,
                    _ => return errno(EINVAL),
                }
            }
            _ => return errno(EACCES),
        }
        entry.written += 1;
        Ok(())
    }

    fn create_directory(&self, path: &str) -> io::Result<()> {
        let mut state = self.state();
        let Some((entry, None)) = parts(path) else { return errno(ENOENT) };
        if state.guest.denied {
            return errno(EACCES);
        }
        if state.guest.provider.is_none() {
            return errno(ENXIO);
        }
        if state.entries.contains_key(entry) {
            return errno(EEXIST);
        }
        state.made += 1;
        state.entries.insert(entry.to_owned(), Entry::default());
        Ok(())
    }

    fn remove_directory(&self, path: &str) -> io::Result<()> {
        let mut state = self.state();
        match parts(path).and_then(|(entry, _)| state.entries.remove(entry)) {
            Some(_) => Ok(()),
            None => errno(ENOENT),
        }
    }
}

/// The outer shape of a quote of version 4.
fn tdx_quote(about: &[u8; 64]) -> Vec<u8> {
    let mut quote = vec![0; 48 + 520];
    quote[..2].copy_from_slice(&4_u16.to_le_bytes());
    quote[4..8].copy_from_slice(&0x81_u32.to_le_bytes());
    quote.extend_from_slice(about);
    quote.extend_from_slice(&[7; 700]);
    quote
}

/// A report of version 2; its signature is made up.
fn snp_report(about: &[u8; 64], privilege: u32) -> Vec<u8> {
    let mut report = vec![0; 1184];
    report[..4].copy_from_slice(&2_u32.to_le_bytes());
    report[0x08..0x10].copy_from_slice(&0x3_0000_u64.to_le_bytes());
    report[0x30..0x34].copy_from_slice(&privilege.to_le_bytes());
    report[0x34..0x38].copy_from_slice(&1_u32.to_le_bytes());
    report[0x50..0x90].copy_from_slice(about);
    report[0x90..0xc0].fill(5);
    report
}
