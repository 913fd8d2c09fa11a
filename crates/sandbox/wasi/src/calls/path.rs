//! Paths, each relative to a directory descriptor.

use crate::errno::Errno;
use crate::fds::{Descriptor, Resource};
use crate::memory::GuestMemory;
use crate::state::WasiState;
use crate::tree::{InodeNumber, Target, ends_in_slash};
use crate::types::{
    FdFlags, FileStat, FileType, LookupFlags, OpenFlags, Rights, TimeFlags, flags16, lookup_flags,
};

pub(crate) fn create_directory(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    fd: u32,
    path: u32,
    len: u32,
) -> Result<(), Errno> {
    let target = place(state, memory, fd, Rights::PATH_CREATE_DIRECTORY, path, len)?;
    let (directory, name) = target.vacant()?;
    state.files.create_directory(directory, &name, state.clocks.now())?;
    Ok(())
}

/// Where a path leads, the last name as it stands, for a use of the directory that needs `rights`.
fn place(
    state: &WasiState,
    memory: &GuestMemory<'_>,
    fd: u32,
    rights: Rights,
    path: u32,
    len: u32,
) -> Result<Target, Errno> {
    let base = state.directory(fd, rights)?;
    state.files.resolve(base, memory.path(path, len)?, false)
}

/// The directory and the name for something that is no directory.
fn vacant_for_file(target: Target) -> Result<(InodeNumber, String), Errno> {
    let only_directory = target.wants_directory;
    let entry = target.vacant()?;
    if only_directory { Err(Errno::NoEnt) } else { Ok(entry) }
}

pub(crate) fn filestat_get(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    fd: u32,
    lookup: u32,
    path: u32,
    len: u32,
    stat: u32,
) -> Result<(), Errno> {
    let base = state.directory(fd, Rights::PATH_FILESTAT_GET)?;
    let inode = look_up(state, memory, base, lookup_flags(lookup)?, path, len)?;
    memory.check(stat, FileStat::SIZE)?;
    memory.write(stat, &state.files.stat(inode)?.to_bytes())
}

pub(crate) fn filestat_set_times(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    fd: u32,
    lookup: u32,
    path: u32,
    len: u32,
    access: u64,
    modify: u64,
    flags: u32,
) -> Result<(), Errno> {
    let base = state.directory(fd, Rights::PATH_FILESTAT_SET_TIMES)?;
    let inode = look_up(state, memory, base, lookup_flags(lookup)?, path, len)?;
    let flags = flags16::<TimeFlags>(flags)?;
    state.files.set_times(inode, access, modify, flags, state.clocks.now())
}

/// What is at a path for a look at its attributes.
fn look_up(
    state: &WasiState,
    memory: &GuestMemory<'_>,
    base: InodeNumber,
    lookup: LookupFlags,
    path: u32,
    len: u32,
) -> Result<InodeNumber, Errno> {
    let path = memory.path(path, len)?;
    let follow = lookup.contains(LookupFlags::FOLLOW) || ends_in_slash(path);
    let target = state.files.resolve(base, path, follow)?;
    let inode = target.existing()?;
    if target.wants_directory && state.files.stat(inode)?.file_type != FileType::Directory {
        return Err(Errno::NotDir);
    }
    Ok(inode)
}

/// Links the thing itself, a symbolic link included; following one is refused, as in Wasmtime.
pub(crate) fn link(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    from: u32,
    lookup: u32,
    path: u32,
    len: u32,
    to: u32,
    new_path: u32,
    new_len: u32,
) -> Result<(), Errno> {
    let from = state.directory(from, Rights::PATH_LINK_SOURCE)?;
    let to = state.directory(to, Rights::PATH_LINK_TARGET)?;
    if lookup_flags(lookup)?.contains(LookupFlags::FOLLOW) {
        return Err(Errno::Inval);
    }
    let source = look_up(state, memory, from, LookupFlags::empty(), path, len)?;
    let target = state.files.resolve(to, memory.path(new_path, new_len)?, false)?;
    let (directory, name) = vacant_for_file(target)?;
    state.files.link(source, directory, &name, state.clocks.now())
}

/// Opens or makes. The new descriptor gets those of the wanted rights that the directory lets it
/// inherit and that make sense on what is opened.
pub(crate) fn open(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    fd: u32,
    lookup: u32,
    path: u32,
    len: u32,
    flags: u32,
    base: u64,
    inheriting: u64,
    fd_flags: u32,
    opened: u32,
) -> Result<(), Errno> {
    let lookup = lookup_flags(lookup)?;
    let flags = flags16::<OpenFlags>(flags)?;
    let fd_flags = flags16::<FdFlags>(fd_flags)?;
    let wanted = Rights::from_bits_truncate(base);
    let directory = state.directory(fd, Rights::PATH_OPEN | needed_to_open(flags))?;
    let path = memory.path(path, len)?;
    memory.check(opened, 4)?;
    state.descriptors.vacant()?;
    let inode = open_inode(state, directory, path, lookup, flags, wanted)?;

    let inheritable = state.descriptors.get(fd)?.inheriting;
    let (resource, sensible) = match state.files.stat(inode)?.file_type {
        FileType::Directory => (Resource::Directory { inode, preopen: None }, Rights::DIRECTORY),
        _ => (Resource::File { inode, position: 0 }, Rights::FILE),
    };
    state.files.open(inode)?;
    let new = state.descriptors.insert(Descriptor {
        resource,
        base: wanted & inheritable & sensible,
        inheriting: Rights::from_bits_truncate(inheriting) & inheritable,
        flags: fd_flags,
    })?;
    memory.write_u32(opened, new)
}

fn needed_to_open(flags: OpenFlags) -> Rights {
    let mut needed = Rights::empty();
    needed.set(Rights::PATH_CREATE_FILE, flags.contains(OpenFlags::CREATE));
    needed.set(Rights::PATH_FILESTAT_SET_SIZE, flags.contains(OpenFlags::TRUNCATE));
    needed
}

/// Finds, makes or cuts what is to be opened.
fn open_inode(
    state: &mut WasiState,
    directory: InodeNumber,
    path: &str,
    lookup: LookupFlags,
    flags: OpenFlags,
    wanted: Rights,
) -> Result<InodeNumber, Errno> {
    let create = flags.contains(OpenFlags::CREATE);
    let exclusive = create && flags.contains(OpenFlags::EXCLUSIVE);
    if create && flags.contains(OpenFlags::DIRECTORY) {
        return Err(Errno::Inval);
    }
    let follow = lookup.contains(LookupFlags::FOLLOW) && !exclusive;
    let target = state.files.resolve(directory, path, follow || ends_in_slash(path))?;
    let now = state.clocks.now();
    let Some(inode) = target.inode else {
        if !create {
            return Err(Errno::NoEnt);
        }
        if target.wants_directory {
            return Err(Errno::IsDir);
        }
        let (directory, name) = target.vacant()?;
        return state.files.create_file(directory, &name, now);
    };
    if exclusive {
        return Err(Errno::Exist);
    }
    let truncate = flags.contains(OpenFlags::TRUNCATE);
    match state.files.stat(inode)?.file_type {
        FileType::SymbolicLink => return Err(Errno::Loop),
        FileType::Directory if create || truncate || wanted.contains(Rights::FD_WRITE) => {
            return Err(Errno::IsDir);
        }
        FileType::Directory => {}
        _ if flags.contains(OpenFlags::DIRECTORY) || target.wants_directory => {
            return Err(Errno::NotDir);
        }
        _ if truncate => state.files.set_size(inode, 0, now)?,
        _ => {}
    }
    Ok(inode)
}

pub(crate) fn readlink(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    fd: u32,
    path: u32,
    len: u32,
    buffer: u32,
    size: u32,
    used: u32,
) -> Result<(), Errno> {
    let base = state.directory(fd, Rights::PATH_READLINK)?;
    let inode = look_up(state, memory, base, LookupFlags::empty(), path, len)?;
    let target = state.files.read_link(inode)?.as_bytes();
    memory.check(used, 4)?;
    memory.check(buffer, size)?;
    let shown = &target[..target.len().min(size as usize)];
    memory.write(buffer, shown)?;
    memory.write_u32(used, u32::try_from(shown.len()).map_err(|_| Errno::Overflow)?)
}

pub(crate) fn remove_directory(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    fd: u32,
    path: u32,
    len: u32,
) -> Result<(), Errno> {
    let target = place(state, memory, fd, Rights::PATH_REMOVE_DIRECTORY, path, len)?;
    state.files.remove_directory(&target, state.clocks.now())
}

pub(crate) fn rename(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    from: u32,
    path: u32,
    len: u32,
    to: u32,
    new_path: u32,
    new_len: u32,
) -> Result<(), Errno> {
    let from = state.directory(from, Rights::PATH_RENAME_SOURCE)?;
    let to = state.directory(to, Rights::PATH_RENAME_TARGET)?;
    let source = state.files.resolve(from, memory.path(path, len)?, false)?;
    let target = state.files.resolve(to, memory.path(new_path, new_len)?, false)?;
    state.files.rename(&source, &target, state.clocks.now())
}

pub(crate) fn symlink(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    target: u32,
    size: u32,
    fd: u32,
    path: u32,
    len: u32,
) -> Result<(), Errno> {
    let base = state.directory(fd, Rights::PATH_SYMLINK)?;
    let target = memory.path(target, size)?;
    let place = state.files.resolve(base, memory.path(path, len)?, false)?;
    let (directory, name) = vacant_for_file(place)?;
    state.files.create_symlink(directory, &name, target, state.clocks.now())?;
    Ok(())
}

pub(crate) fn unlink_file(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    fd: u32,
    path: u32,
    len: u32,
) -> Result<(), Errno> {
    let target = place(state, memory, fd, Rights::PATH_UNLINK_FILE, path, len)?;
    state.files.unlink(&target, state.clocks.now())
}
