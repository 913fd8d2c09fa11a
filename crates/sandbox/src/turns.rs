//! At most so many at once of each: whoever wants more waits, and others need not.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Names that are remembered before those without a turn are looked for.
const MANY: usize = 1024;

/// Turns by name.
#[derive(Debug)]
pub(crate) struct Turns {
    each: usize,
    of: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// A turn; over when dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// At most `each` at once of every name, and one at least.
    pub(crate) fn new(each: usize) -> Self {
        Self { each: each.max(1), of: Mutex::default() }
    }

    /// Turns for something of which there are `all`: of every eight one is left for others, and one
    /// at least where there are two.
    pub(crate) fn leaving_some(all: usize) -> Self {
        Self::new(most_of_one(all))
    }

    /// Waits for a turn.
    pub(crate) async fn take(&self, name: &str) -> Turn {
        self.take_many(name, 1).await
    }

    /// Waits for so many at once, or for all there are.
    pub(crate) async fn take_many(&self, name: &str, many: u32) -> Turn {
        let many = many.min(u32::try_from(self.each).unwrap_or(u32::MAX));
        // Never closed.
        Turn { _permit: self.semaphore(name).acquire_many_owned(many).await.ok() }
    }

    fn semaphore(&self, name: &str) -> Arc<Semaphore> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = of.get(name).and_then(Weak::upgrade) {
            return known;
        }
        if of.len() >= MANY {
            of.retain(|_, semaphore| semaphore.strong_count() > 0);
        }
        let new = Arc::new(Semaphore::new(self.each));
        of.insert(name.to_owned(), Arc::downgrade(&new));
        new
    }
}

/// What one gets at most of something of which there are `all`.
pub(crate) fn most_of_one(all: usize) -> usize {
    all.saturating_sub((all / 8).max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn each_name_has_turns_of_its_own() {
        let turns = Turns::leaving_some(2);
        let alice = turns.take("alice").await;
        let soon = Duration::from_millis(20);
        assert!(timeout(soon, turns.take("alice")).await.is_err());
        assert!(timeout(soon, turns.take("bob")).await.is_ok());
        drop(alice);
        assert!(timeout(soon, turns.take("alice")).await.is_ok());
    }

    #[test]
    fn one_is_left_for_others_where_there_are_two() {
        let most = [0, 1, 2, 4, 8, 32].map(most_of_one);
        assert_eq!(most, [1, 1, 1, 3, 7, 28]);
    }

    #[tokio::test]
    async fn names_without_a_turn_are_forgotten() {
        let turns = Turns::new(1);
        for number in 0..3 * MANY {
            turns.take(&number.to_string()).await;
        }
        assert!(turns.of.lock().unwrap().len() <= MANY);
    }
}
