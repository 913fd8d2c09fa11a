//! Reading a dataset: page by page, item by item, from an offset on.

use sealwork_egress::{Response, Scope};
use sealwork_engine::Context;
use tokio::time::{Duration, Instant, sleep};

use super::{api::Api, run::RunEnd};
use crate::{ArrayError, ArrayReader, Fault, Found, UpstreamError, unless_stopped};

/// Items asked for at once.
const PAGE: u64 = 1000;
/// How often a page is tried that brings nothing.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Took {
    Kept,
    LeftOut,
    /// There is no room for it: the next page begins with it.
    NoRoom,
}

/// A dataset, and how far it has been read.
pub(super) struct Dataset<'a> {
    pub(super) api: &'a Api,
    pub(super) id: &'a str,
    /// Where the next item is.
    pub(super) offset: u64,
    /// Whether there may be items after that.
    pub(super) has_more: bool,
    /// Items that were passed over because they are larger than this worker reads.
    pub(super) too_large: u64,
    total: Option<u64>,
}

/// Why a page ended.
enum PageEnd {
    /// It has no more items.
    Over,
    /// All that was wanted has come, or there is no room.
    Enough,
    /// It was cut where this worker stops to read.
    Cut,
}

impl<'a> Dataset<'a> {
    pub(super) fn new(api: &'a Api, id: &'a str, offset: u64) -> Self {
        Self { api, id, offset, has_more: true, too_large: 0, total: None }
    }

    /// Reads until `wanted` items are kept, there is no room, or there are no more. What was read
    /// before an error stays read: [`Dataset::offset`] says how far that is.
    pub(super) async fn read(
        &mut self,
        context: &Context,
        scope: &Scope,
        until: Instant,
        wanted: u64,
        mut take: impl FnMut(&[u8]) -> Took + Send,
    ) -> Result<(), RunEnd> {
        let (mut left, mut failures) = (wanted, 0);
        while left > 0 && self.has_more {
            let (before, limit) = (self.offset, left.min(PAGE));
            let page = self.page(scope, limit, &mut left, &mut take);
            let error = match unless_stopped(context, until, page).await? {
                Ok(PageEnd::Enough) => return Ok(()),
                Ok(PageEnd::Over) => {
                    // A full page may be followed by more, whatever total was told.
                    let is_full = self.offset - before >= limit;
                    self.has_more = is_full || self.more_than(before, limit);
                    failures = 0;
                    continue;
                }
                Ok(PageEnd::Cut) => {
                    if self.offset == before {
                        // Its first item alone is larger than a page.
                        self.offset += 1;
                        self.too_large += 1;
                    }
                    continue;
                }
                Err(error) => error,
            };
            failures = if self.offset > before { 1 } else { failures + 1 };
            if !error.may_pass() || failures == TRIES {
                return Err(error.into());
            }
            let wait = error.rate().wait(self.api.upstream.now()).unwrap_or(PAUSE * failures);
            if wait > LONGEST_WAIT || Instant::now() + wait >= until {
                return Err(error.into());
            }
            unless_stopped(context, until, sleep(wait)).await?;
        }
        Ok(())
    }

    async fn page(
        &mut self,
        scope: &Scope,
        limit: u64,
        left: &mut u64,
        take: &mut (impl FnMut(&[u8]) -> Took + Send),
    ) -> Result<PageEnd, UpstreamError> {
        let mut response = self.api.items(self.id, self.offset, limit, scope).await?;
        self.total = total(&response).or(self.total);
        let before = self.offset;
        let mut reader = ArrayReader::default();
        while let Some(bytes) =
            response.chunk().await.map_err(|error| self.api.upstream.network(error))?
        {
            let (offset, too_large) = (&mut self.offset, &mut self.too_large);
            let mut had_no_room = false;
            let goes_on = reader.take(&bytes, |found| {
                match found {
                    Found::TooLarge => *too_large += 1,
                    Found::Item(item) => match take(item) {
                        Took::NoRoom => {
                            had_no_room = true;
                            return false;
                        }
                        Took::Kept => *left -= 1,
                        Took::LeftOut => {}
                    },
                }
                *offset += 1;
                *left > 0
            });
            if !goes_on.map_err(|error| self.error(fault(error)))? {
                // What had no room is there, whatever else is.
                self.has_more = had_no_room || self.more_than(before, limit);
                return Ok(PageEnd::Enough);
            }
        }
        if response.is_truncated() {
            return Ok(PageEnd::Cut);
        }
        reader.finish().map_err(|error| self.error(fault(error)))?;
        Ok(PageEnd::Over)
    }

    /// Whether there are items after those read: by the total if it was told and is not less than
    /// what has come, else when the page that began at `before` brought as many as it was asked for.
    fn more_than(&self, before: u64, limit: u64) -> bool {
        match self.total.filter(|total| *total >= self.offset) {
            Some(total) => self.offset < total && self.offset > before,
            None => self.offset - before >= limit,
        }
    }

    fn error(&self, fault: Fault) -> UpstreamError {
        self.api.upstream.error(fault)
    }
}

fn total(response: &Response) -> Option<u64> {
    response.headers.get("x-apify-pagination-total")?.to_str().ok()?.trim().parse().ok()
}

fn fault(error: ArrayError) -> Fault {
    match error {
        ArrayError::NotJson => Fault::NotJson,
        ArrayError::NotAnArray => Fault::Shape("the items of a dataset"),
        ArrayError::Truncated => Fault::Truncated,
    }
}
