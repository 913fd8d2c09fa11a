//! A worker of this same binary, for as long as a command needs one.

use std::{
    fs::{OpenOptions, Permissions},
    io::{Read, Seek, SeekFrom},
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use sealwork_client::{Client, RetryPolicy};
use sealwork_platform::{Listener, TcpAcceptor};
use tempfile::TempDir;
use tokio::process::{Child, ChildStdin, Command};

use crate::exit::CliError;

/// How long a worker may take until it answers.
const START: Duration = Duration::from_secs(30);
/// How long it may take to drain and stop.
const STOP: Duration = Duration::from_secs(15);
/// How often one looks whether a worker that was killed has ended, and after which pauses.
const KILL_LOOKS: u32 = 200;
const KILL_LOOK: Duration = Duration::from_millis(5);
/// How often another port is tried when the one chosen was taken in between.
const PORT_TRIES: u32 = 3;

/// What the worker is told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Variables of its configuration, beside those for address, directory and mode.
    pub(crate) variables: Vec<(String, String)>,
    /// Further arguments to `serve`.
    pub(crate) arguments: Vec<&'static str>,
}

impl Options {
    /// With one variable more.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Lets jobs fetch from this machine's loopback, which workers otherwise refuse.
    #[must_use]
    pub(crate) fn with_loopback(self) -> Self {
        self.with("EGRESS_ALLOW", "127.0.0.0/8")
    }
}

/// A running worker on a free loopback port, with a data directory of its own.
///
/// It ends with this value: by [`Self::stop`] in order, by dropping at once, and by itself when
/// this process dies, because its standard input closes then.
pub(crate) struct ChildWorker {
    child: Child,
    /// The worker lives as long as this is open. Not left in `child`: waiting for a child closes
    /// its standard input.
    lifeline: Option<ChildStdin>,
    address: SocketAddr,
    log: PathBuf,
    // Held for its drop: fields drop in order, so the directory goes after the process.
    _directory: TempDir,
}

impl ChildWorker {
    /// Starts a worker and returns when it answers.
    pub(crate) async fn start(options: &Options) -> Result<Self, CliError> {
        let mut tries = 1;
        loop {
            let mut worker = Self::spawn(options).await?;
            match worker.answers().await {
                Ok(()) => return Ok(worker),
                Err(Some(status)) if tries < PORT_TRIES && status.code() != Some(2) => tries += 1,
                Err(status) => return Err(worker.failed(status)),
            }
        }
    }

    /// Where it listens, for example `http://127.0.0.1:40123`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id; nothing once it has ended.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Lets it drain and waits until it has ended; then its data directory is removed.
    pub(crate) async fn stop(mut self) -> Result<(), CliError> {
        drop(self.lifeline.take());
        match tokio::time::timeout(STOP, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(self.failed(Some(status))),
            _ => {
                // The drop of the child ends it; the directory goes with this value.
                Err(CliError::local(
                    format!("the worker did not stop within {} s and was ended", STOP.as_secs()),
                    "look for a job that does not stop",
                ))
            }
        }
    }

    async fn spawn(options: &Options) -> Result<Self, CliError> {
        let fault = |what: &str, e: std::io::Error| {
            CliError::local(
                format!("cannot start a worker: {what}: {e}"),
                "check free space in the temporary directory, and the limits of processes",
            )
        };
        let directory = tempfile::Builder::new()
            .prefix("sealwork-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .map_err(|e| fault("no temporary directory", e))?;
        let log = directory.path().join("worker.log");
        let sink = OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(&log)
            .map_err(|e| fault("no log file", e))?;
        let address = free_address().await.map_err(|e| fault("no free port on loopback", e))?;
        let binary = std::env::current_exe().map_err(|e| fault("no path of this program", e))?;

        let mut command = Command::new(binary);
        command
            .env_clear()
            .env("DATA_DIR", directory.path().join("data"))
            .env("LISTEN_ADDRESS", address.to_string())
            .env("STANDALONE", "true")
            // Whatever this machine could prove of it: it speaks plain HTTP.
            .env("ATTESTER", "none")
            .env("OE_SIMULATION", "1")
            .env("LOG_LEVEL", "warn")
            .env("TIKTOK_TRANSCRIPTION_BASE_URL", "off")
            .envs(options.variables.iter().cloned())
            .args(["serve", "--exit-with-stdin"])
            .args(&options.arguments)
            .stdin(Stdio::piped())
            .stdout(sink.try_clone().map_err(|e| fault("no log file", e))?)
            .stderr(sink)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|e| fault("the process does not start", e))?;
        Ok(Self { lifeline: child.stdin.take(), child, address, log, _directory: directory })
    }

    /// Waits until the worker gives its key config. An error carries the status with which it
    /// ended instead, or nothing when it lives on in silence.
    async fn answers(&mut self) -> Result<(), Option<ExitStatus>> {
        let eager = RetryPolicy {
            attempts: u32::MAX,
            first: Duration::from_millis(10),
            longest: Duration::from_millis(50),
            ..RetryPolicy::default()
        };
        let url = self.url();
        let ask = async {
            let client = Client::builder(&url).ok()?.retry(eager).build().ok()?;
            client.key_config().await.ok()
        };
        tokio::select! {
            status = self.child.wait() => Err(status.ok()),
            answer = tokio::time::timeout(START, ask) => match answer {
                Ok(Some(_)) => Ok(()),
                _ => Err(None),
            },
        }
    }

    fn failed(&self, status: Option<ExitStatus>) -> CliError {
        let what = match status {
            Some(status) => format!("the worker ended ({status})"),
            None => format!("the worker did not answer within {} s", START.as_secs()),
        };
        let tail = self.log_tail();
        let message = if tail.is_empty() { what } else { format!("{what}; it said last:\n{tail}") };
        CliError::local(message, "run `sealwork doctor`, and `sealwork serve` by hand")
    }

    fn log_tail(&self) -> String {
        const TAIL: u64 = 2000;
        let mut bytes = Vec::new();
        let read = OpenOptions::new().read(true).open(&self.log).and_then(|mut file| {
            let len = file.metadata()?.len();
            file.seek(SeekFrom::Start(len.saturating_sub(TAIL)))?;
            file.take(TAIL).read_to_end(&mut bytes)
        });
        match read {
            Ok(_) => crate::ui::harmless(&String::from_utf8_lossy(&bytes)).trim().to_owned(),
            Err(_) => String::new(),
        }
    }
}

impl Drop for ChildWorker {
    /// A worker that still runs would write into its directory while that is removed.
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        for _ in 0..KILL_LOOKS {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(KILL_LOOK),
                _ => return,
            }
        }
    }
}

/// A loopback address whose port was free a moment ago.
async fn free_address() -> std::io::Result<SocketAddr> {
    TcpAcceptor::bind((Ipv4Addr::LOCALHOST, 0).into()).await?.local_addr()
}
