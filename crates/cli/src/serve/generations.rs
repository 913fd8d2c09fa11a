//! Generations of the store, which a counter counts where the host cannot write: an older copy of
//! the data directory shows itself.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sealwork_platform::{Anchor, CounterError, MonotonicCounter, RollbackError};
use sealwork_store::{Namespace, Store, StoreError};
use tokio::runtime::Handle;

use super::ServeError;

const NAMESPACE: &str = "rollback";
const GENERATION: &str = "generation";
/// How long a generation lasts, and so how far back a copy could set the worker. A TPM's memory
/// takes some hundred thousand writes: decades of these.
const LASTING: Duration = Duration::from_secs(3600);
/// After a counter that did not answer.
const RETRY: Duration = Duration::from_secs(60);

/// Why the next generation did not begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum GenerationError {
    /// The store is not to be used, or not now.
    #[error(transparent)]
    Rollback(#[from] RollbackError),
    /// It was not written down.
    #[error("the store's generation cannot be kept: {0}")]
    Store(#[from] StoreError),
}

impl From<GenerationError> for ServeError {
    fn from(error: GenerationError) -> Self {
        match error {
            GenerationError::Rollback(error) => Self::Rollback(error),
            GenerationError::Store(error) => Self::Generation(error),
        }
    }
}

/// A store whose generations are counted.
#[derive(Clone)]
pub(super) struct Generations {
    anchor: Arc<Mutex<Anchor>>,
    rows: Namespace,
}

/// Begins a generation, where there is a counter; else checks that the store never had one.
///
/// # Errors
/// [`GenerationError`]: the store is not to be used.
pub(super) async fn open(
    counter: Option<Arc<dyn MonotonicCounter>>,
    store: &Store,
) -> Result<Option<Generations>, GenerationError> {
    match counter {
        Some(counter) => Generations::open(counter, store).await.map(Some),
        None => {
            Anchor::none(stored(&store.namespace(NAMESPACE))?)?;
            Ok(None)
        }
    }
}

/// Begins generations until another worker has overtaken this one; never ends without a counter.
pub(super) async fn overtaken(generations: Option<Generations>) -> RollbackError {
    match generations {
        Some(generations) => generations.keep(LASTING).await,
        None => std::future::pending().await,
    }
}

impl Generations {
    /// Compares the store with the counter, and begins a generation.
    async fn open(
        counter: Arc<dyn MonotonicCounter>,
        store: &Store,
    ) -> Result<Self, GenerationError> {
        let rows = store.namespace(NAMESPACE);
        let generations = on_a_thread(move |handle| {
            let stored = stored(&rows)?;
            let anchor = Anchor::open(counter, stored)?;
            if stored.is_none() {
                commit(&handle, &rows, anchor.generation())?;
            }
            Ok(Self { anchor: Arc::new(Mutex::new(anchor)), rows })
        })
        .await?;
        generations.advance().await?;
        Ok(generations)
    }

    /// Begins a generation every `lasting`, until another worker has overtaken this one: what it
    /// says then is why nothing more may be written.
    async fn keep(self, lasting: Duration) -> RollbackError {
        let mut pause = lasting;
        loop {
            tokio::time::sleep(pause).await;
            pause = match self.advance().await {
                Ok(()) => lasting,
                Err(GenerationError::Rollback(error @ RollbackError::Forked { .. })) => {
                    return error;
                }
                Err(error) => {
                    tracing::error!(%error, "no new generation of the store; trying again");
                    RETRY.min(lasting)
                }
            };
        }
    }

    async fn advance(&self) -> Result<(), GenerationError> {
        let Self { anchor, rows } = self.clone();
        on_a_thread(move |handle| {
            let mut anchor = anchor.lock().unwrap_or_else(PoisonError::into_inner);
            anchor.advance(|next| commit(&handle, &rows, next))?;
            Ok(())
        })
        .await
    }
}

fn stored(rows: &Namespace) -> Result<Option<u64>, StoreError> {
    let damaged = || StoreError::Damaged("the store's generation does not read".to_owned());
    let read = |bytes: &[u8]| bytes.try_into().map(u64::from_be_bytes).map_err(|_| damaged());
    rows.get(GENERATION)?.map(|bytes| read(&bytes)).transpose()
}

fn commit(handle: &Handle, rows: &Namespace, generation: u64) -> Result<(), GenerationError> {
    Ok(handle.block_on(rows.put(GENERATION, generation.to_be_bytes().to_vec()))?)
}

/// Counters block, and what they count is committed in between.
async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce(Handle) -> Result<T, GenerationError> + Send + 'static,
) -> Result<T, GenerationError> {
    let handle = Handle::current();
    let panicked = || CounterError("the counter panicked".into());
    let done = tokio::task::spawn_blocking(move || work(handle)).await;
    done.unwrap_or_else(|_| Err(RollbackError::from(panicked()).into()))
}

#[cfg(test)]
mod tests {
    use sealwork_platform::{
        OsEntropy, SystemClock,
        sim::{SimCounter, SimDisk},
    };
    use sealwork_store::StoreOptions;

    use super::*;

    fn store(disk: &SimDisk) -> Store {
        let (disk, clock) = (Arc::new(disk.clone()), Arc::new(SystemClock::new()));
        Store::open(disk, clock, &OsEntropy, &[7; 32], StoreOptions::default()).unwrap()
    }

    #[tokio::test]
    async fn a_store_that_was_counted_needs_its_counter_at_each_start() {
        let (disk, counter) = (SimDisk::new(1), Arc::new(SimCounter::default()));
        for _ in 0..2 {
            let store = store(&disk);
            open(Some(counter.clone()), &store).await.unwrap();
            store.close().await;
        }
        let without = open(None, &store(&disk)).await.map(|_| ()).unwrap_err();
        assert!(matches!(without, GenerationError::Rollback(RollbackError::NoCounter { .. })));
    }

    #[tokio::test]
    async fn a_worker_that_was_overtaken_is_told_and_one_whose_counter_fails_goes_on() {
        let (disk, counter) = (SimDisk::new(1), Arc::new(SimCounter::default()));
        let store = store(&disk);
        let generations = Generations::open(counter.clone(), &store).await.unwrap();
        let begun = stored(&generations.rows).unwrap();
        counter.fail_next();
        let keeping = tokio::spawn(generations.clone().keep(Duration::from_millis(1)));
        while stored(&generations.rows).unwrap() < begun.map(|begun| begun + 3) {
            tokio::task::yield_now().await;
        }
        counter.increment().unwrap();
        let error = keeping.await.unwrap();
        assert_eq!(error.code(), "store_forked", "{error}");
    }
}
