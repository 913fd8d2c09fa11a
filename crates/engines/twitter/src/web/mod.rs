//! The way of a logged-in web client: X's internal GraphQL with an account's session
//! (reference 3.5.2).

mod account;
mod client;
mod graphql;
mod judge;
mod login;
mod model;
mod operations;
mod page;
mod place;
mod sending;
mod session;
mod space;
mod timeline;
mod trends;
mod user;
mod way;
mod web_tweet;

pub use account::{Account, AccountsError, SessionStore, parse_accounts};
pub(crate) use client::WebClient;
pub use graphql::{GraphqlConfig, GraphqlError};
pub(crate) use page::read_tweets;
pub use session::{Session, SessionError};
pub(crate) use way::WebWay;
