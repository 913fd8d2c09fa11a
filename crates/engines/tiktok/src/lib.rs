//! The tiktok engine: transcriptions of videos from their captions, and searches by way of Apify
//! actors.
//!
//! A job is one of `transcription`, `searchbyquery` and `searchbytrending`. A transcription asks a
//! free service for a video's captions; a search starts one paid run and pages through what it
//! found with cursors that start no other.
#![forbid(unsafe_code)]

mod arguments;
mod engine;
mod search;
mod transcription;
mod video;
mod webvtt;

pub use arguments::{Arguments, ArgumentsError, Query, Transcription, Trending, is_language};
pub use engine::TiktokEngine;
pub use transcription::TranscriptionConfig;
pub use video::{TrendingVideo, Video};
pub use webvtt::text as webvtt_text;
