//! Small values of doors and of the worker: cursors, timers, keys.

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::{
    Store, StoreError,
    batch::{Batch, Failure, Operation},
    doubt::Doubts,
    sealing::{Place, Sealer},
    shared::Shared,
    tables::NAMESPACES,
};

/// A key and its value.
pub type NamespaceRow = (Vec<u8>, Zeroizing<Vec<u8>>);

/// One owner's keys and values. Values are sealed on disk and wiped in memory; keys and the
/// namespace's name are neither.
#[derive(Debug, Clone)]
pub struct Namespace {
    store: Store,
    name: String,
}

impl Namespace {
    pub(crate) fn new(store: Store, name: String) -> Self {
        Self { store, name }
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let key = key.as_ref();
        self.store.read(|transaction, shared| {
            let table = transaction.open_table(NAMESPACES)?;
            let Some(sealed) = table.get((self.name.as_str(), key))? else { return Ok(None) };
            open(&shared.sealer, &self.name, key, sealed.value()).map(Some)
        })
    }

    /// Up to `limit` rows whose keys begin with `prefix` and come after `after`, in the order of
    /// their keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn scan(
        &self,
        prefix: impl AsRef<[u8]>,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<NamespaceRow>, StoreError> {
        let prefix = prefix.as_ref();
        self.store.read(|transaction, shared| {
            let table = transaction.open_table(NAMESPACES)?;
            let start = after.filter(|after| *after >= prefix).unwrap_or(prefix);
            let mut rows = Vec::new();
            for row in table.range((self.name.as_str(), start)..)? {
                let (at, sealed) = row?;
                let (name, key) = at.value();
                if name != self.name || !key.starts_with(prefix) || rows.len() == limit {
                    break;
                }
                if after != Some(key) {
                    let value = open(&shared.sealer, &self.name, key, sealed.value())?;
                    rows.push((key.to_vec(), value));
                }
            }
            Ok(rows)
        })
    }

    /// Sets `key` to `value`.
    ///
    /// # Errors
    /// [`StoreError`]; then the value may be the old or the new one.
    pub async fn put(
        &self,
        key: impl Into<Vec<u8>>,
        value: impl Into<Zeroizing<Vec<u8>>>,
    ) -> Result<(), StoreError> {
        self.write(key.into(), Some(value.into())).await
    }

    /// Removes `key`; a missing one is no error.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn delete(&self, key: impl Into<Vec<u8>>) -> Result<(), StoreError> {
        self.write(key.into(), None).await
    }

    async fn write(
        &self,
        key: Vec<u8>,
        value: Option<Zeroizing<Vec<u8>>>,
    ) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.store.apply(Write { name: self.name.clone(), key, value, answer }).await?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }
}

struct Write {
    name: String,
    key: Vec<u8>,
    value: Option<Zeroizing<Vec<u8>>>,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

impl Operation for Write {
    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        let at = (self.name.as_str(), self.key.as_slice());
        match &self.value {
            Some(value) => {
                let place = place(&self.name, &self.key);
                let sealed = batch.shared.sealer.seal(place.as_place(), value);
                batch.tables.namespaces.insert(at, sealed.as_slice())?;
            }
            None => {
                batch.tables.namespaces.remove(at)?;
            }
        }
        batch.touch();
        Ok(())
    }

    fn committed(self: Box<Self>) {
        let _ = self.answer.send(Ok(()));
    }

    fn failed(self: Box<Self>, failure: &Failure, _: &Shared, _: &mut Doubts) {
        let _ = self.answer.send(Err(failure.error.clone()));
    }
}

struct At<'a>([&'a [u8]; 2]);

impl At<'_> {
    fn as_place(&self) -> Place<'_> {
        Place { table: "namespaces", key: &self.0 }
    }
}

fn place<'a>(name: &'a str, key: &'a [u8]) -> At<'a> {
    At([name.as_bytes(), key])
}

fn open(
    sealer: &Sealer,
    name: &str,
    key: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    sealer
        .open(place(name, key).as_place(), sealed)
        .map(Zeroizing::new)
        .ok_or_else(|| StoreError::damaged("namespaces"))
}
