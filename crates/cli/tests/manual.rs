//! Completions and man pages.
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod support;

use support::sealwork;

#[test]
fn each_shell_gets_completions_that_know_the_commands() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = sealwork(dir.path(), &["completions", shell]);
        assert_eq!(ran.code, 0, "{shell}");
        assert!(ran.out.contains("submit") && ran.out.contains("key-config"), "{shell}");
    }
}

#[test]
fn every_command_has_a_man_page() {
    let dir = tempfile::tempdir().unwrap();
    assert!(sealwork(dir.path(), &["man"]).out.contains(".TH sealwork 1"));
    assert_eq!(sealwork(dir.path(), &["man", "--dir", "man"]).code, 0);
    for page in [
        "sealwork",
        "sealwork-job-run",
        "sealwork-verify-evidence",
        "sealwork-verify-receipt",
        "sealwork-policy-init",
        "sealwork-bench-jobs",
    ] {
        let text = support::read(&dir.path().join("man").join(format!("{page}.1")));
        assert!(text.contains(".TH"), "{page}");
    }
}

#[test]
fn hidden_flags_stay_hidden() {
    let dir = tempfile::tempdir().unwrap();
    let help = sealwork(dir.path(), &["serve", "--help"]).out;
    assert!(!help.contains("exit-with-stdin") && !help.contains("bench-engine"));
}
