//! The functions as imports of a module.

use crate::calls::{args, clock, fd, path, poll, proc, random, sock};
use crate::config::Interrupted;
use crate::errno::Errno;
use crate::memory::GuestMemory;
use crate::state::WasiState;
use wasmtime::{Caller, Extern, Linker};

const MODULE: &str = "wasi_snapshot_preview1";

/// The program ended itself by `proc_exit`, with this code. The caller finds it by
/// `error.downcast_ref::<Exit>()`; a program that returns from `_start` has ended with 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the program exited with code {0}")]
pub struct Exit(pub i32);

/// The program called a function of WASI, but exports no memory for its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the program exports no memory named `memory`, which WASI calls need")]
pub struct NoMemory;

/// What ends a call otherwise than well.
pub(crate) enum Failure {
    /// The program is told a number.
    Errno(Errno),
    /// The instance ends.
    Interrupted(Interrupted),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<Interrupted> for Failure {
    fn from(interrupted: Interrupted) -> Self {
        Self::Interrupted(interrupted)
    }
}

/// Adds all 46 functions of `wasi_snapshot_preview1` to a linker; `get` finds the state in the
/// store's data. Calls end an instance with [`Exit`], [`Interrupted`] or [`NoMemory`]; all else is
/// an error number for the program.
///
/// # Errors
/// A function of that name is in the linker already.
pub fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    get: impl Fn(&mut T) -> &mut WasiState + Copy + Send + Sync + 'static,
) -> wasmtime::Result<()> {
    macro_rules! functions {
        ($($name:ident = $module:ident :: $function:ident ($($arg:ident : $kind:ty),*);)*) => {$(
            linker.func_wrap(
                MODULE,
                stringify!($name),
                move |caller: Caller<'_, T>, $($arg: $kind),*| -> wasmtime::Result<i32> {
                    enter(caller, get, |state, memory| {
                        $module::$function(state, memory, $($arg),*)
                    })
                },
            )?;
        )*};
    }
    functions! {
        args_get = args::args_get(argv: u32, buffer: u32);
        args_sizes_get = args::args_sizes_get(count: u32, size: u32);
        environ_get = args::environ_get(environ: u32, buffer: u32);
        environ_sizes_get = args::environ_sizes_get(count: u32, size: u32);
        clock_res_get = clock::clock_res_get(id: u32, resolution: u32);
        clock_time_get = clock::clock_time_get(id: u32, precision: u64, time: u32);
        fd_advise = fd::advise(fd: u32, offset: u64, len: u64, advice: u32);
        fd_allocate = fd::allocate(fd: u32, offset: u64, len: u64);
        fd_close = fd::close(fd: u32);
        fd_datasync = fd::datasync(fd: u32);
        fd_fdstat_get = fd::fdstat_get(fd: u32, stat: u32);
        fd_fdstat_set_flags = fd::fdstat_set_flags(fd: u32, flags: u32);
        fd_fdstat_set_rights = fd::fdstat_set_rights(fd: u32, base: u64, inheriting: u64);
        fd_filestat_get = fd::filestat_get(fd: u32, stat: u32);
        fd_filestat_set_size = fd::filestat_set_size(fd: u32, size: u64);
        fd_filestat_set_times =
            fd::filestat_set_times(fd: u32, access: u64, modify: u64, flags: u32);
        fd_pread = fd::pread(fd: u32, vector: u32, count: u32, offset: u64, done: u32);
        fd_prestat_get = fd::prestat_get(fd: u32, stat: u32);
        fd_prestat_dir_name = fd::prestat_dir_name(fd: u32, name: u32, len: u32);
        fd_pwrite = fd::pwrite(fd: u32, vector: u32, count: u32, offset: u64, done: u32);
        fd_read = fd::read(fd: u32, vector: u32, count: u32, done: u32);
        fd_readdir = fd::readdir(fd: u32, buffer: u32, len: u32, cookie: u64, used: u32);
        fd_renumber = fd::renumber(from: u32, to: u32);
        fd_seek = fd::seek(fd: u32, offset: i64, whence: u32, position: u32);
        fd_sync = fd::sync(fd: u32);
        fd_tell = fd::tell(fd: u32, position: u32);
        fd_write = fd::write(fd: u32, vector: u32, count: u32, done: u32);
        path_create_directory = path::create_directory(fd: u32, path: u32, len: u32);
        path_filestat_get =
            path::filestat_get(fd: u32, lookup: u32, path: u32, len: u32, stat: u32);
        path_filestat_set_times = path::filestat_set_times(
            fd: u32, lookup: u32, path: u32, len: u32, access: u64, modify: u64, flags: u32
        );
        path_link = path::link(
            from: u32, lookup: u32, path: u32, len: u32, to: u32, new_path: u32, new_len: u32
        );
        path_open = path::open(
            fd: u32, lookup: u32, path: u32, len: u32, flags: u32, base: u64, inheriting: u64,
            state: u32, opened: u32
        );
        path_readlink =
            path::readlink(fd: u32, path: u32, len: u32, buffer: u32, size: u32, used: u32);
        path_remove_directory = path::remove_directory(fd: u32, path: u32, len: u32);
        path_rename =
            path::rename(from: u32, path: u32, len: u32, to: u32, new_path: u32, new_len: u32);
        path_symlink = path::symlink(target: u32, size: u32, fd: u32, path: u32, len: u32);
        path_unlink_file = path::unlink_file(fd: u32, path: u32, len: u32);
        poll_oneoff = poll::poll_oneoff(subscriptions: u32, events: u32, count: u32, done: u32);
        proc_raise = proc::raise(signal: u32);
        sched_yield = proc::sched_yield();
        random_get = random::random_get(buffer: u32, len: u32);
    }
    macro_rules! sockets {
        ($($name:ident($($rest:ty),*);)*) => {$(
            linker.func_wrap(
                MODULE,
                stringify!($name),
                move |caller: Caller<'_, T>, fd: u32, $(_: $rest),*| -> wasmtime::Result<i32> {
                    enter(caller, get, |state, _| sock::none(state, fd))
                },
            )?;
        )*};
    }
    sockets! {
        sock_accept(u32, u32);
        sock_recv(u32, u32, u32, u32, u32);
        sock_send(u32, u32, u32, u32);
        sock_shutdown(u32);
    }
    linker.func_wrap(MODULE, "proc_exit", move |mut caller: Caller<'_, T>, code: i32| {
        get(caller.data_mut()).begin_call()?;
        Err::<(), _>(wasmtime::Error::new(Exit(code)))
    })?;
    Ok(())
}

fn enter<T: 'static, E: Into<Failure>>(
    mut caller: Caller<'_, T>,
    get: impl Fn(&mut T) -> &mut WasiState,
    call: impl FnOnce(&mut WasiState, &mut GuestMemory<'_>) -> Result<(), E>,
) -> wasmtime::Result<i32> {
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        return Err(wasmtime::Error::new(NoMemory));
    };
    let (bytes, data) = memory.data_and_store_mut(&mut caller);
    let state = get(data);
    state.begin_call()?;
    match call(state, &mut GuestMemory::new(bytes)).map_err(Into::into) {
        Ok(()) => Ok(0),
        Err(Failure::Errno(errno)) => Ok(i32::from(errno.code())),
        Err(Failure::Interrupted(interrupted)) => Err(wasmtime::Error::new(interrupted)),
    }
}
