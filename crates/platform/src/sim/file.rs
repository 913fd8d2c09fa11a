//! One simulated file: what programs see, and what a loss of power would leave.

use std::collections::BTreeSet;

use super::SimRandom;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;
/// What a file system allocates at a time.
pub(super) const BLOCK: u64 = 4096;

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, data: Vec<u8> },
    SetLen(usize),
}

/// A file's content in the cache and on the platter.
#[derive(Debug, Default, Clone)]
pub(super) struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    allocated: BTreeSet<u64>,
}

/// How a loss of power treats what was not synced.
#[derive(Debug, Clone, Copy)]
enum Loss {
    /// All of it is gone.
    All,
    /// The disk had written everything after all.
    Nothing,
    /// It had written the first changes.
    Prefix,
    /// It had written some sectors, in an order of its own.
    Scattered { kept_of_8: u64 },
}

impl Loss {
    fn draw(random: &mut SimRandom) -> Self {
        match random.below(8) {
            0 | 1 => Self::All,
            2 => Self::Nothing,
            3 => Self::Prefix,
            _ => Self::Scattered { kept_of_8: random.below(8) },
        }
    }
}

impl Content {
    pub(super) fn seen(&self) -> &[u8] {
        &self.seen
    }

    /// Blocks that writing `len` bytes at `offset` would add.
    pub(super) fn missing_blocks(&self, offset: u64, len: usize) -> u64 {
        blocks(offset, len).filter(|block| !self.allocated.contains(block)).count() as u64
    }

    pub(super) fn allocated_blocks(&self) -> u64 {
        self.allocated.len() as u64
    }

    pub(super) fn write(&mut self, offset: u64, data: &[u8]) {
        self.allocated.extend(blocks(offset, data.len()));
        let change = Change::Write { offset: index(offset), data: data.to_vec() };
        apply(&mut self.seen, &change);
        self.unsynced.push(change);
    }

    pub(super) fn set_len(&mut self, len: u64) {
        self.allocated.retain(|block| block * BLOCK < len);
        let change = Change::SetLen(index(len));
        apply(&mut self.seen, &change);
        self.unsynced.push(change);
    }

    /// Everything written so far becomes durable.
    pub(super) fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            apply(&mut self.durable, &change);
        }
    }

    /// A failed sync, as Linux does it: some changes reach the disk, the others stay readable but
    /// count as written, so that no later sync brings them to the disk.
    pub(super) fn fail_sync(&mut self, random: &mut SimRandom) {
        for change in self.unsynced.drain(..) {
            if random.chance(1, 2) {
                apply(&mut self.durable, &change);
            }
        }
    }

    /// What is left after a loss of power.
    pub(super) fn lose_power(&mut self, random: &mut SimRandom) {
        let changes = std::mem::take(&mut self.unsynced);
        let kept = match Loss::draw(random) {
            Loss::All => 0,
            Loss::Prefix => index(random.below(changes.len() as u64 + 1)),
            Loss::Nothing | Loss::Scattered { .. } if changes.is_empty() => 0,
            Loss::Nothing => changes.len(),
            Loss::Scattered { kept_of_8 } => {
                for change in &changes {
                    self.keep_some(change, kept_of_8, random);
                }
                0
            }
        };
        for change in &changes[..kept] {
            apply(&mut self.durable, change);
        }
        self.seen = self.durable.clone();
        let len = self.durable.len() as u64;
        self.allocated.retain(|block| block * BLOCK < len);
    }

    fn keep_some(&mut self, change: &Change, kept_of_8: u64, random: &mut SimRandom) {
        let Change::Write { offset, data } = change else {
            if random.chance(kept_of_8, 8) {
                apply(&mut self.durable, change);
            }
            return;
        };
        let mut at = *offset;
        let mut rest = data.as_slice();
        while !rest.is_empty() {
            let (sector, after) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
            if random.chance(kept_of_8, 8) {
                apply(&mut self.durable, &Change::Write { offset: at, data: sector.to_vec() });
            }
            at += sector.len();
            rest = after;
        }
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::SetLen(len) => content.resize(*len, 0),
        Change::Write { offset, data } => {
            let end = offset + data.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[*offset..end].copy_from_slice(data);
        }
    }
}

fn blocks(offset: u64, len: usize) -> std::ops::Range<u64> {
    offset / BLOCK..(offset + len as u64).div_ceil(BLOCK)
}

/// Simulated files are small: what does not fit into memory cannot be simulated.
fn index(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn synced_bytes_survive_every_loss_of_power_and_unsynced_ones_do_not_always() {
        let (mut lost, mut torn) = (0, 0);
        for seed in 0..200 {
            let mut random = SimRandom::new(seed);
            let mut content = Content::default();
            content.write(0, &[1; 2048]);
            content.sync();
            content.write(2048, &[2; 2048]);
            content.lose_power(&mut random);
            assert_eq!(content.seen()[..2048], [1; 2048]);
            let kept = content.seen()[2048..].iter().filter(|byte| **byte == 2).count();
            lost += usize::from(kept == 0);
            torn += usize::from(kept > 0 && kept < 2048);
        }
        assert!(lost > 20 && torn > 20, "{lost} {torn}");
    }

    #[test]
    fn what_a_failed_sync_left_out_is_readable_and_no_later_sync_saves_it() {
        let loses = (0..100).any(|seed| {
            let mut random = SimRandom::new(seed);
            let mut content = Content::default();
            content.write(0, b"x");
            content.fail_sync(&mut random);
            assert_eq!(content.seen(), b"x");
            content.sync();
            content.lose_power(&mut random);
            content.seen().is_empty()
        });
        assert!(loses);
    }
}
