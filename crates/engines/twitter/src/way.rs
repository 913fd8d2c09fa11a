use std::fmt;

use crate::Operation;

/// How X is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    /// As a logged-in web client, with an account's session.
    Credential,
    /// By API v2, with a bearer token.
    Api,
    /// By an actor on Apify, which costs money with each run.
    Apify,
}

/// One of the four job types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobType {
    /// `twitter`: the best way that is there.
    Any,
    /// One way only.
    Only(Way),
}

impl Way {
    /// Its name in cursors and in a result's details.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Api => "api",
            Self::Apify => "apify",
        }
    }

    /// Reads [`Way::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Credential, Self::Api, Self::Apify].into_iter().find(|way| way.as_str() == name)
    }

    /// What the operator configures for it, for messages.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Credential => "TWITTER_ACCOUNTS",
            Self::Api => "TWITTER_API_KEYS",
            Self::Apify => "APIFY_API_KEY",
        }
    }

    /// Whether it knows the operation at all. With [`Way::Api`], `searchbyfullarchive` needs an
    /// elevated key in addition.
    pub fn offers(self, operation: Operation) -> bool {
        match self {
            Self::Credential => true,
            Self::Api => matches!(
                operation,
                Operation::SearchByQuery
                    | Operation::SearchByFullArchive
                    | Operation::GetById
                    | Operation::GetProfileById
            ),
            Self::Apify => matches!(operation, Operation::GetFollowers | Operation::GetFollowing),
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl JobType {
    /// All four.
    pub const ALL: [Self; 4] =
        [Self::Any, Self::Only(Way::Credential), Self::Only(Way::Api), Self::Only(Way::Apify)];

    /// The engine's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "twitter",
            Self::Only(Way::Credential) => "twitter-credential",
            Self::Only(Way::Api) => "twitter-api",
            Self::Only(Way::Apify) => "twitter-apify",
        }
    }

    /// The ways an operation may take, best first: followers Apify before credentials, all else
    /// credentials before API (the late README, "Priority").
    pub fn ways(self, operation: Operation) -> Vec<Way> {
        let order: &[Way] = match self {
            Self::Only(way) => &[way],
            Self::Any if Way::Apify.offers(operation) => &[Way::Apify, Way::Credential],
            Self::Any => &[Way::Credential, Way::Api],
        };
        order.iter().copied().filter(|way| way.offers(operation)).collect()
    }

    /// The operation of a job that names none (reference 3.5).
    pub fn default_operation(self) -> Operation {
        match self {
            Self::Only(Way::Apify) => Operation::GetFollowers,
            _ => Operation::SearchByQuery,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn followers_go_by_apify_first_and_searches_by_credentials_first() {
        let any = JobType::Any;
        assert_eq!(any.ways(Operation::GetFollowers), [Way::Apify, Way::Credential]);
        assert_eq!(any.ways(Operation::GetFollowing), [Way::Apify, Way::Credential]);
        assert_eq!(any.ways(Operation::SearchByQuery), [Way::Credential, Way::Api]);
        assert_eq!(any.ways(Operation::GetTrends), [Way::Credential]);
        assert_eq!(JobType::Only(Way::Api).ways(Operation::GetTrends), []);
    }
}
