//! The unmodified Go client (`github.com/masa-finance/tee-worker/v2/pkg/client`) against the door.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test says why, and fails by panicking"
)]

mod common;
#[path = "../../../egress/tests/common/conformance.rs"]
mod conformance;
mod masa_support;

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use common::{KEY, with_key};
use masa_support::{FakeMasa, TELEMETRY, open_masa};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn the_real_go_client_runs_its_jobs_and_understands_refusals() {
    let folder = tempfile::tempdir().unwrap();
    let Some(client) = build(folder.path()).await else { return };
    let worker = FakeMasa::standalone();
    *worker.settle_after_polls.lock().unwrap() = Some((3, "[{\"text\":\"a page\"}]"));
    let door = open_masa(with_key(), &worker).await;
    let output =
        command(client).arg(format!("http://{}", door.address)).arg(KEY).output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let by_key = "failed to decrypt with any key in the ring: failed to decrypt with any key. \
                  Errors: key 1: AES decrypt error: illegal base64 data at input byte 0";
    let expected = [
        format!("telemetry: {TELEMETRY}"),
        "web: [{\"text\":\"a page\"}]".to_owned(),
        "again: true [{\"text\":\"a page\"}]".to_owned(),
        "empty: true".to_owned(),
        format!(
            "unknown type: max retries reached: error while getting results of job {}: \
             unknown job type: not-existing-job-type",
            worker.job(4)
        ),
        "unknown job: job not found".to_owned(),
        format!(
            "tampered: error: received status code 500, body: {{\"error\":\"Error while \
             decrypting job: {by_key}\",\"code\":\"envelope_tampered\",\"retryable\":false}}"
        ),
        String::new(),
        "replayed: error: received status code 500, body: {\"error\":\"job already executed\",\
         \"code\":\"job_replayed\",\"retryable\":false}"
            .to_owned(),
        String::new(),
        "undecryptable: error: received status code 500 from /job/result".to_owned(),
        "stranger: error: received status code 401, body: {\"message\":\"missing or invalid API \
         key\"}"
            .to_owned(),
    ];
    assert_eq!(said.trim_end().lines().collect::<Vec<_>>(), expected);
    let _ = door.close().await;
}

/// Builds the program in `go/`; nothing where there is no Go, or where the client's module cannot
/// be had.
async fn build(into: &Path) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/go");
    let go = |arguments: &[&str]| {
        let mut command = command("go");
        command.args(arguments).current_dir(&source);
        command.env("GOFLAGS", "-mod=readonly").env("GOTOOLCHAIN", "local").env("CGO_ENABLED", "0");
        command
    };
    match go(&["mod", "download", "github.com/masa-finance/tee-worker/v2"]).output().await {
        Err(error) => {
            conformance::skipped(&format!("no `go` here ({error}); the Go client was not run"));
            return None;
        }
        Ok(output) if !output.status.success() => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            conformance::skipped(&format!("the Go client's module cannot be had: {said}"));
            return None;
        }
        Ok(_) => {}
    }
    let client = into.join("masa-client");
    let mut build = go(&["build", "-buildvcs=false", "-o"]);
    let built = build.arg(&client).arg(".").output().await.unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Some(client)
}

#[allow(clippy::disallowed_methods, reason = "the counterpart of this test is another process")]
fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.kill_on_drop(true);
    command
}
