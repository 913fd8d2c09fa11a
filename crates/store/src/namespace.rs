//! Small values of doors and of the worker: cursors, timers, keys.

use tokio::sync::oneshot;

use crate::{
    Store, StoreError,
    batch::{Batch, Failure, Operation},
    doubt::Doubts,
    sealing::{Place, Sealer},
    shared::Shared,
    tables::NAMESPACES,
};

/// A key and its value.
pub type NamespaceRow = (Vec<u8>, Vec<u8>);

/// One owner's keys and values. Values are sealed on disk, keys and the namespace's name are not.
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
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, StoreError> {
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
        value: impl Into<Vec<u8>>,
    ) -> Result<(), StoreError> {
        self.write([(key.into(), Some(value.into()))]).await
    }

    /// Sets several keys in one commit.
    ///
    /// # Errors
    /// As [`Self::put`]; all values are the old ones or all are the new ones.
    pub async fn put_many(
        &self,
        rows: impl IntoIterator<Item = NamespaceRow>,
    ) -> Result<(), StoreError> {
        self.write(rows.into_iter().map(|(key, value)| (key, Some(value)))).await
    }

    /// Removes `key`; a missing one is no error.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn delete(&self, key: impl Into<Vec<u8>>) -> Result<(), StoreError> {
        self.write([(key.into(), None)]).await
    }

    /// Sets and removes keys in one commit.
    ///
    /// # Errors
    /// As [`Self::put_many`].
    pub async fn write(
        &self,
        changes: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let changes = changes.into_iter().collect();
        self.store.apply(Write { name: self.name.clone(), changes, answer }).await?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }
}

struct Write {
    name: String,
    changes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

impl Operation for Write {
    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        for (key, value) in &self.changes {
            let at = (self.name.as_str(), key.as_slice());
            match value {
                Some(value) => {
                    let sealed = batch.shared.sealer.seal(place(&self.name, key).as_place(), value);
                    batch.tables.namespaces.insert(at, sealed.as_slice())?;
                }
                None => {
                    batch.tables.namespaces.remove(at)?;
                }
            }
            batch.touch();
        }
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

fn open(sealer: &Sealer, name: &str, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
    sealer
        .open(place(name, key).as_place(), sealed)
        .ok_or_else(|| StoreError::damaged("namespaces"))
}
