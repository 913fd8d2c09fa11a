use bytes::Bytes;
use sealwork_engine::Context;
use serde::Serialize;

use crate::Secret;

/// Bytes of output of a job whose limits do not say.
const DEFAULT_LIMIT: u64 = 64 << 20;
/// From this size on the buffer is grown once, to all that it may come to: growing it step by step
/// would hold it twice each time.
const LARGE: usize = 8 << 20;
/// An item that quotes a secret of the operator is not given.
const HIDDEN: &[u8] =
    br#"{"withheld":"the upstream put a credential of this worker into this item"}"#;

/// A JSON array that grows within the job's output limit.
#[derive(Debug)]
pub struct ItemList {
    json: Vec<u8>,
    limit: usize,
    count: u64,
    secrets: Vec<Secret>,
    scratch: Vec<u8>,
}

impl ItemList {
    /// An empty list for a job's output, in which none of `secrets` will be.
    pub fn new(context: &Context, secrets: impl IntoIterator<Item = Secret>) -> Self {
        let limit = context.limits.output_bytes.unwrap_or(DEFAULT_LIMIT);
        Self {
            json: b"[".to_vec(),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            count: 0,
            secrets: secrets.into_iter().collect(),
            scratch: Vec::new(),
        }
    }

    /// Lets none of `secrets` in from now on, instead of those before: they may be renewed while a
    /// job is running.
    pub fn hide(&mut self, secrets: Vec<Secret>) {
        self.secrets = secrets;
    }

    /// Adds an item; false, and nothing is added, when there is no room for it.
    pub fn push(&mut self, item: &impl Serialize) -> bool {
        self.scratch.clear();
        if serde_json::to_writer(&mut self.scratch, item).is_err() {
            return true;
        }
        let is_hidden = self.secrets.iter().any(|secret| secret.is_in(&self.scratch));
        let item = if is_hidden { HIDDEN } else { &self.scratch };
        // The item, a comma and the closing bracket.
        let needed = self.json.len() + item.len() + 2;
        if needed > self.limit {
            return false;
        }
        if needed > self.json.capacity() && needed > LARGE {
            self.json.reserve_exact(self.limit - self.json.len());
        }
        if self.count > 0 {
            self.json.push(b',');
        }
        self.json.extend_from_slice(item);
        self.count += 1;
        true
    }

    /// How many items there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The array's JSON.
    pub fn finish(mut self) -> Bytes {
        self.json.push(b']');
        self.json.shrink_to_fit();
        self.json.into()
    }
}
