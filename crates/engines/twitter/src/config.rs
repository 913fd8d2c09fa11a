use sealwork_egress::UpstreamBase;
use sealwork_upstream::Secret;
use thiserror::Error;

use crate::web::{Account, GraphqlConfig};

/// What the operator decides about the Twitter engines.
#[derive(Debug)]
pub struct TwitterConfig {
    /// The address of API v2 ([`TwitterConfig::API_URL`]).
    pub api: UpstreamBase,
    /// The address of X's internal API ([`TwitterConfig::WEB_URL`]).
    pub web: UpstreamBase,
    /// Bearer tokens of API v2 (`TWITTER_API_KEYS`).
    pub api_keys: Vec<Secret>,
    /// Accounts at X (`TWITTER_ACCOUNTS`).
    pub accounts: Vec<Account>,
    /// The token that X's web client carries ([`TwitterConfig::WEB_BEARER`]).
    pub web_bearer: String,
    /// `User-Agent` of the way by credentials ([`TwitterConfig::WEB_USER_AGENT`]).
    pub web_user_agent: String,
    /// Ids and features of X's internal GraphQL.
    pub graphql: GraphqlConfig,
    /// Most results that one job may ask for.
    pub max_results: u64,
}

impl TwitterConfig {
    /// Where API v2 is.
    pub const API_URL: &'static str = "https://api.x.com/2";
    /// Where X's internal API is.
    pub const WEB_URL: &'static str = "https://api.x.com";
    /// The same in every copy of X's web client, for years: it tells the client and no user.
    pub const WEB_BEARER: &'static str = "AAAAAAAAAAAAAAAAAAAAANRILgAAAAAAnNwIzUejRCOuH5E6I8xnZz4puTs%3D1Zv7ttfk8LF81IUq16cHjhLTvJu4FA33AGWWjCpTnA";
    /// A desktop browser: X gives others less.
    pub const WEB_USER_AGENT: &'static str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
    /// Most results of a job, unless the operator says otherwise: what the last reference had.
    pub const MAX_RESULTS: u64 = 1000;

    /// Neither accounts nor keys, and all else as it is by default.
    pub fn new(api: UpstreamBase, web: UpstreamBase) -> Self {
        Self {
            api,
            web,
            api_keys: Vec::new(),
            accounts: Vec::new(),
            web_bearer: Self::WEB_BEARER.to_owned(),
            web_user_agent: Self::WEB_USER_AGENT.to_owned(),
            graphql: GraphqlConfig::default(),
            max_results: Self::MAX_RESULTS,
        }
    }
}

/// Why an entry of `TWITTER_API_KEYS` is refused. Tells its place, not what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "entry {place} of TWITTER_API_KEYS is no bearer token: that has no blanks and no colon; accounts belong into TWITTER_ACCOUNTS"
)]
pub struct ApiKeysError {
    /// Its place in the list, from 1.
    pub place: usize,
}

/// Reads `TWITTER_API_KEYS`: bearer tokens, separated by commas.
///
/// # Errors
/// The place of the first entry that is none.
pub fn parse_api_keys(list: &str) -> Result<Vec<Secret>, ApiKeysError> {
    let mut keys = Vec::new();
    for (index, entry) in list.split(',').map(str::trim).enumerate() {
        if entry.is_empty() {
            continue;
        }
        if !entry.bytes().all(|byte| byte.is_ascii_graphic()) || entry.contains(':') {
            return Err(ApiKeysError { place: index + 1 });
        }
        keys.push(Secret::new(entry));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_and_what_is_none_is_told_by_its_place() {
        assert_eq!(parse_api_keys(" AAA%3Dx ,,BBB").unwrap().len(), 2);
        assert_eq!(parse_api_keys("").unwrap().len(), 0);
        for list in ["AAA,user:pass", "AAA,two words"] {
            let error = parse_api_keys(list).unwrap_err();
            assert_eq!(error.place, 2);
            assert!(!error.to_string().contains("user:") && !error.to_string().contains("two "));
        }
    }
}
