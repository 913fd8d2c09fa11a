//! The data of a dag-pb node that is part of a file. <https://specs.ipfs.tech/unixfs/>

use crate::wire::{Fields, Malformed, put_number, set_once};

const KIND: u64 = 1;
const DATA: u64 = 2;
const FILE_SIZE: u64 = 3;
const BLOCK_SIZE: u64 = 4;
const HASH_TYPE: u64 = 5;
const FANOUT: u64 = 6;
const MODE: u64 = 7;
const MODIFIED: u64 = 8;

const KIND_FILE: u64 = 2;
/// A number of seconds, up to 10 bytes, and a fixed number of nanoseconds, each with a tag.
const TIME_MAX: usize = 16;

/// One level of a file: bytes of its own, then those of its parts, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct File<'a> {
    pub(crate) data: &'a [u8],
    /// Bytes of content in each part, in the order of the node's links.
    pub(crate) parts: Vec<u64>,
    /// The sum of both.
    pub(crate) size: u64,
}

/// What a node's data says it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry<'a> {
    File(File<'a>),
    /// Another thing, by name.
    Other(&'static str),
}

/// The data of a node whose content is in its links, of these sizes.
pub(crate) fn encode(parts: impl Iterator<Item = u64> + Clone) -> Vec<u8> {
    let mut out = Vec::new();
    put_number(&mut out, KIND, KIND_FILE);
    put_number(&mut out, FILE_SIZE, parts.clone().sum());
    for part in parts {
        put_number(&mut out, BLOCK_SIZE, part);
    }
    out
}

/// Reads a node's data. Fields may come in any order, those that are single only once; mode and
/// modification time are passed over.
pub(crate) fn decode(message: &[u8]) -> Result<Entry<'_>, Malformed> {
    let (mut kind, mut data, mut stated) = (None, None, None);
    let (mut hash_type, mut fanout, mut mode, mut modified) = (None, None, None, None);
    let mut parts = Vec::new();
    for field in Fields::of(message) {
        match field? {
            (KIND, value) => set_once(&mut kind, value.number()?)?,
            (DATA, value) => set_once(&mut data, value.bytes()?)?,
            (FILE_SIZE, value) => set_once(&mut stated, value.number()?)?,
            (BLOCK_SIZE, value) => parts.push(value.number()?),
            (HASH_TYPE, value) => set_once(&mut hash_type, value.number()?)?,
            (FANOUT, value) => set_once(&mut fanout, value.number()?)?,
            (MODE, value) => set_once(&mut mode, value.number()?)?,
            (MODIFIED, value) => set_once(&mut modified, value.bytes()?)?,
            _ => return Err(Malformed("the file data has an unknown field")),
        }
    }
    // Room that no limit on the content counts.
    if modified.is_some_and(|time| time.len() > TIME_MAX) {
        return Err(Malformed("the modification time is too long"));
    }
    let data = data.unwrap_or_default();
    match kind.ok_or(Malformed("the file data has no type"))? {
        // The leaves of old files are of the type raw.
        0 if !parts.is_empty() => return Err(Malformed("a raw leaf has parts")),
        0 | KIND_FILE => {}
        1 => return Ok(Entry::Other("directory")),
        3 => return Ok(Entry::Other("metadata record")),
        4 => return Ok(Entry::Other("symlink")),
        5 => return Ok(Entry::Other("sharded directory")),
        _ => return Err(Malformed("the file data has an unknown type")),
    }
    let size = parts
        .iter()
        .try_fold(data.len() as u64, |sum, part| sum.checked_add(*part))
        .ok_or(Malformed("the sizes of the parts exceed 64 bits"))?;
    if stated.is_some_and(|stated| stated != size) {
        return Err(Malformed("the size of the file is not that of its parts"));
    }
    Ok(Entry::File(File { data, parts, size }))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn file_data_reads_back_as_it_was_written() {
        let parts = [262_144, 262_144, 5];
        let bytes = encode(parts.into_iter());
        let size = 524_293;
        let file = File { data: b"", parts: parts.to_vec(), size };
        assert_eq!(decode(&bytes).unwrap(), Entry::File(file));
    }

    #[test]
    fn mode_and_time_are_passed_over() {
        let file = File { data: b"ab", parts: vec![], size: 2 };
        let bytes = [0x08, 2, 0x12, 2, b'a', b'b', 0x18, 2, 0x38, 0o44, 0x42, 2, 0x08, 1];
        assert_eq!(decode(&bytes).unwrap(), Entry::File(file));
    }

    #[test]
    fn things_that_are_no_file_are_named() {
        for (kind, name) in
            [(1, "directory"), (3, "metadata record"), (4, "symlink"), (5, "sharded directory")]
        {
            assert_eq!(decode(&[0x08, kind, 0x28, 0x22, 0x30, 8]).unwrap(), Entry::Other(name));
        }
    }

    #[test]
    fn file_data_that_contradicts_itself_is_refused() {
        let large = [&[0x08, 2][..], &[0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]];
        let overflow = [&large.concat()[..], &[0x01, 0x20, 1]].concat();
        for (what, bytes) in [
            ("no type", &[0x12, 1, b'a'][..]),
            ("unknown type", &[0x08, 6]),
            ("two types", &[0x08, 2, 0x08, 2]),
            ("a size that is more than the sum", &[0x08, 2, 0x18, 3, 0x20, 1, 0x20, 1]),
            ("a size that is less than the sum", &[0x08, 2, 0x18, 1, 0x20, 1, 0x20, 1]),
            ("a size that is not the data's", &[0x08, 2, 0x12, 1, b'a', 0x18, 2]),
            ("sizes beyond 64 bits", &overflow),
            ("a raw leaf with parts", &[0x08, 0, 0x20, 1]),
            ("a time of 17 bytes", &[&[0x08, 2, 0x42, 17][..], &[0; 17]].concat()),
            ("two modes", &[0x08, 2, 0x38, 1, 0x38, 1]),
            ("packed sizes", &[0x08, 2, 0x22, 1, 1]),
            ("an unknown field", &[0x08, 2, 0x48, 1]),
        ] {
            assert!(decode(bytes).is_err(), "{what}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(mut bytes in vec(any::<u8>(), 0..200), typed: bool) {
            if typed {
                bytes.splice(0..0, [0x08, 2]);
            }
            if let Ok(Entry::File(file)) = decode(&bytes) {
                prop_assert!(file.parts.len() * 2 + file.data.len() < bytes.len());
            }
        }
    }
}
