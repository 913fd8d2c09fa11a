use bytes::Bytes;
use sealwork_engine::Context;
use sealwork_job::{Code, Failure};
use sealwork_upstream::{ItemList, Secret};
use serde::Serialize;

use crate::desk::WayError;

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
}

impl Found {
    /// Up to `wanted` items.
    pub(crate) fn list(context: &Context, wanted: u64, secrets: Vec<Secret>) -> Self {
        Self {
            items: ItemList::new(context, secrets),
            wanted,
            is_single: false,
            unreadable: 0,
            cursor: None,
            stopped: None,
            paused: None,
        }
    }

    /// One object.
    pub(crate) fn single(
        context: &Context,
        item: &impl Serialize,
        secrets: Vec<Secret>,
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

    /// Lets none of `secrets` in from now on.
    pub(crate) fn hide(&mut self, secrets: Vec<Secret>) {
        self.items.hide(secrets);
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

    /// Withholds a cursor in which the upstream quotes one of `secrets`: cursors leave the worker in
    /// the clear on Masa's routes.
    pub(crate) fn withhold_cursor(&mut self, secrets: &[Secret]) {
        let quotes = |cursor: &String| secrets.iter().any(|secret| secret.is_in(cursor.as_bytes()));
        if self.cursor.take_if(|cursor| quotes(cursor)).is_some() && self.stopped.is_none() {
            let text = "X put a credential of this worker into its cursor, which is withheld";
            self.stopped = Some(Failure::new(Code::UpstreamChanged, text));
        }
    }

    /// The result's JSON.
    pub(crate) fn finish(self) -> Bytes {
        let json = self.items.finish();
        if self.is_single { json.slice(1..json.len() - 1) } else { json }
    }
}
