//! Secrets of a job and of the operator, looked for in everything that a worker leaves behind:
//! its data directory, its log, its metrics, its answers, its arguments, environment and memory
//! maps' names. They must be nowhere but in the opened result.
#![allow(clippy::disallowed_methods, reason = "drives the binary and reads what it wrote")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use sealwork_client::{Client, RetryPolicy, SealOptions};
use sealwork_job::JobSpec;
use serde_json::json;

/// In the job's arguments and in the page that it fetches.
const JOB_CANARY: &str = "canary-job-7c1e";
const PAGE_CANARY: &str = "canary-page-93ab";
/// The operator's API key.
const KEY_CANARY: &str = "canary-key-51d0";
/// The key of somebody else.
const OTHER_KEY: &str = "the-key-of-another";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_of_a_job_or_of_the_operator_is_found_nowhere() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("worker.log");
    let data = directory.path().join("data");
    let site = site();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let sink = std::fs::File::create(&log).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sealwork"))
        .args(["serve", "--exit-with-stdin"])
        .env_clear()
        .env("DATA_DIR", &data)
        .env("LISTEN_ADDRESS", format!("127.0.0.1:{port}"))
        .env("STANDALONE", "true")
        .env("ATTESTER", "none")
        .env("TIKTOK_TRANSCRIPTION_BASE_URL", "off")
        .env("OE_SIMULATION", "1")
        .env("LOG_LEVEL", "debug")
        .env("API_KEY", KEY_CANARY)
        .env("API_KEYS", format!("another={OTHER_KEY}"))
        .env("EGRESS_ALLOW", "127.0.0.0/8")
        .stdin(Stdio::piped())
        .stdout(sink.try_clone().unwrap())
        .stderr(sink)
        .spawn()
        .unwrap();

    let base = format!("http://127.0.0.1:{port}/");
    let eager =
        RetryPolicy { attempts: 200, first: Duration::from_millis(10), ..RetryPolicy::default() };
    let client = Client::builder(&base).unwrap().api_key(KEY_CANARY).unwrap();
    let client = client.unattested().retry(eager).build().unwrap();
    let page = json!({ "url": format!("{site}{JOB_CANARY}?q={JOB_CANARY}") });
    // One job that succeeds, one that fails with its address in the message, one refused.
    let good = run(&client, page).await.expect("the crawl runs");
    assert!(good.contains(PAGE_CANARY) && good.contains(JOB_CANARY), "the requester sees it all");
    let absent = json!({ "url": format!("http://{JOB_CANARY}.invalid/") });
    assert!(run(&client, absent).await.is_err());
    let refused = json!({ "url": JOB_CANARY });
    let refused = run(&client, refused).await.expect_err("no scheme");
    // Masa's routes see plaintext, and keep none either.
    let masa = format!(
        r#"{{"type":"web","arguments":{{"url":"{site}{JOB_CANARY}","max_depth":"{JOB_CANARY}"}}}}"#
    );
    let blob = request(port, "POST", "/job/generate", &masa);
    assert!(blob.starts_with("HTTP/1.1 200"), "{blob}");
    let blob = blob.rsplit("\r\n").next().unwrap().to_owned();
    let added = request(port, "POST", "/job/add", &format!(r#"{{"encrypted_job":"{blob}"}}"#));
    assert!(added.starts_with("HTTP/1.1 200"), "{added}");
    // An error's text quotes the job, and goes out in the clear: to the holder of the key alone.
    let uid = added.split('"').nth(3).expect("an id").to_owned();
    let status = format!("/job/status/{uid}");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !request(port, "GET", &status, "").starts_with("HTTP/1.1 500") {
        assert!(Instant::now() < deadline, "the job with a wrong depth fails");
        std::thread::sleep(Duration::from_millis(20));
    }
    let to_another = request_as(OTHER_KEY, port, "GET", &status, "");
    assert!(to_another.starts_with("HTTP/1.1 404"), "{to_another}");

    let proc = format!("/proc/{}", child.id());
    let mut seen = vec![
        ("metrics", good_answer(port, "/metrics")),
        ("readyz", good_answer(port, "/readyz")),
        ("the receipts", good_answer(port, "/v1/receipts")),
        ("another key's status", to_another.into_bytes()),
        ("cmdline", std::fs::read(format!("{proc}/cmdline")).unwrap()),
        ("maps", std::fs::read(format!("{proc}/maps")).unwrap()),
        ("refusal", refused.into_bytes()),
    ];
    // The key came in by the environment: that is where it may be, the job may not.
    let environment = std::fs::read(format!("{proc}/environ")).unwrap();
    assert!(!contains(&environment, JOB_CANARY));
    drop(child.stdin.take());
    child.wait().unwrap();
    seen.push(("log", std::fs::read(&log).unwrap()));
    collect(&data, &mut seen);
    assert!(seen.len() > 7, "the data directory was read");
    for (place, bytes) in &seen {
        for canary in [JOB_CANARY, PAGE_CANARY, KEY_CANARY] {
            assert!(!contains(bytes, canary), "{canary} is in {place}");
        }
    }
}

/// The output, or the error's text with what the requester alone may see cut off.
async fn run(client: &Client, arguments: serde_json::Value) -> Result<String, String> {
    let spec = JobSpec::new("web".parse().unwrap(), arguments);
    let patience = Duration::from_secs(60);
    match client.run(&spec, &SealOptions::default(), patience, |_| {}).await {
        Ok(result) => match result.outcome {
            Ok(output) => Ok(String::from_utf8_lossy(&output.data).into_owned()),
            Err(failure) => Err(failure.code),
        },
        Err(error) => Err(error.to_string()),
    }
}

fn collect(directory: &Path, seen: &mut Vec<(&'static str, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        assert!(!contains(entry.file_name().as_encoded_bytes(), "canary"));
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), seen);
        } else {
            seen.push(("the data directory", std::fs::read(entry.path()).unwrap()));
        }
    }
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

fn good_answer(port: u16, path: &str) -> Vec<u8> {
    let answer = request(port, "GET", path, "");
    assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    answer.into_bytes()
}

fn request(port: u16, method: &str, path: &str, body: &str) -> String {
    request_as(KEY_CANARY, port, method, path, body)
}

fn request_as(key: &str, port: u16, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {key}\r\n\
         content-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A site whose every page holds the canary; no robots.txt.
fn site() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap_or(0);
            let robots = head[..read].starts_with(b"GET /robots.txt");
            let (status, body) = if robots {
                ("404 Not Found", String::new())
            } else {
                ("200 OK", format!("<title>t</title><h1>{PAGE_CANARY}</h1><p>{PAGE_CANARY}</p>"))
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: text/html\r\nconnection: close\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}
