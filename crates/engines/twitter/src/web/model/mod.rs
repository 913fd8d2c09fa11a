//! Answers of X's internal GraphQL, as far as results are made of them. Over the years fields have
//! moved, so that some are looked for in two places.

mod timeline;
mod tweet;
mod user;

pub(super) use timeline::*;
pub(super) use tweet::*;
pub(super) use user::*;
