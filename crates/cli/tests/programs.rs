//! Programs: written, checked, run here, run by a worker.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::{Worker, read, sealwork, write};

const SCRIPT: &str = r#"export default {
  async fetch(request, env) {
    const { num } = await request.json();
    console.log("job", env.id.length);
    return new Response(`twice is ${num * 2}`, { headers: { "content-type": "text/plain" } });
  },
};
"#;

/// Writes its input back, backwards bytes and all, and exits with 7.
const COMMAND: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func (export "_start")
        (i32.store (i32.const 0) (i32.const 1000))
        (i32.store (i32.const 4) (i32.const 1000))
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
        (i32.store (i32.const 4) (i32.load (i32.const 8)))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (call $exit (i32.const 7))))"#;

fn here() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("twice.js"), SCRIPT.as_bytes());
    write(&dir.path().join("echo.wasm"), &wat::parse_str(COMMAND).unwrap());
    dir
}

#[test]
fn a_program_runs_here_as_a_worker_would_run_it() {
    let dir = here();
    let run = |args: &[&str]| {
        let common = ["program", "run", "--data-dir", "data"];
        sealwork(dir.path(), &[&common[..], args].concat())
    };
    let script = run(&["twice.js", "--input", r#"{"num":21}"#]);
    assert_eq!((script.code, script.out.as_str()), (0, "twice is 42"), "{script:?}");
    assert!(script.err.contains("job 36"), "the console goes to standard error: {script:?}");
    let command = run(&["echo.wasm", "--input", "hello"]);
    assert_eq!((command.code, command.out.as_str()), (7, "hello"), "{command:?}");

    for (source, code, text) in [
        ("export default { fetch() { return new Response(", "program_invalid", "main.js:1:"),
        ("export default { fetch() { throw new Error('no') } }", "program_threw", "no"),
        ("export default {}", "program_no_handler", "fetch"),
        ("export default { fetch() { return 1 } }", "program_bad_response", "Response"),
        ("export default { fetch() { for (;;); } }", "deadline_exceeded", "time"),
        (
            "export default { fetch() { const a = []; for (;;) a.push('x'.repeat(1e6) + a.length) } }",
            "program_out_of_memory",
            "memory",
        ),
        (
            "export default { async fetch() { return fetch('http://a.test/') } }",
            "program_threw",
            "not among the hosts",
        ),
    ] {
        write(&dir.path().join("bad.js"), source.as_bytes());
        let bad = run(&["bad.js", "--json", "--wall", "2"]);
        assert_eq!(bad.code, 1, "{source}: {bad:?}");
        assert!(bad.out.contains(code) || bad.err.contains(code), "{source}: {bad:?}");
        assert!(bad.out.contains(text) || bad.err.contains(text), "{source}: {bad:?}");
    }
}

#[test]
fn what_a_worker_would_refuse_is_said_in_advance() {
    let dir = here();
    let check = |file: &str| {
        sealwork(dir.path(), &["program", "check", file, "--data-dir", "data", "--json"])
    };
    for file in ["twice.js", "echo.wasm"] {
        assert_eq!(check(file).code, 0, "{:?}", check(file));
    }
    let foreign = r#"(module (import "env" "mystery" (func)) (func (export "_start")))"#;
    write(&dir.path().join("foreign.wasm"), &wat::parse_str(foreign).unwrap());
    let refused = check("foreign.wasm");
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("mystery") && refused.err.contains("program_invalid"));
    write(&dir.path().join("broken.js"), b"export default {");
    assert!(check("broken.js").err.contains("program_invalid"));
    write(&dir.path().join("text.txt"), b"hello");
    assert_eq!(check("text.txt").code, 2);
}

#[test]
fn a_worker_runs_programs_and_its_receipts_name_them() {
    let worker = Worker::start(&[]);
    let dir = worker.dir();
    write(&dir.join("twice.js"), SCRIPT.as_bytes());
    write(&dir.join("echo.wasm"), &wat::parse_str(COMMAND).unwrap());

    let job = serde_json::json!({ "program": { "javascript": SCRIPT }, "input": { "num": 4 } });
    write(&dir.join("job.json"), job.to_string().as_bytes());
    let ran = worker.run(&["job", "run", "program", "--args", "@job.json", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let result = ran.json();
    assert_eq!(result["details"]["status"], 200);
    assert!(result["details"]["log"].as_str().unwrap().contains("job 36"));
    assert!(result["usage"]["fuel"].as_u64().unwrap() > 1000, "{result}");
    assert!(result["usage"]["peak_memory_bytes"].as_u64().unwrap() > 0);
    let program = result["receipt"]["claims"]["program"].as_str().unwrap().to_owned();

    // The same program, by the name that the store gives it.
    let data = dir.join("data");
    let add =
        |file: &str| sealwork(dir, &["program", "add", file, "--data-dir", data.to_str().unwrap()]);
    let added = add("twice.js");
    assert_eq!((added.code, added.out.trim()), (0, program.as_str()), "{added:?}");
    let job =
        serde_json::json!({ "program": { "javascript_cid": program }, "input": { "num": 5 } });
    write(&dir.join("job.json"), job.to_string().as_bytes());
    let ran = worker.run(&["job", "run", "program", "--args", "@job.json", "-o", "out"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(read(&dir.join("out")), "twice is 10");

    let cid = add("echo.wasm").out.trim().to_owned();
    let job = serde_json::json!({ "program": { "wasm_cid": cid }, "input": "hi" });
    write(&dir.join("job.json"), job.to_string().as_bytes());
    let ran = worker.run(&["job", "run", "program", "--args", "@job.json", "--json"]);
    assert_eq!(ran.json()["details"]["exit_code"], 7, "{ran:?}");

    let unknown = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";
    let job = serde_json::json!({ "program": { "wasm_cid": unknown } });
    write(&dir.join("job.json"), job.to_string().as_bytes());
    let ran = worker.run(&["job", "run", "program", "--args", "@job.json", "--json"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("content_unknown") || ran.err.contains("content_unknown"), "{ran:?}");

    // Above the operator's maximum: refused at once, not trimmed.
    let job = serde_json::json!({ "program": { "javascript": SCRIPT } });
    write(&dir.join("job.json"), job.to_string().as_bytes());
    let limits = r#"{"memory_bytes":1099511627776}"#;
    let refused = worker.run(&["job", "run", "program", "--args", "@job.json", "--limits", limits]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.err.contains("limits_invalid"), "{refused:?}");
}
