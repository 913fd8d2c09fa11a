//! The web engine: crawls sites and turns pages into text, markdown and structure.
//!
//! A job names a start URL. The crawl goes breadth-first along links, within one site unless the
//! job says otherwise, and gives one JSON object: `sections` and `pages` in the form that Masa's
//! in-process crawler gave, and `documents` with one entry per page (see [`Document`]).
//!
//! Everything that reads outside bytes is a pure function and bounded: [`decode`] for charsets,
//! [`extract`] for HTML, [`PageKey`] for URLs, [`Arguments::parse`] for what the requester sends.
#![forbid(unsafe_code)]

mod arguments;
mod blacklist;
mod budget;
mod charset;
mod config;
mod crawl;
mod document;
mod engine;
mod html;
mod key;
mod media;
mod site;

pub use arguments::{Arguments, ArgumentsError};
pub use blacklist::Blacklist;
pub use budget::{Budget, Unlimited};
pub use charset::{Decoded, decode};
pub use config::{WebConfig, WebMaxima};
pub use document::{Document, PageError, Truncated};
pub use engine::WebEngine;
pub use html::{Cut, Extraction, Page, Section, extract};
pub use key::PageKey;
pub use media::{MediaKind, MediaType};
pub use site::Site;
