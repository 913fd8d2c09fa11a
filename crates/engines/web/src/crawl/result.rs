use std::{
    collections::{BTreeMap, HashSet},
    io,
    sync::Arc,
};

use sealwork_engine::Spool;
use sealwork_job::{Code, Failure};
use serde::Serialize;

use super::{Skipped, Stopped, memory::Memory};
use crate::Document;

/// Room for what surrounds sections, pages and documents.
const FRAME: usize = 512;

/// From this size on a buffer is grown once, to all that it may come to: growing it step by step
/// would hold it twice each time.
const LARGE: usize = 8 << 20;

/// Documents of so many bytes go to the job's spool, where it has one.
const SPOOLED_FROM: usize = 256 << 10;

/// About what remembering a link takes beside its text.
const AROUND_A_LINK: usize = 48;

/// A page's place in the result: by depth, then by discovery.
pub(crate) type Rank = (u32, u64);

/// What one page adds to the result, encoded where it was read.
pub(crate) struct Parts {
    rank: Rank,
    sections: Vec<u8>,
    links: Vec<String>,
    document: Vec<u8>,
    /// The document without its content, for when there is no room for all of it.
    reduced: Vec<u8>,
}

impl Parts {
    /// `sections` are encoded, each.
    pub(crate) fn new(order: u64, sections: &[Vec<u8>], mut document: Document) -> Self {
        let rank = (document.depth, order);
        let whole = encoded(&document);
        let links = std::mem::take(&mut document.links);
        let reduced = encoded(&document.without_content());
        Self { rank, sections: sections.join(&b','), links, document: whole, reduced }
    }
}

/// How much room there was for a page in the result. After anything but `Enough` the crawl is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    Enough,
    /// For the document without its content.
    Little(Stopped),
    None(Stopped),
}

/// The result as it grows: encoded, and written where it belongs as soon as no page can come before.
pub(crate) struct Gathered {
    limit: usize,
    size: usize,
    pages: HashSet<String>,
    /// Pages for which others that come before are still outstanding.
    held: BTreeMap<Rank, Gained>,
    sections: List,
    links: List,
    documents: Documents,
}

struct Gained {
    sections: Vec<u8>,
    /// Links that no page before had, encoded.
    links: Vec<u8>,
    document: Vec<u8>,
}

impl Gathered {
    /// A result of at most `limit` bytes, whose documents go to `spool`, if there is one.
    pub(crate) fn new(limit: usize, spool: Option<Arc<dyn Spool>>) -> Self {
        Self {
            limit,
            size: FRAME,
            pages: HashSet::new(),
            held: BTreeMap::new(),
            sections: List::default(),
            links: List::default(),
            documents: Documents::new(spool),
        }
    }

    /// Adds a page, or as much of it as there is room for.
    pub(crate) fn add(&mut self, parts: Parts, memory: &mut Memory) -> Room {
        let Parts { rank, sections, links, document, reduced } = parts;
        let links: Vec<String> = links.into_iter().filter(|l| !self.pages.contains(l)).collect();
        let encoded_links = links.iter().map(encoded).collect::<Vec<_>>().join(&b',');
        let all = sections.len() + encoded_links.len() + document.len() + 3;
        // Links are held a second time, to tell which are new.
        let held = all + encoded_links.len() + links.len() * AROUND_A_LINK;
        let stopped = if self.size + all > self.limit {
            Stopped::OutputBytes
        } else if memory.take(held) {
            self.size += all;
            self.pages.extend(links);
            self.held.insert(rank, Gained { sections, links: encoded_links, document });
            return Room::Enough;
        } else {
            Stopped::WorkerMemory
        };
        let least = reduced.len() + 1;
        if self.size + least > self.limit || !memory.take(least) {
            return Room::None(stopped);
        }
        self.size += least;
        let (sections, links) = (Vec::new(), Vec::new());
        self.held.insert(rank, Gained { sections, links, document: reduced });
        Room::Little(stopped)
    }

    /// Writes the pages that come before `first`, the nearest that is outstanding; all of them when
    /// none is.
    ///
    /// # Errors
    /// Those of the spool: then the job can give no result any more.
    pub(crate) fn write_before(
        &mut self,
        first: Option<Rank>,
        memory: &mut Memory,
    ) -> io::Result<()> {
        while let Some(held) = self.held.first_entry()
            && first.is_none_or(|first| *held.key() < first)
        {
            let Gained { sections, links, document } = held.remove();
            self.sections.push(&sections, self.limit);
            self.links.push(&links, self.limit);
            memory.give_back(self.documents.push(&document, self.limit)?);
        }
        Ok(())
    }

    /// The result's JSON without what was spooled, when all pages are written. They are in the order
    /// of their depth, then of discovery.
    pub(crate) fn finish(
        self,
        stopped: Option<Stopped>,
        unvisited: u64,
        skipped: &Skipped,
    ) -> Result<Vec<u8>, Failure> {
        if self.documents.count == 0 {
            let text = format!("the output limit of {} bytes is too low for one page", self.limit);
            return Err(Failure::new(Code::OutputTooLarge, text));
        }
        let mut json = self.documents.end();
        json.extend_from_slice(b",\"sections\":");
        self.sections.write_or_null(&mut json);
        json.extend_from_slice(b",\"pages\":");
        self.links.write_or_null(&mut json);
        tail(&mut json, stopped, unvisited, skipped);
        json.shrink_to_fit();
        Ok(json)
    }
}

/// Encoded items with commas between them.
#[derive(Default)]
struct List(Vec<u8>);

impl List {
    /// Adds items that have their commas; nothing for none. All lists stay below `limit` together.
    fn push(&mut self, items: &[u8], limit: usize) {
        if items.is_empty() {
            return;
        }
        let all = &mut self.0;
        make_room(all, items.len() + 1, limit);
        if !all.is_empty() {
            all.push(b',');
        }
        all.extend_from_slice(items);
    }

    fn write_or_null(self, json: &mut Vec<u8>) {
        if self.0.is_empty() {
            json.extend_from_slice(b"null");
            return;
        }
        json.push(b'[');
        json.extend_from_slice(&self.0);
        json.push(b']');
    }
}

/// The beginning of the result: all documents. They are the most of it, so they come first and go to
/// the job's spool, where it has one.
struct Documents {
    /// What has not been spooled.
    json: Vec<u8>,
    count: u64,
    spool: Option<Arc<dyn Spool>>,
}

impl Documents {
    fn new(spool: Option<Arc<dyn Spool>>) -> Self {
        Self { json: Vec::new(), count: 0, spool }
    }

    /// Adds a document; how many bytes have left memory for the spool.
    fn push(&mut self, document: &[u8], limit: usize) -> io::Result<usize> {
        if self.spool.is_none() {
            make_room(&mut self.json, document.len() + 1, limit);
        }
        let before: &[u8] = if self.count == 0 { b"{\"documents\":[" } else { b"," };
        self.json.extend_from_slice(before);
        self.json.extend_from_slice(document);
        self.count += 1;
        match &self.spool {
            Some(spool) if self.json.len() >= SPOOLED_FROM => {
                spool.append(&self.json)?;
                let spooled = self.json.len();
                self.json.clear();
                Ok(spooled)
            }
            _ => Ok(0),
        }
    }

    /// The documents that are in memory, and the end of the list.
    fn end(self) -> Vec<u8> {
        let mut json = self.json;
        json.push(b']');
        json
    }
}

fn make_room(all: &mut Vec<u8>, by: usize, limit: usize) {
    let needed = all.len() + by;
    if needed > all.capacity() && needed > LARGE {
        all.reserve_exact(limit.saturating_sub(all.len()));
    }
}

/// The result of a crawl that reached nothing.
pub(crate) fn empty() -> Vec<u8> {
    let mut json = br#"{"documents":[],"sections":null,"pages":null"#.to_vec();
    tail(&mut json, None, 0, &Skipped::default());
    json
}

fn tail(json: &mut Vec<u8>, stopped: Option<Stopped>, unvisited: u64, skipped: &Skipped) {
    #[derive(Serialize)]
    struct Tail<'a> {
        complete: bool,
        stopped: Option<Stopped>,
        unvisited: u64,
        skipped: &'a Skipped,
    }
    let tail = encoded(&Tail { complete: stopped.is_none(), stopped, unvisited, skipped });
    json.push(b',');
    json.extend_from_slice(tail.strip_prefix(b"{").unwrap_or(&tail));
}

/// Strings, numbers and lists of them always encode.
fn encoded(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::{Value, json};

    use super::{super::memory, *};

    fn parts(rank: Rank, size: usize) -> Parts {
        let name = format!("{}-{}", rank.0, rank.1);
        Parts {
            rank,
            sections: encoded(&name),
            links: vec![name.clone(), "shared".to_owned()],
            document: encoded(&name.repeat(size)),
            reduced: encoded(&"reduced"),
        }
    }

    fn plenty() -> Memory {
        Memory::new(memory::results(1 << 40), None)
    }

    /// A spool in memory.
    #[derive(Default)]
    struct Taken(Mutex<Vec<u8>>);

    impl Spool for Taken {
        fn append(&self, bytes: &[u8]) -> io::Result<()> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(())
        }

        fn appended(&self) -> u64 {
            self.0.lock().unwrap().len() as u64
        }
    }

    fn finished(mut gathered: Gathered) -> Value {
        gathered.write_before(None, &mut plenty()).unwrap();
        let json = gathered.finish(None, 0, &Skipped::default()).unwrap();
        serde_json::from_slice(&json).unwrap()
    }

    #[test]
    fn pages_are_written_in_the_order_of_their_ranks_whenever_they_come() {
        let (mut gathered, mut memory) = (Gathered::new(1 << 20, None), plenty());
        for rank in [(0, 0), (1, 3), (1, 2), (2, 4), (1, 1)] {
            gathered.add(parts(rank, 1), &mut memory);
            // Number 1 is outstanding until it comes last.
            let first = if rank == (1, 1) { (2, 9) } else { (1, 1) };
            gathered.write_before(Some(first), &mut memory).unwrap();
        }
        assert!(gathered.held.is_empty(), "nothing is kept back without a reason");
        let result = finished(gathered);
        let order = json!(["0-0", "1-1", "1-2", "1-3", "2-4"]);
        assert_eq!((&result["documents"], &result["sections"]), (&order, &order));
        assert_eq!(result["pages"], json!(["0-0", "shared", "1-1", "1-2", "1-3", "2-4"]));
    }

    #[test]
    fn a_large_result_is_written_into_one_buffer_and_never_exceeds_its_limit() {
        let limit = 3 * LARGE;
        let (mut gathered, mut memory) = (Gathered::new(limit, None), plenty());
        let mut buffers = std::collections::BTreeSet::new();
        let last = (0..).find(|n| {
            let room = gathered.add(parts((1, *n), 40_000), &mut memory);
            gathered.write_before(None, &mut memory).unwrap();
            if gathered.documents.json.len() > LARGE {
                buffers.insert(gathered.documents.json.as_ptr() as usize);
            }
            room != Room::Enough
        });
        // The one that it had when it became large, and the one with room for all.
        assert!(buffers.len() <= 2, "it is copied as it grows: {} times", buffers.len());
        let json = gathered.finish(None, 0, &Skipped::default()).unwrap();
        assert!(json.len() <= limit && json.len() > limit - (1 << 20), "{}", json.len());
        let result: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(result["documents"].as_array().map(|all| all.len() as u64), last.map(|n| n + 1));
    }

    #[test]
    fn documents_go_to_the_spool_and_take_no_memory_there() {
        let spool = Arc::new(Taken::default());
        let limit = 128 << 20;
        let mut gathered = Gathered::new(limit, Some(Arc::clone(&spool) as Arc<dyn Spool>));
        // Little more than what each crawl may hold without asking.
        let mut memory = Memory::new(memory::results(0), Some("a".into()));
        let mut last = Room::Enough;
        let mut pages = 0;
        while pages < 400 && last == Room::Enough {
            last = gathered.add(parts((1, pages), 40_000), &mut memory);
            gathered.write_before(None, &mut memory).unwrap();
            pages += u64::from(last == Room::Enough);
        }
        assert_eq!((pages, last), (400, Room::Enough), "{} bytes spooled", spool.appended());
        let end = gathered.finish(None, 0, &Skipped::default()).unwrap();
        let whole = [std::mem::take(&mut *spool.0.lock().unwrap()), end].concat();
        assert!(whole.len() > 8 * (1 << 20) && whole.len() <= limit);
        let result: Value = serde_json::from_slice(&whole).unwrap();
        assert_eq!(result["documents"].as_array().unwrap().len(), 400);
        assert_eq!(result["sections"].as_array().unwrap().len(), 400);
    }

    #[test]
    fn a_result_for_which_the_worker_has_no_memory_ends_and_says_so() {
        let all = memory::results(8 << 20);
        let mut gathered = Gathered::new(64 << 20, None);
        let mut memory = Memory::new(all, Some("a".into()));
        let mut room = Room::Enough;
        let mut pages = 0;
        while room == Room::Enough {
            room = gathered.add(parts((1, pages), 40_000), &mut memory);
            pages += 1;
        }
        assert_eq!(room, Room::Little(Stopped::WorkerMemory));
        gathered.write_before(None, &mut memory).unwrap();
        let json = gathered.finish(Some(Stopped::WorkerMemory), 0, &Skipped::default()).unwrap();
        assert!(json.len() < 8 << 20, "{}", json.len());
        let result: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(result["stopped"], "worker_memory");
        assert_eq!(result["documents"].as_array().unwrap().last().unwrap(), "reduced");
    }
}
