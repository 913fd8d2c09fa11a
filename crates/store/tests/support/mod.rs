//! What the store's tests share.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::sync::Arc;

use bytes::Bytes;
use sealwork_job::{
    Digest, Intake, JobId, LaneId, LanePosition, Limits, Origin, Reply, RequesterId, Rerun,
    Timestamp,
};
use sealwork_platform::{
    Clock, Disk,
    sim::{SeededEntropy, SimClock, SimDisk},
};
use sealwork_store::{
    ChainHead, CommitterKind, JournalEntry, OpenError, OutboxEntry, ReplayEntry, Settlement, Store,
    StoreOptions,
};
use sha2::{Digest as _, Sha256};

pub(crate) const KEY: [u8; 32] = [7; 32];
pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// Options of a deterministic store with a low blob threshold.
pub(crate) fn options() -> StoreOptions {
    StoreOptions {
        committer: CommitterKind::Task,
        blob_threshold: 2048,
        cache_bytes: 1 << 20,
        ..StoreOptions::default()
    }
}

pub(crate) fn clock() -> Arc<SimClock> {
    Arc::new(SimClock::at(NOW))
}

pub(crate) fn open_with(
    disk: &SimDisk,
    clock: Arc<dyn Clock>,
    seed: u64,
    options: StoreOptions,
) -> Result<Store, OpenError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Store::open(disk, clock, &SeededEntropy::new(seed), &KEY, options)
}

pub(crate) fn open(disk: &SimDisk, seed: u64) -> Store {
    open_with(disk, clock(), seed, options()).unwrap()
}

pub(crate) fn job(n: u64) -> JobId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    JobId::from_random(bytes)
}

pub(crate) fn entry(n: u64, body_len: usize) -> JournalEntry {
    JournalEntry {
        id: job(n),
        origin: Origin::Http { requester: RequesterId::new("api-key", "alice") },
        requester: RequesterId::new("ed25519", "3b6a"),
        engine: "web".to_owned(),
        intake: Intake::Sealed,
        reply: Reply::Hpke,
        lane: n
            .is_multiple_of(3)
            .then(|| LanePosition { lane: LaneId(format!("chain/shard-{n}")), position: n }),
        rerun: if n.is_multiple_of(2) { Rerun::Idempotent } else { Rerun::Once },
        accepted_at: NOW,
        deadline: Some(Timestamp(NOW.0 + 1)),
        limits: Limits { wall_ms: Some(1000), fuel: Some(n), ..Limits::default() },
        token_hash: Some([9; 32]),
        body: content("body", n, body_len),
    }
}

pub(crate) fn in_lane(position: u64) -> LanePosition {
    LanePosition { lane: LaneId("shard".to_owned()), position }
}

pub(crate) fn replay(n: u64) -> ReplayEntry {
    ReplayEntry {
        scope: "x25519".to_owned(),
        nonce: n.to_be_bytes().to_vec(),
        until: Timestamp(NOW.0 + 3_600_000),
    }
}

/// Bytes that belong to one job and part.
pub(crate) fn content(part: &str, n: u64, len: usize) -> Bytes {
    format!("{part} of {n};").bytes().cycle().take(len).collect()
}

/// A receipt that names its place in the chain, and its digest.
pub(crate) fn receipt(job: JobId, head: ChainHead) -> (String, Digest) {
    let text = format!("{} {} {job}", head.next_sequence, head.digest);
    let digest = Digest(Sha256::digest(&text).into());
    (text, digest)
}

pub(crate) fn settlement(n: u64, len: usize, head: ChainHead) -> Settlement {
    let (receipt, receipt_digest) = receipt(job(n), head);
    Settlement {
        code: "ok".to_owned(),
        settled_at: Timestamp(NOW.0 + n),
        response: content("response", n, len).into(),
        receipt,
        receipt_digest,
        outbox: n
            .is_multiple_of(4)
            .then(|| OutboxEntry { door: "evm".to_owned(), payload: content("outbox", n, 40) }),
    }
}

/// Settles job `n` with a response of `len` bytes.
pub(crate) async fn settle(store: &Store, n: u64, len: usize) {
    store.settle(job(n), move |head| settlement(n, len, head)).await.unwrap();
}

/// The response of a job, whole.
pub(crate) fn response(store: &Store, job: JobId) -> Option<Bytes> {
    store.response(job).unwrap().map(|content| content.whole().unwrap())
}

pub(crate) async fn accept(store: &Store, n: u64, len: usize) {
    store.accept(entry(n, len), Some(replay(n))).await.unwrap();
}

/// Checks that the receipts from `first` on follow one another, and that the last one is the head.
pub(crate) fn check_chain(store: &Store, first: u64, mut previous: Digest) -> Vec<JobId> {
    let mut jobs = Vec::new();
    let receipts = store.receipts_from(first, usize::MAX).unwrap();
    for (n, (sequence, text)) in receipts.iter().enumerate() {
        assert_eq!(*sequence, first + n as u64, "a receipt is missing");
        let mut words = text.split(' ');
        assert_eq!(words.next(), Some(sequence.to_string().as_str()));
        assert_eq!(words.next(), Some(previous.to_string().as_str()), "the chain is broken");
        jobs.push(words.next().unwrap().parse().unwrap());
        previous = Digest(Sha256::digest(text).into());
    }
    let head = ChainHead { next_sequence: first + receipts.len() as u64, digest: previous };
    assert_eq!(store.chain_head(), head);
    jobs
}
