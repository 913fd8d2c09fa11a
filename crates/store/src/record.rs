//! What the sealed rows hold, in postcard.
//!
//! The types are the store's own: a change to a type of `sealwork-job` must not change what is on
//! disk without this file and its format test noticing.

use bytes::Bytes;
use sealwork_job::{
    Digest, Intake, JobId, LanePosition, Limits, Origin, Reply, RequesterId, Rerun, Timestamp,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    ChainHead, JournalEntry, Settled, StoreError,
    sealing::{Place, Sealer},
};

/// Where a body or a response is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Whereabouts {
    /// In the second part of its row.
    Inline,
    /// In the file of this name below `blobs`.
    Blob(String),
}

/// An accepted job without its body.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct JobRecord {
    id: [u8; 16],
    origin: Origin,
    requester: RequesterId,
    engine: String,
    intake: Intake,
    reply: Reply,
    lane: Option<LanePosition>,
    rerun: Rerun,
    accepted_at: Timestamp,
    deadline: Option<Timestamp>,
    limits: [Option<u64>; 6],
    token_hash: Option<[u8; 32]>,
    /// Its key in the replay table.
    pub(crate) replay: Option<[u8; 16]>,
    pub(crate) body: Whereabouts,
}

impl JobRecord {
    pub(crate) fn new(entry: &JournalEntry, replay: Option<[u8; 16]>, body: Whereabouts) -> Self {
        let limits = &entry.limits;
        Self {
            id: *entry.id.as_bytes(),
            origin: entry.origin.clone(),
            requester: entry.requester.clone(),
            engine: entry.engine.clone(),
            intake: entry.intake,
            reply: entry.reply,
            lane: entry.lane.clone(),
            rerun: entry.rerun,
            accepted_at: entry.accepted_at,
            deadline: entry.deadline,
            limits: [
                limits.wall_ms,
                limits.output_bytes,
                limits.egress_requests,
                limits.egress_bytes,
                limits.memory_bytes,
                limits.fuel,
            ],
            token_hash: entry.token_hash,
            replay,
            body,
        }
    }

    pub(crate) fn id(&self) -> JobId {
        JobId(self.id)
    }

    pub(crate) fn lane(&self) -> Option<&LanePosition> {
        self.lane.as_ref()
    }

    pub(crate) fn into_entry(self, body: Bytes) -> JournalEntry {
        let [wall_ms, output_bytes, egress_requests, egress_bytes, memory_bytes, fuel] =
            self.limits;
        JournalEntry {
            id: JobId(self.id),
            origin: self.origin,
            requester: self.requester,
            engine: self.engine,
            intake: self.intake,
            reply: self.reply,
            lane: self.lane,
            rerun: self.rerun,
            accepted_at: self.accepted_at,
            deadline: self.deadline,
            limits: Limits {
                wall_ms,
                output_bytes,
                egress_requests,
                egress_bytes,
                memory_bytes,
                fuel,
            },
            token_hash: self.token_hash,
            body,
        }
    }
}

/// A settled job without its response.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SettledRecord {
    pub(crate) job: JobRecord,
    pub(crate) started: bool,
    pub(crate) code: String,
    pub(crate) settled_at: Timestamp,
    pub(crate) receipt_digest: [u8; 32],
    pub(crate) response: Whereabouts,
}

impl SettledRecord {
    pub(crate) fn settled(&self, sequence: u64, delivered: bool) -> Settled {
        Settled {
            code: self.code.clone(),
            settled_at: self.settled_at,
            sequence,
            receipt_digest: Digest(self.receipt_digest),
            delivered,
        }
    }
}

/// What every commit moves on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) next_accept: u64,
    pub(crate) next_sequence: u64,
    pub(crate) digest: [u8; 32],
    pub(crate) high_water: Timestamp,
}

impl Head {
    pub(crate) fn new() -> Self {
        Self { next_accept: 0, next_sequence: 0, digest: [0; 32], high_water: Timestamp(0) }
    }

    pub(crate) fn chain(&self) -> ChainHead {
        ChainHead { next_sequence: self.next_sequence, digest: Digest(self.digest) }
    }
}

/// What a door has to deliver.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OutboxRecord {
    pub(crate) job: [u8; 16],
    pub(crate) payload: Vec<u8>,
}

/// Encodes and seals a record.
pub(crate) fn seal_record<T: Serialize>(
    sealer: &Sealer,
    place: Place<'_>,
    record: &T,
) -> Result<Vec<u8>, StoreError> {
    let plain = postcard::to_stdvec(record).map_err(|_| StoreError::damaged(place.table))?;
    Ok(sealer.seal(place, &plain))
}

/// Opens and decodes a record.
pub(crate) fn open_record<T: DeserializeOwned>(
    sealer: &Sealer,
    place: Place<'_>,
    sealed: &[u8],
) -> Result<T, StoreError> {
    let damaged = || StoreError::damaged(place.table);
    let plain = sealer.open(place, sealed).ok_or_else(damaged)?;
    postcard::from_bytes(&plain).map_err(|_| damaged())
}

/// A row of two sealed parts, so that the first can be read without the second:
/// `first part's length u32 BE | first part | second part`.
pub(crate) mod row {
    use super::{DeserializeOwned, Place, Sealer, Serialize, StoreError, open_record};

    /// The names by which the parts are told apart.
    const HEAD: &[u8] = b"head";
    const BODY: &[u8] = b"body";

    pub(crate) fn seal<T: Serialize>(
        sealer: &Sealer,
        table: &'static str,
        key: u64,
        head: &T,
        body: Option<&[u8]>,
    ) -> Result<Vec<u8>, StoreError> {
        let key = key.to_be_bytes();
        let plain = postcard::to_stdvec(head).map_err(|_| StoreError::damaged(table))?;
        let mut row = Vec::with_capacity(4 + plain.len() + body.map_or(0, <[u8]>::len) + 80);
        row.extend_from_slice(&[0; 4]);
        sealer.seal_into(Place { table, key: &[&key, HEAD] }, &plain, &mut row);
        let len = u32::try_from(row.len() - 4).map_err(|_| StoreError::damaged(table))?;
        row[..4].copy_from_slice(&len.to_be_bytes());
        if let Some(body) = body {
            sealer.seal_into(Place { table, key: &[&key, BODY] }, body, &mut row);
        }
        Ok(row)
    }

    fn split(row: &[u8]) -> Option<(&[u8], &[u8])> {
        let (len, rest) = row.split_first_chunk::<4>()?;
        rest.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)
    }

    pub(crate) fn open_head<T: DeserializeOwned>(
        sealer: &Sealer,
        table: &'static str,
        key: u64,
        row: &[u8],
    ) -> Result<T, StoreError> {
        let (head, _) = split(row).ok_or_else(|| StoreError::damaged(table))?;
        open_record(sealer, Place { table, key: &[&key.to_be_bytes(), HEAD] }, head)
    }

    pub(crate) fn open_body(
        sealer: &Sealer,
        table: &'static str,
        key: u64,
        row: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        split(row)
            .and_then(|(_, body)| {
                sealer.open(Place { table, key: &[&key.to_be_bytes(), BODY] }, body)
            })
            .ok_or_else(|| StoreError::damaged(table))
    }
}
