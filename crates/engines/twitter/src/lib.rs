//! The Twitter engines: X by session, by API v2 and by Apify, each alone and the best that is there.
//!
//! [`Twitter`] holds accounts, keys and budgets; [`Twitter::engines`] gives the four engines that
//! share them: `twitter`, `twitter-credential`, `twitter-api`, `twitter-apify`. A job names an
//! [`Operation`]; [`JobType::ways`] says in which order the ways are tried. The forms of arguments
//! and results are those of Masa's workers (reference 3.5).
//!
//! * [`SessionStore`] keeps sessions over restarts, [`parse_accounts`] and [`parse_api_keys`] read
//!   the settings, [`GraphqlConfig`] holds what X changes with its releases.
#![forbid(unsafe_code)]

mod api;
mod apify;
mod arguments;
mod config;
mod cursor;
mod desk;
mod engine;
mod found;
mod loose;
#[cfg(test)]
mod made;
mod operation;
mod pool;
mod progress;
mod refusal;
mod results;
mod tally;
mod time;
mod way;
mod web;

pub use arguments::{Arguments, ArgumentsError};
pub use config::{ApiKeysError, TwitterConfig, parse_api_keys};
pub use engine::{Twitter, TwitterEngine};
pub use operation::{Kind, Operation, Subject};
pub use way::{JobType, Way};
pub use web::{
    Account, AccountsError, GraphqlConfig, GraphqlError, Session, SessionError, SessionStore,
    parse_accounts,
};

/// Reads pages of tweets without a job, for measurements: how many tweets there were, and their
/// bytes as JSON.
#[doc(hidden)]
pub mod measure {
    use crate::found::Took;

    /// A page of API v2's search.
    pub fn api_page(body: &[u8]) -> Option<(u64, u64)> {
        let (mut count, mut bytes) = (0, 0);
        let read = crate::api::read_page(body, |tweet| {
            count += 1;
            bytes += serde_json::to_vec(&tweet).map_or(0, |json| json.len() as u64);
            Took::More
        });
        read.is_ok().then_some((count, bytes))
    }

    /// A page of a timeline of the web client.
    pub fn web_page(body: &[u8]) -> Option<(u64, u64)> {
        let (mut count, mut bytes) = (0, 0);
        let read = crate::web::read_tweets(body, |tweet| {
            count += 1;
            bytes += serde_json::to_vec(tweet).map_or(0, |json| json.len() as u64);
            Took::More
        });
        read.is_ok().then_some((count, bytes))
    }
}
