//! Shared by the tests of the web engine.
#![allow(dead_code, reason = "each test uses its part")]

#[path = "../../../../egress/tests/common/conformance.rs"]
pub(crate) mod conformance;
pub(crate) mod job;
pub(crate) mod net;
