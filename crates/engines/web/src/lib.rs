//! The web engine: crawls sites and turns pages into text, markdown and structure.
#![forbid(unsafe_code)]
