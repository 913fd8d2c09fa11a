use std::collections::HashSet;

use sealwork_job::{Code, Failure};

/// Pages in a row without anything new, after which a job asks for no more: its requester decides.
const BARREN: u32 = 10;

/// What a job has been given, page by page.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    seen: HashSet<u64>,
    count: u64,
    barren: u32,
}

impl Progress {
    /// Whether the item with this number has not come before.
    pub(crate) fn is_new(&mut self, number: u64) -> bool {
        self.seen.insert(number)
    }

    /// Notes that a page has been read, after which the result has `count` items.
    ///
    /// # Errors
    /// Why no more pages should be asked for.
    pub(crate) fn page(&mut self, count: u64) -> Result<(), Failure> {
        self.barren = if count > self.count { 0 } else { self.barren + 1 };
        self.count = count;
        if self.barren < BARREN {
            return Ok(());
        }
        let text = format!("the last {BARREN} pages of X had nothing new of what was asked for");
        Err(Failure::new(Code::PagesBarren, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_pages_without_anything_new_are_enough() {
        let mut progress = Progress::default();
        for _ in 0..9 {
            progress.page(0).unwrap();
        }
        progress.page(3).unwrap();
        for _ in 0..9 {
            progress.page(3).unwrap();
        }
        assert_eq!(progress.page(3).unwrap_err().code, Code::PagesBarren);
        assert!(progress.is_new(1) && !progress.is_new(1));
    }
}
