//! Runs the binary.
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::disallowed_methods, reason = "tests run the binary and read what it wrote")]

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e} in {self:?}"))
    }
}

/// Runs `sealwork` in a directory, with an environment of its own.
pub(crate) fn sealwork(dir: &Path, args: &[&str]) -> Ran {
    run(dir, args, &[], Stdio::piped())
}

/// The same, with these variables.
pub(crate) fn sealwork_with(dir: &Path, args: &[&str], variables: &[(&str, &str)]) -> Ran {
    run(dir, args, variables, Stdio::piped())
}

/// The same, with standard output to the file at `output`.
pub(crate) fn sealwork_into(dir: &Path, args: &[&str], output: &str) -> Ran {
    let output = std::fs::OpenOptions::new().write(true).open(output).unwrap();
    run(dir, args, &[], output.into())
}

/// The same, with standard output to a pipe that nobody reads.
pub(crate) fn sealwork_into_closed_pipe(dir: &Path, args: &[&str]) -> Ran {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    run(dir, args, &[], writer.into())
}

fn run(dir: &Path, args: &[&str], variables: &[(&str, &str)], stdout: Stdio) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_sealwork"))
        .current_dir(dir)
        .env_clear()
        .envs(variables.iter().copied())
        .args(args)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

pub(crate) fn write(path: &Path, content: &[u8]) {
    std::fs::write(path, content).unwrap();
}

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// One HTTP exchange with JSON: `head` is a method and a path; the status and the body come back.
pub(crate) fn http(address: &str, head: &str, body: &str) -> (u16, String) {
    let (status, _, body) = exchange(address, head, body);
    (status, body)
}

/// The same, with the head of the answer between the two.
pub(crate) fn exchange(address: &str, head: &str, body: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "{head} HTTP/1.1\r\nHost: w\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_owned(), body.to_owned())
}

/// A worker of the same binary on a free port of loopback. Ends with the value.
pub(crate) struct Worker {
    child: Child,
    dir: TempDir,
    url: String,
}

impl Worker {
    /// Starts one and returns when it answers.
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), variables)
    }

    /// The same with a directory that may have been another worker's: its data are in `data`, and
    /// what it writes in `worker.log`.
    pub(crate) fn start_in(dir: TempDir, variables: &[(&str, &str)]) -> Self {
        let log = dir.path().join("worker.log");
        let log = std::fs::File::options().create(true).append(true).open(log).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_sealwork"))
            .env_clear()
            .env("DATA_DIR", dir.path().join("data"))
            .env("LISTEN_ADDRESS", address.to_string())
            .env("STANDALONE", "true")
            .env("ATTESTER", "none")
            .env("TIKTOK_TRANSCRIPTION_BASE_URL", "off")
            .envs(variables.iter().copied())
            .args(["serve", "--exit-with-stdin"])
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let worker = Self { child, dir, url: format!("http://{address}") };
        // Each try waits for about two seconds by itself.
        let answers = (0..15).any(|_| worker.run(&["keys", "show"]).code == 0);
        assert!(answers, "the worker does not answer");
        worker
    }

    /// Runs `sealwork` in the worker's directory, pointed at it. Jobs go unattested, unless the
    /// arguments name a policy: most tests are about other things.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        sealwork(self.dir(), &self.pointed(args))
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn pointed<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        let mut all = args.to_vec();
        all.extend(["--worker-url", &self.url]);
        let seals = matches!(args, ["job", "run" | "submit", ..]);
        if seals && !args.contains(&"--policy") {
            all.push("--unattested");
        }
        all
    }

    /// The same, with standard output to the file at `output`.
    pub(crate) fn run_into(&self, args: &[&str], output: &str) -> Ran {
        sealwork_into(self.dir(), &self.pointed(args), output)
    }

    /// One HTTP exchange with it, as [`http`].
    pub(crate) fn http(&self, head: &str, body: &str) -> (u16, String) {
        http(self.url.trim_start_matches("http://"), head, body)
    }

    /// The same exchange, with the head of the answer between status and body.
    pub(crate) fn exchange(&self, head: &str, body: &str) -> (u16, String, String) {
        exchange(self.url.trim_start_matches("http://"), head, body)
    }

    /// Ends it at once, as `kill -9` does, and gives its directory.
    pub(crate) fn kill(mut self) -> TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap())
    }

    /// Lets it end in order, and gives its directory.
    pub(crate) fn stop(mut self) -> TempDir {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
        std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap())
    }

    /// A directory of this test's own.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
