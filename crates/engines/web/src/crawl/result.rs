use std::collections::{BTreeMap, HashSet};

use sealwork_job::{Code, Failure};
use serde::Serialize;

use super::{Skipped, Stopped};
use crate::Document;

/// Room for what surrounds sections, pages and documents.
const FRAME: usize = 512;

/// From this size on a buffer is grown once, to all that it may come to: growing it step by step
/// would hold it twice each time.
const LARGE: usize = 8 << 20;

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

/// How much room the result had for a page. After anything but `Enough` the crawl is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    Enough,
    /// For the document without its content.
    Little,
    None,
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
    documents: List,
}

struct Gained {
    sections: Vec<u8>,
    /// Links that no page before had, encoded.
    links: Vec<u8>,
    document: Vec<u8>,
}

impl Gathered {
    /// A result of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            size: FRAME,
            pages: HashSet::new(),
            held: BTreeMap::new(),
            sections: List::default(),
            links: List::default(),
            documents: List::default(),
        }
    }

    /// Adds a page, or as much of it as there is room for.
    pub(crate) fn add(&mut self, parts: Parts) -> Room {
        let Parts { rank, sections, links, document, reduced } = parts;
        let links: Vec<String> = links.into_iter().filter(|l| !self.pages.contains(l)).collect();
        let encoded_links = links.iter().map(encoded).collect::<Vec<_>>().join(&b',');
        let all = sections.len() + encoded_links.len() + document.len() + 3;
        if self.size + all <= self.limit {
            self.size += all;
            self.pages.extend(links);
            self.held.insert(rank, Gained { sections, links: encoded_links, document });
            return Room::Enough;
        }
        let least = reduced.len() + 1;
        if self.size + least > self.limit {
            return Room::None;
        }
        self.size += least;
        let (sections, links) = (Vec::new(), Vec::new());
        self.held.insert(rank, Gained { sections, links, document: reduced });
        Room::Little
    }

    /// Writes the pages that come before `first`, the nearest that is outstanding; all of them when
    /// none is.
    pub(crate) fn write_before(&mut self, first: Option<Rank>) {
        while let Some(held) = self.held.first_entry()
            && first.is_none_or(|first| *held.key() < first)
        {
            let Gained { sections, links, document } = held.remove();
            self.sections.push(&sections, self.limit);
            self.links.push(&links, self.limit);
            self.documents.push(&document, self.limit);
        }
    }

    /// The result's JSON. Pages are in the order of their depth, then of discovery.
    pub(crate) fn finish(
        mut self,
        stopped: Option<Stopped>,
        unvisited: u64,
        skipped: &Skipped,
    ) -> Result<Vec<u8>, Failure> {
        self.write_before(None);
        if self.documents.0.is_empty() {
            let text = format!("the output limit of {} bytes is too low for one page", self.limit);
            return Err(Failure::new(Code::OutputTooLarge, text));
        }
        let mut before = b"{\"sections\":".to_vec();
        self.sections.write_or_null(&mut before);
        before.extend_from_slice(b",\"pages\":");
        self.links.write_or_null(&mut before);
        before.extend_from_slice(b",\"documents\":[");
        let List(mut json) = self.documents;
        put_before(&before, &mut json);
        json.push(b']');
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
        let needed = all.len() + items.len() + 1;
        if needed > all.capacity() && needed > LARGE {
            all.reserve_exact(limit.saturating_sub(all.len()));
        }
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

/// Puts `before` at the front of `json` without a second copy of it.
fn put_before(before: &[u8], json: &mut Vec<u8>) {
    let len = json.len();
    json.resize(len + before.len(), 0);
    json.copy_within(..len, before.len());
    json[..before.len()].copy_from_slice(before);
}

/// The result of a crawl that reached nothing.
pub(crate) fn empty() -> Vec<u8> {
    let mut json = br#"{"sections":null,"pages":null,"documents":[]"#.to_vec();
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
    use serde_json::{Value, json};

    use super::*;

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

    fn finished(gathered: Gathered) -> Value {
        let json = gathered.finish(None, 0, &Skipped::default()).unwrap();
        serde_json::from_slice(&json).unwrap()
    }

    #[test]
    fn pages_are_written_in_the_order_of_their_ranks_whenever_they_come() {
        let mut gathered = Gathered::new(1 << 20);
        for rank in [(0, 0), (1, 3), (1, 2), (2, 4), (1, 1)] {
            gathered.add(parts(rank, 1));
            // Number 1 is outstanding until it comes last.
            gathered.write_before(Some(if rank == (1, 1) { (2, 9) } else { (1, 1) }));
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
        let mut gathered = Gathered::new(limit);
        let mut buffers = std::collections::BTreeSet::new();
        let last = (0..).find(|n| {
            let room = gathered.add(parts((1, *n), 40_000));
            gathered.write_before(None);
            if gathered.documents.0.len() > LARGE {
                buffers.insert(gathered.documents.0.as_ptr() as usize);
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
}
