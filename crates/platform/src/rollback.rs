//! Rollback detection: a counter that the host cannot set back, and what a store does with it.

use std::{fmt::Debug, sync::Arc};

/// A number that only grows, kept where the host cannot write.
pub trait MonotonicCounter: Debug + Send + Sync {
    /// Its value; nothing before the first increment.
    ///
    /// # Errors
    /// [`CounterError`].
    fn read(&self) -> Result<Option<u64>, CounterError>;
    /// Adds one, durably, and gives the new value. The first increment may give any value.
    ///
    /// # Errors
    /// [`CounterError`]. Whether it has counted is then unknown.
    fn increment(&self) -> Result<u64, CounterError>;
}

/// Why a counter cannot be used, in the words of whoever keeps it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct CounterError(#[from] pub Box<dyn std::error::Error + Send + Sync>);

/// Why a store is not to be opened, or no longer to be written to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RollbackError {
    /// The counter does not answer.
    #[error("the counter against rollback cannot be used: {0}")]
    Counter(#[from] CounterError),
    /// The store is older than the last one that ran here.
    #[error(
        "the store is from generation {stored}, but generation {counter} has run already: an old \
         copy was put back. Restore the newest copy; if it is lost, begin anew with an empty data \
         directory and a new counter"
    )]
    RolledBack {
        /// The store's generation.
        stored: u64,
        /// The counter's.
        counter: u64,
    },
    /// The counter has counted for a store that is not there.
    #[error(
        "the store is empty, but generation {counter} of it has run already: it was removed. \
         Restore it; to begin anew on purpose, or after a first start that was interrupted, \
         remove the counter"
    )]
    StoreMissing {
        /// The counter's generation.
        counter: u64,
    },
    /// The counter is another one than the store was written with.
    #[error(
        "the store is from generation {stored}, the counter says {}: it is another counter, or \
         its machine was reset. A store runs on the machine that it was made on",
        .counter.map_or_else(|| "nothing".to_owned(), |value| value.to_string())
    )]
    OtherCounter {
        /// The store's generation.
        stored: u64,
        /// The counter's; nothing when it never counted.
        counter: Option<u64>,
    },
    /// The store was written with a counter, and the worker runs without one.
    #[error(
        "the store is from generation {stored} of a counter, and this worker is to run without \
         one: anybody could put an old copy back. Name the counter again; to go on without it on \
         purpose, begin anew with an empty data directory"
    )]
    NoCounter {
        /// The store's generation.
        stored: u64,
    },
    /// Somebody else has counted meanwhile.
    #[error(
        "this is generation {expected} of the store, and the counter says {counter}: another \
         worker has started on a copy of it. Stop this one; only the newest copy starts again"
    )]
    Forked {
        /// What the counter should say.
        expected: u64,
        /// What it says.
        counter: u64,
    },
}

impl RollbackError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Counter(_) => "counter_unusable",
            Self::RolledBack { .. } => "store_rolled_back",
            Self::StoreMissing { .. } => "store_removed",
            Self::OtherCounter { .. } => "counter_other",
            Self::NoCounter { .. } => "counter_unset",
            Self::Forked { .. } => "store_forked",
        }
    }
}

/// A store tied to a counter: each generation of the store runs once.
///
/// A generation begins with a commit that holds its number, and the counter follows. Copies from
/// within the present generation cannot be told from the store itself, so a worker begins a new
/// one at each start and every so often in between: that is how far a host can set it back.
#[derive(Debug)]
pub struct Anchor {
    counter: Arc<dyn MonotonicCounter>,
    generation: u64,
}

impl Anchor {
    /// Whether a store may be used without a counter: only one that never had any.
    ///
    /// # Errors
    /// [`RollbackError::NoCounter`].
    pub fn none(stored: Option<u64>) -> Result<(), RollbackError> {
        stored.map_or(Ok(()), |stored| Err(RollbackError::NoCounter { stored }))
    }

    /// Compares the generation that a store holds with the counter. For a store that holds none,
    /// [`Self::generation`] is to be committed before anything else.
    ///
    /// # Errors
    /// [`RollbackError`]: the store is not to be used.
    pub fn open(
        counter: Arc<dyn MonotonicCounter>,
        stored: Option<u64>,
    ) -> Result<Self, RollbackError> {
        let generation = match (stored, counter.read()?) {
            (None, None) => counter.increment()?,
            (None, Some(counter)) => return Err(RollbackError::StoreMissing { counter }),
            (Some(stored), Some(value)) if stored == value => stored,
            // Committed, and then the machine stopped before the counter could follow.
            (Some(stored), Some(value)) if value.checked_add(1) == Some(stored) => {
                follow(&*counter, stored)?
            }
            (Some(stored), Some(counter)) if stored < counter => {
                return Err(RollbackError::RolledBack { stored, counter });
            }
            (Some(stored), counter) => return Err(RollbackError::OtherCounter { stored, counter }),
        };
        Ok(Self { counter, generation })
    }

    /// The present generation.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Begins the next generation: `commit` stores its number durably, then the counter follows.
    ///
    /// # Errors
    /// What `commit` says, with nothing counted; [`RollbackError`] after which nothing more may be
    /// written.
    pub fn advance<E: From<RollbackError>>(
        &mut self,
        commit: impl FnOnce(u64) -> Result<(), E>,
    ) -> Result<u64, E> {
        // Asked first: a store that has been overtaken must not pass for the newest.
        if let Some(counter) = self.counter.read().map_err(RollbackError::from)?
            && counter != self.generation
        {
            return Err(RollbackError::Forked { expected: self.generation, counter }.into());
        }
        let next = self.generation.saturating_add(1);
        commit(next)?;
        self.generation = follow(&*self.counter, next)?;
        Ok(next)
    }
}

/// Brings the counter to the generation that was committed.
fn follow(counter: &dyn MonotonicCounter, expected: u64) -> Result<u64, RollbackError> {
    match counter.increment()? {
        value if value == expected => Ok(value),
        counter => Err(RollbackError::Forked { expected, counter }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::SimCounter;

    /// What a store on a disk holds.
    #[derive(Debug, Clone, Copy, Default)]
    struct Stored(Option<u64>);

    fn start(counter: &Arc<SimCounter>, store: &mut Stored) -> Result<Anchor, RollbackError> {
        let mut anchor = Anchor::open(counter.clone(), store.0)?;
        store.0 = Some(anchor.generation());
        advance(&mut anchor, store)?;
        Ok(anchor)
    }

    fn advance(anchor: &mut Anchor, store: &mut Stored) -> Result<u64, RollbackError> {
        anchor.advance(|next| {
            store.0 = Some(next);
            Ok(())
        })
    }

    #[test]
    fn a_store_that_was_not_touched_starts_again_and_again() {
        let counter = Arc::new(SimCounter::starting_at(41));
        let mut store = Stored::default();
        for _ in 0..5 {
            let mut anchor = start(&counter, &mut store).unwrap();
            advance(&mut anchor, &mut store).unwrap();
        }
        assert_eq!(store.0, counter.read().unwrap());
        assert_eq!(store.0, Some(42 + 10));
    }

    #[test]
    fn every_older_copy_is_refused() {
        let counter = Arc::new(SimCounter::default());
        let mut store = Stored::default();
        let mut copies = Vec::new();
        for _ in 0..4 {
            let mut anchor = start(&counter, &mut store).unwrap();
            copies.push(store);
            advance(&mut anchor, &mut store).unwrap();
            copies.push(store);
        }
        copies.pop();
        for mut copy in copies {
            let error = start(&counter, &mut copy).unwrap_err();
            assert_eq!(error.code(), "store_rolled_back", "{error}");
        }
        let error = start(&counter, &mut Stored(None)).unwrap_err();
        assert_eq!(error.code(), "store_removed", "{error}");
        start(&counter, &mut store).unwrap();
    }

    #[test]
    fn a_stop_between_commit_and_count_is_mended_by_the_next_start() {
        let counter = Arc::new(SimCounter::default());
        let mut store = Stored::default();
        let mut anchor = start(&counter, &mut store).unwrap();
        counter.fail_next();
        assert!(advance(&mut anchor, &mut store).is_err());
        assert_eq!(store.0, Some(counter.read().unwrap().unwrap() + 1));
        drop(anchor);
        start(&counter, &mut store).unwrap();
    }

    #[test]
    fn a_commit_that_fails_counts_nothing() {
        let counter = Arc::new(SimCounter::default());
        let mut store = Stored::default();
        let mut anchor = start(&counter, &mut store).unwrap();
        let before = counter.read().unwrap();
        let full = |_| Err(RollbackError::Counter(CounterError("disk full".into())));
        assert!(anchor.advance(full).is_err());
        assert_eq!(counter.read().unwrap(), before);
        assert_eq!(Some(anchor.generation()), before);
    }

    #[test]
    fn of_two_workers_on_copies_the_one_that_started_first_has_to_stop() {
        let counter = Arc::new(SimCounter::default());
        let mut store = Stored::default();
        let mut first = start(&counter, &mut store).unwrap();
        let mut copy = store;
        let mut second = start(&counter, &mut copy).unwrap();
        let error = advance(&mut first, &mut store).unwrap_err();
        assert_eq!(error.code(), "store_forked", "{error}");
        let error = start(&counter, &mut store).unwrap_err();
        assert_eq!(error.code(), "store_rolled_back", "{error}");
        advance(&mut second, &mut copy).unwrap();
        start(&counter, &mut copy).unwrap();
    }

    #[test]
    fn a_store_that_was_counted_does_not_run_without_its_counter() {
        let mut store = Stored::default();
        assert!(Anchor::none(store.0).is_ok());
        start(&Arc::new(SimCounter::default()), &mut store).unwrap();
        assert_eq!(Anchor::none(store.0).unwrap_err().code(), "counter_unset");
    }

    #[test]
    fn the_counter_of_another_machine_is_refused() {
        let (counter, other) = (SimCounter::starting_at(100), Arc::new(SimCounter::default()));
        let mut store = Stored::default();
        start(&Arc::new(counter), &mut store).unwrap();
        for _ in 0..2 {
            let error = Anchor::open(other.clone(), store.0).unwrap_err();
            assert_eq!(error.code(), "counter_other", "{error}");
            other.increment().unwrap();
        }
    }
}
