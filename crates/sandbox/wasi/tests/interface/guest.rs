//! A guest that does nothing of its own: each function of the interface behind an export of the
//! same name, so that a test makes the calls and looks at the memory.

use sealwork_wasi::{
    FileTree, FsLimits, Interrupted, Preopen, WasiClock, WasiConfig, WasiOutcome, WasiState,
    add_to_linker,
};
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use wasmtime::{Engine, Instance, Linker, Memory, Module, Store, Val, ValType};

pub(crate) use super::functions::FUNCTIONS;

pub(crate) const SUCCESS: u16 = 0;
pub(crate) const BADF: u16 = 8;
pub(crate) const BUSY: u16 = 10;
pub(crate) const EXIST: u16 = 20;
pub(crate) const FAULT: u16 = 21;
pub(crate) const FBIG: u16 = 22;
pub(crate) const ILSEQ: u16 = 25;
pub(crate) const INVAL: u16 = 28;
pub(crate) const ISDIR: u16 = 31;
pub(crate) const LOOP: u16 = 32;
pub(crate) const MFILE: u16 = 33;
pub(crate) const NAMETOOLONG: u16 = 37;
pub(crate) const NOENT: u16 = 44;
pub(crate) const NOSPC: u16 = 51;
pub(crate) const NOTDIR: u16 = 54;
pub(crate) const NOTEMPTY: u16 = 55;
pub(crate) const NOTSOCK: u16 = 57;
pub(crate) const NOTSUP: u16 = 58;
pub(crate) const PERM: u16 = 63;
pub(crate) const SPIPE: u16 = 70;
pub(crate) const NOTCAPABLE: u16 = 76;

pub(crate) const FD_READ: u64 = 1 << 1;
pub(crate) const FD_SEEK: u64 = 1 << 2;
pub(crate) const FD_TELL: u64 = 1 << 5;
pub(crate) const FD_WRITE: u64 = 1 << 6;
pub(crate) const PATH_CREATE_FILE: u64 = 1 << 10;
pub(crate) const FD_READDIR: u64 = 1 << 14;
pub(crate) const PATH_FILESTAT_SET_SIZE: u64 = 1 << 19;
pub(crate) const ALL: u64 = (1 << 30) - 1;
/// What a program that only writes nothing asks for: a directory opens with it.
pub(crate) const NOT_WRITE: u64 = ALL & !FD_WRITE;

pub(crate) const CREATE: u64 = 1;
pub(crate) const DIRECTORY: u64 = 2;
pub(crate) const EXCLUSIVE: u64 = 4;
pub(crate) const TRUNCATE: u64 = 8;
pub(crate) const APPEND: u64 = 1;
pub(crate) const FOLLOW: u64 = 1;

/// The descriptor of the preopened directory `/`.
pub(crate) const ROOT: u64 = 3;
pub(crate) const PAGES: u32 = 2;
pub(crate) const MEMORY: u64 = PAGES as u64 * 65536;

/// Places in the guest's memory, far from each other.
pub(crate) const RESULT: u64 = 0;
pub(crate) const VECTOR: u64 = 256;
const PATH: u64 = 16384;
const OTHER_PATH: u64 = 24576;
pub(crate) const BUFFER: u64 = 32768;

static FORWARDER: LazyLock<(Engine, Module)> = LazyLock::new(|| {
    let engine = Engine::default();
    let module = Module::new(&engine, wat::parse_str(forwarder()).unwrap()).unwrap();
    (engine, module)
});

fn forwarder() -> String {
    let mut imports = String::new();
    let mut functions = String::new();
    for (name, parameters) in FUNCTIONS {
        let kinds: Vec<_> =
            parameters.chars().map(|kind| if kind == 'l' { "i64" } else { "i32" }).collect();
        let signature = format!("(param {}) (result i32)", kinds.join(" "));
        let arguments: String = (0..kinds.len()).map(|at| format!("local.get {at} ")).collect();
        writeln!(
            imports,
            "(import \"wasi_snapshot_preview1\" \"{name}\" (func ${name} {signature}))"
        )
        .unwrap();
        writeln!(functions, "(func (export \"{name}\") {signature} {arguments} call ${name})")
            .unwrap();
    }
    format!(
        "(module {imports}
            (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $proc_exit (param i32)))
            (memory (export \"memory\") {PAGES} {PAGES})
            {functions}
            (func (export \"proc_exit\") (param i32) local.get 0 call $proc_exit))"
    )
}

/// A clock that moves when it is told to.
#[derive(Clone, Default)]
pub(crate) struct TestClock {
    pub(crate) realtime: Arc<AtomicU64>,
    pub(crate) monotonic: Arc<AtomicU64>,
}

impl WasiClock for TestClock {
    fn realtime_ns(&self) -> u64 {
        self.realtime.load(Ordering::Relaxed)
    }

    fn monotonic_ns(&self) -> u64 {
        self.monotonic.load(Ordering::Relaxed)
    }
}

/// Waits longer than this are interrupted.
pub(crate) const PATIENCE: u64 = 3_600_000_000_000;

/// A configuration with one preopened directory `/`, the root of `files`.
pub(crate) fn config(files: FileTree, clock: &TestClock) -> WasiConfig {
    let sleeper = clock.monotonic.clone();
    let mut next = 0_u8;
    WasiConfig {
        args: vec!["program".into(), "two words".into(), String::new()],
        env: vec![("HOME".into(), "/".into()), ("EMPTY".into(), String::new())],
        stdin: b"standard input".to_vec(),
        stdout_limit: 64,
        stderr_tail: 16,
        files,
        preopens: vec![Preopen { guest: "/".into(), path: String::new() }],
        clock: Box::new(clock.clone()),
        random: Box::new(move |bytes| {
            for byte in bytes {
                next = next.wrapping_mul(5).wrapping_add(1);
                *byte = next;
            }
        }),
        go_on: Box::new(|| Ok(())),
        sleep_until: Box::new(move |deadline| {
            if deadline > PATIENCE {
                return Err(Interrupted);
            }
            sleeper.fetch_max(deadline, Ordering::Relaxed);
            Ok(())
        }),
    }
}

pub(crate) fn empty_tree() -> FileTree {
    FileTree::new(FsLimits::default(), START)
}

/// The wall clock at the start: a moment in 2026, on a millisecond.
pub(crate) const START: u64 = 1_790_000_000_000_000_000;

/// An instance of the forwarder.
pub(crate) struct Guest {
    store: Store<Option<WasiState>>,
    instance: Instance,
    memory: Memory,
    pub(crate) clock: TestClock,
}

impl Guest {
    pub(crate) fn new() -> Self {
        Self::with(empty_tree(), |_| ())
    }

    pub(crate) fn with(files: FileTree, adjust: impl FnOnce(&mut WasiConfig)) -> Self {
        let clock = TestClock::default();
        clock.realtime.store(START, Ordering::Relaxed);
        clock.monotonic.store(5_000_000_000, Ordering::Relaxed);
        let mut config = config(files, &clock);
        adjust(&mut config);
        let (engine, module) = &*FORWARDER;
        let mut linker = Linker::new(engine);
        add_to_linker(&mut linker, |state: &mut Option<WasiState>| state.as_mut().unwrap())
            .unwrap();
        let mut store = Store::new(engine, Some(WasiState::new(config).unwrap()));
        let instance = linker.instantiate(&mut store, module).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        Self { store, instance, memory, clock }
    }

    /// Calls a function; its error number, or the error that ended the instance.
    pub(crate) fn try_call(&mut self, name: &str, arguments: &[u64]) -> wasmtime::Result<u16> {
        let function = self.instance.get_func(&mut self.store, name).unwrap();
        let kinds = function.ty(&self.store);
        assert_eq!(kinds.params().len(), arguments.len(), "{name}");
        let arguments: Vec<Val> = kinds
            .params()
            .zip(arguments)
            .map(|(kind, value)| match kind {
                ValType::I64 => Val::I64(*value as i64),
                _ => Val::I32(*value as u32 as i32),
            })
            .collect();
        let mut results = vec![Val::I32(0); kinds.results().len()];
        function.call(&mut self.store, &arguments, &mut results)?;
        Ok(results.first().map_or(0, |result| result.unwrap_i32() as u16))
    }

    pub(crate) fn call(&mut self, name: &str, arguments: &[u64]) -> u16 {
        self.try_call(name, arguments).unwrap()
    }

    /// Calls a function that must succeed.
    pub(crate) fn must(&mut self, name: &str, arguments: &[u64]) {
        assert_eq!(self.call(name, arguments), SUCCESS, "{name}{arguments:?}");
    }

    pub(crate) fn bytes(&self, at: u64, len: u64) -> Vec<u8> {
        self.memory.data(&self.store)[at as usize..(at + len) as usize].to_vec()
    }

    pub(crate) fn put(&mut self, at: u64, bytes: &[u8]) {
        self.memory.write(&mut self.store, at as usize, bytes).unwrap();
    }

    pub(crate) fn u16(&self, at: u64) -> u16 {
        u16::from_le_bytes(self.bytes(at, 2).try_into().unwrap())
    }

    pub(crate) fn u32(&self, at: u64) -> u32 {
        u32::from_le_bytes(self.bytes(at, 4).try_into().unwrap())
    }

    pub(crate) fn u64(&self, at: u64) -> u64 {
        u64::from_le_bytes(self.bytes(at, 8).try_into().unwrap())
    }

    /// Lays a vector of buffers at [`VECTOR`].
    pub(crate) fn vector(&mut self, buffers: &[(u64, u64)]) {
        let words = buffers.iter().flat_map(|(pointer, len)| [*pointer as u32, *len as u32]);
        let bytes: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
        self.put(VECTOR, &bytes);
    }

    /// Lays a path into memory; its pointer and length.
    pub(crate) fn path(&mut self, path: &str) -> (u64, u64) {
        self.put(PATH, path.as_bytes());
        (PATH, path.len() as u64)
    }

    pub(crate) fn other_path(&mut self, path: &str) -> (u64, u64) {
        self.put(OTHER_PATH, path.as_bytes());
        (OTHER_PATH, path.len() as u64)
    }

    fn answer<T>(&self, errno: u16, value: impl FnOnce(&Self) -> T) -> Result<T, u16> {
        if errno == SUCCESS { Ok(value(self)) } else { Err(errno) }
    }

    /// `path_open` without following a link at the end, the rights inherited as given.
    pub(crate) fn open(
        &mut self,
        fd: u64,
        path: &str,
        flags: u64,
        rights: u64,
    ) -> Result<u64, u16> {
        self.open_with(fd, 0, path, flags, rights, 0)
    }

    pub(crate) fn open_with(
        &mut self,
        fd: u64,
        lookup: u64,
        path: &str,
        flags: u64,
        rights: u64,
        fd_flags: u64,
    ) -> Result<u64, u16> {
        let (at, len) = self.path(path);
        let arguments = [fd, lookup, at, len, flags, rights, rights, fd_flags, RESULT];
        let errno = self.call("path_open", &arguments);
        self.answer(errno, |guest| u64::from(guest.u32(RESULT)))
    }

    /// Makes an empty file.
    pub(crate) fn touch(&mut self, path: &str) {
        let fd = self.open(ROOT, path, CREATE, 0).unwrap();
        self.must("fd_close", &[fd]);
    }

    pub(crate) fn write(&mut self, fd: u64, bytes: &[u8]) -> Result<u32, u16> {
        self.put(BUFFER, bytes);
        self.vector(&[(BUFFER, bytes.len() as u64)]);
        let errno = self.call("fd_write", &[fd, VECTOR, 1, RESULT]);
        self.answer(errno, |guest| guest.u32(RESULT))
    }

    pub(crate) fn read(&mut self, fd: u64, len: u64) -> Result<Vec<u8>, u16> {
        self.vector(&[(BUFFER, len)]);
        let errno = self.call("fd_read", &[fd, VECTOR, 1, RESULT]);
        self.answer(errno, |guest| guest.bytes(BUFFER, u64::from(guest.u32(RESULT))))
    }

    pub(crate) fn pread(&mut self, fd: u64, len: u64, offset: u64) -> Result<Vec<u8>, u16> {
        self.vector(&[(BUFFER, len)]);
        let errno = self.call("fd_pread", &[fd, VECTOR, 1, offset, RESULT]);
        self.answer(errno, |guest| guest.bytes(BUFFER, u64::from(guest.u32(RESULT))))
    }

    pub(crate) fn pwrite(&mut self, fd: u64, bytes: &[u8], offset: u64) -> Result<u32, u16> {
        self.put(BUFFER, bytes);
        self.vector(&[(BUFFER, bytes.len() as u64)]);
        let errno = self.call("fd_pwrite", &[fd, VECTOR, 1, offset, RESULT]);
        self.answer(errno, |guest| guest.u32(RESULT))
    }

    pub(crate) fn seek(&mut self, fd: u64, offset: i64, whence: u64) -> Result<u64, u16> {
        let errno = self.call("fd_seek", &[fd, offset as u64, whence, RESULT]);
        self.answer(errno, |guest| guest.u64(RESULT))
    }

    /// A call that takes a descriptor and a path.
    pub(crate) fn on_path(&mut self, name: &str, fd: u64, path: &str) -> u16 {
        let (at, len) = self.path(path);
        self.call(name, &[fd, at, len])
    }

    pub(crate) fn make_directory(&mut self, path: &str) {
        assert_eq!(self.on_path("path_create_directory", ROOT, path), SUCCESS, "{path}");
    }

    pub(crate) fn unlink(&mut self, path: &str) -> u16 {
        self.on_path("path_unlink_file", ROOT, path)
    }

    pub(crate) fn remove_directory(&mut self, path: &str) -> u16 {
        self.on_path("path_remove_directory", ROOT, path)
    }

    pub(crate) fn symlink(&mut self, target: &str, path: &str) -> u16 {
        let (target, target_len) = self.other_path(target);
        let (at, len) = self.path(path);
        self.call("path_symlink", &[target, target_len, ROOT, at, len])
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str) -> u16 {
        let (at, len) = self.path(from);
        let (to, to_len) = self.other_path(to);
        self.call("path_rename", &[ROOT, at, len, ROOT, to, to_len])
    }

    pub(crate) fn link(&mut self, lookup: u64, from: &str, to: &str) -> u16 {
        let (at, len) = self.path(from);
        let (to, to_len) = self.other_path(to);
        self.call("path_link", &[ROOT, lookup, at, len, ROOT, to, to_len])
    }

    pub(crate) fn readlink(&mut self, path: &str, size: u64) -> Result<Vec<u8>, u16> {
        let (at, len) = self.path(path);
        let errno = self.call("path_readlink", &[ROOT, at, len, BUFFER, size, RESULT]);
        self.answer(errno, |guest| guest.bytes(BUFFER, u64::from(guest.u32(RESULT))))
    }

    pub(crate) fn stat(&mut self, fd: u64) -> Result<Stat, u16> {
        let errno = self.call("fd_filestat_get", &[fd, RESULT]);
        self.answer(errno, Stat::read)
    }

    pub(crate) fn stat_path(&mut self, lookup: u64, path: &str) -> Result<Stat, u16> {
        let (at, len) = self.path(path);
        let errno = self.call("path_filestat_get", &[ROOT, lookup, at, len, RESULT]);
        self.answer(errno, Stat::read)
    }

    pub(crate) fn fd_stat(&mut self, fd: u64) -> Result<FdStat, u16> {
        let errno = self.call("fd_fdstat_get", &[fd, RESULT]);
        self.answer(errno, |guest| FdStat {
            file_type: guest.bytes(RESULT, 1)[0],
            flags: guest.u16(RESULT + 2),
            base: guest.u64(RESULT + 8),
            inheriting: guest.u64(RESULT + 16),
        })
    }

    /// One step of a listing: the entries that are whole, and the bytes used.
    pub(crate) fn list_step(&mut self, fd: u64, len: u64, cookie: u64) -> (Vec<Listed>, u64) {
        self.must("fd_readdir", &[fd, BUFFER, len, cookie, RESULT]);
        let used = u64::from(self.u32(RESULT));
        let mut entries = Vec::new();
        let mut at = BUFFER;
        while at + 24 <= BUFFER + used {
            let name_len = u64::from(self.u32(at + 16));
            let end = at + 24 + name_len;
            if end > BUFFER + used {
                break;
            }
            entries.push(Listed {
                next: self.u64(at),
                inode: self.u64(at + 8),
                file_type: self.bytes(at + 20, 1)[0],
                name: String::from_utf8(self.bytes(at + 24, name_len)).unwrap(),
            });
            at = end;
        }
        (entries, used)
    }

    /// All names of a directory, listed in steps of 256 bytes.
    pub(crate) fn names(&mut self, fd: u64) -> Vec<String> {
        let mut names = Vec::new();
        let mut cookie = 0;
        loop {
            let (entries, used) = self.list_step(fd, 256, cookie);
            cookie = entries.last().map_or(cookie, |entry| entry.next);
            names.extend(entries.into_iter().map(|entry| entry.name));
            if used < 256 {
                return names;
            }
        }
    }

    /// Moves both clocks.
    pub(crate) fn advance(&self, ns: u64) {
        self.clock.realtime.fetch_add(ns, Ordering::Relaxed);
        self.clock.monotonic.fetch_add(ns, Ordering::Relaxed);
    }

    pub(crate) fn state(&self) -> &WasiState {
        self.store.data().as_ref().unwrap()
    }

    pub(crate) fn finish(mut self) -> WasiOutcome {
        self.store.data_mut().take().unwrap().finish()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) file_type: u8,
    pub(crate) links: u64,
    pub(crate) size: u64,
    pub(crate) access: u64,
    pub(crate) modify: u64,
    pub(crate) change: u64,
}

impl Stat {
    fn read(guest: &Guest) -> Self {
        Self {
            device: guest.u64(RESULT),
            inode: guest.u64(RESULT + 8),
            file_type: guest.bytes(RESULT + 16, 1)[0],
            links: guest.u64(RESULT + 24),
            size: guest.u64(RESULT + 32),
            access: guest.u64(RESULT + 40),
            modify: guest.u64(RESULT + 48),
            change: guest.u64(RESULT + 56),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FdStat {
    pub(crate) file_type: u8,
    pub(crate) flags: u16,
    pub(crate) base: u64,
    pub(crate) inheriting: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) next: u64,
    pub(crate) inode: u64,
    pub(crate) file_type: u8,
    pub(crate) name: String,
}
