use sealwork_engine::Stat;
use sealwork_job::Code;

use crate::{Kind, Way};

/// What a job did, in the counters of the reference (reference 4.2). Each is moved here and nowhere
/// else.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    scrapes: u64,
    errors: u64,
    auth_errors: u64,
    ratelimit_errors: u64,
}

impl Tally {
    /// A request is about to go out, with an account or key that was found for it.
    pub(crate) fn asked(&mut self) {
        self.scrapes += 1;
    }

    /// Something failed, with this code.
    pub(crate) fn failed(&mut self, code: Code) {
        match code {
            Code::RateLimited => self.ratelimit_errors += 1,
            Code::UpstreamUnauthorized | Code::NotConfigured => self.auth_errors += 1,
            // The requester's or the operator's doing, and none of X.
            Code::Cancelled | Code::EgressExhausted | Code::ArgumentsInvalid => {}
            _ => self.errors += 1,
        }
    }

    /// The counters of a job that returned `count` items. Those that do not move are left out, as
    /// the reference does.
    pub(crate) fn stats(&self, way: Way, kind: Kind, count: u64) -> Vec<Stat> {
        let returned = match (way, kind) {
            (Way::Apify, _) => "twitter_returned_followers",
            (_, Kind::Tweets) => "twitter_returned_tweets",
            (_, Kind::Profiles) => "twitter_returned_profiles",
            (_, Kind::Other) => "twitter_returned_other",
        };
        let moved = [
            ("twitter_scrapes", self.scrapes),
            (returned, count),
            ("twitter_errors", self.errors),
            ("twitter_auth_errors", self.auth_errors),
            ("twitter_ratelimit_errors", self.ratelimit_errors),
        ];
        moved.into_iter().filter(|(_, by)| *by > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_moves_one_counter() {
        let mut tally = Tally::default();
        tally.asked();
        tally.failed(Code::RateLimited);
        tally.failed(Code::UpstreamUnauthorized);
        tally.failed(Code::UpstreamStatus);
        tally.failed(Code::Cancelled);
        assert_eq!(
            tally.stats(Way::Api, Kind::Tweets, 3),
            [
                ("twitter_scrapes", 1),
                ("twitter_returned_tweets", 3),
                ("twitter_errors", 1),
                ("twitter_auth_errors", 1),
                ("twitter_ratelimit_errors", 1),
            ]
        );
        let quiet = Tally::default();
        assert_eq!(quiet.stats(Way::Apify, Kind::Profiles, 2), [("twitter_returned_followers", 2)]);
        assert_eq!(quiet.stats(Way::Credential, Kind::Other, 0), []);
    }
}
