//! The beginning of a large output, on the disk while the job is running.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sealwork_platform::Entropy;
use sealwork_seal::SaltedDigest;
use sealwork_store::{Spool, Spooled, Store, StoreError};
use zeroize::Zeroizing;

/// One job's spool. It makes no file before something is appended.
pub(crate) struct OutputSpool {
    store: Store,
    entropy: Arc<dyn Entropy>,
    limit: u64,
    state: Mutex<State>,
}

enum State {
    Empty(SaltedDigest),
    Writing(Box<Spool>, SaltedDigest),
    Failed(StoreError),
    Ended,
}

/// What was appended, and its digest so far as the receipt shows it.
pub(crate) struct Beginning {
    pub(crate) content: Spooled,
    pub(crate) digest: SaltedDigest,
}

impl OutputSpool {
    /// A spool for at most `limit` bytes; `salt` is that of the receipt's digests.
    pub(crate) fn new(
        store: Store,
        entropy: Arc<dyn Entropy>,
        limit: u64,
        salt: &Zeroizing<[u8; 32]>,
    ) -> Self {
        let state = Mutex::new(State::Empty(SaltedDigest::new(salt, "output")));
        Self { store, entropy, limit, state }
    }

    /// Ends it: what was appended, if anything was.
    ///
    /// # Errors
    /// What kept it from the disk.
    pub(crate) fn end(&self) -> Result<Option<Beginning>, StoreError> {
        match std::mem::replace(&mut *self.state(), State::Ended) {
            State::Empty(_) | State::Ended => Ok(None),
            State::Writing(spool, digest) => {
                Ok(Some(Beginning { content: spool.finish()?, digest }))
            }
            State::Failed(error) => Err(error),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pushed(&self, state: State, bytes: &[u8]) -> Result<State, StoreError> {
        let (mut spool, mut digest) = match state {
            State::Empty(digest) => (Box::new(self.store.spool(&*self.entropy)?), digest),
            State::Writing(spool, digest) => (spool, digest),
            State::Failed(error) => return Err(error),
            State::Ended => return Err(StoreError::Closed),
        };
        if spool.len() + bytes.len() as u64 > self.limit {
            return Err(io::Error::other("the job's output limit is exceeded").into());
        }
        spool.push(bytes)?;
        digest.update(bytes);
        Ok(State::Writing(spool, digest))
    }
}

impl sealwork_engine::Spool for OutputSpool {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let before = std::mem::replace(&mut *state, State::Ended);
        match self.pushed(before, bytes) {
            Ok(after) => {
                *state = after;
                Ok(())
            }
            Err(error) => {
                *state = State::Failed(error.clone());
                Err(io::Error::other(error))
            }
        }
    }

    fn appended(&self) -> u64 {
        match &*self.state() {
            State::Writing(spool, _) => spool.len(),
            State::Empty(_) | State::Failed(_) | State::Ended => 0,
        }
    }
}
