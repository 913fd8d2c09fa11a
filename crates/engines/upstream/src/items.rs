use std::{fmt, sync::Arc};

use bytes::Bytes;
use sealwork_engine::{Context, Spool};
use serde::Serialize;

use crate::Secrets;

/// Bytes of output of a job whose limits do not say.
const DEFAULT_LIMIT: u64 = 64 << 20;
/// What is so large goes to the job's spool, where it has one.
const SPOOLED_FROM: usize = 256 << 10;
/// Without a spool the buffer is grown once from this size on, to all that it may come to: growing it step by step
/// would hold it twice each time.
const LARGE: usize = 8 << 20;

/// A JSON array that grows within the job's output limit. Where the job has a spool, the array is
/// never whole in memory.
pub struct ItemList {
    /// The array without what has been spooled.
    json: Vec<u8>,
    spool: Option<Arc<dyn Spool>>,
    spooled: usize,
    limit: usize,
    count: u64,
    secrets: Secrets,
    scratch: Vec<u8>,
}

impl ItemList {
    /// An empty list for a job's output, in which none of `secrets` will be.
    pub fn new(context: &Context, secrets: Secrets) -> Self {
        let limit = context.limits.output_bytes.unwrap_or(DEFAULT_LIMIT);
        Self {
            json: b"[".to_vec(),
            spool: context.spool.clone(),
            spooled: 0,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            count: 0,
            secrets,
            scratch: Vec::new(),
        }
    }

    /// Keeps all of it in memory.
    #[must_use]
    pub fn in_memory(self) -> Self {
        Self { spool: None, ..self }
    }

    /// Adds an item; false, and nothing is added, when there is no room for it.
    pub fn push(&mut self, item: &impl Serialize) -> bool {
        self.scratch.clear();
        if serde_json::to_writer(&mut self.scratch, item).is_err() {
            return true;
        }
        self.secrets.withhold(&mut self.scratch);
        let item = &self.scratch;
        // The item, a comma and the closing bracket.
        let needed = self.json.len() + item.len() + 2;
        if self.spooled + needed > self.limit {
            return false;
        }
        if self.spool.is_none() && needed > self.json.capacity() && needed > LARGE {
            self.json.reserve_exact(self.limit - self.json.len());
        }
        if self.count > 0 {
            self.json.push(b',');
        }
        self.json.extend_from_slice(item);
        self.count += 1;
        // A spool that fails makes the whole job fail: there is no use in going on.
        self.json.len() < SPOOLED_FROM || self.spool()
    }

    /// Whether what is in memory went to the spool, or there is none.
    fn spool(&mut self) -> bool {
        let Some(spool) = &self.spool else { return true };
        let is_spooled = spool.append(&self.json).is_ok();
        self.spooled += self.json.len();
        self.json.clear();
        is_spooled
    }

    /// How many items there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The array's JSON, or what of it has not been spooled: the data of the report.
    pub fn finish(mut self) -> Bytes {
        self.json.push(b']');
        self.json.shrink_to_fit();
        self.json.into()
    }
}

impl fmt::Debug for ItemList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ItemList({} items)", self.count)
    }
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Mutex, time::Duration};

    use sealwork_engine::Meter;
    use sealwork_job::{JobId, Limits, RequesterId};
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    use super::*;

    /// Takes so many bytes.
    #[derive(Default)]
    struct Taken {
        bytes: Mutex<Vec<u8>>,
        room: usize,
    }

    impl Spool for Taken {
        fn append(&self, bytes: &[u8]) -> io::Result<()> {
            let mut taken = self.bytes.lock().unwrap();
            if taken.len() + bytes.len() > self.room {
                return Err(io::ErrorKind::StorageFull.into());
            }
            taken.extend_from_slice(bytes);
            Ok(())
        }

        fn appended(&self) -> u64 {
            self.bytes.lock().unwrap().len() as u64
        }
    }

    fn list(limit: u64, spool: &Arc<Taken>) -> ItemList {
        let context = Context {
            job: JobId([7; 16]),
            requester: RequesterId::anonymous(),
            account: RequesterId::anonymous(),
            limits: Limits { output_bytes: Some(limit), ..Limits::default() },
            input: None,
            deadline: Instant::now() + Duration::from_secs(1),
            stop: CancellationToken::new(),
            meter: Arc::new(Meter::default()),
            spool: Some(Arc::clone(spool) as Arc<dyn Spool>),
        };
        ItemList::new(&context, Secrets::default())
    }

    fn item(number: usize) -> String {
        format!("{number}: {}", "x".repeat(1000))
    }

    #[test]
    fn a_large_list_is_in_the_spool_but_for_its_end() {
        let spool = Arc::new(Taken { room: usize::MAX, ..Taken::default() });
        let mut items = list(u64::MAX, &spool);
        for number in 0..2000 {
            assert!(items.push(&item(number)));
            assert!(items.json.len() < SPOOLED_FROM);
        }
        let mut whole = spool.bytes.lock().unwrap().clone();
        assert!(whole.len() > 2000 * 1000 - SPOOLED_FROM);
        whole.extend_from_slice(&items.finish());
        let read: Vec<String> = serde_json::from_slice(&whole).unwrap();
        assert!(read.iter().enumerate().all(|(number, text)| *text == item(number)));
        assert_eq!(read.len(), 2000);
    }

    #[test]
    fn the_limit_counts_what_was_spooled() {
        let spool = Arc::new(Taken { room: usize::MAX, ..Taken::default() });
        let mut items = list(1_000_000, &spool);
        while items.push(&item(0)) {}
        let len = spool.appended() + items.finish().len() as u64;
        assert!((998_000..=1_000_000).contains(&len), "{len}");
    }

    #[test]
    fn a_list_goes_no_further_than_its_spool() {
        let spool = Arc::new(Taken { room: SPOOLED_FROM, ..Taken::default() });
        let mut items = list(u64::MAX, &spool);
        let taken = (0..2000).take_while(|number| items.push(&item(*number))).count();
        assert!(taken * 1000 < 2 * SPOOLED_FROM, "{taken}");
    }

    #[test]
    fn a_list_that_stays_in_memory_or_is_small_leaves_the_spool_alone() {
        let spool = Arc::new(Taken::default());
        let mut items = list(u64::MAX, &spool).in_memory();
        assert!((0..2000).all(|number| items.push(&item(number))));
        assert!(items.finish().len() > 2000 * 1000);
        let mut small = list(u64::MAX, &spool);
        assert!(small.push(&1));
        assert_eq!(&small.finish()[..], b"[1]");
    }
}
