//! The reddit engine: posts, comments, users and communities, by way of an Apify actor.
//!
//! A job is one of `scrapeurls`, `searchposts`, `searchusers` and `searchcommunities`. It starts one
//! paid run, gives its items as one flat JSON array (see [`Item`]), and pages through them with
//! cursors that start no other run.
#![forbid(unsafe_code)]

mod arguments;
mod engine;
mod input;
mod item;

pub use arguments::{Arguments, ArgumentsError, Operation};
pub use engine::RedditEngine;
pub use item::{Comment, Community, Item, Post, Time, User};
