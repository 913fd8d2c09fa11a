//! The one list of settings. A value can only be asked for by naming an entry of this list, so
//! that nothing is read which is not documented here and hashed into the configuration's digest.

use super::{
    kind::Kind,
    setting::{Group, Setting},
};

macro_rules! settings {
    ($($name:ident: $group:ident, $kind:expr, $default:literal, $doc:literal $(, $with:ident($($arg:expr)?))*;)*) => {
        $(pub(crate) static $name: Setting =
            Setting::new(stringify!($name), Group::$group, $kind, $default, $doc)$(.$with($($arg)?))*;)*
        /// Every setting, in the order of the documentation.
        pub(crate) static ALL: &[&Setting] = &[$(&$name,)*];
    };
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

settings! {
    DATA_DIR: Basics, Kind::Path, "", "The worker's directory: store, keys, `sealwork.toml`, `.env`. Created with mode 0700. Default: `/home/masa` where it exists, else `$XDG_DATA_HOME/sealwork`, else `~/.local/share/sealwork`.", flag("--data-dir");
    DOTENV_REQUIRED: Basics, Kind::Switch, "false", "Refuse to start without `{DATA_DIR}/.env`.";
    LISTEN_ADDRESS: Basics, Kind::Address, ":8080", "Where the HTTP door listens, `HOST:PORT`. `:8080` means all addresses of the machine, IPv6 and IPv4.", flag("--listen");
    STANDALONE: Basics, Kind::MasaSwitch, "false", "Exactly `true`: run without a TEE, over plain HTTP unless `TLS_CERT` is given; Masa jobs are sealed under a key of this worker's own, `/setkey` is absent, profiling is allowed. Any other text means false.", flag("--standalone");
    OE_SIMULATION: Basics, Kind::NonEmpty, "", "Any text: Masa's name for running under an SGX simulator.", kept("there is no SGX runtime to simulate, and `.env` is optional in any case");

    API_KEY: Access, Kind::Secret, "", "One API key for all requests, sent as `Authorization: Bearer KEY` or `X-API-Key: KEY`. Its holder counts as `api-key:default`, and is an admin unless `ADMIN_API_KEY` is set. Without it and without `API_KEYS` anybody may submit jobs.", secret();
    API_KEYS: Access, Kind::ApiKeys, "", "Several named API keys: `NAME=KEY`, separated by commas, each optionally followed by `;max_pending=N`, `;per_minute=N`, and `;admin` for a holder who may use `/debug` and `/metrics`. `KEY` may be `sha256:` and the 64 hex digits of the key's digest. May be given beside `API_KEY`.", secret();
    ADMIN_API_KEY: Access, Kind::Secret, "", "The admin's API key: it opens every path, `/debug` and `/metrics` among them, which are then closed to all keys but those with `;admin`. Its holder counts as `api-key:admin`. Alone it leaves jobs open to anybody. Without any key `/debug` and `/metrics` are open as well.", secret();
    ADMIN_SOCKET: Access, Kind::Path, "admin.sock", "Unix socket that serves `/debug`, `/metrics` and `/healthz` without a key. Its mode is 0600: this user and root can connect. A relative path lies in `DATA_DIR`; `off` for no socket.";
    TLS_CERT: Access, Kind::File, "", "PEM file of the certificate chain to serve HTTPS with. Needs `TLS_KEY`. Without it, and unless `STANDALONE` is `true`, the worker makes a self-signed certificate.";
    TLS_KEY: Access, Kind::Path, "", "PEM file of the private key of `TLS_CERT`.";
    TLS_NAMES: Access, Kind::List, "localhost,127.0.0.1,::1", "Host names and addresses in the self-made certificate, beside the host of `LISTEN_ADDRESS`.";
    CORS_ORIGINS: Access, Kind::Origins, "", "Web origins whose pages may call the API from a browser, for example `https://portal.example`; `*` for all.";
    METRICS_PUBLIC: Access, Kind::Switch, "false", "Serve `/metrics` to everybody, without an API key.";

    ATTESTER: Attestation, Kind::Choice(&["none", "auto", "tdx", "snp", "nitro", "tpm", "simulated"]), "auto", "What makes evidence about this worker; `auto`: the first of Nitro, TDX or SEV-SNP, and TPM that answers, never a simulation, and none where none does. Name it in production: then a platform that does not answer is an error at the start. With any but `none` and `simulated`, insecure settings are errors. `tpm` and `simulated` are in builds with these features only.";
    TPM_ADDRESS: Attestation, Kind::Text, "device:/dev/tpmrm0", "The way to the TPM, for `ATTESTER=auto` as well: `device:/dev/tpmrm0`, `tabrmd`, `swtpm:host=127.0.0.1,port=2321`.";
    TPM_PCRS: Attestation, Kind::Pcrs, "0,2,4,7,8,9,12,14", "PCRs that quotes cover, of the SHA-256 bank.";
    TPM_SEALED_TO: Attestation, Kind::Pcrs, "0,2,4,7,8,9,12,14", "PCRs that must have the values that they had when the root secret was made, or the TPM does not give it out.";
    TPM_OWNER_AUTH: Attestation, Kind::Secret, "", "Authorisation of the TPM's owner hierarchy, where the machine's owner has set one.", secret();
    TPM_ENDORSEMENT_AUTH: Attestation, Kind::Secret, "", "Authorisation of the TPM's endorsement hierarchy, where the machine's owner has set one.", secret();
    TPM_COUNTER_INDEX: Attestation, Kind::TpmIndex, "", "Index of a counter in the TPM against older copies of the data directory, `0x01800000` to `0x01bfffff`; made when there is none. Needs the attester `tpm`. Without it there is no such counter.";
    MARLIN_ATTESTATION: Attestation, Kind::Switch, "false", "Serve `/attestation/raw` and `/attestation/hex` to everybody: Nitro documents of the asker's contents, for Marlin's verifiers.";

    HTTP_MAX_CONNECTIONS: Http, Kind::count(1, 65_535), "4096", "Open connections at once.";
    HTTP_MAX_CONNECTIONS_PER_ADDRESS: Http, Kind::count(1, 65_535), "512", "Open connections at once from one IPv4 address or one IPv6 /64. Behind a proxy, where all clients share its address, give it the value of `HTTP_MAX_CONNECTIONS`.";
    HTTP_MAX_BODY_BYTES: Http, Kind::bytes(KIB, GIB), "16MiB", "The largest request body. At least `MAX_ENVELOPE_BYTES`. That of `/job/result` may be larger: it follows from `JOB_OUTPUT_BYTES`.";
    HTTP_MAX_BYTES_IN_FLIGHT: Http, Kind::bytes(MIB, 1024 * GIB), "256MiB", "Memory for request bodies and answers, all connections together; what finds no room is answered 503 with `overloaded`. At least twice `HTTP_MAX_BODY_BYTES`; an answer that is larger than all of it is sent when nothing else is. Of what is larger than 16 KiB one API key has at most seven eighths, and so has one address without a key.";
    HTTP_HEAD_TIMEOUT_SECONDS: Http, Kind::seconds(1, 300), "10", "Time for a TLS handshake, and for a whole request head from its first byte.";
    HTTP_IDLE_TIMEOUT_SECONDS: Http, Kind::seconds(1, HOUR), "75", "How long a kept-alive connection may be idle.";
    HTTP_REQUEST_TIMEOUT_SECONDS: Http, Kind::seconds(1, HOUR), "60", "Time for one request, its body included; a long poll has its own time on top.";
    DRAIN_TIMEOUT_SECONDS: Http, Kind::seconds(0, HOUR), "30", "After SIGTERM or SIGINT: how long running jobs and requests may go on. What is left then stays in the journal and runs again after the next start.";

    MAX_JOBS: Jobs, Kind::count(1, 65_535), "256", "Jobs of one engine that run at once. (Masa's default was 10 for all types together.)", lenient();
    ENGINE_CONCURRENCY: Jobs, Kind::EngineCounts, "", "The same for single engines, for example `web=64,telemetry=16`.";
    QUEUE_CAPACITY: Jobs, Kind::count(1, 10_000_000), "10000", "Jobs accepted and not yet settled, all requesters together; further ones are refused with `queue_full`.";
    QUEUE_BYTES: Jobs, Kind::bytes(MIB, 1 << 50), "4GiB", "Bytes of the jobs accepted and not yet settled, on the disk where they are large; further ones are refused with `queue_full`. One requester may take seven eighths of them.";
    MAX_RUNNING_PER_REQUESTER: Jobs, Kind::count(0, 65_535), "0", "Jobs of one engine that one requester may have running at once; 0 for seven eighths of the engine's, so that whoever comes next finds a slot.";
    MAX_QUEUE_WAIT_SECONDS: Jobs, Kind::seconds(1, 30 * DAY), "3600", "How long an accepted job may wait for its turn.";
    QUOTA_MAX_PENDING: Jobs, Kind::count(1, 10_000_000), "5000", "Jobs that one requester may have accepted and not yet settled.";
    QUOTA_PER_MINUTE: Jobs, Kind::count(0, 10_000_000), "0", "Jobs that one requester may submit in a minute; 0 for no limit.";
    QUOTAS: Jobs, Kind::Quotas, "", "Other quotas for single requesters: `REQUESTER;max_pending=N;per_minute=N`, separated by commas, for example `ed25519:3b6a...;max_pending=10`.";
    JOB_TIMEOUT_SECONDS: Jobs, Kind::seconds(1, 30 * DAY), "300", "Run time of a job that asks for none. It ends every job that is still running then.", lenient();
    JOB_MAX_TIMEOUT_SECONDS: Jobs, Kind::seconds(1, 30 * DAY), "3600", "Run time that a job may ask for. When it is not set, at least `JOB_TIMEOUT_SECONDS`.";
    JOB_OUTPUT_BYTES: Jobs, Kind::bytes(KIB, GIB - MIB), "64MiB", "Output of a job that asks for no limit.";
    JOB_MAX_OUTPUT_BYTES: Jobs, Kind::bytes(KIB, GIB - MIB), "64MiB", "Output limit that a job may ask for.";
    JOB_EGRESS_REQUESTS: Jobs, Kind::count(1, 100_000_000), "20000", "Outgoing requests of a job that asks for no limit.";
    JOB_MAX_EGRESS_REQUESTS: Jobs, Kind::count(1, 100_000_000), "100000", "Outgoing requests that a job may ask for.";
    JOB_EGRESS_BYTES: Jobs, Kind::bytes(KIB, 1024 * GIB), "1GiB", "Bytes that a job which asks for no limit may receive from the network.";
    JOB_MAX_EGRESS_BYTES: Jobs, Kind::bytes(KIB, 1024 * GIB), "8GiB", "Bytes from the network that a job may ask for.";
    MAX_ENVELOPE_BYTES: Jobs, Kind::bytes(4 * KIB, GIB), "16MiB", "The largest sealed job.";
    JOB_MAX_LIFETIME_SECONDS: Jobs, Kind::seconds(60, 30 * DAY), "86400", "How far off a sealed job's expiry may lie. Nonces are remembered, and old envelope keys kept, that long.";
    CLOCK_SKEW_SECONDS: Jobs, Kind::seconds(0, HOUR), "60", "How far a requester's clock may be off.";
    STATS_BUF_SIZE: Jobs, Kind::count(1, 10_000_000), "128", "Masa's name for the size of its statistics channel.", lenient(), kept("counters are moved when a job settles, without a channel");

    RESULT_CACHE_MAX_SIZE: Retention, Kind::count(1, 100_000_000), "1000", "Settled results kept; the oldest go first.", lenient();
    RESULT_CACHE_MAX_AGE_SECONDS: Retention, Kind::seconds(1, 365 * DAY), "600", "How long a settled result is kept.", lenient();
    RESULT_CACHE_MAX_BYTES: Retention, Kind::bytes(MIB, 1 << 50), "4GiB", "Disk for settled results of more than 64 KiB; the oldest results go first.";
    RECEIPTS_KEPT: Retention, Kind::count(1, 1_000_000_000), "100000", "Receipts kept after their results are gone; the oldest go first.";
    KEY_EPOCH_SECONDS: Retention, Kind::seconds(60, 365 * DAY), "86400", "How long an envelope key is offered to new jobs. It then opens envelopes for `JOB_MAX_LIFETIME_SECONDS` more, and is overwritten after its last job.";
    STORE_CACHE_BYTES: Retention, Kind::bytes(MIB, 64 * GIB), "8MiB", "Memory for pages of the store's file.";
    STORE_VERIFY: Retention, Kind::Switch, "true", "Read the whole store at start and check every page. Without it a damaged page is found when it is first used.";

    EGRESS_ALLOW: Egress, Kind::Cidrs, "", "Loopback, private and other special ranges that jobs may reach, for example `10.1.0.0/16,fd00:1::/64`. Public addresses are always allowed; special ones only when named here. With evidence of a platform, private ranges alone, and none that holds a cloud's metadata.";
    EGRESS_PORTS: Egress, Kind::Ports, "web", "Ports that jobs may reach: `web` (all but those of well-known services that are not HTTP), `any`, or a list such as `80,443,8000-8999`.";
    EGRESS_USER_AGENT: Egress, Kind::HeaderText, "", "`User-Agent` of outgoing requests, and the name that robots.txt is read for. Default: `Sealwork/VERSION`.";
    EGRESS_EXTRA_ROOTS: Egress, Kind::File, "", "PEM file of certificate authorities to trust beside Mozilla's.";
    EGRESS_CONNECT_TIMEOUT_SECONDS: Egress, Kind::seconds(1, 300), "10", "Time for finding a host and connecting to it, TLS included.";
    EGRESS_TIMEOUT_SECONDS: Egress, Kind::seconds(1, HOUR), "120", "Time for one outgoing request, redirects and body included.";
    EGRESS_MAX_RESPONSE_BYTES: Egress, Kind::bytes(KIB, GIB), "10MiB", "The largest body that is read, after decompression.";
    EGRESS_MAX_CONNECTIONS: Egress, Kind::count(1, 65_535), "512", "Open outgoing connections, all jobs together; those of one requester are at most seven eighths of them.";
    EGRESS_MAX_CONNECTIONS_PER_HOST: Egress, Kind::count(1, 1024), "8", "Requests to one host at a time; the jobs of one requester have at most seven eighths of them.";
    DISABLE_HTTP_KEEPALIVE: Egress, Kind::Switch, "false", "`true` or `1`: close every outgoing connection after its request.";

    WEBSCRAPER_BLACKLIST: Web, Kind::List, "", "What no URL fetched by the web engine may name: a domain or address as a whole (`example.com` covers its subdomains), any other text, a number alone among them, wherever it stands. Such a job fails with `blacklisted` and counts as `web_invalid`.";
    WEB_MAX_DEPTH: Web, Kind::count(0, 10_000), "100", "Depth that a crawl may ask for.";
    WEB_DEFAULT_PAGES: Web, Kind::count(1, 10_000_000), "100", "Pages of a crawl that does not say how many.";
    WEB_MAX_PAGES: Web, Kind::count(1, 10_000_000), "10000", "Pages that a crawl may ask for.";
    WEB_MAX_PAGE_BYTES: Web, Kind::bytes(KIB, 256 * MIB), "5MiB", "Bytes of one page after decompression; a longer one is cut there and marked.";
    WEB_PAGE_TIMEOUT_SECONDS: Web, Kind::seconds(1, HOUR), "60", "Time for one page, redirects included.";
    WEB_REQUESTS_PER_HOST: Web, Kind::count(1, 256), "4", "Pages of one host that are fetched at a time, all jobs together; those of one requester leave at least one place to others, where there are two.";
    WEB_MIN_DELAY_MILLISECONDS: Web, Kind::count(0, 600_000), "0", "Least time between two fetches from one host.";
    WEB_MAX_CRAWL_DELAY_SECONDS: Web, Kind::seconds(0, HOUR), "30", "A longer `Crawl-delay` of a robots.txt is cut to this.";
    WEB_MEMORY_BYTES: Web, Kind::bytes(16 * MIB, 1024 * GIB), "768MiB", "Memory that all crawls together hold: a third for large pages that are being read, the rest for results in the making as far as they are not on the disk. One requester has at most seven eighths of each.";
    WEB_ALLOW_IGNORING_ROBOTS: Web, Kind::Switch, "true", "Whether a job may ask for robots.txt to be ignored.";

    PROGRAMS: Programs, Kind::Switch, "true", "Run requesters' own WebAssembly and JavaScript, in sandbox processes. A machine that cannot confine them does not start; `false` goes on without.";
    PROGRAM_MAX_BYTES: Programs, Kind::bytes(KIB, 256 * MIB), "8MiB", "The largest program.";
    PROGRAM_MEMORY_BYTES: Programs, Kind::bytes(MIB, 4 * GIB), "64MiB", "Memory of a program that asks for no limit.";
    PROGRAM_MAX_MEMORY_BYTES: Programs, Kind::bytes(MIB, 4 * GIB), "256MiB", "Memory that a program may ask for.";
    PROGRAM_FUEL: Programs, Kind::count(1, 1_000_000_000_000_000), "1000000000000", "Fuel of a program that asks for no limit: about one unit for each WebAssembly instruction.";
    PROGRAM_MAX_FUEL: Programs, Kind::count(1, 1_000_000_000_000_000), "10000000000000", "Fuel that a program may ask for.";
    PROGRAM_LOG_BYTES: Programs, Kind::bytes(0, 16 * MIB), "64KiB", "What is kept of a program's standard error or console: the end.";
    PROGRAM_OUTPUTS_BYTES: Programs, Kind::bytes(16 * MIB, 64 * GIB), "256MiB", "The worker's memory for outputs of programs that have not settled yet; further ones wait for room.";
    PROGRAM_HOSTS: Programs, Kind::List, "", "Hosts that programs may reach when their job names them: `api.example.com`, `*.example.com`, or `*` for all. None when empty. The rules for all outgoing traffic hold as well.";
    PROGRAM_OPEN_REQUESTS: Programs, Kind::count(1, 256), "16", "Outgoing requests that a program may have open at once.";
    PROGRAM_COMPILE_SECONDS: Programs, Kind::seconds(1, 600), "30", "Time for compiling one module.";
    PROGRAM_COMPILE_MEMORY_BYTES: Programs, Kind::bytes(256 * MIB, 64 * GIB), "2GiB", "Address space for compiling one module.";
    PROGRAM_CACHE_BYTES: Programs, Kind::bytes(MIB, 1024 * GIB), "512MiB", "Compiled modules on disk.";
    SANDBOX_PROCESSES: Programs, Kind::count(1, 4096), "32", "Sandbox processes at most. Each serves one requester at a time.";
    SANDBOX_SPARE: Programs, Kind::count(0, 256), "2", "Sandbox processes that wait for their requester.";
    SANDBOX_RUNS: Programs, Kind::count(1, 256), "32", "Programs of one requester that run at once in one process.";
    SANDBOX_SHARED: Programs, Kind::Switch, "false", "Let a process serve another requester when it is idle, instead of ending it.";
    SANDBOX_CGROUP: Programs, Kind::Path, "", "Directory of a delegated cgroup v2 without processes of its own, such as `/sys/fs/cgroup/sealwork`: each sandbox process gets a group there with `memory.max`, `pids.max` and `cpu.weight`. Empty: the limits of the sandbox itself stand alone.";
    CONTENT_STORE_BYTES: Programs, Kind::bytes(MIB, 1024 * GIB), "1GiB", "Programs that `sealwork program add` keeps, to be named by their CID.";

    APIFY_API_KEY: Social, Kind::Secret, "", "Token for Apify, where `reddit`, `twitter-apify` and the searches of `tiktok` run actors. Runs cost its owner money.", secret();
    APIFY_BASE_URL: Social, Kind::BaseUrl, "https://api.apify.com/v2", "Where Apify's API is.";
    APIFY_MAX_ITEMS: Social, Kind::count(1, 10_000_000), "100000", "Items that one job may ask a run for. What asks for more is cut to this, and its result says so.";
    TIKTOK_TRANSCRIPTION_BASE_URL: Social, Kind::BaseUrlOrOff, "https://submagic-free-tools.fly.dev", "The service that has videos' captions; asked at the start and every ten minutes whether it answers. `off`: no transcriptions, and the service is never asked.";
    TIKTOK_DEFAULT_LANGUAGE: Social, Kind::Text, "eng-US", "Language of a transcription that names none, where the video has it: two or three letters, a hyphen, two letters.";
    TIKTOK_API_USER_AGENT: Social, Kind::HeaderText, "", "`User-Agent` of requests to the transcription service. Default: a desktop browser's.";
    TWITTER_ACCOUNTS: Social, Kind::Secret, "", "Accounts at X: `USER:PASSWORD`, or `USER` alone for one with cookies in `{DATA_DIR}/{USER}_twitter_cookies.json`; separated by commas. Cookies are used before a password.", secret();
    TWITTER_API_KEYS: Social, Kind::Secret, "", "Bearer tokens of X's API v2, separated by commas.", secret();
    TWITTER_API_BASE_URL: Social, Kind::BaseUrl, "https://api.x.com/2", "Where X's API v2 is.";
    TWITTER_WEB_BASE_URL: Social, Kind::BaseUrl, "https://api.x.com", "Where the API of X's web client is.";
    TWITTER_WEB_BEARER: Social, Kind::HeaderText, "", "The token that X's web client sends beside a session, the same for everybody. Default: that of 2026.";
    TWITTER_WEB_USER_AGENT: Social, Kind::HeaderText, "", "`User-Agent` beside a session. Default: a desktop browser's.";
    TWITTER_GRAPHQL: Social, Kind::List, "", "Other ids of the web client's operations, which X changes now and then: `SearchTimeline=flaR-PUMshxFWZWPNpq4zA`.";
    TWITTER_GRAPHQL_FEATURES: Social, Kind::List, "", "Other or further features of the web client's operations: `view_counts_everywhere_api_enabled=false`.";
    TWITTER_MAX_RESULTS: Social, Kind::count(1, 1_000_000), "1000", "Results that one job may ask X for. What asks for more is cut to this, and its result says so.";

    DISTRIBUTOR_PUBKEY: Masa, Kind::PublicKey, "", "RSA public key, as PEM or base64 of PEM, whose holder may push ring keys to `/setkey`. Compiled in by Masa; here part of the measured configuration.";
    MINERS_WHITE_LIST: Masa, Kind::List, "", "Worker ids whose generated jobs `/job/add` takes; empty for all. With `STANDALONE`, a non-empty list means this worker's own id alone. Telemetry jobs are exempt.";
    WORKER_VERSION: Masa, Kind::Text, "beta", "`worker_version` in telemetry: the word that validators compare with their network's.";
    VERSION: Masa, Kind::Text, "", "`application_version` in telemetry. Default: the version of this program.";
    CAPABILITIES: Masa, Kind::List, "", "The list that early Masa workers echoed in telemetry.", kept("telemetry reports what the engines of this worker can do");

    LOG_LEVEL: Observation, Kind::Choice(&["debug", "info", "warn", "error"]), "info", "How much is logged. Can be changed while the worker runs: `PUT /debug/loglevel?level=debug`.", flag("--log-level"), lenient();
    LOG_FORMAT: Observation, Kind::Choice(&["auto", "json", "text"]), "auto", "The form of the log on standard error; `auto` is text on a terminal and JSON lines elsewhere.";
    ACCESS_LOG: Observation, Kind::Switch, "true", "One JSON line per request on standard output, without bodies or keys; of queries it shows `wait`, `seconds` and `level` alone.";
    ENABLE_PPROF: Observation, Kind::MasaSwitch, "false", "Exactly `true`: profiling is on from the start. Needs `STANDALONE=true`.";

    GEMINI_API_KEY: Kept, Kind::Secret, "", "Key for Gemini.", secret(), kept("the web engine here needs no language model");
    CLAUDE_API_KEY: Kept, Kind::Secret, "", "Key for Claude.", secret(), kept("the web engine here needs no language model");
    TWITTER_SKIP_LOGIN_VERIFICATION: Kept, Kind::MasaSwitch, "false", "Exactly `true`: use loaded cookies without asking X about them first.", kept("sessions are never asked about, only used");
    USE_AZURE_THIM: Kept, Kind::Text, "", "Where Masa's container fetches DCAP collateral.", kept("this worker makes no SGX quotes");
    AZURE_THIM_URL: Kept, Kind::Text, "", "See `USE_AZURE_THIM`.", kept("this worker makes no SGX quotes");
    THIM_USE_SECURE_CERT: Kept, Kind::Text, "", "See `USE_AZURE_THIM`.", kept("this worker makes no SGX quotes");
    OE_LOG_LEVEL: Kept, Kind::Text, "", "Log level of the SGX runtime.", kept("there is no SGX runtime here");
}

/// The setting with this name.
pub(crate) fn by_name(name: &str) -> Option<&'static Setting> {
    ALL.iter().copied().find(|setting| setting.name == name)
}

/// The setting with this key in TOML.
pub(crate) fn by_key(key: &str) -> Option<&'static Setting> {
    ALL.iter().copied().find(|setting| setting.key() == key)
}

/// The name in `names` that is most like `given`, when one is like it at all.
pub(crate) fn closest<'a>(
    given: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let given = given.to_ascii_uppercase();
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&given, &name.to_ascii_uppercase()), name))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// What else is read from the environment, and what it does: by the client, or to find a directory.
/// None of it changes what a worker does with a job, so none of it is hashed.
pub(crate) const AMBIENT: &[(&str, &str)] = &[
    ("SEALWORK_URL", "the worker that client commands talk to"),
    ("SEALWORK_API_KEY", "the API key that client commands send"),
    ("SEALWORK_POLICY", "the policy that client commands judge evidence by"),
    ("SEALWORK_ENDORSEMENTS", "makers' certificates and collateral, for client commands"),
    ("SEALWORK_CONFORMANCE", "tests: where the conformance vectors are"),
    ("SEALWORK_REQUIRE_SAMPLES", "tests: `1` fails those that miss their outside samples"),
    ("SEALWORK_SEED", "tests: repeats one run of a randomised test"),
    ("SEALWORK_SEEDS", "tests: how many runs of a randomised test"),
    ("SEALWORK_BLESS", "tests: `1` writes the generated documents (`make docs`)"),
    ("NO_COLOR", "client commands print no colours"),
    ("TERM", "`dumb`: client commands print no colours"),
    ("XDG_STATE_HOME", "client commands keep in it what they have seen of collateral"),
    ("XDG_DATA_HOME", "the default of `DATA_DIR` lies in it"),
    ("XDG_CACHE_HOME", "`program run` keeps in it what it has compiled"),
    ("HOME", "the defaults of `DATA_DIR`, `XDG_STATE_HOME` and `XDG_CACHE_HOME` lie in it"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_setting_is_documented() {
        let mut names: Vec<_> = ALL.iter().map(|setting| setting.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        for setting in ALL {
            assert!(setting.doc.ends_with(['.', ')']), "{}", setting.name);
            assert_eq!(by_name(setting.name).map(Setting::key), Some(setting.key()));
        }
    }

    #[test]
    fn every_default_is_a_value_of_its_own_kind() {
        for setting in ALL.iter().filter(|setting| !setting.default.is_empty()) {
            assert!(setting.kind.parse(setting.default).is_ok(), "{}", setting.name);
        }
    }

    #[test]
    fn a_slip_of_the_pen_finds_its_name_and_a_stranger_finds_none() {
        let names = || ALL.iter().map(|setting| setting.name);
        assert_eq!(closest("SEALWORK_QUEUE_CAPACITY", names()), None);
        assert_eq!(closest("queue_capactiy", names()), Some("QUEUE_CAPACITY"));
        assert_eq!(closest("LISTEN_ADRESS", names()), Some("LISTEN_ADDRESS"));
        assert_eq!(closest("POTATO", names()), None);
    }

    /// The variables of the two Masa READMEs and of `masa.md` section 5.
    #[test]
    fn every_variable_of_masa_is_in_the_list() {
        for name in [
            "DATA_DIR",
            "LISTEN_ADDRESS",
            "STANDALONE",
            "OE_SIMULATION",
            "API_KEY",
            "LOG_LEVEL",
            "MAX_JOBS",
            "STATS_BUF_SIZE",
            "JOB_TIMEOUT_SECONDS",
            "RESULT_CACHE_MAX_SIZE",
            "RESULT_CACHE_MAX_AGE_SECONDS",
            "WEBSCRAPER_BLACKLIST",
            "TWITTER_ACCOUNTS",
            "TWITTER_API_KEYS",
            "TWITTER_SKIP_LOGIN_VERIFICATION",
            "APIFY_API_KEY",
            "GEMINI_API_KEY",
            "CLAUDE_API_KEY",
            "TIKTOK_DEFAULT_LANGUAGE",
            "TIKTOK_API_USER_AGENT",
            "ENABLE_PPROF",
            "CAPABILITIES",
            "DISABLE_HTTP_KEEPALIVE",
            "USE_AZURE_THIM",
            "AZURE_THIM_URL",
            "THIM_USE_SECURE_CERT",
            "OE_LOG_LEVEL",
            "DISTRIBUTOR_PUBKEY",
            "MINERS_WHITE_LIST",
            "VERSION",
        ] {
            assert!(by_name(name).is_some(), "{name}");
        }
    }
}
