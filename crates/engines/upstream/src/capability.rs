use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use sealwork_engine::Engine;

/// One operation of an engine, and whether it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its name, for example `searchposts`.
    pub name: &'static str,
    /// The way it goes: `apify`, `api`, `credential`, `transcription`.
    pub way: &'static str,
    /// Why it does not work; `None` when it does.
    pub missing: Option<String>,
}

/// An engine whose operations depend on what is configured, and on whether it works.
#[async_trait]
pub trait Social: Engine {
    /// All operations that the engine knows, in order, those that do not work with the reason.
    /// [`Engine::capabilities`] gives the names of the others.
    fn operations(&self) -> Vec<Operation>;

    /// Asks the upstreams whether the credentials work, without a paid run. For the start, and now
    /// and then.
    async fn probe(&self);
}

/// The names of the operations that work, each once.
pub fn working(operations: &[Operation]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for operation in operations.iter().filter(|operation| operation.missing.is_none()) {
        if !names.iter().any(|name| name == operation.name) {
            names.push(operation.name.to_owned());
        }
    }
    names
}

/// Whether what is configured works, as far as the last answers tell: the credentials as a whole,
/// and parts of what they are for.
#[derive(Debug, Default)]
pub struct Availability(Mutex<BTreeMap<&'static str, String>>);

/// The name of the whole among the parts.
const WHOLE: &str = "";

impl Availability {
    /// Notes that the credentials work.
    pub fn works(&self) {
        self.all().remove(WHOLE);
    }

    /// Notes why the credentials do not work.
    pub fn fails(&self, reason: impl Into<String>) {
        self.all().insert(WHOLE, reason.into());
    }

    /// Notes that `part` works, and so do the credentials.
    pub fn part_works(&self, part: &'static str) {
        let mut all = self.all();
        all.remove(WHOLE);
        all.remove(part);
    }

    /// Notes why `part` does not work.
    pub fn part_fails(&self, part: &'static str, reason: impl Into<String>) {
        self.all().insert(part, reason.into());
    }

    /// Why `part` does not work, if that is known.
    pub fn missing(&self, part: &str) -> Option<String> {
        let all = self.all();
        all.get(WHOLE).or_else(|| all.get(part)).cloned()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
