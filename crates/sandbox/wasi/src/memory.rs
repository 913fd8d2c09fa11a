//! The guest's linear memory, every access checked.

use crate::errno::Errno;

/// The most buffers that one read or write may name (`IOV_MAX` of Linux).
pub(crate) const MAX_IOVECS: u32 = 1024;
/// The longest path, in bytes (`PATH_MAX` of Linux).
pub(crate) const MAX_PATH: u32 = 4096;

const IOVEC_SIZE: u64 = 8;

/// The whole memory of one instance. An access outside it is [`Errno::Fault`].
pub(crate) struct GuestMemory<'a> {
    bytes: &'a mut [u8],
}

/// A buffer that the guest names: offset and length, not yet checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Buffer {
    pub(crate) pointer: u32,
    pub(crate) len: u32,
}

impl<'a> GuestMemory<'a> {
    pub(crate) fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) fn slice(&self, pointer: u32, len: u32) -> Result<&[u8], Errno> {
        let (start, end) = range(pointer, len);
        self.bytes.get(start..end).ok_or(Errno::Fault)
    }

    pub(crate) fn slice_mut(&mut self, pointer: u32, len: u32) -> Result<&mut [u8], Errno> {
        let (start, end) = range(pointer, len);
        self.bytes.get_mut(start..end).ok_or(Errno::Fault)
    }

    /// Finds out early that a result could not be written, before the call has an effect.
    pub(crate) fn check(&self, pointer: u32, len: u32) -> Result<(), Errno> {
        self.slice(pointer, len).map(|_| ())
    }

    /// Copies `bytes` to `pointer`.
    pub(crate) fn write(&mut self, pointer: u32, bytes: &[u8]) -> Result<(), Errno> {
        let len = u32::try_from(bytes.len()).map_err(|_| Errno::Overflow)?;
        self.slice_mut(pointer, len)?.copy_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn write_u32(&mut self, pointer: u32, value: u32) -> Result<(), Errno> {
        self.write(pointer, &value.to_le_bytes())
    }

    pub(crate) fn write_u64(&mut self, pointer: u32, value: u64) -> Result<(), Errno> {
        self.write(pointer, &value.to_le_bytes())
    }

    /// The path at `pointer`: UTF-8 without NUL, at most [`MAX_PATH`] bytes.
    pub(crate) fn path(&self, pointer: u32, len: u32) -> Result<&str, Errno> {
        if len > MAX_PATH {
            return Err(Errno::NameTooLong);
        }
        let text = str::from_utf8(self.slice(pointer, len)?).map_err(|_| Errno::IlSeq)?;
        if text.contains('\0') { Err(Errno::Inval) } else { Ok(text) }
    }

    /// Checks a vector of buffers and all that it names, so that a transfer which has begun does
    /// not fail on a pointer.
    pub(crate) fn buffers(&self, pointer: u32, count: u32) -> Result<Buffers, Errno> {
        if count > MAX_IOVECS {
            return Err(Errno::Inval);
        }
        let buffers = Buffers { pointer, count };
        let mut total = 0_u32;
        for index in 0..count {
            let buffer = self.buffer(buffers, index)?;
            self.check(buffer.pointer, buffer.len)?;
            // The sum of a transfer is answered in 32 bits.
            total = total.checked_add(buffer.len).ok_or(Errno::Inval)?;
        }
        Ok(buffers)
    }

    /// Buffer `index` of a vector. Reading into guest memory may overwrite the vector itself:
    /// whatever it says then is checked again by the access.
    pub(crate) fn buffer(&self, buffers: Buffers, index: u32) -> Result<Buffer, Errno> {
        let at = u64::from(buffers.pointer) + u64::from(index) * IOVEC_SIZE;
        let at = u32::try_from(at).map_err(|_| Errno::Fault)?;
        let words = self.slice(at, IOVEC_SIZE as u32)?;
        Ok(Buffer { pointer: word(words, 0), len: word(words, 4) })
    }
}

/// A vector of buffers in guest memory, bounded in number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Buffers {
    pointer: u32,
    pub(crate) count: u32,
}

/// The 32-bit word at `at` of a record; zero beyond its end.
pub(crate) fn word(record: &[u8], at: usize) -> u32 {
    record.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// The 64-bit word at `at` of a record; zero beyond its end.
pub(crate) fn long(record: &[u8], at: usize) -> u64 {
    record.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn range(pointer: u32, len: u32) -> (usize, usize) {
    let start = pointer as usize;
    (start, start.saturating_add(len as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_past_the_end_is_a_fault_and_one_up_to_it_is_not() {
        let mut bytes = [0; 64];
        let mut memory = GuestMemory::new(&mut bytes);
        assert!(memory.slice(60, 4).is_ok());
        assert!(memory.slice(64, 0).is_ok());
        assert_eq!(memory.slice(60, 5), Err(Errno::Fault));
        assert_eq!(memory.slice(65, 0), Err(Errno::Fault));
        assert_eq!(memory.slice(u32::MAX, u32::MAX), Err(Errno::Fault));
        assert_eq!(memory.write_u64(57, 1), Err(Errno::Fault));
        assert!(memory.write_u64(56, 1).is_ok());
    }

    #[test]
    fn a_vector_is_refused_for_its_count_its_place_what_it_names_and_its_sum() {
        let mut bytes = [0; 64];
        bytes[0..4].copy_from_slice(&60_u32.to_le_bytes());
        bytes[4..8].copy_from_slice(&5_u32.to_le_bytes());
        let memory = GuestMemory::new(&mut bytes);
        assert_eq!(memory.buffers(0, MAX_IOVECS + 1).err(), Some(Errno::Inval));
        assert_eq!(memory.buffers(0, 1).err(), Some(Errno::Fault));
        assert_eq!(memory.buffers(60, 1).err(), Some(Errno::Fault));
        assert_eq!(memory.buffers(u32::MAX - 2, 2).err(), Some(Errno::Fault));
        assert!(memory.buffers(8, 7).is_ok());
    }

    #[test]
    fn a_vector_whose_sum_needs_more_than_32_bits_is_refused() {
        const WHOLE: u32 = 4 << 20;
        let mut bytes = vec![0; WHOLE as usize];
        for vector in bytes.chunks_exact_mut(8).take(MAX_IOVECS as usize) {
            vector[4..].copy_from_slice(&WHOLE.to_le_bytes());
        }
        let memory = GuestMemory::new(&mut bytes);
        assert!(memory.buffers(0, MAX_IOVECS - 1).is_ok());
        assert_eq!(memory.buffers(0, MAX_IOVECS).err(), Some(Errno::Inval));
    }

    #[test]
    fn a_path_is_text_without_nul_of_bounded_length() {
        let mut bytes = *b"a/b\0\xff___";
        let memory = GuestMemory::new(&mut bytes);
        assert_eq!(memory.path(0, 3), Ok("a/b"));
        assert_eq!(memory.path(0, 4), Err(Errno::Inval));
        assert_eq!(memory.path(4, 1), Err(Errno::IlSeq));
        assert_eq!(memory.path(0, MAX_PATH + 1), Err(Errno::NameTooLong));
        assert_eq!(memory.path(0, 9), Err(Errno::Fault));
    }
}
