//! Sessions at X, kept over restarts in the worker's store, which seals them.

use std::io;

use async_trait::async_trait;
use sealwork_engine_twitter::SessionStore;
use sealwork_store::{Namespace, Store};
use zeroize::Zeroizing;

/// The store's name for them.
const NAMESPACE: &str = "twitter-sessions";

/// One value for each account, under its user name.
pub(super) struct Sessions(Namespace);

impl Sessions {
    pub(super) fn of(store: &Store) -> Self {
        Self(store.namespace(NAMESPACE))
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn load(&self, account: &str) -> io::Result<Option<Zeroizing<String>>> {
        let Some(session) = self.0.get(account).map_err(io::Error::other)? else { return Ok(None) };
        // What is no text was not written here: a new session takes its place.
        Ok(str::from_utf8(&session).ok().map(|text| Zeroizing::new(text.to_owned())))
    }

    async fn save(&self, account: &str, session: Zeroizing<String>) -> io::Result<()> {
        let session = Zeroizing::new(session.as_bytes().to_vec());
        self.0.put(account, session).await.map_err(io::Error::other)
    }

    async fn forget(&self, account: &str) -> io::Result<()> {
        self.0.delete(account).await.map_err(io::Error::other)
    }
}
