use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use sealwork_engine::Engine;
use sealwork_job::{Code, Failure};

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

    /// Asks the engine's own upstreams whether they and the credentials work, without a paid run.
    /// For the start, and now and then. What engines share, such as [`Apify`](crate::Apify), is
    /// asked once by whoever shares it out.
    async fn probe(&self) {}
}

/// Refuses an operation of `engine` that nothing is configured for: says what `setting` is missing,
/// and which operations there are instead.
pub fn not_configured(
    engine: &str,
    operation: &str,
    setting: &str,
    operations: &[Operation],
) -> Failure {
    let working = working(operations);
    let instead = if working.is_empty() {
        format!("it offers no operation of {engine}")
    } else {
        format!("type must be one of {}", working.join(", "))
    };
    let given = "which this worker has not been given";
    let text = format!("type {operation} needs {setting}, {given}; {instead}");
    let in_clear = format!("type is one that needs {setting}, {given}; {instead}");
    Failure::new(Code::NotConfigured, text).in_clear(in_clear)
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
pub struct Availability(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Why what does not work.
    missing: BTreeMap<&'static str, String>,
    /// Whether there has been an answer about the credentials.
    is_answered: bool,
}

/// The name of the whole among the parts.
const WHOLE: &str = "";

impl Availability {
    /// Notes that the credentials are being asked about: until the first answer they do not work.
    pub fn awaits_answer(&self) {
        let mut known = self.known();
        if !known.is_answered {
            known.missing.insert(WHOLE, "the upstream has not answered yet".to_owned());
        }
    }

    /// Notes that the credentials work.
    pub fn works(&self) {
        self.answered().missing.remove(WHOLE);
    }

    /// Notes why the credentials do not work.
    pub fn fails(&self, reason: impl Into<String>) {
        self.answered().missing.insert(WHOLE, reason.into());
    }

    /// Notes that `part` works, and so do the credentials.
    pub fn part_works(&self, part: &'static str) {
        let mut known = self.answered();
        known.missing.remove(WHOLE);
        known.missing.remove(part);
    }

    /// Notes why `part` does not work.
    pub fn part_fails(&self, part: &'static str, reason: impl Into<String>) {
        self.known().missing.insert(part, reason.into());
    }

    /// Why `part` does not work, if that is known.
    pub fn missing(&self, part: &str) -> Option<String> {
        let known = self.known();
        known.missing.get(WHOLE).or_else(|| known.missing.get(part)).cloned()
    }

    fn answered(&self) -> MutexGuard<'_, Known> {
        let mut known = self.known();
        known.is_answered = true;
        known
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_been_answered_does_not_work_and_an_answer_is_not_forgotten() {
        let availability = Availability::default();
        assert_eq!(availability.missing("a"), None);
        availability.awaits_answer();
        assert!(availability.missing("a").unwrap().contains("not answered yet"));
        availability.works();
        availability.awaits_answer();
        assert_eq!(availability.missing("a"), None);
        availability.part_fails("a", "not rented");
        assert_eq!(availability.missing("a").as_deref(), Some("not rented"));
        assert_eq!(availability.missing("b"), None);
        availability.fails("refused");
        assert_eq!(availability.missing("a").as_deref(), Some("refused"));
        availability.part_works("a");
        assert_eq!(availability.missing("a"), None);
    }
}
