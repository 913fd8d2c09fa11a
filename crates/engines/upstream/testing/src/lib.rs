//! A loopback server that speaks as the social upstreams do: with state, pages, rate limits,
//! credentials, and every kind of bad answer. For tests, and by hand for demonstrations.
//!
//! Each upstream is a [`Service`] under a prefix of its own. [`TestUpstream::misbehave`] makes the
//! next matching requests go wrong; [`TestUpstream::seen`] tells what was asked.
#![forbid(unsafe_code)]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test helper fails loudly")]

mod apify;
mod ask;
mod bad;
mod examples;
mod items;
mod job;
mod reply;
mod server;
mod tiktok;
mod x_api;
mod x_login;
mod x_posts;
mod x_web;

pub use apify::{ApifyService, Ending, TOKEN};
pub use ask::Ask;
pub use bad::Bad;
pub use examples::example;
pub use items::Items;
pub use job::{apify_at, context, egress, limited};
pub use reply::Reply;
pub use server::{Service, TestUpstream};
pub use tiktok::TiktokService;
pub use x_api::{BASE_KEY, ELEVATED_KEY, XApiService};
pub use x_login::X_PASSWORD;
pub use x_web::XWebService;
