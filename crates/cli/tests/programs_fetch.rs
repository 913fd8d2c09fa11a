//! Outgoing requests of programs, through a worker and its real way out: sealed jobs over HTTP, and
//! servers on loopback that count what reaches them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests run servers of their own")]

mod support;

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use support::{Ran, Worker, write};

/// Fetches each address in turn; what came of it, and the code of what did not.
const SCRIPT: &str = r#"export default { async fetch(request) {
    const { urls, init } = await request.json(), found = [];
    for (const url of urls) {
        try {
            const answer = await fetch(url, init ?? {});
            found.push([answer.status, (await answer.text()).length]);
        } catch (error) { found.push([error.name, error.code ?? null]); }
    }
    return new Response(JSON.stringify(found), { headers: { "content-type": "application/json" } });
} };"#;

/// A server on a loopback address of its own.
struct Upstream {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: HashMap<String, usize>,
}

impl Upstream {
    /// `host` is one of 127.0.0.0/8.
    fn start(host: &str) -> Self {
        let listener = TcpListener::bind((host, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let counted = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), counted) = (stream, Arc::clone(&counted)) else { return };
                counted.lock().unwrap().connections += 1;
                thread::spawn(move || serve(stream, &counted));
            }
        });
        Self { address, seen }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn host(&self) -> String {
        self.address.ip().to_string()
    }

    fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    fn requests(&self, path: &str) -> usize {
        self.seen.lock().unwrap().requests.get(path).copied().unwrap_or(0)
    }
}

/// Answers requests on one connection, by their path.
fn serve(stream: TcpStream, seen: &Mutex<Seen>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut body = 0;
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).unwrap_or(0) <= 2 {
                break;
            }
            if let Some(len) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                body = len.trim().parse().unwrap();
            }
        }
        let mut sent = vec![0; body];
        reader.read_exact(&mut sent).unwrap();
        *seen.lock().unwrap().requests.entry(path.clone()).or_default() += 1;
        let (name, argument) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
        let answer = match name {
            "hello" => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".to_owned(),
            // Says that the connection stays, and closes it.
            "hello-and-close" => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
                return;
            }
            "close" => return,
            "drop" => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of ");
                return;
            }
            "drop-head" => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Le");
                return;
            }
            "unavailable" => {
                "HTTP/1.1 503 No\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n".to_owned()
            }
            "large" => {
                let len = argument.parse().unwrap();
                format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n{}", "x".repeat(len))
            }
            "cookies" => {
                "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n"
                    .to_owned()
            }
            "silent" => {
                thread::sleep(Duration::from_secs(30));
                return;
            }
            "to" => format!(
                "HTTP/1.1 302 Found\r\nLocation: http://{argument}\r\nContent-Length: 0\r\n\r\n"
            ),
            _ => "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n".to_owned(),
        };
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// A worker whose programs may reach loopback, as far as their hosts are allowed.
fn worker(hosts: &str) -> Worker {
    Worker::start(&[("EGRESS_ALLOW", "127.0.0.0/8"), ("PROGRAM_HOSTS", hosts)])
}

/// Runs the script on these addresses.
fn fetching(worker: &Worker, hosts: &[&str], input: &Value, limits: &Value) -> Ran {
    let job = json!({ "program": { "javascript": SCRIPT }, "hosts": hosts, "input": input });
    write(&worker.dir().join("job.json"), job.to_string().as_bytes());
    let limits = limits.to_string();
    worker.run(&["job", "run", "program", "--args", "@job.json", "--json", "--limits", &limits])
}

/// What the script found, and what the job used.
fn found(ran: &Ran) -> (Value, Value) {
    assert_eq!(ran.code, 0, "{ran:?}");
    let result = ran.json();
    (result["output"].clone(), result["usage"].clone())
}

#[test]
fn a_program_reaches_the_hosts_that_job_and_operator_name_and_no_others() {
    let (one, two) = (Upstream::start("127.0.0.1"), Upstream::start("127.0.0.2"));
    let worker = worker("127.0.0.1,127.0.0.2");
    let both = json!({ "urls": [one.url("/hello"), two.url("/hello")] });
    let refused = json!(["TypeError", "egress_denied"]);

    let (data, usage) = found(&fetching(&worker, &[], &both, &json!({})));
    assert_eq!(data, json!([refused, refused]), "no host by default");
    assert_eq!(usage["egress_requests"], 0);
    assert_eq!((one.connections(), two.connections()), (0, 0));

    let ran = fetching(&worker, &[&one.host()], &both, &json!({}));
    let (data, usage) = found(&ran);
    assert_eq!(data, json!([[200, 5], refused]));
    assert_eq!((one.requests("/hello"), two.connections()), (1, 0));
    // The result has it exactly, the receipt rounded up.
    assert_eq!(usage["egress_requests"], 1);
    let (sent, received) = (&usage["egress_sent_bytes"], &usage["egress_received_bytes"]);
    assert!(sent.as_u64().unwrap() > 20 && received.as_u64().unwrap() >= 5, "{usage}");
    let claimed = &ran.json()["receipt"]["claims"]["usage"];
    assert_eq!(claimed["egress_requests"], 1, "{claimed}");
    assert!(claimed["egress_received_bytes"].as_u64() >= received.as_u64(), "{claimed}");

    let (data, _) = found(&fetching(&worker, &[&one.host(), &two.host()], &both, &json!({})));
    assert_eq!(data, json!([[200, 5], [200, 5]]));

    // What the operator does not allow is refused before anything runs.
    let ran = fetching(&worker, &["127.0.0.3"], &both, &json!({}));
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains("hosts_not_allowed"), "{ran:?}");
    let ran = fetching(&worker, &["*"], &both, &json!({}));
    assert!(ran.code == 4 && ran.err.contains("hosts_not_allowed"), "{ran:?}");
}

/// What a program gets and sends is its own: no cookie is kept for it, and none from it.
#[test]
fn cookies_of_an_answer_are_the_programs() {
    let upstream = Upstream::start("127.0.0.1");
    let worker = worker("*");
    let script = "export default { async fetch(request) {
        const { headers } = await fetch(await request.text());
        return Response.json([headers.getSetCookie(), headers.get('set-cookie')]);
    } }";
    let job = json!({
        "program": { "javascript": script }, "hosts": ["*"], "input": upstream.url("/cookies"),
    });
    write(&worker.dir().join("job.json"), job.to_string().as_bytes());
    let (data, _) = found(&worker.run(&["job", "run", "program", "--args", "@job.json", "--json"]));
    assert_eq!(data, json!([["a=1", "b=2"], "a=1, b=2"]));
}

#[test]
fn a_request_is_attempted_once_whatever_becomes_of_it() {
    let upstream = Upstream::start("127.0.0.1");
    let worker = worker("*");
    for method in ["GET", "POST"] {
        for path in ["/close", "/drop", "/drop-head", "/unavailable"] {
            let path = format!("{path}/{method}");
            let input = json!({ "urls": [upstream.url(&path)], "init": { "method": method } });
            let (data, usage) = found(&fetching(&worker, &[&upstream.host()], &input, &json!({})));
            let is_answer = path.starts_with("/unavailable");
            assert_eq!(
                data[0][0],
                if is_answer { json!(503) } else { json!("TypeError") },
                "{path}"
            );
            assert_eq!(upstream.requests(&path), 1, "{path}");
            assert_eq!(usage["egress_requests"], 1, "{path}");
        }
        // The connection of the first is gone when the second would use it again.
        let urls =
            [upstream.url("/hello-and-close"), upstream.url(&format!("/close/again/{method}"))];
        let input = json!({ "urls": urls, "init": { "method": method } });
        found(&fetching(&worker, &[&upstream.host()], &input, &json!({})));
        assert_eq!(upstream.requests(&format!("/close/again/{method}")), 1);
        // One that is kept, and ends instead of answering: the request may have arrived.
        let urls = [upstream.url("/hello"), upstream.url(&format!("/close/kept/{method}"))];
        let input = json!({ "urls": urls, "init": { "method": method } });
        found(&fetching(&worker, &[&upstream.host()], &input, &json!({})));
        assert_eq!(upstream.requests(&format!("/close/kept/{method}")), 1);
    }
}

#[test]
fn requests_bytes_and_time_end_at_the_jobs_limits() {
    let upstream = Upstream::start("127.0.0.1");
    let worker = worker("*");
    let hosts = [upstream.host()];
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let exhausted = json!(["TypeError", "egress_exhausted"]);

    let four = json!({ "urls": vec![upstream.url("/hello"); 4] });
    let ran = fetching(&worker, &hosts, &four, &json!({ "egress_requests": 2 }));
    let (data, usage) = found(&ran);
    assert_eq!(data, json!([[200, 5], [200, 5], exhausted, exhausted]));
    assert_eq!((upstream.requests("/hello"), &usage["egress_requests"]), (2, &json!(2)));

    let large = json!({ "urls": [upstream.url("/large/100000"), upstream.url("/hello")] });
    let (data, usage) = found(&fetching(&worker, &hosts, &large, &json!({ "egress_bytes": 5000 })));
    assert_eq!(data, json!([exhausted, exhausted]));
    let received = usage["egress_received_bytes"].as_u64().unwrap();
    assert!((5000..200_000).contains(&received), "{usage}");

    // What is sent counts too, and nothing of what would be too much is sent.
    let body = "x".repeat(4000);
    let sending = json!({
        "urls": [upstream.url("/hello/first"), upstream.url("/hello/second")],
        "init": { "method": "POST", "body": body },
    });
    let ran = fetching(&worker, &hosts, &sending, &json!({ "egress_bytes": 5000 }));
    let (data, usage) = found(&ran);
    assert_eq!(data, json!([[200, 5], exhausted]));
    assert!(usage["egress_sent_bytes"].as_u64().unwrap() < 5000, "{usage}");
    assert_eq!(upstream.requests("/hello/second"), 0);

    let silent = json!({ "urls": [upstream.url("/silent")] });
    let ran = fetching(&worker, &hosts, &silent, &json!({ "wall_ms": 1500 }));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("deadline_exceeded") || ran.err.contains("deadline_exceeded"));
    assert_eq!(upstream.requests("/silent"), 1);
}

#[test]
fn a_redirect_leads_to_the_jobs_hosts_only_and_counts() {
    let (one, two) = (Upstream::start("127.0.0.1"), Upstream::start("127.0.0.2"));
    let worker = worker("*");
    let urls = |init: Value| {
        let path = format!("/to/{}/hello", two.address);
        json!({ "urls": [one.url(&path)], "init": init })
    };
    let (data, _) = found(&fetching(&worker, &[&one.host()], &urls(json!({})), &json!({})));
    assert_eq!(data, json!([["TypeError", "egress_denied"]]));
    assert_eq!(two.connections(), 0);

    let hosts = [one.host(), two.host()];
    let hosts = [&*hosts[0], &*hosts[1]];
    let (data, usage) = found(&fetching(&worker, &hosts, &urls(json!({})), &json!({})));
    assert_eq!((data, &usage["egress_requests"]), (json!([[200, 5]]), &json!(2)));
    let limit = json!({ "egress_requests": 1 });
    let (data, _) = found(&fetching(&worker, &hosts, &urls(json!({})), &limit));
    assert_eq!(data, json!([["TypeError", "egress_exhausted"]]));
    assert_eq!(two.requests("/hello"), 1);

    for (mode, expected) in [("manual", json!(302)), ("error", json!("TypeError"))] {
        let input = urls(json!({ "redirect": mode }));
        let (data, _) = found(&fetching(&worker, &hosts, &input, &json!({})));
        assert_eq!(data[0][0], expected, "{mode}");
        assert_eq!(two.requests("/hello"), 1, "{mode}");
    }
}

#[test]
fn an_address_that_is_not_public_is_refused_in_every_spelling() {
    let upstream = Upstream::start("127.0.0.1");
    // All hosts, but no special range: as an operator sets it up who trusts names.
    let worker = Worker::start(&[("PROGRAM_HOSTS", "*")]);
    let port = upstream.address.port();
    let hosts = [
        "127.0.0.1",
        "127.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "017700000001",
        "2130706433",
        "127.0.0.1.",
        "localhost",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00::1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "\u{ff11}27.0.0.1",
    ];
    let urls: Vec<String> =
        hosts.iter().map(|host| format!("http://{host}:{port}/hello")).collect();
    let input = json!({ "urls": urls });
    let (data, usage) = found(&fetching(&worker, &["*"], &input, &json!({})));
    for (host, found) in hosts.iter().zip(data.as_array().unwrap()) {
        assert_eq!(found[0], "TypeError", "{host}: {found}");
        let is_about_the_address = found[1] == "egress_denied" || found[1] == "host_not_found";
        assert!(is_about_the_address, "{host}: {found}");
    }
    assert_eq!(data.as_array().unwrap().len(), hosts.len());
    assert_eq!(upstream.connections(), 0, "{usage}");

    for url in ["file:///etc/passwd", "ftp://a.test/", "gopher://a.test/", "http://u:p@a.test/"] {
        let input = json!({ "urls": [url] });
        let (data, _) = found(&fetching(&worker, &["*"], &input, &json!({})));
        assert_eq!(data[0][0], "TypeError", "{url}");
    }
}
