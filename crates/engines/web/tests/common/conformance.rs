//! Finds outside test data.

use std::path::PathBuf;

/// The folder `name` of the conformance data: from `SEALWORK_CONFORMANCE`, or from a
/// `shared/conformance` beside one of the folders above this crate. Says so loudly when there is
/// none.
#[allow(clippy::disallowed_methods, reason = "tests read files beside the repository")]
pub(crate) fn folder(name: &str, cases: usize) -> Option<PathBuf> {
    let given = std::env::var_os("SEALWORK_CONFORMANCE").map(PathBuf::from);
    let above = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("shared/conformance"))
        .find(|folder| folder.is_dir());
    let found = given.or(above).map(|root| root.join(name)).filter(|folder| folder.is_dir());
    if found.is_none() {
        println!("SKIPPED: {name} missing, {cases} cases not run");
    }
    found
}
