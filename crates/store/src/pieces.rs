//! A value in a file of its own, sealed piece by piece, so that neither who writes it nor who reads
//! it has it whole in memory.
//!
//! Each piece is sealed to the file's name, its number, and whether it is the last one: none can be
//! left out, repeated or moved.

use std::io;

use sealwork_platform::DiskFile;
use zeroize::Zeroizing;

use crate::{
    StoreError,
    sealing::{OVERHEAD, Place, Sealer},
};

/// Bytes of content in each piece but the last.
const PIECE: usize = 64 << 10;
const SEALED: usize = PIECE + OVERHEAD;

pub(crate) struct PieceWriter {
    file: Box<dyn DiskFile>,
    name: String,
    number: u64,
    at: u64,
    /// Content of which it is not known yet whether more follows.
    pending: Zeroizing<Vec<u8>>,
    sealed: Vec<u8>,
}

impl PieceWriter {
    /// Writes into an empty file.
    pub(crate) fn new(file: Box<dyn DiskFile>, name: String) -> Self {
        let pending = Zeroizing::new(Vec::with_capacity(PIECE));
        Self { file, name, number: 0, at: 0, pending, sealed: Vec::with_capacity(SEALED) }
    }

    pub(crate) fn push(&mut self, sealer: &Sealer, mut content: &[u8]) -> io::Result<()> {
        while self.pending.len() + content.len() > PIECE {
            let (piece, rest) = content.split_at(PIECE - self.pending.len());
            content = rest;
            self.pending.extend_from_slice(piece);
            self.write(sealer, false)?;
        }
        self.pending.extend_from_slice(content);
        Ok(())
    }

    /// Writes the last piece. The file is not synced.
    pub(crate) fn finish(mut self, sealer: &Sealer) -> io::Result<Box<dyn DiskFile>> {
        self.write(sealer, true)?;
        Ok(self.file)
    }

    fn write(&mut self, sealer: &Sealer, is_last: bool) -> io::Result<()> {
        self.sealed.clear();
        let key = (self.number.to_be_bytes(), [u8::from(is_last)]);
        let key: [&[u8]; 3] = [self.name.as_bytes(), &key.0, &key.1];
        sealer.seal_into(of(&key), &self.pending, &mut self.sealed);
        self.file.write_all_at(self.at, &self.sealed)?;
        self.pending.clear();
        self.number += 1;
        self.at += self.sealed.len() as u64;
        Ok(())
    }
}

pub(crate) struct PieceReader {
    file: Box<dyn DiskFile>,
    name: String,
    number: u64,
    /// Bytes of the file.
    sealed: u64,
}

impl PieceReader {
    pub(crate) fn new(file: Box<dyn DiskFile>, name: String) -> io::Result<Self> {
        let sealed = file.len()?;
        Ok(Self { file, name, number: 0, sealed })
    }

    /// Bytes of content, as far as the file is whole.
    pub(crate) fn len(&self) -> u64 {
        self.sealed.saturating_sub(self.pieces() * OVERHEAD as u64)
    }

    /// An empty value has one piece, too.
    fn pieces(&self) -> u64 {
        self.sealed.div_ceil(SEALED as u64).max(1)
    }

    /// The next piece; `None` after the last one.
    pub(crate) fn next(&mut self, sealer: &Sealer) -> Option<Result<Vec<u8>, StoreError>> {
        let last = self.pieces() - 1;
        (self.number <= last).then(|| {
            let piece = self.read(sealer, self.number == last);
            // After an error there is nothing more.
            self.number = if piece.is_ok() { self.number + 1 } else { u64::MAX };
            piece
        })
    }

    fn read(&self, sealer: &Sealer, is_last: bool) -> Result<Vec<u8>, StoreError> {
        let at = self.number * SEALED as u64;
        let len = usize::try_from(self.sealed - at).unwrap_or(usize::MAX).min(SEALED);
        let mut sealed = vec![0; len];
        self.file.read_exact_at(at, &mut sealed)?;
        let key = (self.number.to_be_bytes(), [u8::from(is_last)]);
        let key: [&[u8]; 3] = [self.name.as_bytes(), &key.0, &key.1];
        let piece = sealer.open_owned(of(&key), sealed);
        piece.ok_or_else(|| StoreError::damaged(super::blobs::DIRECTORY))
    }
}

fn of<'a>(key: &'a [&'a [u8]]) -> Place<'a> {
    Place { table: super::blobs::DIRECTORY, key }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sealwork_platform::{
        Disk,
        sim::{SeededEntropy, SimDisk},
    };

    use super::*;

    fn sealer() -> Sealer {
        Sealer::new(&[1; 32], &SeededEntropy::new(1))
    }

    fn write(disk: &SimDisk, parts: &[&[u8]]) {
        let mut writer = PieceWriter::new(disk.open("file").unwrap(), "name".to_owned());
        parts.iter().for_each(|part| writer.push(&sealer(), part).unwrap());
        writer.finish(&sealer()).unwrap();
    }

    fn read(disk: &SimDisk, name: &str) -> Result<Vec<u8>, StoreError> {
        let mut reader = PieceReader::new(disk.open_to_read("file").unwrap(), name.to_owned())?;
        let len = reader.len();
        let mut content = Vec::new();
        while let Some(piece) = reader.next(&sealer()) {
            content.extend(piece?);
        }
        assert_eq!(content.len() as u64, len);
        Ok(content)
    }

    #[test]
    fn no_piece_can_be_cut_off_moved_or_taken_from_another_file() {
        let content: Vec<u8> = (0..3 * PIECE).map(|n| (n % 251) as u8).collect();
        let disk = SimDisk::new(1);
        write(&disk, &[&content]);
        assert_eq!(read(&disk, "name").unwrap(), content);
        assert!(read(&disk, "other").is_err());
        let whole = disk.read("file").unwrap();
        for changed in [
            whole[..2 * SEALED].to_vec(),
            whole[..whole.len() - 1].to_vec(),
            whole[SEALED..].to_vec(),
            [&whole[SEALED..2 * SEALED], &whole[..SEALED], &whole[2 * SEALED..]].concat(),
            [&whole[..], &whole[..SEALED]].concat(),
            Vec::new(),
        ] {
            disk.write_atomic("file", &changed).unwrap();
            assert!(read(&disk, "name").is_err(), "{} bytes", changed.len());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn content_of_any_length_reads_back_however_it_was_pushed(
            lens in prop::collection::vec(0_usize..(PIECE + PIECE / 2), 0..5),
        ) {
            let parts: Vec<Vec<u8>> = lens.iter().map(|len| vec![*len as u8; *len]).collect();
            let disk = SimDisk::new(1);
            write(&disk, &parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
            prop_assert_eq!(read(&disk, "name").unwrap(), parts.concat());
        }
    }
}
