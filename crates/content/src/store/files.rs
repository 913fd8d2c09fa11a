use std::{io, sync::Arc};

use sealwork_platform::{Disk, DiskFile};

use super::{PinName, pin::Record};
use crate::{Block, Cid, ContentError};

/// Where a store keeps what. Blocks are in `blocks`, named by their CIDs; the records of names in
/// `pins`, named by the names.
#[derive(Debug)]
pub(super) struct Files {
    disk: Arc<dyn Disk>,
    blocks: String,
    pins: String,
    lock: String,
}

impl Files {
    pub(super) fn new(disk: Arc<dyn Disk>, directory: &str) -> Self {
        let at = |name| format!("{directory}/{name}");
        Self { disk, blocks: at("blocks"), pins: at("pins"), lock: at("lock") }
    }

    pub(super) fn lock(&self) -> Result<Box<dyn DiskFile>, ContentError> {
        self.disk.open(&self.lock).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => ContentError::Locked,
            _ => ContentError::Io(error),
        })
    }

    /// Removes what a crash left behind.
    pub(super) fn clear_unfinished(&self) -> Result<(), ContentError> {
        for directory in [&self.blocks, &self.pins] {
            for name in self.disk.list(directory)? {
                if name.starts_with('.') && name.ends_with(".tmp") {
                    self.disk.remove(&format!("{directory}/{name}"))?;
                }
            }
        }
        Ok(())
    }

    /// Each block with its size. Other files are left alone.
    pub(super) fn blocks(&self) -> Result<Vec<(Cid, u64)>, ContentError> {
        let names = self.disk.list(&self.blocks)?;
        let cids = names.iter().filter_map(|name| {
            let cid: Cid = name.parse().ok()?;
            (cid.to_string() == *name).then_some(cid)
        });
        cids.map(|cid| Ok((cid, self.disk.open(&self.block(cid))?.len()?))).collect()
    }

    pub(super) fn read_block(&self, cid: Cid) -> Result<Block, ContentError> {
        let bytes = self.disk.read(&self.block(cid)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ContentError::Unknown(cid),
            _ => ContentError::Io(error),
        })?;
        Block::checked(cid, bytes.into()).map_err(|_| ContentError::Damaged(cid))
    }

    pub(super) fn write_block(&self, block: &Block) -> Result<(), ContentError> {
        Ok(self.disk.write_atomic(&self.block(block.cid()), block.bytes())?)
    }

    pub(super) fn remove_block(&self, cid: Cid) -> Result<(), ContentError> {
        Ok(self.disk.remove(&self.block(cid))?)
    }

    pub(super) fn sync_blocks(&self) -> Result<(), ContentError> {
        Ok(self.disk.sync_directory(&self.blocks)?)
    }

    /// The names that have records.
    pub(super) fn pins(&self) -> Result<Vec<PinName>, ContentError> {
        let names = self.disk.list(&self.pins)?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    pub(super) fn read_pin(&self, name: &PinName) -> Result<Record, ContentError> {
        let bytes = self.disk.read(&self.pin(name))?;
        serde_json::from_slice(&bytes)
            .ok()
            .filter(Record::is_whole)
            .ok_or_else(|| ContentError::DamagedPin(name.clone()))
    }

    pub(super) fn write_pin(&self, name: &PinName, record: &Record) -> Result<(), ContentError> {
        let bytes = serde_json::to_vec(record).map_err(io::Error::from)?;
        Ok(self.disk.write_atomic(&self.pin(name), &bytes)?)
    }

    /// Removes a name's record for good.
    pub(super) fn remove_pin(&self, name: &PinName) -> Result<(), ContentError> {
        self.disk.remove(&self.pin(name))?;
        Ok(self.disk.sync_directory(&self.pins)?)
    }

    fn block(&self, cid: Cid) -> String {
        format!("{}/{cid}", self.blocks)
    }

    fn pin(&self, name: &PinName) -> String {
        format!("{}/{name}", self.pins)
    }
}
