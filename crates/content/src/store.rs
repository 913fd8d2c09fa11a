mod files;
mod pin;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use sealwork_platform::{Disk, DiskFile};

pub use self::pin::{Pin, PinName};
use self::{files::Files, pin::Record};
use crate::{
    Block, Blocks, Cid, ContentError, ReadLimits, import,
    read::{read, walk},
};

/// Bounds of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreLimits {
    /// Bytes of all blocks together.
    pub bytes: u64,
    /// Number of blocks.
    pub blocks: u64,
    /// Number of names.
    pub pins: u64,
    /// What one content may be: checked when it is added and when it is read.
    pub content: ReadLimits,
}

impl Default for StoreLimits {
    /// 1 GiB in up to 65536 blocks under up to 4096 names.
    fn default() -> Self {
        Self { bytes: 1 << 30, blocks: 1 << 16, pins: 1 << 12, content: ReadLimits::default() }
    }
}

/// What a collection removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Number of blocks.
    pub blocks: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// What is wrong on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damage {
    /// Blocks whose bytes are not those that their CIDs name.
    pub blocks: Vec<Cid>,
    /// Blocks that a name needs and that are not there.
    pub missing: Vec<Cid>,
    /// Names whose records do not read.
    pub pins: Vec<PinName>,
}

impl Damage {
    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.missing.is_empty() && self.pins.is_empty()
    }
}

/// Blocks on the worker's disk, and the names that hold them there.
///
/// A block is checked against its CID whenever it is read. A block that no name needs stays until
/// the next collection. Content is public: it is stored as it is.
#[derive(Debug)]
pub struct BlockStore {
    files: Files,
    limits: StoreLimits,
    /// Held by whoever changes the disk. Readers do not wait for it.
    changing: Mutex<()>,
    index: Mutex<Index>,
    _lock: Box<dyn DiskFile>,
}

/// What is on the disk.
#[derive(Debug, Default)]
struct Index {
    /// Each block with its size.
    blocks: BTreeMap<Cid, u64>,
    bytes: u64,
    pins: BTreeMap<PinName, Record>,
    damaged_pins: BTreeSet<PinName>,
}

impl BlockStore {
    /// Opens the store in `directory` of `disk`, which is made when something is written.
    ///
    /// # Errors
    /// [`ContentError::Locked`] when another process has it open, [`ContentError::Io`].
    pub fn open(
        disk: Arc<dyn Disk>,
        directory: &str,
        limits: StoreLimits,
    ) -> Result<Self, ContentError> {
        let files = Files::new(disk, directory);
        let lock = files.lock()?;
        files.clear_unfinished()?;
        let mut index = Index::default();
        for (cid, size) in files.blocks()? {
            index.insert(cid, size);
        }
        for name in files.pins()? {
            match files.read_pin(&name) {
                Ok(record) => {
                    index.pins.insert(name, record);
                }
                Err(ContentError::DamagedPin(_)) => {
                    index.damaged_pins.insert(name);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Self { files, limits, changing: Mutex::new(()), index: Mutex::new(index), _lock: lock })
    }

    /// Imports a file and holds it under `name`. The same content under the same name again writes
    /// what is missing or damaged.
    ///
    /// # Errors
    /// [`ContentError::TooLarge`], [`ContentError::NameTaken`], [`ContentError::StoreFull`] before
    /// anything is written; [`ContentError::Io`].
    pub fn add(&self, name: PinName, content: Bytes) -> Result<Pin, ContentError> {
        let (size, limit) = (content.len() as u64, self.limits.content.bytes);
        if size > limit {
            return Err(ContentError::TooLarge { size, limit });
        }
        let imported = import(content);
        let record = Record {
            root: imported.root,
            size,
            blocks: imported.blocks.iter().map(Block::cid).collect(),
        };
        let _alone = self.change();
        self.check_name(&name, imported.root)?;
        self.put_all(&imported.blocks)?;
        self.write_pin(name, record)
    }

    /// Holds content under `name` whose blocks are all here.
    ///
    /// # Errors
    /// Those of [`Self::read`], [`ContentError::NameTaken`], [`ContentError::StoreFull`].
    pub fn pin(&self, name: PinName, root: Cid) -> Result<Pin, ContentError> {
        let _alone = self.change();
        self.check_name(&name, root)?;
        let mut blocks = BTreeSet::new();
        let size = walk(self, root, self.limits.content, |block, _| {
            blocks.insert(block.cid());
        })?;
        self.write_pin(name, Record { root, size, blocks })
    }

    /// Lets `name` go and removes the blocks that no other name needs. While a name's record is
    /// damaged (see [`Self::check`]), no block is removed: what that name needs is not known.
    ///
    /// # Errors
    /// [`ContentError::NameUnknown`], [`ContentError::Io`].
    pub fn remove(&self, name: &PinName) -> Result<Collected, ContentError> {
        let _alone = self.change();
        {
            let index = self.index();
            if !index.pins.contains_key(name) && !index.damaged_pins.contains(name) {
                return Err(ContentError::NameUnknown(name.clone()));
            }
        }
        self.files.remove_pin(name)?;
        {
            let mut index = self.index();
            index.pins.remove(name);
            index.damaged_pins.remove(name);
        }
        match self.collect_alone() {
            Err(ContentError::DamagedPin(_)) => Ok(Collected::default()),
            collected => collected,
        }
    }

    /// Removes the blocks that no name needs.
    ///
    /// # Errors
    /// [`ContentError::DamagedPin`] when it is not known what a name needs: nothing is removed;
    /// [`ContentError::Io`].
    pub fn collect(&self) -> Result<Collected, ContentError> {
        let _alone = self.change();
        self.collect_alone()
    }

    /// Keeps a block, under no name. True when it was not there, or damaged.
    ///
    /// # Errors
    /// [`ContentError::StoreFull`], [`ContentError::Io`].
    pub fn put(&self, block: &Block) -> Result<bool, ContentError> {
        let _alone = self.change();
        Ok(self.put_all(std::slice::from_ref(block))? > 0)
    }

    /// A block.
    ///
    /// # Errors
    /// [`ContentError::Unknown`]; [`ContentError::Damaged`] when its bytes on disk are others;
    /// [`ContentError::Io`].
    pub fn get(&self, cid: Cid) -> Result<Block, ContentError> {
        if !self.has(cid) {
            return Err(ContentError::Unknown(cid));
        }
        self.files.read_block(cid)
    }

    /// The file that `root` names.
    ///
    /// # Errors
    /// Those of [`Self::get`] and [`crate::read()`].
    pub fn read(&self, root: Cid) -> Result<Vec<u8>, ContentError> {
        read(self, root, self.limits.content)
    }

    /// Whether a block is here. Its bytes are not looked at.
    pub fn has(&self, cid: Cid) -> bool {
        self.index().blocks.contains_key(&cid)
    }

    /// The CIDs of all blocks, sorted.
    pub fn blocks(&self) -> Vec<Cid> {
        self.index().blocks.keys().copied().collect()
    }

    /// The size of all blocks together, in bytes.
    pub fn total_bytes(&self) -> u64 {
        self.index().bytes
    }

    /// What the names stand for, sorted by name.
    pub fn pins(&self) -> Vec<Pin> {
        self.index().pins.iter().map(|(name, record)| record.pin(name.clone())).collect()
    }

    /// Reads every block and says what is wrong.
    ///
    /// # Errors
    /// [`ContentError::Io`] when the disk cannot be read.
    pub fn check(&self) -> Result<Damage, ContentError> {
        let _alone = self.change();
        let (blocks, needed, pins) = {
            let index = self.index();
            let pins = index.damaged_pins.iter().cloned().collect();
            (index.blocks.keys().copied().collect::<BTreeSet<_>>(), index.needed(), pins)
        };
        let mut damage = Damage { missing: Vec::new(), blocks: Vec::new(), pins };
        damage.missing.extend(needed.difference(&blocks));
        for cid in blocks {
            match self.files.read_block(cid) {
                Ok(_) => {}
                Err(ContentError::Damaged(_)) => damage.blocks.push(cid),
                Err(ContentError::Unknown(_)) if needed.contains(&cid) => damage.missing.push(cid),
                Err(ContentError::Unknown(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(damage)
    }

    fn check_name(&self, name: &PinName, root: Cid) -> Result<(), ContentError> {
        let index = self.index();
        match index.pins.get(name) {
            Some(record) if record.root == root => Ok(()),
            Some(record) => Err(ContentError::NameTaken { name: name.clone(), root: record.root }),
            None if index.damaged_pins.contains(name) => Ok(()),
            None if index.names() >= self.limits.pins => {
                Err(ContentError::StoreFull { what: "names", limit: self.limits.pins })
            }
            None => Ok(()),
        }
    }

    fn write_pin(&self, name: PinName, record: Record) -> Result<Pin, ContentError> {
        self.files.write_pin(&name, &record)?;
        let pin = record.pin(name.clone());
        let mut index = self.index();
        index.damaged_pins.remove(&name);
        index.pins.insert(name, record);
        Ok(pin)
    }

    /// Writes those of the blocks that are not there or damaged, all or none, and says how many.
    fn put_all(&self, blocks: &[Block]) -> Result<usize, ContentError> {
        let mut absent = Vec::new();
        for block in blocks {
            match self.get(block.cid()) {
                Ok(_) => {}
                Err(ContentError::Unknown(_) | ContentError::Damaged(_)) => absent.push(block),
                Err(error) => return Err(error),
            }
        }
        self.check_room(&absent)?;
        let mut written = Vec::new();
        for block in &absent {
            let cid = block.cid();
            if let Err(error) = self.files.write_block(block) {
                // Blocks that are left over go with the next collection.
                let _ = self.discard(&written);
                return Err(error);
            }
            if !self.has(cid) {
                written.push(cid);
            }
            self.index().insert(cid, block.len());
        }
        Ok(absent.len())
    }

    fn check_room(&self, absent: &[&Block]) -> Result<(), ContentError> {
        let index = self.index();
        let new = || absent.iter().filter(|block| !index.blocks.contains_key(&block.cid()));
        let bytes = index.bytes + new().map(|block| block.len()).sum::<u64>();
        let count = (index.blocks.len() + new().count()) as u64;
        for (what, value, limit) in
            [("bytes", bytes, self.limits.bytes), ("blocks", count, self.limits.blocks)]
        {
            if value > limit {
                return Err(ContentError::StoreFull { what, limit });
            }
        }
        Ok(())
    }

    fn collect_alone(&self) -> Result<Collected, ContentError> {
        let unneeded: Vec<_> = {
            let index = self.index();
            if let Some(name) = index.damaged_pins.first() {
                return Err(ContentError::DamagedPin(name.clone()));
            }
            let needed = index.needed();
            index.blocks.keys().filter(|cid| !needed.contains(cid)).copied().collect()
        };
        self.discard(&unneeded)
    }

    fn discard(&self, blocks: &[Cid]) -> Result<Collected, ContentError> {
        let mut collected = Collected::default();
        for cid in blocks {
            self.files.remove_block(*cid)?;
            collected.blocks += 1;
            collected.bytes += self.index().remove(*cid);
        }
        self.files.sync_blocks()?;
        Ok(collected)
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blocks for BlockStore {
    fn block(&self, cid: Cid) -> Result<Block, ContentError> {
        self.get(cid)
    }
}

impl Index {
    fn insert(&mut self, cid: Cid, size: u64) {
        self.bytes += size;
        self.bytes -= self.blocks.insert(cid, size).unwrap_or(0);
    }

    fn remove(&mut self, cid: Cid) -> u64 {
        let size = self.blocks.remove(&cid).unwrap_or(0);
        self.bytes -= size;
        size
    }

    fn names(&self) -> u64 {
        (self.pins.len() + self.damaged_pins.len()) as u64
    }

    fn needed(&self) -> BTreeSet<Cid> {
        self.pins.values().flat_map(|record| record.blocks.iter().copied()).collect()
    }
}
