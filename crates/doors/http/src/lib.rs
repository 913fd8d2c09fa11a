//! The HTTP door: Masa's routes and /v1.
#![forbid(unsafe_code)]
