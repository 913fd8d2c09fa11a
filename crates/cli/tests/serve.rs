//! `sealwork serve` as a process: why it does not start, and how it stops.

#![allow(clippy::disallowed_methods, reason = "tests start the binary and lay out its files")]
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod support;

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::{ffi::OsStrExt as _, process::CommandExt as _},
    path::Path,
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;

/// A worker that is listening.
struct Running {
    child: Child,
    log: BufReader<ChildStderr>,
    address: String,
}

/// Why a worker did not start.
struct Refused {
    exit: i32,
    code: String,
    hint: String,
}

fn command(dir: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealwork"));
    command
        .env_clear()
        .env("DATA_DIR", dir)
        .env("LISTEN_ADDRESS", "127.0.0.1:0")
        .env("STANDALONE", "true")
        .env("ATTESTER", "none")
        .env("TIKTOK_TRANSCRIPTION_BASE_URL", "off")
        .env("LOG_FORMAT", "json")
        .env("ACCESS_LOG", "false")
        .envs(variables.iter().copied())
        .args(["--json", "serve", "--exit-with-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

fn start(dir: &Path, variables: &[(&str, &str)]) -> Running {
    started(&mut command(dir, variables))
}

fn started(command: &mut Command) -> Running {
    let mut child = command.spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let line = wait_for(&mut log, "listening");
    Running { child, log, address: line["address"].as_str().unwrap().to_owned() }
}

/// The log line with this message; what comes before it is skipped.
fn wait_for(log: &mut impl std::io::BufRead, message: &str) -> Value {
    let mut seen = String::new();
    for line in log.lines() {
        let line = line.unwrap();
        seen.push_str(&line);
        let parsed: Value = serde_json::from_str(&line).unwrap_or_default();
        if parsed["message"] == message {
            return parsed;
        }
    }
    panic!("the worker ended without {message:?}: {seen}");
}

fn refused(dir: &Path, variables: &[(&str, &str)]) -> Refused {
    let mut command = command(dir, variables);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let errors: Vec<Value> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let error = errors
        .iter()
        .map(|line: &Value| &line["error"])
        .find(|error| error.is_object())
        .unwrap_or_else(|| panic!("no error in {text}"));
    Refused {
        exit: output.status.code().unwrap_or(-1),
        code: error["code"].as_str().unwrap().to_owned(),
        hint: error["hint"].as_str().unwrap().to_owned(),
    }
}

impl Running {
    fn pid(&self) -> Pid {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    fn stop(self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended()
    }

    fn ended(mut self) -> ExitStatus {
        // Standard input stays open until the end, or closing it would stop the worker too.
        let stdin = self.child.stdin.take();
        let mut rest = Vec::new();
        self.log.read_to_end(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        drop(stdin);
        status
    }

    fn request(&self, head: &str, body: &str) -> String {
        support::http(&self.address, head, body).1
    }

    /// Submits a crawl of `url` over Masa's routes.
    fn crawl(&self, url: &str) {
        let job = format!(r#"{{"type":"web","arguments":{{"url":"{url}"}}}}"#);
        let sealed = self.request("POST /job/generate", &job);
        let answer = self.request("POST /job/add", &format!(r#"{{"encrypted_job":"{sealed}"}}"#));
        assert!(answer.contains("uid"), "{answer}");
    }
}

#[test]
fn a_wrong_configuration_ends_with_code_2_and_names_the_setting() {
    let dir = tempfile::tempdir().unwrap();
    let refused = refused(dir.path(), &[("QUEUE_CAPACITY", "many")]);
    assert_eq!((refused.exit, refused.code.as_str()), (2, "config_invalid"));
    assert!(refused.hint.contains("docs/configuration.md"));
    assert!(fs::read_dir(dir.path()).unwrap().next().is_none(), "something was written");
}

#[test]
fn a_taken_port_is_told_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = refused(dir.path(), &[("LISTEN_ADDRESS", &address)]);
    assert_eq!((refused.exit, refused.code.as_str()), (7, "port_taken"));
    assert!(refused.hint.contains("LISTEN_ADDRESS"));
    assert!(fs::read_dir(dir.path()).unwrap().next().is_none(), "something was written");
}

#[test]
fn a_data_directory_that_cannot_be_made_is_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), b"").unwrap();
    let refused = refused(&dir.path().join("file/data"), &[]);
    assert_eq!((refused.exit, refused.code.as_str()), (7, "data_dir_unusable"));
    assert!(refused.hint.contains("DATA_DIR"));
}

#[test]
fn a_damaged_root_secret_is_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("root.key");
    fs::write(&path, [7; 31]).unwrap();
    let refused = refused(dir.path(), &[]);
    assert_eq!((refused.exit, refused.code.as_str()), (7, "root_secret_unusable"));
    assert_eq!(fs::read(&path).unwrap(), [7; 31]);
}

#[test]
fn a_damaged_store_is_told_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let worker = start(dir.path(), &[]);
    assert!(worker.stop().success());
    let path = dir.path().join("store.redb");
    let damaged = vec![0x5a; fs::read(&path).unwrap().len()];
    fs::write(&path, &damaged).unwrap();
    let refused = refused(dir.path(), &[]);
    assert_eq!((refused.exit, refused.code.as_str()), (7, "store_damaged"));
    assert!(fs::read(&path).unwrap() == damaged, "the damaged file was changed");
}

#[test]
fn a_store_without_its_root_secret_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let worker = start(dir.path(), &[]);
    assert!(worker.stop().success());
    fs::remove_file(dir.path().join("root.key")).unwrap();
    let before = names(dir.path());
    let refused = refused(dir.path(), &[]);
    assert_eq!((refused.exit, refused.code.as_str()), (7, "root_secret_missing"));
    assert!(refused.hint.contains("restore root.key"), "{}", refused.hint);
    assert_eq!(names(dir.path()), before, "something was written");
}

#[test]
fn a_lost_store_is_told_and_never_replaced_by_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let worker = start(dir.path(), &[]);
    assert!(worker.stop().success());
    fs::remove_file(dir.path().join("store.redb")).unwrap();
    for gone in [None, Some("keys"), Some("blobs")] {
        if let Some(directory) = gone {
            let _ = fs::remove_dir_all(dir.path().join(directory));
        }
        let before = names(dir.path());
        let refused = refused(dir.path(), &[]);
        assert_eq!((refused.exit, refused.code.as_str()), (7, "store_missing"), "without {gone:?}");
        assert!(refused.hint.contains("backup"), "{}", refused.hint);
        assert_eq!(names(dir.path()), before, "something was written");
    }
    fs::remove_file(dir.path().join("root.key")).unwrap();
    assert!(start(dir.path(), &[]).stop().success(), "a directory without identity is a new one");
}

#[test]
fn a_store_of_another_root_secret_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let worker = start(dir.path(), &[]);
    assert!(worker.stop().success());
    fs::write(dir.path().join("root.key"), [7; 32]).unwrap();
    let refused = refused(dir.path(), &[]);
    assert_eq!((refused.exit, refused.code.as_str()), (7, "store_wrong_key"));
}

/// What is in a directory, with sizes.
fn names(dir: &Path) -> Vec<(String, u64)> {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    let mut names: Vec<_> = entries
        .map(|e| (e.file_name().into_string().unwrap(), e.metadata().unwrap().len()))
        .collect();
    names.sort();
    names
}

#[test]
fn two_workers_do_not_share_a_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let first = start(dir.path(), &[]);
    let refused = refused(dir.path(), &[]);
    assert_eq!((refused.exit, refused.code.as_str()), (7, "store_in_use"));
    first.signal(Signal::INT);
    assert!(first.ended().success());
}

#[test]
fn the_end_of_standard_input_stops_it_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut worker = start(dir.path(), &[]);
    drop(worker.child.stdin.take());
    assert!(worker.ended().success());
}

#[test]
fn a_stop_waits_for_running_jobs_no_longer_than_it_is_told_and_they_run_again() {
    let site = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", site.local_addr().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let variables = [("EGRESS_ALLOW", "127.0.0.0/8"), ("DRAIN_TIMEOUT_SECONDS", "1")];
    let worker = start(dir.path(), &variables);
    worker.crawl(&url);
    // It holds a connection to the site, which never answers: the job runs.
    let _held = site.accept().unwrap();
    assert!(worker.stop().success());
    let again = start(dir.path(), &variables);
    let _held = site.accept().unwrap();
    assert!(again.stop().success());
}

/// Seals a job for `worker` and waits for its result, as somebody at a terminal would.
fn job_run(worker: &Running, dir: &Path, args: &[&str]) -> std::thread::JoinHandle<support::Ran> {
    let (dir, url) = (dir.to_owned(), format!("http://{}", worker.address));
    let args: Vec<String> = args.iter().map(ToString::to_string).collect();
    std::thread::spawn(move || {
        let mut all = vec!["job", "run", "--unattested", "--worker-url", &url];
        all.extend(args.iter().map(String::as_str));
        support::sealwork(&dir, &all)
    })
}

/// Answers the request for a page on a connection that was accepted, and says what was asked.
fn answer_with(mut stream: TcpStream, body: &str) -> String {
    let mut head = String::new();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    while lines.read_line(&mut head).unwrap() > 2 {}
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
    .unwrap();
    head
}

#[test]
fn who_waits_for_a_job_has_its_result_before_the_worker_has_stopped() {
    let site = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", site.local_addr().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let mut worker = start(&dir.path().join("data"), &[("EGRESS_ALLOW", "127.0.0.0/8")]);
    let ran =
        job_run(&worker, dir.path(), &["web", "--url", &url, "--arg", "respect_robots=false"]);
    let (page, _) = site.accept().unwrap();
    worker.signal(Signal::TERM);
    wait_for(&mut worker.log, "stopping");
    answer_with(page, "the page");
    let ran = ran.join().unwrap();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("the page"), "{ran:?}");
    assert!(worker.ended().success());
}

#[test]
fn ctrl_c_on_a_terminal_leaves_running_programs_alone() {
    let site = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", site.local_addr().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let script = format!(
        "export default {{ async fetch() {{ return new Response(await (await fetch('{url}')).text()) }} }}"
    );
    fs::write(dir.path().join("wait.js"), script).unwrap();
    let variables = [("EGRESS_ALLOW", "127.0.0.0/8"), ("PROGRAM_HOSTS", "*")];
    // A process group of its own, as a shell gives to each command.
    let mut worker = started(command(&dir.path().join("data"), &variables).process_group(0));
    let args = ["program", "--program", "wait.js", "--arg", r#"hosts=["127.0.0.1"]"#];
    let ran = job_run(&worker, dir.path(), &args);
    let (page, _) = site.accept().unwrap();
    kill_process_group(worker.pid(), Signal::INT).unwrap();
    wait_for(&mut worker.log, "stopping");
    answer_with(page, "the program went on");
    let ran = ran.join().unwrap();
    assert_eq!((ran.code, ran.out.as_str()), (0, "the program went on"), "{ran:?}");
    assert!(worker.ended().success());
}

#[test]
fn what_is_not_text_is_refused_where_text_is_needed_and_taken_as_it_is_where_a_path_is() {
    let dir = tempfile::tempdir().unwrap();
    let garbled = OsStr::from_bytes(b"caf\xe9");
    let run = |args: &[&OsStr], variable: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealwork"));
        command.env_clear().env("HOME", dir.path()).env(variable, garbled).args(args);
        let output = command.stdin(Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let text = OsStr::new;
    for (args, variable, named) in [
        (&[garbled][..], "OTHER", "caf"),
        (&[text("serve"), text("--set"), garbled][..], "OTHER", "UTF-8"),
        (&[text("serve")][..], "API_KEY", "API_KEY in the environment is not UTF-8"),
        (&[text("keys"), text("show")][..], "SEALWORK_URL", "SEALWORK_URL in the environment"),
    ] {
        let (code, err) = run(args, variable);
        assert_eq!(code, Some(2), "{args:?}: {err}");
        assert!(err.contains(named) && !err.contains("panicked"), "{args:?}: {err}");
    }
    let data = dir.path().join(garbled);
    let worker = started(command(dir.path(), &[]).arg("--data-dir").arg(&data));
    assert!(worker.stop().success());
    assert!(data.join("root.key").exists());
    let entries = fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(entries, 1, "another directory was made beside it");
}

#[test]
fn every_engine_of_a_worker_can_be_given_a_concurrency() {
    let dir = tempfile::tempdir().unwrap();
    let worker = start(dir.path(), &[]);
    let capabilities = worker.request("GET /v1/capabilities", "");
    assert!(worker.stop().success());
    let capabilities: Value = serde_json::from_str(&capabilities).unwrap();
    let engines = capabilities["engines"].as_array().unwrap().iter();
    let counts: Vec<_> =
        engines.map(|engine| format!("{}=3", engine["name"].as_str().unwrap())).collect();
    assert!(counts.len() > 5, "{counts:?}");
    let worker = start(dir.path(), &[("ENGINE_CONCURRENCY", &counts.join(","))]);
    assert!(worker.stop().success());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let site = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", site.local_addr().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let variables = [("EGRESS_ALLOW", "127.0.0.0/8"), ("DRAIN_TIMEOUT_SECONDS", "3600")];
    let mut worker = start(dir.path(), &variables);
    worker.crawl(&url);
    let _held = site.accept().unwrap();
    worker.signal(Signal::INT);
    wait_for(&mut worker.log, "stopping");
    worker.signal(Signal::TERM);
    assert_eq!(worker.ended().code(), Some(143));
}

#[test]
fn an_https_worker_names_its_certificate_and_keeps_it_over_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let run = || {
        let mut child = command(dir.path(), &[("STANDALONE", "false")]).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let line = wait_for(&mut log, "listening");
        assert_eq!(line["scheme"], "https");
        let certificate = line["certificate_sha256"].as_str().unwrap().to_owned();
        assert_eq!(certificate.len(), 64);
        let worker = line["worker"].as_str().unwrap().to_owned();
        let address = line["address"].as_str().unwrap().to_owned();
        assert!(Running { child, log, address }.stop().success());
        (worker, certificate)
    };
    assert_eq!(run(), run(), "the worker's id or its certificate changed");
}

#[test]
fn no_log_line_holds_a_key_or_a_job() {
    let site = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/canary-in-a-job", site.local_addr().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let variables = [
        ("EGRESS_ALLOW", "127.0.0.0/8"),
        ("DRAIN_TIMEOUT_SECONDS", "0"),
        ("LOG_LEVEL", "debug"),
        ("GEMINI_API_KEY", "canary-in-a-key"),
        ("APIFY_API_KEY", "canary-in-a-token"),
        ("APIFY_BASE_URL", "http://127.0.0.1:1/v2"),
    ];
    let mut child = command(dir.path(), &variables).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut seen = String::new();
    let address = loop {
        let mut line = String::new();
        assert!(log.read_line(&mut line).unwrap() > 0, "{seen}");
        seen.push_str(&line);
        let parsed: Value = serde_json::from_str(&line).unwrap_or_default();
        if parsed["message"] == "listening" {
            break parsed["address"].as_str().unwrap().to_owned();
        }
    };
    let worker = Running { child, log, address };
    worker.crawl(&url);
    let _held = site.accept().unwrap();
    worker.signal(Signal::TERM);
    let Running { mut child, mut log, .. } = worker;
    log.read_to_string(&mut seen).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(seen.contains("GEMINI_API_KEY has no effect"), "{seen}");
    assert!(!seen.contains("canary"), "{seen}");
}

#[test]
fn every_metric_says_what_it_is_and_stands_in_the_guide() {
    let worker = support::Worker::start(&[("METRICS_PUBLIC", "true")]);
    assert_eq!(worker.run(&["job", "run", "telemetry"]).code, 0);
    let page = worker.http("GET /metrics", "").1;
    let names: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .filter(|name| name.starts_with("sealwork_"))
        .collect();
    assert!(names.contains(&"sealwork_jobs_settled_total"), "{page}");
    let guide = include_str!("../../../docs/operations.md");
    for name in names {
        assert!(page.contains(&format!("# HELP {name} ")), "{name}: {page}");
        assert!(guide.contains(&format!("`{name}`")), "{name}");
    }
}
