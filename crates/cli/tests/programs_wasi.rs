//! WebAssembly commands by `sealwork program run`, described as the public suite for WASI describes
//! its own: beside `NAME.wasm` or `NAME.wat` a `NAME.json` with arguments, environment, directories,
//! streams and exit code.
//!
//! `tests/wasi` has this project's. The public suite (WebAssembly/wasi-testsuite) is run from the
//! directory that `WASI_TESTSUITE` names, or `../shared/conformance/wasi`, and skipped aloud when
//! there is none.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests run the binary on files of their own")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]

#[path = "../../egress/tests/common/conformance.rs"]
mod conformance;

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde::Deserialize;

/// What a program is given, and what is expected of it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Description {
    args: Vec<String>,
    env: BTreeMap<String, String>,
    dirs: Vec<String>,
    /// A directory under the name `/`.
    root: Option<String>,
    stdin: Option<String>,
    stdout: Option<String>,
    stderr: Option<String>,
    exit_code: i32,
}

#[test]
fn programs_get_what_they_are_given_and_give_what_they_gave() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wasi");
    let before = content(&own);
    let (count, wrong) = run_all(&own);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 15, "{count} programs");
    assert!(before == content(&own), "a program changed files of the host");
}

#[test]
fn the_public_suite_passes() {
    let Some(suite) = public_suite() else {
        conformance::skipped(
            "the public WASI suite is not here; set WASI_TESTSUITE to a copy of \
             WebAssembly/wasi-testsuite",
        );
        return;
    };
    let mut directories = Vec::new();
    with_programs(&suite, &mut directories);
    let results: Vec<_> = directories.iter().map(|directory| run_all(directory)).collect();
    let count: usize = results.iter().map(|(count, _)| count).sum();
    let wrong: Vec<_> = results.into_iter().flat_map(|(_, wrong)| wrong).collect();
    eprintln!("{count} programs of the public suite, {} fail", wrong.len());
    assert!(count > 0, "{} holds no programs", suite.display());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn public_suite() -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/wasi");
    let named = std::env::var_os("WASI_TESTSUITE").map(PathBuf::from);
    named.or_else(|| shared.is_dir().then_some(shared))
}

/// Directories below that hold modules. Those for later WASIs have names of their own.
fn with_programs(directory: &Path, found: &mut Vec<PathBuf>) {
    let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if name.contains("wasip2") || name.contains("wasip3") {
        return;
    }
    let entries: Vec<_> = fs::read_dir(directory).unwrap().map(|e| e.unwrap().path()).collect();
    if entries.iter().any(|path| path.extension().is_some_and(|ending| ending == "wasm")) {
        found.push(directory.to_owned());
    }
    entries.iter().filter(|path| path.is_dir()).for_each(|path| with_programs(path, found));
}

/// Runs each program of a directory; how many, and what is not as described.
fn run_all(directory: &Path) -> (usize, Vec<String>) {
    let scratch = tempfile::tempdir().unwrap();
    let mut programs: Vec<_> =
        fs::read_dir(directory).unwrap().map(|e| e.unwrap().path()).collect();
    programs.retain(|path| path.extension().is_some_and(|end| end == "wasm" || end == "wat"));
    programs.sort();
    let wrong = programs.iter().flat_map(|program| {
        let description = fs::read(program.with_extension("json"));
        let description: Description = description
            .map_or_else(|_| Description::default(), |json| serde_json::from_slice(&json).unwrap());
        let output = run(directory, program, &description, scratch.path());
        let name = program.file_name().unwrap().to_string_lossy().into_owned();
        differences(&output, &description).into_iter().map(move |what| format!("{name}: {what}"))
    });
    let wrong = wrong.collect();
    (programs.len(), wrong)
}

fn run(directory: &Path, program: &Path, given: &Description, scratch: &Path) -> Output {
    let mut module = program.to_owned();
    if program.extension().is_some_and(|ending| ending == "wat") {
        module = scratch.join(program.with_extension("wasm").file_name().unwrap());
        fs::write(&module, wat::parse_file(program).unwrap()).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealwork"));
    command.current_dir(directory).env_clear().env("SECRET", "of the one who runs it");
    command.args(["program", "run", "--data-dir"]).arg(scratch.join("data")).arg(module);
    for argument in &given.args {
        command.arg("--arg").arg(argument);
    }
    for (name, value) in &given.env {
        command.arg("--env").arg(format!("{name}={value}"));
    }
    for dir in &given.dirs {
        command.arg("--dir").arg(dir);
    }
    if let Some(root) = &given.root {
        command.arg("--dir").arg(format!("{root}::/"));
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program that reads nothing may be gone.
    let _ = stdin.write_all(given.stdin.as_deref().unwrap_or_default().as_bytes());
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn differences(output: &Output, expected: &Description) -> Vec<String> {
    let mut found = Vec::new();
    if output.status.code() != Some(expected.exit_code) {
        let stderr = String::from_utf8_lossy(&output.stderr);
        found.push(format!("{} and not {}: {stderr}", output.status, expected.exit_code));
    }
    let streams = [
        ("stdout", &output.stdout, &expected.stdout),
        ("stderr", &output.stderr, &expected.stderr),
    ];
    for (name, written, expected) in streams {
        let is_other = expected.as_ref().is_some_and(|text| text.as_bytes() != &written[..]);
        if is_other {
            found.push(format!("{name} is {:?}", String::from_utf8_lossy(written)));
        }
    }
    found
}

/// Every file below, and what it holds.
fn content(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut ahead = vec![directory.to_owned()];
    while let Some(at) = ahead.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                ahead.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                all.insert(path, bytes);
            }
        }
    }
    all
}
