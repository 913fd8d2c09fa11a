//! Evidence of epochs, each with the key config that it is about, kept for as long as a receipt
//! may cite it.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;
use sealwork_job::{Digest, InstanceId};
use sealwork_seal::{KeyConfig, tlv};
use sealwork_store::{Namespace, Store, StoreError};
use sealwork_verify::EvidenceDocument;
use zeroize::Zeroizing;

const NAMESPACE: &str = "evidence";
/// Rows that are read at once: one may have a megabyte.
const PAGE: usize = 4;

const TAG_FIRST_RECEIPT: u8 = 1;
const TAG_KEY_CONFIG: u8 = 2;
const TAG_DOCUMENT: u8 = 3;

/// The archive, in the store's namespace `evidence`: an ascending number to key config and
/// evidence, which are so written in one commit.
pub(crate) struct Archive {
    rows: Namespace,
    /// The rows, ascending.
    index: RwLock<Vec<Entry>>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    number: u64,
    /// No receipt before this one cites it.
    first_receipt: u64,
    evidence: Digest,
    key_config: Digest,
    instance: InstanceId,
}

/// A row's content.
struct Row {
    first_receipt: u64,
    key_config: Bytes,
    document: Bytes,
}

impl Archive {
    /// Reads what is there, and removes what the boot before this one has left without a receipt:
    /// a worker that starts again and again would fill the disk with it.
    pub(crate) async fn open(store: &Store) -> Result<Self, StoreError> {
        let rows = store.namespace(NAMESPACE);
        let mut index = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = rows.scan(b"", after.as_deref(), PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (key, value) in &page {
                index.push(Entry::read(key, value).ok_or_else(damaged)?);
            }
        }
        let archive = Self { rows, index: RwLock::new(index) };
        let next_receipt = store.chain_head().next_sequence;
        let last = archive.read().last().copied();
        if let Some(last) = last.filter(|last| last.first_receipt == next_receipt) {
            archive.remove(last.number).await?;
        }
        Ok(archive)
    }

    /// Keeps evidence with the key config that it is about; its digest. Receipts from
    /// `first_receipt` on may cite it.
    pub(crate) async fn add(
        &self,
        key_config: &KeyConfig,
        document: &EvidenceDocument,
        first_receipt: u64,
    ) -> Result<Digest, StoreError> {
        let entry = Entry {
            number: self.read().last().map_or(0, |last| last.number + 1),
            first_receipt,
            evidence: document.digest(),
            key_config: key_config.digest(),
            instance: key_config.instance,
        };
        let row = Row {
            first_receipt,
            key_config: key_config.to_json().into(),
            document: document.to_json().into(),
        };
        self.rows.put(entry.number.to_be_bytes(), row.encode()).await?;
        self.index.write().unwrap_or_else(PoisonError::into_inner).push(entry);
        Ok(entry.evidence)
    }

    /// The JSON of the evidence with this digest.
    pub(crate) fn document(&self, digest: Digest) -> Result<Option<Bytes>, StoreError> {
        self.row(|entry| entry.evidence == digest).map(|row| row.map(|row| row.document))
    }

    /// The JSON of the key config with this digest, as the instance signed it; without an instance,
    /// the newest.
    pub(crate) fn key_config(
        &self,
        digest: Digest,
        instance: Option<InstanceId>,
    ) -> Result<Option<Bytes>, StoreError> {
        let wanted = |entry: &Entry| {
            entry.key_config == digest && instance.is_none_or(|wanted| wanted == entry.instance)
        };
        self.row(wanted).map(|row| row.map(|row| row.key_config))
    }

    /// Whether there is more than what is cited now.
    pub(crate) fn has_older(&self) -> bool {
        self.read().len() > 1
    }

    /// Removes what is older than the evidence that the oldest receipt cites. One that is not
    /// known, or none, is older than all.
    pub(crate) async fn forget_before(&self, cited: Digest) -> Result<(), StoreError> {
        let older: Vec<u64> = {
            let index = self.read();
            let oldest = index.iter().position(|entry| entry.evidence == cited).unwrap_or(0);
            index.iter().take(oldest).map(|entry| entry.number).collect()
        };
        for number in older {
            self.remove(number).await?;
        }
        Ok(())
    }

    async fn remove(&self, number: u64) -> Result<(), StoreError> {
        self.rows.delete(number.to_be_bytes()).await?;
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        index.retain(|entry| entry.number != number);
        Ok(())
    }

    fn row(&self, wanted: impl Fn(&Entry) -> bool) -> Result<Option<Row>, StoreError> {
        let number = self.read().iter().rev().find(|entry| wanted(entry)).map(|e| e.number);
        let Some(number) = number else { return Ok(None) };
        let value = self.rows.get(number.to_be_bytes())?;
        value.map(|value| Row::decode(&value).ok_or_else(damaged)).transpose()
    }

    fn read(&self) -> RwLockReadGuard<'_, Vec<Entry>> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn read(key: &[u8], value: &[u8]) -> Option<Self> {
        let row = Row::decode(value)?;
        let key_config = KeyConfig::from_json(&row.key_config).ok()?;
        let document = EvidenceDocument::from_json(&row.document).ok()?;
        Some(Self {
            number: u64::from_be_bytes(key.try_into().ok()?),
            first_receipt: row.first_receipt,
            evidence: document.digest(),
            key_config: key_config.digest(),
            instance: key_config.instance,
        })
    }
}

impl Row {
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::new());
        tlv::push(&mut out, TAG_FIRST_RECEIPT, &self.first_receipt.to_be_bytes());
        tlv::push(&mut out, TAG_KEY_CONFIG, &self.key_config);
        tlv::push(&mut out, TAG_DOCUMENT, &self.document);
        out
    }

    fn decode(value: &[u8]) -> Option<Self> {
        let known = [TAG_FIRST_RECEIPT, TAG_KEY_CONFIG, TAG_DOCUMENT];
        let sections = tlv::parse(value, &known).ok()?;
        let [first_receipt, key_config, document] = sections.as_slice() else { return None };
        Some(Self {
            first_receipt: u64::from_be_bytes(first_receipt.bytes.try_into().ok()?),
            key_config: Bytes::copy_from_slice(key_config.bytes),
            document: Bytes::copy_from_slice(document.bytes),
        })
    }
}

fn damaged() -> StoreError {
    StoreError::Damaged("a row of the archive of evidence does not read".to_owned())
}
