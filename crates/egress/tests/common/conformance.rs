//! Finds outside test data, for the tests of all crates, and tells where something is not tried.
#![allow(dead_code, reason = "each test uses a part")]

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// The folder `name` of the conformance data: from `SEALWORK_CONFORMANCE`, or from a
/// `shared/conformance` beside one of the folders above this crate. Where there is none, the test is
/// skipped aloud; or fails, where `SEALWORK_REQUIRE_SAMPLES` is `1`.
#[allow(clippy::disallowed_methods, clippy::panic, reason = "tests read files, and fail")]
pub(crate) fn folder(name: &str, cases: usize) -> Option<PathBuf> {
    let given = std::env::var_os("SEALWORK_CONFORMANCE").map(PathBuf::from);
    let above = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("shared/conformance"))
        .find(|folder| folder.is_dir());
    let found = given.or(above).map(|root| root.join(name)).filter(|folder| folder.is_dir());
    if found.is_none() {
        let what = format!("{name}: no such samples, {cases} cases not run");
        let required = std::env::var_os("SEALWORK_REQUIRE_SAMPLES").is_some_and(|it| it == "1");
        assert!(!required, "{what}, and SEALWORK_REQUIRE_SAMPLES=1 asks for them");
        skipped(&what);
    }
    found
}

/// Says what is not tried, and why: past the capture of a test's output, which nobody sees of a test
/// that passes.
pub(crate) fn skipped(what: &str) {
    let _ = writeln!(io::stderr(), "SKIPPED: {what}");
}
