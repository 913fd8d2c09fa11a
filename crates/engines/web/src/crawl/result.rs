use std::collections::HashSet;

use sealwork_job::{Code, Failure};
use serde::Serialize;

use super::{Skipped, Stopped};
use crate::Document;

/// Room for what surrounds sections, pages and documents.
const FRAME: usize = 512;

/// What one page adds to the result, encoded where it was read.
pub(crate) struct Parts {
    depth: u32,
    order: u64,
    sections: Vec<Vec<u8>>,
    links: Vec<String>,
    document: Vec<u8>,
    /// The document without its content, for when there is no room for all of it.
    reduced: Vec<u8>,
}

impl Parts {
    pub(crate) fn new(order: u64, sections: Vec<Vec<u8>>, document: Document) -> Self {
        let depth = document.depth;
        let links = document.links.clone();
        let whole = encoded(&document);
        let reduced = encoded(&document.without_content());
        Self { depth, order, sections, links, document: whole, reduced }
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

/// The result as it grows.
pub(crate) struct Gathered {
    limit: usize,
    size: usize,
    pages: HashSet<String>,
    parts: Vec<Gained>,
}

struct Gained {
    rank: (u32, u64),
    sections: Vec<Vec<u8>>,
    /// Links that no page before had, encoded.
    links: Vec<Vec<u8>>,
    document: Vec<u8>,
}

impl Gathered {
    /// A result of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, size: FRAME, pages: HashSet::new(), parts: Vec::new() }
    }

    /// Adds a page, or as much of it as there is room for.
    pub(crate) fn add(&mut self, parts: Parts) -> Room {
        let Parts { depth, order, sections, links, document, reduced } = parts;
        let rank = (depth, order);
        let links: Vec<String> = links.into_iter().filter(|l| !self.pages.contains(l)).collect();
        let encoded_links: Vec<Vec<u8>> = links.iter().map(encoded).collect();
        let all = total(&sections) + total(&encoded_links) + document.len() + 1;
        if self.size + all <= self.limit {
            self.size += all;
            self.pages.extend(links);
            self.parts.push(Gained { rank, sections, links: encoded_links, document });
            return Room::Enough;
        }
        let least = reduced.len() + 1;
        if self.size + least > self.limit {
            return Room::None;
        }
        self.size += least;
        let (sections, links) = (Vec::new(), Vec::new());
        self.parts.push(Gained { rank, sections, links, document: reduced });
        Room::Little
    }

    /// The result's JSON. Pages are in the order of their depth, then of discovery.
    pub(crate) fn finish(
        mut self,
        stopped: Option<Stopped>,
        unvisited: u64,
        skipped: &Skipped,
    ) -> Result<Vec<u8>, Failure> {
        if self.parts.is_empty() {
            let text = format!("the output limit of {} bytes is too low for one page", self.limit);
            return Err(Failure::new(Code::OutputTooLarge, text));
        }
        self.parts.sort_by_key(|gained| gained.rank);
        let mut json = Vec::with_capacity(self.size);
        json.extend_from_slice(b"{\"sections\":");
        array_or_null(&mut json, self.parts.iter().flat_map(|gained| &gained.sections));
        json.extend_from_slice(b",\"pages\":");
        array_or_null(&mut json, self.parts.iter().flat_map(|gained| &gained.links));
        json.extend_from_slice(b",\"documents\":");
        array(&mut json, self.parts.iter().map(|gained| &gained.document));
        tail(&mut json, stopped, unvisited, skipped);
        Ok(json)
    }
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

fn total(items: &[Vec<u8>]) -> usize {
    items.iter().map(|item| item.len() + 1).sum()
}

fn array_or_null<'a>(json: &mut Vec<u8>, items: impl Iterator<Item = &'a Vec<u8>>) {
    let mut items = items.peekable();
    if items.peek().is_none() { json.extend_from_slice(b"null") } else { array(json, items) }
}

fn array<'a>(json: &mut Vec<u8>, items: impl Iterator<Item = &'a Vec<u8>>) {
    json.push(b'[');
    for (n, item) in items.enumerate() {
        if n > 0 {
            json.push(b',');
        }
        json.extend_from_slice(item);
    }
    json.push(b']');
}

/// Strings, numbers and lists of them always encode.
fn encoded(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
