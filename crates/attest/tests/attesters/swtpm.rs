//! A real TPM 2.0 in software: swtpm, started for one test, stopped with it.
#![allow(clippy::disallowed_methods, reason = "tests start the TPM and read its certificates")]

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A TPM with endorsement certificates from an authority of the test.
pub(crate) struct SwTpm {
    state: TempDir,
    process: Option<Child>,
    port: u16,
}

/// Whether swtpm is installed; says so loudly where it is not.
pub(crate) fn is_installed() -> bool {
    let installed = Command::new("swtpm_setup")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !installed {
        crate::conformance::skipped("swtpm is not installed; run scripts/setup.sh test");
    }
    installed
}

impl SwTpm {
    /// A new TPM, switched on.
    pub(crate) fn start() -> Self {
        Self::with_banks("sha256")
    }

    /// A new TPM with these banks of PCRs.
    pub(crate) fn with_banks(banks: &str) -> Self {
        let state = TempDir::new().unwrap();
        run(setup().arg("--tpmstate").arg(state.path()).args(["--pcr-banks", banks]));
        let mut tpm = Self { state, process: None, port: 0 };
        tpm.switch_on();
        tpm
    }

    /// Switches the TPM off and on, as a machine that starts again does.
    pub(crate) fn reboot(&mut self) {
        self.switch_off();
        self.switch_on();
    }

    fn switch_on(&mut self) {
        for _ in 0..20 {
            self.port = free_pair();
            let server = format!("type=tcp,port={},bindaddr=127.0.0.1", self.port);
            let control = format!("type=tcp,port={},bindaddr=127.0.0.1", self.port + 1);
            let child = Command::new("swtpm")
                .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
                .arg("--tpmstate")
                .arg(format!("dir={}", self.state.path().display()))
                .args(["--server", &server, "--ctrl", &control])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            self.process = Some(child);
            if self.answers() {
                return;
            }
            self.switch_off();
        }
        panic!("swtpm does not start");
    }

    /// Waits until it listens; nothing when it has ended, as when somebody else took the port.
    fn answers(&mut self) -> bool {
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            if TcpStream::connect(("127.0.0.1", self.port + 1)).is_ok() {
                return true;
            }
            if self.process.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some()) {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    }

    fn switch_off(&mut self) {
        if let Some(mut child) = self.process.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// The way to it, in the words of the TSS. There is one connection at a time.
    pub(crate) fn address(&self) -> String {
        format!("swtpm:host=127.0.0.1,port={}", self.port)
    }

    /// Extends a PCR of the SHA-256 bank: `TPM2_PCR_Extend` (TPM 2.0 Library, Part 3, 22.2) with
    /// the empty password.
    pub(crate) fn extend(&self, pcr: u8, digest: [u8; 32]) {
        let mut command = vec![0x80, 0x02, 0, 0, 0, 65, 0, 0, 0x01, 0x82, 0, 0, 0, pcr];
        command.extend_from_slice(&[0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0]);
        command.extend_from_slice(&[0, 0, 0, 1, 0x00, 0x0b]);
        command.extend_from_slice(&digest);
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(&command).unwrap();
        let mut answer = [0; 10];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer[6..], [0; 4], "the TPM refuses: {answer:02x?}");
    }

    /// The certificates of the authority that signed the endorsement certificates, PEM: root, and
    /// the one below it.
    pub(crate) fn authority() -> [Vec<u8>; 2] {
        ["swtpm-localca-rootca-cert.pem", "issuercert.pem"]
            .map(|name| fs::read(authority_directory().join("ca").join(name)).unwrap())
    }
}

impl Drop for SwTpm {
    fn drop(&mut self) {
        self.switch_off();
    }
}

/// Two free ports in a row, as the TSS wants them.
fn free_pair() -> u16 {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        if let Some(next) = port.checked_add(1)
            && TcpListener::bind(("127.0.0.1", next)).is_ok()
        {
            return port;
        }
    }
}

/// The command that makes a TPM, with an authority of this test run's own.
fn setup() -> Command {
    let mut command = Command::new("swtpm_setup");
    command.args(["--tpm2", "--create-ek-cert", "--lock-nvram", "--config"]);
    command.arg(authority_directory().join("setup.conf"));
    command
}

/// Where this test run's authority is. Made with the first TPM; it goes with the build's files.
fn authority_directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let directory = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap().keep();
        fs::create_dir(directory.join("ca")).unwrap();
        let path = |name: &str| directory.join(name).display().to_string();
        let files = [
            (
                "setup.conf",
                format!(
                    "create_certs_tool={}\ncreate_certs_tool_config={}\n\
                     create_certs_tool_options={}\n",
                    which("swtpm_localca"),
                    path("localca.conf"),
                    path("localca.options"),
                ),
            ),
            (
                "localca.conf",
                format!(
                    "statedir = {}\nsigningkey = {}\nissuercert = {}\ncertserial = {}\n",
                    path("ca"),
                    path("ca/signkey.pem"),
                    path("ca/issuercert.pem"),
                    path("ca/certserial"),
                ),
            ),
            ("localca.options", String::new()),
        ];
        for (name, content) in files {
            fs::write(directory.join(name), content).unwrap();
        }
        // One after the other: the first makes the authority.
        let state = TempDir::new().unwrap();
        let mut first = Command::new("swtpm_setup");
        first.args(["--tpm2", "--create-ek-cert", "--config"]).arg(directory.join("setup.conf"));
        run(first.arg("--tpmstate").arg(state.path()));
        directory
    })
}

fn which(program: &str) -> String {
    let path = std::env::var("PATH").unwrap();
    let found = path.split(':').map(|place| Path::new(place).join(program)).find(|p| p.exists());
    found.unwrap_or_else(|| panic!("{program} is not installed")).display().to_string()
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
