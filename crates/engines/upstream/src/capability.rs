use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use sealwork_engine::Engine;
use sealwork_job::{Code, Failure, Timestamp};

use crate::growing;

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

/// How long a part is taken not to work that has failed: at first, and at most; each further failure
/// doubles it.
const FIRST_REST: Duration = Duration::from_secs(60);
const LONGEST_REST: Duration = Duration::from_secs(15 * 60);

/// Whether what is configured works, as far as the last answers tell: the credentials as a whole,
/// and parts of what they are for.
#[derive(Debug, Default)]
pub struct Availability(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Why nothing works.
    missing: Option<String>,
    /// What has failed since it worked last.
    parts: BTreeMap<&'static str, Failed>,
    /// Whether there has been an answer about the credentials.
    is_answered: bool,
}

#[derive(Debug)]
struct Failed {
    failure: Failure,
    until: Timestamp,
    strikes: u32,
}

impl Availability {
    /// Notes that the credentials are being asked about: until the first answer they do not work.
    pub fn awaits_answer(&self) {
        let mut known = self.known();
        if !known.is_answered {
            known.missing = Some("the upstream has not answered yet".to_owned());
        }
    }

    /// Notes that the credentials work.
    pub fn works(&self) {
        self.answered().missing = None;
    }

    /// Notes why the credentials do not work.
    pub fn fails(&self, reason: impl Into<String>) {
        self.answered().missing = Some(reason.into());
    }

    /// Notes that `part` works, and so do the credentials.
    pub fn part_works(&self, part: &'static str) {
        let mut known = self.answered();
        known.missing = None;
        known.parts.remove(part);
    }

    /// Notes why `part` does not work: it is taken not to until it works, or for a minute at first
    /// and up to 15 when it fails again and again.
    pub fn part_fails(&self, part: &'static str, failure: impl Into<Failure>, now: Timestamp) {
        let mut known = self.known();
        let strikes = known.parts.get(part).map_or(0, |failed| failed.strikes);
        let until = now.plus(growing(FIRST_REST, LONGEST_REST, strikes));
        let failed = Failed { failure: failure.into(), until, strikes: strikes + 1 };
        known.parts.insert(part, failed);
    }

    /// How `part` has failed, while it is taken not to work.
    pub fn failed(&self, part: &str, now: Timestamp) -> Option<Failure> {
        let known = self.known();
        let failed = known.parts.get(part).filter(|failed| now < failed.until);
        failed.map(|failed| failed.failure.clone())
    }

    /// Why `part` does not work, if that is known.
    pub fn missing(&self, part: &str, now: Timestamp) -> Option<String> {
        let whole = self.known().missing.clone();
        whole.or_else(|| self.failed(part, now).map(|failure| failure.message))
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

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    #[test]
    fn what_has_not_been_answered_does_not_work_and_an_answer_is_not_forgotten() {
        let availability = Availability::default();
        let missing = |part| availability.missing(part, at(1));
        assert_eq!(missing("a"), None);
        availability.awaits_answer();
        assert!(missing("a").unwrap().contains("not answered yet"));
        availability.works();
        availability.awaits_answer();
        assert_eq!(missing("a"), None);
        let not_rented = || Failure::new(Code::UpstreamForbidden, "not rented");
        availability.part_fails("a", not_rented(), at(1));
        assert_eq!(missing("a").as_deref(), Some("not rented"));
        assert_eq!(missing("b"), None);
        availability.fails("refused");
        assert_eq!(missing("a").as_deref(), Some("refused"));
        assert_eq!(availability.failed("a", at(1)), Some(not_rented()));
        availability.part_works("a");
        assert_eq!(missing("a"), None);
    }

    #[test]
    fn a_part_that_failed_is_missing_a_minute_at_first_and_longer_each_time_until_it_works() {
        let availability = Availability::default();
        let failure = || Failure::new(Code::UpstreamStatus, "out of order");
        let mut now = 0;
        for rest in [60, 120, 240, 480, 900, 900] {
            availability.part_fails("a", failure(), at(now));
            assert!(availability.missing("a", at(now + rest - 1)).is_some());
            now += rest;
            assert_eq!(availability.missing("a", at(now)), None);
        }
        availability.part_works("a");
        availability.part_fails("a", failure(), at(now));
        assert_eq!(availability.missing("a", at(now + 60)), None);
    }
}
