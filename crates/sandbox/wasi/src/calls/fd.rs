//! Descriptors: reading, writing, seeking, attributes, listing.

use super::transfer::{drain, fill};
use crate::errno::Errno;
use crate::fds::Resource;
use crate::memory::{Buffers, GuestMemory};
use crate::state::WasiState;
use crate::types::{
    DirEntry, FdFlags, FdStat, FileStat, FileType, Rights, TimeFlags, Times, flags16, put,
};

/// The last of the six advices.
const LAST_ADVICE: u32 = 5;
/// A record of a preopened directory: its kind, which is zero, and the length of its name.
const PRESTAT_SIZE: usize = 8;

pub(crate) fn advise(
    state: &mut WasiState,
    _: &mut GuestMemory<'_>,
    fd: u32,
    offset: u64,
    len: u64,
    advice: u32,
) -> Result<(), Errno> {
    state.file(fd, Rights::FD_ADVISE)?;
    if advice > LAST_ADVICE || offset.checked_add(len).is_none() {
        return Err(Errno::Inval);
    }
    Ok(())
}

pub(crate) fn allocate(
    state: &mut WasiState,
    _: &mut GuestMemory<'_>,
    fd: u32,
    offset: u64,
    len: u64,
) -> Result<(), Errno> {
    let inode = state.file(fd, Rights::FD_ALLOCATE)?;
    if len == 0 {
        return Err(Errno::Inval);
    }
    let end = offset.checked_add(len).ok_or(Errno::FBig)?;
    if end > state.files.size(inode)? {
        state.files.set_size(inode, end, state.clocks.now())?;
    }
    Ok(())
}

pub(crate) fn close(state: &mut WasiState, _: &mut GuestMemory<'_>, fd: u32) -> Result<(), Errno> {
    let closed = state.descriptors.remove(fd)?;
    state.release(&closed);
    Ok(())
}

/// Nothing is kept back that could be written now: no right is needed, as libc expects of files that
/// it opened for reading.
pub(crate) fn datasync(
    state: &mut WasiState,
    _: &mut GuestMemory<'_>,
    fd: u32,
) -> Result<(), Errno> {
    state.descriptors.get(fd).map(|_| ())
}

pub(crate) fn sync(state: &mut WasiState, _: &mut GuestMemory<'_>, fd: u32) -> Result<(), Errno> {
    state.descriptors.get(fd).map(|_| ())
}

pub(crate) fn fdstat_get(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    fd: u32,
    stat: u32,
) -> Result<(), Errno> {
    memory.check(stat, FdStat::SIZE)?;
    memory.write(stat, &state.descriptors.get(fd)?.stat().to_bytes())
}

pub(crate) fn fdstat_set_flags(
    state: &mut WasiState,
    _: &mut GuestMemory<'_>,
    fd: u32,
    flags: u32,
) -> Result<(), Errno> {
    let descriptor = state.descriptors.get_mut(fd)?;
    descriptor.need(Rights::FD_FDSTAT_SET_FLAGS)?;
    descriptor.flags = flags16::<FdFlags>(flags)?;
    Ok(())
}

pub(crate) fn fdstat_set_rights(
    state: &mut WasiState,
    _: &mut GuestMemory<'_>,
    fd: u32,
    base: u64,
    inheriting: u64,
) -> Result<(), Errno> {
    let descriptor = state.descriptors.get_mut(fd)?;
    let lesser = |wanted, held: Rights| {
        Rights::from_bits(wanted).filter(|wanted| held.contains(*wanted)).ok_or(Errno::NotCapable)
    };
    let base = lesser(base, descriptor.base)?;
    let inheriting = lesser(inheriting, descriptor.inheriting)?;
    descriptor.base = base;
    descriptor.inheriting = inheriting;
    Ok(())
}

pub(crate) fn filestat_get(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    fd: u32,
    stat: u32,
) -> Result<(), Errno> {
    let descriptor = state.descriptors.get(fd)?;
    descriptor.need(Rights::FD_FILESTAT_GET)?;
    let attributes = match descriptor.inode() {
        Some(inode) => state.files.stat(inode)?,
        None => stream_stat(fd),
    };
    memory.write(stat, &attributes.to_bytes())
}

/// The attributes of a standard stream, which is on a device of its own.
fn stream_stat(fd: u32) -> FileStat {
    FileStat {
        device: 0,
        inode: u64::from(fd),
        file_type: FileType::Unknown,
        links: 1,
        size: 0,
        times: Times::default(),
    }
}

pub(crate) fn filestat_set_size(
    state: &mut WasiState,
    _: &mut GuestMemory<'_>,
    fd: u32,
    size: u64,
) -> Result<(), Errno> {
    let inode = state.file(fd, Rights::FD_FILESTAT_SET_SIZE)?;
    state.files.set_size(inode, size, state.clocks.now())
}

pub(crate) fn filestat_set_times(
    state: &mut WasiState,
    _: &mut GuestMemory<'_>,
    fd: u32,
    access: u64,
    modify: u64,
    flags: u32,
) -> Result<(), Errno> {
    let descriptor = state.descriptors.get(fd)?;
    descriptor.need(Rights::FD_FILESTAT_SET_TIMES)?;
    let inode = descriptor.inode().ok_or(Errno::NotSup)?;
    let flags = flags16::<TimeFlags>(flags)?;
    state.files.set_times(inode, access, modify, flags, state.clocks.now())
}

pub(crate) fn pread(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    fd: u32,
    vector: u32,
    count: u32,
    offset: u64,
    done: u32,
) -> Result<(), Errno> {
    let inode = positioned(state, memory, fd, Rights::FD_READ, done)?;
    let buffers = memory.buffers(vector, count)?;
    let read = read_file(state, memory, inode, buffers, offset)?;
    memory.write_u32(done, read)
}

/// The file behind `fd` for a transfer at a place of its own, whose answer goes to `done`.
fn positioned(
    state: &WasiState,
    memory: &GuestMemory<'_>,
    fd: u32,
    direction: Rights,
    done: u32,
) -> Result<u64, Errno> {
    let descriptor = state.descriptors.get(fd)?;
    let inode = descriptor.file()?;
    descriptor.need_transfer(direction)?;
    descriptor.need(Rights::FD_SEEK)?;
    memory.check(done, 4)?;
    Ok(inode)
}

pub(crate) fn prestat_get(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    fd: u32,
    stat: u32,
) -> Result<(), Errno> {
    let name = state.descriptors.get(fd)?.preopen_name()?;
    let len = u32::try_from(name.len()).map_err(|_| Errno::Overflow)?;
    let mut record = [0; PRESTAT_SIZE];
    put(&mut record, 4, &len.to_le_bytes());
    memory.write(stat, &record)
}

pub(crate) fn prestat_dir_name(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    fd: u32,
    name: u32,
    len: u32,
) -> Result<(), Errno> {
    let preopen = state.descriptors.get(fd)?.preopen_name()?;
    if preopen.len() > len as usize {
        return Err(Errno::NameTooLong);
    }
    memory.write(name, preopen.as_bytes())
}

pub(crate) fn pwrite(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    fd: u32,
    vector: u32,
    count: u32,
    offset: u64,
    done: u32,
) -> Result<(), Errno> {
    let inode = positioned(state, memory, fd, Rights::FD_WRITE, done)?;
    let buffers = memory.buffers(vector, count)?;
    let written = write_file(state, memory, inode, buffers, offset)?;
    memory.write_u32(done, written)
}

pub(crate) fn read(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    fd: u32,
    vector: u32,
    count: u32,
    done: u32,
) -> Result<(), Errno> {
    let descriptor = state.descriptors.get(fd)?;
    descriptor.need_transfer(Rights::FD_READ)?;
    let resource = descriptor.resource.clone();
    memory.check(done, 4)?;
    let buffers = memory.buffers(vector, count)?;
    let read = match resource {
        Resource::Stdin => fill(memory, buffers, |into, _| Ok(state.stdin.read(into)))?,
        Resource::File { inode, position } => {
            let read = read_file(state, memory, inode, buffers, position)?;
            set_position(state, fd, position.saturating_add(u64::from(read)))?;
            read
        }
        Resource::Directory { .. } | Resource::Stdout | Resource::Stderr => {
            return Err(Errno::BadF);
        }
    };
    memory.write_u32(done, read)
}

/// Writes whole records; the name of the last one may be cut where the buffer ends, by which the
/// program sees that there is more.
pub(crate) fn readdir(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    fd: u32,
    buffer: u32,
    len: u32,
    cookie: u64,
    used: u32,
) -> Result<(), Errno> {
    let inode = state.directory(fd, Rights::FD_READDIR)?;
    memory.check(used, 4)?;
    let mut rest = memory.slice_mut(buffer, len)?;
    for line in state.files.list(inode, cookie)? {
        let head = DirEntry {
            next: line.cookie,
            inode: line.inode,
            name_len: u32::try_from(line.name.len()).map_err(|_| Errno::Overflow)?,
            file_type: line.file_type,
        };
        rest = append(rest, &head.to_bytes());
        rest = append(rest, line.name.as_bytes());
        if rest.is_empty() {
            break;
        }
    }
    let unused = u32::try_from(rest.len()).map_err(|_| Errno::Overflow)?;
    memory.write_u32(used, len - unused)
}

/// Copies what fits to the front of `into`; the place behind it.
fn append<'a>(into: &'a mut [u8], bytes: &[u8]) -> &'a mut [u8] {
    let (place, rest) = into.split_at_mut(bytes.len().min(into.len()));
    place.copy_from_slice(&bytes[..place.len()]);
    rest
}

pub(crate) fn renumber(
    state: &mut WasiState,
    _: &mut GuestMemory<'_>,
    from: u32,
    to: u32,
) -> Result<(), Errno> {
    if from == to {
        return state.descriptors.get(from).map(|_| ());
    }
    let replaced = state.descriptors.renumber(from, to)?;
    state.release(&replaced);
    Ok(())
}

pub(crate) fn seek(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    fd: u32,
    offset: i64,
    whence: u32,
    position: u32,
) -> Result<(), Errno> {
    let descriptor = state.descriptors.get(fd)?;
    let inode = descriptor.file()?;
    let is_tell = offset == 0 && whence == 1;
    descriptor.need(if is_tell { Rights::FD_TELL } else { Rights::FD_SEEK })?;
    let from = match whence {
        0 => 0,
        1 => current_position(&descriptor.resource),
        2 => state.files.size(inode)?,
        _ => return Err(Errno::Inval),
    };
    let target = from.checked_add_signed(offset).ok_or(Errno::Inval)?;
    memory.write_u64(position, target)?;
    set_position(state, fd, target)
}

pub(crate) fn tell(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    fd: u32,
    position: u32,
) -> Result<(), Errno> {
    let descriptor = state.descriptors.get(fd)?;
    descriptor.file()?;
    descriptor.need(Rights::FD_TELL)?;
    memory.write_u64(position, current_position(&descriptor.resource))
}

pub(crate) fn write(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    fd: u32,
    vector: u32,
    count: u32,
    done: u32,
) -> Result<(), Errno> {
    let descriptor = state.descriptors.get(fd)?;
    descriptor.need_transfer(Rights::FD_WRITE)?;
    let resource = descriptor.resource.clone();
    let appends = descriptor.flags.contains(FdFlags::APPEND);
    memory.check(done, 4)?;
    let buffers = memory.buffers(vector, count)?;
    let written = match resource {
        Resource::Stdout => drain(memory, buffers, |bytes, _| {
            let count = state.stdout.write(bytes);
            if count == 0 && !bytes.is_empty() { Err(Errno::NoSpc) } else { Ok(count) }
        })
        .inspect(|count| count_written(state, *count))?,
        Resource::Stderr => drain(memory, buffers, |bytes, _| {
            state.stderr.write(bytes);
            Ok(bytes.len())
        })
        .inspect(|count| count_written(state, *count))?,
        Resource::File { inode, position } => {
            let start = if appends { state.files.size(inode)? } else { position };
            let written = write_file(state, memory, inode, buffers, start)?;
            set_position(state, fd, start.saturating_add(u64::from(written)))?;
            written
        }
        Resource::Directory { .. } | Resource::Stdin => return Err(Errno::BadF),
    };
    memory.write_u32(done, written)
}

fn read_file(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    inode: u64,
    buffers: Buffers,
    offset: u64,
) -> Result<u32, Errno> {
    let now = state.clocks.now();
    fill(memory, buffers, |into, done| {
        state.files.read(inode, offset.saturating_add(done), into, now)
    })
}

fn write_file(
    state: &mut WasiState,
    memory: &GuestMemory<'_>,
    inode: u64,
    buffers: Buffers,
    offset: u64,
) -> Result<u32, Errno> {
    let now = state.clocks.now();
    let written = drain(memory, buffers, |bytes, done| {
        state.files.write(inode, offset.checked_add(done).ok_or(Errno::FBig)?, bytes, now)
    })?;
    count_written(state, written);
    Ok(written)
}

fn count_written(state: &mut WasiState, count: u32) {
    state.bytes_written = state.bytes_written.saturating_add(u64::from(count));
}

fn current_position(resource: &Resource) -> u64 {
    match resource {
        Resource::File { position, .. } => *position,
        _ => 0,
    }
}

fn set_position(state: &mut WasiState, fd: u32, to: u64) -> Result<(), Errno> {
    if let Resource::File { position, .. } = &mut state.descriptors.get_mut(fd)?.resource {
        *position = to;
    }
    Ok(())
}
