use bytes::Bytes;
use sealwork_engine::Context;
use sealwork_job::{Code, Failure};
use sealwork_upstream::{ItemList, Secrets};
use serde::Serialize;

use crate::{arguments::MAX_TOKEN, desk::WayError};

/// What came of giving an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Took {
    /// It was taken, and more are wanted.
    More,
    /// It was taken, and no more are wanted.
    Last,
    /// It was not taken: it would exceed the job's output.
    NoRoom,
}

/// What a way has found for a job, while it is looking.
pub(crate) struct Found {
    items: ItemList,
    wanted: u64,
    /// Whether the result is one object and no array.
    is_single: bool,
    pub(crate) unreadable: u64,
    /// Where the next page begins.
    pub(crate) cursor: Option<String>,
    /// Why it is not complete.
    pub(crate) stopped: Option<Failure>,
    /// Why it was left at that, although nothing failed: it is a result without any item, too.
    pub(crate) paused: Option<Failure>,
    /// What X said is missing of what it gave.
    pub(crate) partial: Option<Failure>,
}

impl Found {
    /// Up to `wanted` items.
    pub(crate) fn list(context: &Context, wanted: u64, secrets: &Secrets) -> Self {
        Self {
            items: ItemList::new(context, secrets.clone()),
            wanted,
            is_single: false,
            unreadable: 0,
            cursor: None,
            stopped: None,
            paused: None,
            partial: None,
        }
    }

    /// One object.
    pub(crate) fn single(
        context: &Context,
        item: &impl Serialize,
        secrets: &Secrets,
    ) -> Result<Self, WayError> {
        let list = Self::list(context, 1, secrets);
        let mut found = Self { is_single: true, items: list.items.in_memory(), ..list };
        found.push(item);
        match found.stopped {
            Some(failure) => Err(WayError::Failed(failure)),
            None => Ok(found),
        }
    }

    /// Takes an item, and says whether to go on.
    pub(crate) fn push(&mut self, item: &impl Serialize) -> Took {
        if !self.items.push(item) {
            self.stopped = Some(Failure::new(
                Code::OutputTooLarge,
                "the result has reached the job's output limit",
            ));
            return Took::NoRoom;
        }
        if self.is_full() { Took::Last } else { Took::More }
    }

    /// Whether all that was wanted is there.
    pub(crate) fn is_full(&self) -> bool {
        self.count() >= self.wanted
    }

    pub(crate) fn count(&self) -> u64 {
        self.items.count()
    }

    /// How many more are wanted.
    pub(crate) fn missing(&self) -> u64 {
        self.wanted.saturating_sub(self.count())
    }

    /// A page failed: what came before stays, with the reason why there is no more. Without
    /// anything before, the job fails.
    pub(crate) fn broke_off(mut self, error: WayError) -> Result<Self, WayError> {
        if self.count() == 0 {
            return Err(error);
        }
        self.stopped = Some(error.into_failure());
        Ok(self)
    }

    /// Withholds a cursor in which the upstream quotes one of `secrets`, as cursors leave the worker
    /// in the clear on Masa's routes; or with which nobody could go on.
    pub(crate) fn withhold_cursor(&mut self, secrets: &Secrets) {
        let is_odd = |cursor: &str| {
            cursor.len() > MAX_TOKEN || !cursor.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let text = if self.cursor.take_if(|cursor| secrets.are_in(cursor)).is_some() {
            "X put a credential of this worker into its cursor, which is withheld"
        } else if self.cursor.take_if(|cursor| is_odd(cursor)).is_some() {
            "X's cursor is longer than this worker takes, or has characters that it does not take"
        } else {
            return;
        };
        self.stopped.get_or_insert(Failure::new(Code::UpstreamChanged, text));
    }

    /// The result's JSON.
    pub(crate) fn finish(self) -> Bytes {
        let json = self.items.finish();
        if self.is_single { json.slice(1..json.len() - 1) } else { json }
    }
}
