//! The tables of the store's file.

use redb::{ReadTransaction, Table, TableDefinition, WriteTransaction};

use crate::StoreError;

/// `format` u32 LE in clear, `check` and `head` sealed.
pub(crate) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Job id to what is left of it: [`PENDING_ROW`], [`SETTLED_ROW`], [`RECEIPT_ROW`] or
/// [`DAMAGED_ROW`], and that row's key.
pub(crate) const JOBS: TableDefinition<'_, [u8; 16], (u8, u64)> = TableDefinition::new("jobs");
/// Unsettled jobs in the order of acceptance; two-part rows: entry, body.
pub(crate) const PENDING: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("pending");
/// Unsettled jobs that were marked as running, by the same key.
pub(crate) const RUNNING: TableDefinition<'_, u64, ()> = TableDefinition::new("running");
/// Settled jobs by the number of their receipt; two-part rows: entry and outcome, response.
pub(crate) const SETTLED: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("settled");
/// Settled jobs whose results were handed out, by the same key.
pub(crate) const DELIVERED: TableDefinition<'_, u64, ()> = TableDefinition::new("delivered");
/// Receipts by number, sealed.
pub(crate) const RECEIPTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("receipts");
/// Receipts' numbers to their jobs.
pub(crate) const RECEIPT_JOBS: TableDefinition<'_, u64, [u8; 16]> =
    TableDefinition::new("receipt_jobs");
/// Rows of `pending` that did not read, as they were, by the same key; the job where it is known.
pub(crate) const DAMAGED: TableDefinition<'_, u64, (Option<[u8; 16]>, &[u8])> =
    TableDefinition::new("damaged");
/// Keyed hash of scope and nonce to the time until which it is remembered, and the job.
pub(crate) const REPLAY: TableDefinition<'_, [u8; 16], (u64, [u8; 16])> =
    TableDefinition::new("replay");
/// The same in the order of time.
pub(crate) const REPLAY_UNTIL: TableDefinition<'_, (u64, [u8; 16]), ()> =
    TableDefinition::new("replay_until");
/// Door and receipt number to what the door has to deliver, sealed.
pub(crate) const OUTBOX: TableDefinition<'_, (&str, u64), &[u8]> = TableDefinition::new("outbox");
/// Namespace and key to value, sealed.
pub(crate) const NAMESPACES: TableDefinition<'_, (&str, &[u8]), &[u8]> =
    TableDefinition::new("namespaces");
/// Lane to the last position that was accepted, sealed.
pub(crate) const LANES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("lanes");

pub(crate) const PENDING_ROW: u8 = 0;
pub(crate) const SETTLED_ROW: u8 = 1;
/// The result is gone, the receipt is there.
pub(crate) const RECEIPT_ROW: u8 = 2;
/// The row was set aside.
pub(crate) const DAMAGED_ROW: u8 = 3;

/// All tables, open in one write transaction.
pub(crate) struct Tables<'t> {
    pub(crate) meta: Table<'t, &'static str, &'static [u8]>,
    pub(crate) jobs: Table<'t, [u8; 16], (u8, u64)>,
    pub(crate) pending: Table<'t, u64, &'static [u8]>,
    pub(crate) running: Table<'t, u64, ()>,
    pub(crate) settled: Table<'t, u64, &'static [u8]>,
    pub(crate) delivered: Table<'t, u64, ()>,
    pub(crate) receipts: Table<'t, u64, &'static [u8]>,
    pub(crate) receipt_jobs: Table<'t, u64, [u8; 16]>,
    pub(crate) damaged: Table<'t, u64, (Option<[u8; 16]>, &'static [u8])>,
    pub(crate) replay: Table<'t, [u8; 16], (u64, [u8; 16])>,
    pub(crate) replay_until: Table<'t, (u64, [u8; 16]), ()>,
    pub(crate) outbox: Table<'t, (&'static str, u64), &'static [u8]>,
    pub(crate) namespaces: Table<'t, (&'static str, &'static [u8]), &'static [u8]>,
    pub(crate) lanes: Table<'t, &'static str, &'static [u8]>,
}

impl<'t> Tables<'t> {
    /// Opens all tables, creating those that are absent.
    pub(crate) fn open(transaction: &'t WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            meta: transaction.open_table(META)?,
            jobs: transaction.open_table(JOBS)?,
            pending: transaction.open_table(PENDING)?,
            running: transaction.open_table(RUNNING)?,
            settled: transaction.open_table(SETTLED)?,
            delivered: transaction.open_table(DELIVERED)?,
            receipts: transaction.open_table(RECEIPTS)?,
            receipt_jobs: transaction.open_table(RECEIPT_JOBS)?,
            damaged: transaction.open_table(DAMAGED)?,
            replay: transaction.open_table(REPLAY)?,
            replay_until: transaction.open_table(REPLAY_UNTIL)?,
            outbox: transaction.open_table(OUTBOX)?,
            namespaces: transaction.open_table(NAMESPACES)?,
            lanes: transaction.open_table(LANES)?,
        })
    }
}

/// Where what is left of a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Location {
    Pending(u64),
    Settled(u64),
    /// Its result was evicted, its receipt has this number.
    Receipt(u64),
}

impl Location {
    pub(crate) fn decode((table, key): (u8, u64)) -> Result<Self, StoreError> {
        match table {
            PENDING_ROW => Ok(Self::Pending(key)),
            SETTLED_ROW => Ok(Self::Settled(key)),
            RECEIPT_ROW => Ok(Self::Receipt(key)),
            DAMAGED_ROW => {
                Err(StoreError::Damaged("the job's row did not read and was set aside".to_owned()))
            }
            _ => Err(StoreError::damaged("jobs")),
        }
    }

    pub(crate) fn read(
        transaction: &ReadTransaction,
        job: sealwork_job::JobId,
    ) -> Result<Option<Self>, StoreError> {
        let jobs = transaction.open_table(JOBS)?;
        jobs.get(job.as_bytes())?.map(|at| Self::decode(at.value())).transpose()
    }
}
