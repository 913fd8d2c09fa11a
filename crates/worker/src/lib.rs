//! The one path of every job: admit, journal, schedule, open, run, settle, deliver.
#![forbid(unsafe_code)]
