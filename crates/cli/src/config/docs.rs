//! The generated documents: docs/configuration.md from the registry, docs/errors.md from the table
//! of codes. A test compares them with what is in the repository; `make docs` writes them.

use std::{fmt::Write as _, path::PathBuf};

use sealwork_job::{Code, Family};

use super::{
    kind::{Kind, show_bytes},
    registry,
    setting::{Effect, Group, Setting},
};

const HEAD: &str = include_str!("docs/configuration-head.md");
const ERRORS_HEAD: &str = include_str!("docs/errors-head.md");
const ERRORS_COMMAND_LINE: &str = include_str!("docs/errors-command-line.md");

fn configuration() -> String {
    let mut out = HEAD.to_owned();
    for group in Group::ALL {
        let _ = write!(out, "\n## {}\n\n", group.title());
        out.push_str("| variable | values | default | what it does |\n|---|---|---|---|\n");
        for setting in registry::ALL.iter().filter(|setting| setting.group == group) {
            out.push_str(&row(setting));
        }
    }
    out.push_str("\n## Read outside the list\n\n");
    out.push_str("These change nothing that a worker does with a job, and are not hashed.\n\n");
    out.push_str("| variable | what it does |\n|---|---|\n");
    for (name, doc) in registry::AMBIENT {
        let _ = writeln!(out, "| `{name}` | {doc} |");
    }
    out
}

fn row(setting: &Setting) -> String {
    let mut name = format!("`{}`", setting.name);
    if let Some(flag) = setting.flag {
        let _ = write!(name, "<br>`{flag}`");
    }
    let mut doc = setting.doc.to_owned();
    if setting.secret {
        doc.push_str(" **Secret.**");
    }
    if setting.kind == Kind::File {
        doc.push_str(" The digest has its content, not its path.");
    }
    if setting.lenient {
        doc.push_str(
            " A value that cannot be used means the default, a number beyond the bounds the \
             largest, with a warning.",
        );
    }
    if let Effect::Kept(why) = setting.effect {
        let _ = write!(doc, " **Without effect here:** {why}.");
    }
    let default = match (setting.kind, setting.default) {
        (Kind::NonEmpty, "") => "`false`".to_owned(),
        (_, "") => "-".to_owned(),
        (Kind::Bytes { .. }, text) => match text.parse() {
            Ok(number) => format!("`{}`", show_bytes(number)),
            Err(_) => format!("`{text}`"),
        },
        (_, text) => format!("`{text}`"),
    };
    let cell = |text: &str| text.replace('|', "\\|");
    format!("| {name} | {} | {default} | {} |\n", cell(&setting.kind.allowed()), cell(&doc))
}

fn errors() -> String {
    let mut out = ERRORS_HEAD.to_owned();
    let families = [
        (Family::Request, "The request is wrong", "Sending it again unchanged does not help."),
        (Family::Access, "Who asks", "The caller is not who they must be."),
        (Family::Absent, "Not here", "The thing asked for is not here."),
        (Family::Conflict, "Against what is so", "The request contradicts the job's state."),
        (Family::Capacity, "No room now", "Try again after `Retry-After`."),
        (Family::Fault, "The worker's own fault", "Nothing was accepted."),
        (Family::Outcome, "Outcomes of jobs", "In results and receipts, not in refusals."),
    ];
    for (family, title, about) in families {
        let _ = write!(out, "\n## {title}\n\n{about}\n\n");
        out.push_str("| code | retry | what to do |\n|---|---|---|\n");
        for code in Code::ALL.iter().filter(|code| code.family() == family) {
            let retry = if code.retryable() { "yes" } else { "no" };
            let _ = writeln!(out, "| `{code}` | {retry} | {} |", code.hint());
        }
    }
    out.push_str(ERRORS_COMMAND_LINE);
    out
}

fn repository() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Compares, or writes when `SEALWORK_BLESS` is 1.
#[allow(clippy::disallowed_methods, reason = "a test that reads the repository's own files")]
fn compare(name: &str, generated: &str) {
    let path = repository().join("docs").join(name);
    if sealwork_platform::Environment::of_process().var("SEALWORK_BLESS") == Some("1") {
        std::fs::write(&path, generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "docs/{name} is out of date: run `make docs` and commit it");
}

#[test]
fn the_documented_settings_are_those_of_the_registry() {
    compare("configuration.md", &configuration());
}

#[test]
fn the_documented_codes_are_those_of_the_table() {
    compare("errors.md", &errors());
    let listed = errors();
    for code in Code::ALL {
        assert!(listed.contains(&format!("| `{code}` |")), "{code} is in no family's table");
    }
}
