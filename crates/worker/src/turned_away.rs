//! Masa's jobs that this worker refused by their target or their generator: their nonces are used up.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use sealwork_job::{Code, Digest, Failure};
use sealwork_seal::salted_digest;

/// Nonces of each of two generations; with the newer one full, the older one is forgotten.
const MANY: usize = 4096;

/// Remembers such nonces until the process ends, the latest few thousand. Such a job is refused each
/// time; what is remembered decides about the words alone.
#[derive(Debug, Default)]
pub(crate) struct TurnedAway(Mutex<[HashSet<Digest>; 2]>);

impl TurnedAway {
    /// What to say of the job with this nonce: `refusal` at first, later that it has been seen.
    pub(crate) fn judge(&self, nonce: &str, refusal: Failure) -> Failure {
        let nonce = salted_digest(&[0; 32], "masa nonce", nonce.as_bytes());
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [newer, older] = &mut *generations;
        if older.contains(&nonce) || !newer.insert(nonce) {
            return Failure::new(Code::JobReplayed, "job already executed");
        }
        if newer.len() >= MANY {
            *older = std::mem::take(newer);
        }
        refusal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_used_up_by_the_first_refusal_and_memory_is_bounded() {
        let turned_away = TurnedAway::default();
        let judge = |nonce: &str| {
            turned_away.judge(nonce, Failure::new(Code::WrongWorker, "elsewhere")).code
        };
        assert_eq!(judge("a"), Code::WrongWorker);
        assert_eq!(judge("a"), Code::JobReplayed);
        for n in 0..3 * MANY {
            assert_eq!(judge(&n.to_string()), Code::WrongWorker);
        }
        assert!(turned_away.0.lock().unwrap().iter().all(|generation| generation.len() <= MANY));
    }
}
