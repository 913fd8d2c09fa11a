//! `sealwork program ...`, and what a worker says of a program that did not end well.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::disallowed_methods,
    reason = "a test has files, a server and a process of its own"
)]

mod support;

use std::{
    io::Write as _,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use support::{Ran, Worker, sealwork, write};

/// Works a little, says something, calls home, and burns.
const ENDLESS: &str = "export default { async fetch(request) {
    for (let i = 0; i < 1e6; i++);
    console.log('so far');
    await fetch(await request.text()).catch(() => {});
    for (;;);
} }";
const QUICK: &str = "export default { fetch() { return new Response() } }";

fn job(program: Value) -> Vec<u8> {
    json!({ "program": program }).to_string().into_bytes()
}

fn assert_billed(result: &Value) {
    let usage = &result["usage"];
    for field in ["fuel", "cpu_us", "peak_memory_bytes"] {
        assert!(usage[field].as_u64().unwrap() > 1000, "{field}: {result}");
    }
    assert!(result["details"]["log"].as_str().unwrap().contains("so far"), "{result}");
    assert!(result["receipt"]["claims"]["program"].is_string(), "{result}");
    assert!(result["receipt"]["claims"]["usage"]["fuel"].as_u64().unwrap() > 1000, "{result}");
}

#[test]
fn a_program_that_is_stopped_pays_for_what_it_did_and_its_log_is_kept() {
    let home = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", home.local_addr().unwrap());
    let worker = Worker::start(&[("PROGRAM_HOSTS", "127.0.0.1"), ("EGRESS_ALLOW", "127.0.0.0/8")]);
    let write_job = |script: &str| {
        let job =
            json!({ "program": { "javascript": script }, "input": url, "hosts": ["127.0.0.1"] });
        write(&worker.dir().join("job.json"), job.to_string().as_bytes());
    };
    // The JavaScript engine is compiled when this is done.
    write_job(QUICK);
    assert_eq!(worker.run(&["job", "run", "program", "--args", "@job.json"]).code, 0);

    write_job(ENDLESS);
    let submit = ["job", "submit", "program", "--args", "@job.json", "--handle", "handle"];
    assert_eq!(worker.run(&submit).code, 0);
    // It is where nothing but the cancellation ends it.
    let (mut called, _) = home.accept().unwrap();
    called.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    assert_eq!(worker.run(&["job", "cancel", "handle"]).code, 0);
    let cancelled = worker.run(&["job", "result", "handle", "--json"]).json();
    assert_eq!(cancelled["code"], "cancelled", "{cancelled}");
    assert_billed(&cancelled);

    // Nobody answers; its own time ends this one.
    drop(home);
    let asked = ["job", "run", "program", "--args", "@job.json", "--json"];
    let late = worker.run(&[&asked[..], &["--limits", r#"{"wall_ms":1500}"#]].concat());
    assert_eq!(late.code, 1, "{late:?}");
    let late = late.json();
    assert_eq!(late["code"], "deadline_exceeded", "{late}");
    assert_billed(&late);
}

#[test]
fn the_envelope_carries_input_bytes_to_a_program() {
    let worker = Worker::start(&[]);
    let script = "export default { async fetch(request) {
        return new Response((await request.arrayBuffer()).slice(1)) } }";
    write(&worker.dir().join("job.json"), &job(json!({ "javascript": script })));
    write(&worker.dir().join("in"), b"\xff\0\xfe!");
    let run = |extra: &[&str]| {
        let asked = ["job", "run", "program", "--args", "@job.json", "--input", "@in"];
        worker.run(&[&asked[..], extra].concat())
    };
    let ran = run(&["--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.json()["receipt"]["claims"]["input_digest"].is_string(), "{ran:?}");
    assert_eq!(run(&["-o", "out"]).code, 0);
    assert_eq!(std::fs::read(worker.dir().join("out")).unwrap(), b"\0\xfe!");
    // Two inputs are one too many.
    let twice = run(&["--arg", "input=x"]);
    assert_eq!(twice.code, 4, "{twice:?}");
    assert!(twice.err.contains("input section"), "{twice:?}");
}

#[test]
fn what_cannot_run_is_refused_at_admission_with_its_field() {
    let worker = Worker::start(&[]);
    let script = json!({ "javascript": QUICK });
    let cid = json!({ "wasm_cid": "bafk" });
    for (program, limits, code, field) in [
        (&script, r#"{"memory_bytes":1048576}"#, "limits_invalid", "memory_bytes"),
        (&script, r#"{"memory_bytes":1099511627776}"#, "limits_invalid", "memory_bytes"),
        (&script, r#"{"fuel":0}"#, "limits_invalid", "fuel"),
        (&script, r#"{"fuel":18446744073709551615}"#, "limits_invalid", "fuel"),
        (&cid, "{}", "cid_invalid", "`program`"),
    ] {
        write(&worker.dir().join("job.json"), &job(program.clone()));
        let asked = ["job", "run", "program", "--args", "@job.json", "--limits", limits];
        let refused = worker.run(&asked);
        assert_eq!(refused.code, 4, "{limits}: {refused:?}");
        assert!(refused.err.contains(code) && refused.err.contains(field), "{limits}: {refused:?}");
    }
}

#[test]
fn a_script_s_outcome_is_told_as_oyster_would_where_the_job_asks_for_it() {
    let worker = Worker::start(&[]);
    let told = |mode: &str| {
        let program = json!({ "javascript": "export default { fetch() { throw 1 } }" });
        let job = json!({ "program": program, "oyster": mode });
        write(&worker.dir().join("job.json"), job.to_string().as_bytes());
        worker.run(&["job", "run", "program", "--args", "@job.json", "--json"]).json()
    };
    let strict = told("strict");
    assert_eq!(
        (&strict["code"], &strict["details"]["oyster_error_code"]),
        (&json!("ok"), &json!(0))
    );
    let truthful = told("truthful");
    assert_eq!(truthful["code"], "program_threw");
    assert_eq!(truthful["details"]["oyster_error_code"], 3);
}

#[test]
fn strictly_told_as_oyster_does_what_does_not_start_has_no_code_and_a_rejection_is_a_remark() {
    let worker = Worker::start(&[]);
    let told = |script: &str| {
        let job = json!({ "program": { "javascript": script }, "oyster": "strict" });
        write(&worker.dir().join("job.json"), job.to_string().as_bytes());
        let result = worker.run(&["job", "run", "program", "--args", "@job.json", "--json"]).json();
        (result["code"].clone(), result["details"]["oyster_error_code"].clone(), result)
    };
    let answers = "export default { fetch() { return new Response('x') } }";
    for (before, code, error_code) in [
        ("import 'node:crypto';", "program_invalid", Value::Null),
        ("throw new Error('early');", "program_threw", Value::Null),
        ("const = 1;", "program_invalid", json!(3)),
    ] {
        let (found, told, result) = told(&format!("{before}{answers}"));
        assert_eq!((found, told), (code.into(), error_code), "{before} {result}");
    }
    let rejects = "export default { fetch() {
        Promise.reject(new Error('nobody')); return new Response('x') } }";
    let (code, error_code, result) = told(rejects);
    assert_eq!((code, error_code), ("ok".into(), json!(0)), "{result}");
    assert!(result["details"]["log"].as_str().unwrap().contains("nobody"), "{result}");
    let (code, error_code, result) =
        told("export default { fetch() { return new Response(eval('1')) } }");
    assert_eq!((code, error_code), ("ok".into(), json!(0)), "{result}");
    assert_eq!(result["details"]["failure"]["code"], "program_threw", "{result}");
    let long = "export default { fetch() { return new Response('x'.repeat(20481)) } }";
    let (code, error_code, result) = told(long);
    assert_eq!((code, error_code), ("output_too_large".into(), json!(5)), "{result}");
}

/// Fails when the head of an outcome counts as output (crates/sandbox/src/child/guest.rs, `HEAD`).
#[test]
fn the_output_of_a_script_is_its_body() {
    let dir = tempfile::tempdir().unwrap();
    let run = |script: &str| {
        write(&dir.path().join("a.js"), script.as_bytes());
        let limit = ["--set", "JOB_OUTPUT_BYTES=1KiB", "--data-dir", "data", "--json"];
        let ran = sealwork(dir.path(), &[&["program", "run", "a.js"], &limit[..]].concat());
        ran.json()["code"].as_str().unwrap().to_owned()
    };
    let answers = |len: usize| {
        format!(
            "export default {{ fetch() {{ return new Response('x'.repeat({len}), \
             {{ headers: {{ 'x-long': 'y'.repeat(5000) }} }}) }} }}"
        )
    };
    assert_eq!(run(&answers(1024)), "ok");
    assert_eq!(run(&answers(1025)), "output_too_large");
    assert_eq!(run(&answers(1_000_000)), "output_too_large");
    let throws = "export default { fetch() { throw new Error('long '.repeat(1000)) } }";
    assert_eq!(run(throws), "program_threw");
}

#[test]
fn programs_run_without_a_home_and_without_a_cache_that_can_be_written() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("quick.js"), QUICK.as_bytes());
    write(&dir.path().join("file"), b"no directory");
    let cache = dir.path().join("file/cache").display().to_string();
    for (variables, remark) in
        [(&[][..], ""), (&[("XDG_CACHE_HOME", &*cache)][..], "compiled modules are not kept")]
    {
        let ran = Command::new(env!("CARGO_BIN_EXE_sealwork"))
            .current_dir(dir.path())
            .env_clear()
            .envs(variables.iter().copied())
            .args(["program", "run", "quick.js"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success() && said.contains(remark), "{variables:?}: {ran:?}");
    }
}

#[test]
fn a_host_that_is_none_is_told_by_the_name_of_its_flag() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("quick.js"), QUICK.as_bytes());
    let args = ["program", "run", "quick.js", "--host", "http://x", "--data-dir", "data"];
    let refused = sealwork(dir.path(), &args);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused.err.contains("--host") && !refused.err.contains("PROGRAM_HOSTS"),
        "{refused:?}"
    );
}

fn check(dir: &Path, name: &str, content: &[u8]) -> Ran {
    write(&dir.join(name), content);
    sealwork(dir, &["program", "check", name, "--data-dir", "data", "--json"])
}

#[test]
fn a_check_finds_what_a_run_would_end_with_before_the_program_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    for (script, code, text) in [
        ("for (;;);\nexport default { fetch() {} }", "deadline_exceeded", "top level"),
        ("throw new Error('early')\nexport default { fetch() {} }", "program_threw", "early"),
        (
            "export default { fetch() {} } // \nawait new Promise(() => {})",
            "program_never_settled",
            "",
        ),
        ("import 'node:fs'; export default { fetch() {} }", "program_invalid", ""),
        ("export default {}", "program_no_handler", ""),
    ] {
        let refused = check(dir.path(), "bad.js", script.as_bytes());
        assert_eq!(refused.code, 1, "{script}: {refused:?}");
        assert!(refused.err.contains(code) && refused.err.contains(text), "{script}: {refused:?}");
    }
    for script in [
        "export default { fetch() { for (;;); } } // no line ends here",
        "export default { fetch() { throw 1 } }",
        "addEventListener('fetch', (event) => event.respondWith(new Response('x')))",
    ] {
        let taken = check(dir.path(), "good.js", script.as_bytes());
        assert_eq!(taken.code, 0, "{script}: {taken:?}");
    }
    for (body, text) in [
        ("(memory 20000)", "memory"),
        ("(table 200000 funcref)", "table"),
        ("(table 1 funcref) (elem (i32.const 1) func $f) (func $f)", "out of bounds"),
        ("(func $f unreachable) (start $f)", "unreachable"),
        // What it begins with is not too much; what it does then is its own.
        (
            "(memory 1) (func $f (drop (memory.grow (i32.const 9000))) unreachable) (start $f)",
            "unreachable",
        ),
        (
            r#"(import "wasi_snapshot_preview1" "fd_read" (func (param i32 i32 i32 i32) (result i32)))"#,
            "exports no `memory`",
        ),
        (
            r#"(import "wasi_snapshot_preview1" "fd_close" (func (param i64) (result i32)))"#,
            "fd_close",
        ),
    ] {
        let module =
            wat::parse_str(format!(r#"(module {body} (func (export "_start")))"#)).unwrap();
        let refused = check(dir.path(), "bad.wasm", &module);
        assert_eq!(refused.code, 1, "{body}: {refused:?}");
        assert!(refused.err.contains("program_invalid"), "{body}: {refused:?}");
        assert!(refused.err.contains(text), "{body}: {refused:?}");
    }
    // This one is for the job's limit to allow, not for the program to change.
    let module = wat::parse_str(r#"(module (memory 2000) (func (export "_start")))"#).unwrap();
    let refused = check(dir.path(), "large.wasm", &module);
    assert!(refused.code == 1 && refused.err.contains("program_out_of_memory"), "{refused:?}");
}

#[test]
fn a_check_judges_the_text_of_the_file_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let error = |ran: &Ran| {
        let document: Value = serde_json::from_str(ran.err.trim()).expect("an error as JSON");
        (document["error"]["code"].clone(), document["error"]["message"].clone())
    };
    const HANDLER: &str = "export default { fetch() { return new Response('a'); } };";
    // No line ends behind the last character of these.
    for script in [
        "if (1)".to_owned(),
        "x:".to_owned(),
        "export default {".to_owned(),
        "foo(".to_owned(),
        "const r=/[/;".to_owned(),
        "const r=/a**/;".to_owned(),
        format!("Promise.reject(new Error('left')); {HANDLER}"),
        "addEventListener('fetch', 5)".to_owned(),
        "export default { get fetch() { throw new Error('early'); } }".to_owned(),
    ] {
        let refused = check(dir.path(), "bad.js", script.as_bytes());
        let args = ["program", "run", "bad.js", "--data-dir", "data", "--json"];
        let ran = sealwork(dir.path(), &args);
        assert_eq!((refused.code, ran.code), (1, 1), "{script}: {refused:?} {ran:?}");
        assert_eq!(error(&refused), error(&ran), "{script}");
    }
    for script in [
        format!("globalThis.Error = null; {HANDLER}"),
        format!("const Error = 5; {HANDLER}"),
        format!("globalThis.Error = function () {{ for (;;); }}; {HANDLER}"),
        "const late = Promise.reject(1); export default { async fetch() { await late; } }"
            .to_owned(),
        "const late = Promise.reject(1); export default { fetch() { for (;;); } }".to_owned(),
    ] {
        let taken = check(dir.path(), "good.js", script.as_bytes());
        assert_eq!(taken.code, 0, "{script}: {taken:?}");
    }
}

/// Exits with the answer to the first `fd_prestat_get`, and writes the name that there is.
const PREOPEN: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_prestat_get" (func $get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_prestat_dir_name" (func $name (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func (export "_start") (local $errno i32)
        (local.set $errno (call $get (i32.const 3) (i32.const 0)))
        (if (i32.eqz (local.get $errno)) (then
            (drop (call $name (i32.const 3) (i32.const 100) (i32.load (i32.const 4))))
            (i32.store (i32.const 0) (i32.const 100))
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))
        (call $exit (local.get $errno))))"#;
const BADF: i32 = 8;

#[test]
fn a_command_finds_the_directories_that_are_given_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("given")).unwrap();
    write(&dir.path().join("preopen.wasm"), &wat::parse_str(PREOPEN).unwrap());
    let run = |args: &[&str]| {
        let common = ["program", "run", "preopen.wasm", "--data-dir", "data", "-q"];
        let ran = sealwork(dir.path(), &[&common[..], args].concat());
        (ran.code, ran.out)
    };
    assert_eq!(run(&[]), (BADF, String::new()));
    assert_eq!(run(&["--dir", "given"]), (0, "given".to_owned()));
    assert_eq!(run(&["--dir", "given::/data", "--dir", "given"]), (0, "/data".to_owned()));
    assert_eq!(run(&["--dir", "absent"]).0, 2);
}

#[test]
fn trying_a_program_makes_no_worker_s_directory() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("preopen.wasm"), &wat::parse_str(PREOPEN).unwrap());
    let run = |home: &str| {
        let status = Command::new(env!("CARGO_BIN_EXE_sealwork"))
            .current_dir(dir.path())
            .env_clear()
            .envs([("HOME", home), ("XDG_DATA_HOME", &format!("{home}/data"))])
            .args(["program", "check", "preopen.wasm"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(status.status.success(), "{status:?}");
    };
    let home = dir.path().join("home");
    run(home.to_str().unwrap());
    let made: Vec<_> = std::fs::read_dir(&home).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(made, [".cache"]);
}

#[test]
fn a_program_can_be_removed_from_the_store() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("a.js"), b"export default {}");
    let run = |args: &[&str]| {
        sealwork(dir.path(), &[&["program"], args, &["--data-dir", "data"][..]].concat())
    };
    let cid = run(&["add", "a.js"]).out.trim().to_owned();
    assert_eq!(run(&["add", "a.js", "--name", "again"]).code, 0);
    assert!(run(&["list"]).out.contains(&cid));
    let removed = run(&["remove", &cid]);
    assert_eq!((removed.code, removed.out.as_str()), (0, "removed a.js\nremoved again\n"));
    assert_eq!(run(&["list"]).out, "");
    let again = run(&["remove", &cid]);
    assert!(again.code != 0 && again.err.contains("content_unknown"), "{again:?}");
    let unknown = run(&["remove", "nothing"]);
    assert!(unknown.code != 0 && unknown.err.contains("content_unknown"), "{unknown:?}");
    assert!(unknown.err.contains("`nothing`"), "it is taken for a name: {unknown:?}");
    // A name whose record is damaged is not listed, and goes all the same.
    assert_eq!(run(&["add", "a.js"]).code, 0);
    write(&dir.path().join("data/content/pins/a.js"), b"");
    assert_eq!(run(&["list"]).out, "");
    let removed = run(&["remove", "a.js"]);
    assert_eq!((removed.code, removed.out.as_str()), (0, "removed a.js\n"), "{removed:?}");
}

#[test]
fn a_program_s_usage_counts_its_output() {
    let dir = tempfile::tempdir().unwrap();
    let script = "export default { fetch() { return new Response('12345') } }";
    write(&dir.path().join("five.js"), script.as_bytes());
    let ran = sealwork(dir.path(), &["program", "run", "five.js", "--data-dir", "data", "--json"]);
    assert_eq!(ran.json()["usage"]["output_bytes"], 5, "{ran:?}");
}

#[test]
fn a_pipe_that_stays_open_holds_up_no_program_that_does_not_read() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("preopen.wasm"), &wat::parse_str(PREOPEN).unwrap());
    let mut run = Command::new(env!("CARGO_BIN_EXE_sealwork"))
        .current_dir(dir.path())
        .args(["program", "run", "preopen.wasm", "--data-dir", "data", "-q"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    // Held open until the program has ended.
    let input = run.stdin.take();
    assert_eq!(run.wait().unwrap().code(), Some(BADF));
    drop(input);
}
