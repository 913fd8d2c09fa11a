//! The configuration as a whole: layers, refusals, the digest, and that nothing is read which is
//! not in the registry.

#![allow(clippy::disallowed_methods, reason = "tests that lay out files and read sources")]

use std::fs;

use tempfile::TempDir;

use super::*;

struct Machine {
    dir: TempDir,
    variables: Vec<(String, String)>,
    overrides: Overrides,
}

impl Machine {
    /// A machine whose only variable says where the data directory is.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let variables = vec![("DATA_DIR".to_owned(), dir.path().display().to_string())];
        Self { dir, variables, overrides: Overrides::default() }
    }

    fn env(mut self, name: &str, text: &str) -> Self {
        self.variables.push((name.to_owned(), text.to_owned()));
        self
    }

    fn flag(mut self, name: &str, text: &str) -> Self {
        self.overrides.variables.push((name.to_owned(), text.to_owned()));
        self
    }

    fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.dir.path().join(name), text).unwrap();
        self
    }

    fn load(&self) -> Result<Config, ConfigError> {
        let environment = Environment::from_pairs(self.variables.clone());
        load_from(&environment, &self.overrides, Path::new("/nonexistent/masa"))
    }

    fn refusal(&self) -> String {
        match self.load() {
            Ok(_) => panic!("the configuration was taken"),
            Err(error) => error.to_string(),
        }
    }
}

fn line<'a>(report: &'a Report, name: &str) -> &'a report::Line {
    report.settings.iter().find(|line| line.name == name).unwrap()
}

/// Two files that exist and differ.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
const OTHER_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/main.rs");

/// A text that is a value of the setting and not its default.
fn sample(setting: &Setting) -> String {
    let other = |default: &str, a: &str, b: &str| (if default == a { b } else { a }).to_owned();
    match setting.kind {
        Kind::Switch | Kind::MasaSwitch => other(setting.default, "true", "false"),
        Kind::NonEmpty => "1".to_owned(),
        Kind::Count { min, max } | Kind::Seconds { min, max } | Kind::Bytes { min, max } => {
            // Below or above the default, whichever the rules between settings allow.
            let raises = setting.name.contains("MAX") || setting.name == "HTTP_MAX_BODY_BYTES";
            let default =
                setting.kind.parse(setting.default).unwrap().show().parse::<u64>().unwrap();
            if setting.name == "MAX_ENVELOPE_BYTES" {
                min.to_string()
            } else if raises {
                max.min((default * 2).max(default + 1)).to_string()
            } else if default == min {
                (min + 1).to_string()
            } else {
                min.to_string()
            }
        }
        Kind::Choice(words) => {
            words.iter().find(|word| **word != setting.default).unwrap().to_string()
        }
        Kind::Text if setting.name == "TIKTOK_DEFAULT_LANGUAGE" => "deu-DE".to_owned(),
        Kind::Text | Kind::HeaderText | Kind::Secret | Kind::Path => "hush-hush".to_owned(),
        Kind::File => FILE.to_owned(),
        Kind::Address => "127.0.0.1:1".to_owned(),
        Kind::List => match setting.name {
            "TWITTER_GRAPHQL" => "SearchTimeline=a,Followers=b".to_owned(),
            "TWITTER_GRAPHQL_FEATURES" => "a=true,b=false".to_owned(),
            _ => "a,b".to_owned(),
        },
        Kind::BaseUrl | Kind::BaseUrlOrOff => "https://a.example/v1".to_owned(),
        Kind::Pcrs => "0,7".to_owned(),
        Kind::TpmIndex => "0x01800001".to_owned(),
        Kind::Cidrs => "10.0.0.0/8".to_owned(),
        Kind::Ports => "80".to_owned(),
        Kind::Origins => "https://a.example".to_owned(),
        Kind::PublicKey => "-----BEGIN PUBLIC KEY-----".to_owned(),
        Kind::EngineCounts => "web=1".to_owned(),
        Kind::ApiKeys => "alice=hush-hush".to_owned(),
        Kind::Quotas => "api-key:aa;max_pending=1".to_owned(),
    }
}

#[test]
fn each_source_overrides_the_ones_before_it() {
    let machine = Machine::new();
    let origin = |machine: &Machine| {
        let report = machine.load().unwrap().report();
        let line = line(&report, "QUEUE_CAPACITY");
        (line.value.clone(), line.origin)
    };
    assert_eq!(origin(&machine), ("10000".to_owned(), "default"));
    let machine = machine.file("sealwork.toml", "queue_capacity = 1");
    assert_eq!(origin(&machine), ("1".to_owned(), "file"));
    let machine = machine.file(".env", "QUEUE_CAPACITY=2");
    assert_eq!(origin(&machine), ("2".to_owned(), "dotenv"));
    let machine = machine.env("QUEUE_CAPACITY", "3");
    assert_eq!(origin(&machine), ("3".to_owned(), "environment"));
    let machine = machine.flag("QUEUE_CAPACITY", "4");
    assert_eq!(origin(&machine), ("4".to_owned(), "flag"));
}

#[test]
fn an_empty_variable_hides_the_sources_before_it_and_means_the_default() {
    let machine = Machine::new().file(".env", "API_KEY=k\nQUEUE_CAPACITY=2");
    let machine = machine.env("API_KEY", "").env("QUEUE_CAPACITY", "");
    let config = machine.load().unwrap();
    assert_eq!(config.values.text(&registry::API_KEY), None);
    assert_eq!(config.values.number(&registry::QUEUE_CAPACITY), 10_000);
}

#[test]
fn the_named_file_must_exist_and_replaces_the_one_in_the_data_directory() {
    let machine = Machine::new().file("sealwork.toml", "queue_capacity = 1");
    let machine = machine.file("other.toml", "receipts_kept = 7");
    let mut machine = machine;
    machine.overrides.file = Some(machine.dir.path().join("other.toml"));
    let config = machine.load().unwrap();
    assert_eq!(config.values.number(&registry::QUEUE_CAPACITY), 10_000);
    assert_eq!(config.values.number(&registry::RECEIPTS_KEPT), 7);
    machine.overrides.file = Some(machine.dir.path().join("none.toml"));
    assert!(matches!(machine.load(), Err(ConfigError::Unreadable { .. })));
}

#[test]
fn dotenv_may_be_missing_unless_it_is_required() {
    assert!(Machine::new().load().is_ok());
    let machine = Machine::new().env("DOTENV_REQUIRED", "true");
    assert!(matches!(machine.load(), Err(ConfigError::DotenvMissing { .. })));
    assert!(machine.file(".env", "").load().is_ok());
}

#[test]
fn the_data_directory_is_masa_s_where_that_exists_and_else_the_user_s() {
    let home = tempfile::tempdir().unwrap();
    let of = |pairs: &[(&str, &str)], masa: &Path| {
        let environment = Environment::from_pairs(pairs.iter().copied());
        load_from(&environment, &Overrides::default(), masa).map(|config| config.data_dir)
    };
    let nowhere = Path::new("/nonexistent/masa");
    assert_eq!(of(&[("HOME", "/h")], home.path()).unwrap(), home.path());
    assert_eq!(of(&[("HOME", "/h")], nowhere).unwrap(), Path::new("/h/.local/share/sealwork"));
    let both = [("HOME", "/h"), ("XDG_DATA_HOME", "/x")];
    assert_eq!(of(&both, nowhere).unwrap(), Path::new("/x/sealwork"));
    assert!(matches!(of(&[], nowhere), Err(ConfigError::NoDataDir)));
}

#[test]
fn a_file_cannot_move_the_data_directory_in_which_it_was_found() {
    let refusal = Machine::new().file(".env", "DATA_DIR=/elsewhere").refusal();
    assert!(refusal.contains("names another directory"), "{refusal}");
}

#[test]
fn all_unknown_names_and_unusable_values_are_reported_at_once() {
    let refusal = Machine::new()
        .file("sealwork.toml", "queue_capactiy = 1\npotato = 2\nreceipts_kept = 1.5")
        .env("SEALWORK_QUEUE_CAPACITY", "1")
        .env("KEY_EPOCH_SECONDS", "3")
        .flag("LISTEN_ADRESS", ":1")
        .refusal();
    for part in [
        "6 problems",
        "`queue_capactiy`",
        "did you mean `queue_capacity`?",
        "`potato`",
        "SEALWORK_QUEUE_CAPACITY in the environment is unknown; did you mean QUEUE_CAPACITY?",
        "KEY_EPOCH_SECONDS is `3` (environment); allowed: whole seconds from 60 to 31536000",
        "--set LISTEN_ADRESS is unknown; did you mean LISTEN_ADDRESS?",
        "`receipts_kept`",
    ] {
        assert!(refusal.contains(part), "{part} is not in:\n{refusal}");
    }
}

#[test]
fn a_variable_that_is_not_text_is_an_error_and_never_one_that_is_not_set() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    for name in ["API_KEY", "WEBSCRAPER_BLACKLIST", "DATA_DIR"] {
        let garbled = OsStr::from_bytes(b"hush-\xfc");
        let environment = Environment::from_pairs([("HOME", OsStr::new("/h")), (name, garbled)]);
        let loaded = load_from(&environment, &Overrides::default(), Path::new("/nonexistent"));
        let refusal = loaded.err().unwrap().to_string();
        assert!(refusal.contains(&format!("{name} in the environment is not UTF-8")), "{refusal}");
        assert!(!refusal.contains("hush"), "{refusal}");
    }
}

#[test]
fn the_data_directory_of_the_command_line_is_taken_byte_for_byte() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    let mut machine = Machine::new();
    let path = machine.dir.path().join(OsStr::from_bytes(b"caf\xe9"));
    machine.overrides.data_dir = Some(path.clone());
    let config = machine.load().unwrap();
    assert_eq!(config.data_dir, path);
    assert_eq!(line(&config.report(), "DATA_DIR").origin, "flag");
}

#[test]
fn what_kubernetes_sets_for_a_service_named_sealwork_is_no_mistake_of_the_operator() {
    let machine = Machine::new()
        .env("SEALWORK_SERVICE_HOST", "10.0.0.1")
        .env("SEALWORK_SERVICE_PORT", "8080")
        .env("SEALWORK_SERVICE_PORT_HTTP", "8080")
        .env("SEALWORK_PORT", "tcp://10.0.0.1:8080")
        .env("SEALWORK_PORT_8080_TCP", "tcp://10.0.0.1:8080")
        .env("SEALWORK_PORT_8080_TCP_ADDR", "10.0.0.1");
    assert!(machine.load().is_ok());
    for name in ["SEALWORK_PORT", "SEALWORK_PORT_NUMBER", "SEALWORK_HOST"] {
        assert!(Machine::new().env(name, "8080").refusal().contains(name));
    }
}

#[test]
fn an_engine_that_does_not_exist_has_no_concurrency() {
    let refusal = Machine::new().env("ENGINE_CONCURRENCY", "web=2,telemetri=3").refusal();
    assert!(refusal.contains("`telemetri`, which is no engine; did you mean `telemetry`?"));
    let refusal = Machine::new().env("ENGINE_CONCURRENCY", "foo=3").refusal();
    assert!(refusal.contains("the engines are web, telemetry"), "{refusal}");
}

#[test]
fn a_name_written_small_is_answered_with_the_name_and_a_key_with_the_key() {
    let refusal = Machine::new().flag("max_jobs", "3").refusal();
    assert!(refusal.contains("--set max_jobs is unknown; did you mean MAX_JOBS?"), "{refusal}");
    let refusal = Machine::new().file("sealwork.toml", "MAX_JOBS = 3").refusal();
    assert!(refusal.contains("`MAX_JOBS`") && refusal.contains("did you mean `max_jobs`?"));
}

#[test]
fn no_value_of_a_secret_is_in_an_error_a_report_or_a_digest() {
    for setting in registry::ALL.iter().filter(|setting| setting.secret) {
        let config = Machine::new().env(setting.name, &sample(setting)).load().unwrap();
        let report = config.report();
        let json = serde_json::to_string(&report).unwrap();
        assert!(!report.to_string().contains("hush") && !json.contains("hush"), "{}", setting.name);
        let other = sample(setting).replace("hush-hush", "other");
        let other = Machine::new().env(setting.name, &other).load().unwrap();
        let shown = [&config, &other].map(|c| line(&c.report(), setting.name).value.clone());
        assert_eq!(shown[0], shown[1], "{} tells about its value", setting.name);
    }
    let refusal = Machine::new().env("API_KEYS", "alice=hush;hush").refusal();
    assert!(!refusal.contains("hush"), "{refusal}");
    let refusal = Machine::new().flag("API_KEY", "hush").refusal();
    assert!(refusal.contains("is a secret") && !refusal.contains("hush"), "{refusal}");
}

#[test]
fn masa_s_lenient_variables_fall_back_with_a_warning_and_others_do_not() {
    for text in ["0", "-5", "soon", "1.5"] {
        let config = Machine::new().env("JOB_TIMEOUT_SECONDS", text).load().unwrap();
        assert_eq!(config.values.number(&registry::JOB_TIMEOUT_SECONDS), 300);
        let warned = config.warnings.iter().any(|w| w.starts_with("JOB_TIMEOUT_SECONDS is"));
        assert!(warned, "{:?}", config.warnings);
    }
    let config = Machine::new().env("LOG_LEVEL", "loud").load().unwrap();
    assert_eq!(config.values.text(&registry::LOG_LEVEL), Some("info"));
    for text in ["9999999999", "99999999999999999999999"] {
        let config = Machine::new().env("JOB_TIMEOUT_SECONDS", text).load().unwrap();
        assert_eq!(config.values.number(&registry::JOB_TIMEOUT_SECONDS), 30 * 24 * 3600);
        let warned = config.warnings.iter().any(|w| w.contains("using the largest, "));
        assert!(warned, "{:?}", config.warnings);
    }
    assert!(Machine::new().env("CLOCK_SKEW_SECONDS", "soon").load().is_err());
}

#[test]
fn standalone_is_on_for_exactly_true_and_anything_else_is_warned_about() {
    let config = Machine::new().env("STANDALONE", "true").load().unwrap();
    assert!(config.values.flag(&registry::STANDALONE));
    let config = Machine::new().env("STANDALONE", "1").load().unwrap();
    assert!(!config.values.flag(&registry::STANDALONE));
    assert!(config.warnings.iter().any(|w| w.contains("only `true` switches it on")));
}

#[test]
fn settings_are_checked_against_each_other() {
    for (machine, part) in [
        (Machine::new().env("TLS_CERT", FILE), "TLS_KEY"),
        (Machine::new().env("HTTP_MAX_BODY_BYTES", "1MiB"), "MAX_ENVELOPE_BYTES"),
        (Machine::new().env("API_KEY", "k").env("API_KEYS", "default=l"), "`default`"),
        (Machine::new().env("ADMIN_API_KEY", "k").env("API_KEYS", "admin=l"), "`admin`"),
        (Machine::new().env("API_KEY", "hush").env("ADMIN_API_KEY", "hush"), "the same key"),
        (Machine::new().env("API_KEY", "hush").env("API_KEYS", "a=hush"), "the same key"),
        (Machine::new().env("PROGRAM_HOSTS", "a.test/path"), "PROGRAM_HOSTS: "),
        (Machine::new().env("TLS_NAMES", "localhost,wörker"), "TLS_NAMES: `wörker`"),
        (Machine::new().env("API_KEY", "  "), "API_KEY (environment) has nothing in it"),
        (Machine::new().env("HTTP_MAX_BYTES_IN_FLIGHT", "31MiB"), "HTTP_MAX_BODY_BYTES"),
        (
            Machine::new().env("JOB_TIMEOUT_SECONDS", "100").env("JOB_MAX_TIMEOUT_SECONDS", "50"),
            "JOB_MAX_TIMEOUT_SECONDS (50)",
        ),
    ] {
        let refusal = machine.refusal();
        assert!(refusal.contains(part) && !refusal.contains("hush"), "{refusal}");
    }
}

#[test]
fn an_open_worker_and_a_readable_secret_are_warned_about() {
    let config = Machine::new().load().unwrap();
    assert!(config.warnings.iter().any(|w| w.contains("no API key is set")));
    let machine = Machine::new().env("LISTEN_ADDRESS", "127.0.0.1:8080");
    assert_eq!(machine.load().unwrap().warnings, [] as [String; 0]);
    let machine = machine.file(".env", "API_KEY=k");
    use std::os::unix::fs::PermissionsExt as _;
    let set = |mode| {
        let path = machine.dir.path().join(".env");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        machine.load().unwrap().warnings
    };
    assert!(set(0o644).iter().any(|w| w.contains("chmod 600")));
    assert!(set(0o600).is_empty());
}

/// What the rules between settings demand beside one.
fn beside(setting: &Setting) -> &'static [(&'static str, &'static str)] {
    match setting.name {
        "TLS_CERT" | "TLS_KEY" => &[("TLS_CERT", OTHER_FILE), ("TLS_KEY", "k.pem")],
        _ => &[],
    }
}

fn settings_to_vary() -> impl Iterator<Item = &'static Setting> {
    registry::ALL.iter().copied().filter(|setting| setting.name != "DATA_DIR")
}

#[test]
fn every_setting_is_read_from_every_source() {
    for setting in settings_to_vary() {
        let name = setting.name;
        let text = sample(setting);
        let machine = || {
            let machine = Machine::new().file(".env", "");
            beside(setting)
                .iter()
                .filter(|(other, _)| *other != name)
                .fold(machine, |machine, (other, text)| machine.env(other, text))
        };
        let toml = format!("{} = '''{text}'''", setting.key());
        let mut machines = vec![
            (machine().env(name, &text), "environment"),
            (machine().file(".env", &format!("{name}='{text}'")), "dotenv"),
            (machine().file("sealwork.toml", &toml), "file"),
        ];
        if !setting.secret {
            machines.push((machine().flag(name, &text), "flag"));
        }
        for (machine, origin) in machines {
            let config = machine.load().unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(line(&config.report(), name).origin, origin, "{name}");
        }
    }
}

#[test]
fn every_setting_is_hashed() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(".env"), "").unwrap();
    let digest = |dir: &Path, variables: &[(&str, &str)]| {
        let dir = dir.display().to_string();
        let variables = variables.iter().copied().chain([("DATA_DIR", dir.as_str())]);
        let environment = Environment::from_pairs(variables);
        load_from(&environment, &Overrides::default(), Path::new("/nonexistent/masa"))
            .unwrap_or_else(|error| panic!("{error}"))
            .digest
    };
    for setting in settings_to_vary() {
        let text = sample(setting);
        let mut changed = beside(setting).to_vec();
        changed.push((setting.name, &text));
        assert_ne!(
            digest(dir.path(), &changed),
            digest(dir.path(), beside(setting)),
            "{} is not hashed",
            setting.name
        );
    }
    let other = tempfile::tempdir().unwrap();
    assert_ne!(digest(dir.path(), &[]), digest(other.path(), &[]), "DATA_DIR is not hashed");
}

#[test]
fn the_digest_has_the_content_of_a_named_file_and_not_its_path() {
    for name in ["TLS_CERT", "EGRESS_EXTRA_ROOTS"] {
        let digest = |path: &Path| {
            let variables = [
                ("DATA_DIR", "/d"),
                ("TLS_CERT", FILE),
                ("TLS_KEY", "k"),
                (name, path.to_str().unwrap()),
            ];
            let environment = Environment::from_pairs(variables);
            load_from(&environment, &Overrides::default(), Path::new("/none")).unwrap().digest
        };
        let dir = tempfile::tempdir().unwrap();
        let [one, other] = ["one.pem", "other.pem"].map(|name| dir.path().join(name));
        fs::write(&one, "certificate 1").unwrap();
        fs::write(&other, "certificate 1").unwrap();
        let before = digest(&one);
        assert_eq!(digest(&other), before, "{name}: the path is hashed");
        fs::write(&one, "certificate 2").unwrap();
        assert_ne!(digest(&one), before, "{name}: the content is not hashed");
    }
}

#[test]
fn a_named_file_that_cannot_be_read_is_reported_with_everything_else() {
    let refusal = Machine::new()
        .env("TLS_CERT", "/nonexistent/chain.pem")
        .env("TLS_KEY", "key.pem")
        .env("QUEUE_CAPACITY", "many")
        .refusal();
    for part in ["2 problems", "TLS_CERT is `/nonexistent/chain.pem`", "cannot be read"] {
        assert!(refusal.contains(part), "{part} is not in:\n{refusal}");
    }
}

#[test]
fn the_digest_is_of_length_prefixed_names_and_values() {
    let environment = Environment::from_pairs([("DATA_DIR", "/d")]);
    let config = load_from(&environment, &Overrides::default(), Path::new("/none")).unwrap();
    let mut bytes = Vec::new();
    let mut add = |text: &str| {
        bytes.extend((text.len() as u64).to_be_bytes());
        bytes.extend(text.as_bytes());
    };
    add("sealwork/v1 configuration");
    let mut lines = config.report().settings;
    lines.sort_by_key(|line| line.name);
    for line in lines {
        add(line.name);
        add(&line.value);
    }
    use sha2::Digest as _;
    assert_eq!(config.digest.0, <[u8; 32]>::from(sha2::Sha256::digest(&bytes)));
}

#[test]
fn the_example_in_the_documentation_is_taken() {
    let head = include_str!("docs/configuration-head.md");
    let toml = head.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let config = Machine::new().file("sealwork.toml", toml).load().unwrap();
    assert_eq!(config.values.api_keys(&registry::API_KEYS)[0].name, "alice");
}

/// A setting that is documented as used is asked for where the parts are put together, and one that
/// is documented as without effect is not.
#[test]
fn what_the_documentation_says_about_use_is_true() {
    let sources = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let mut files: Vec<_> = ["serve.rs", "config.rs", "config/social.rs", "programs.rs"]
        .iter()
        .map(|file| sources.join(file))
        .collect();
    collect(&sources.join("serve"), &mut files);
    collect(&sources.join("programs"), &mut files);
    let text: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let asked = |name: &str| {
        let calls = [format!("r::{name}"), format!("registry::{name}")];
        calls.iter().any(|call| {
            text.match_indices(call.as_str()).any(|(at, found)| {
                !text[at + found.len()..].starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
            })
        })
    };
    for setting in registry::ALL {
        let used = setting.effect == setting::Effect::Used;
        assert_eq!(asked(setting.name), used, "{}", setting.name);
    }
}

/// No program reads a variable that is neither a setting nor in the list of what is read beside
/// them, and only the platform asks the process for its environment. (Tests may.)
#[test]
fn no_variable_is_read_that_is_not_in_the_registry() {
    let crates = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut sources = Vec::new();
    collect(crates, &mut sources);
    let is_program = |path: &&PathBuf| path.components().any(|part| part.as_os_str() == "src");
    assert!(sources.iter().filter(is_program).count() > 50, "the sources were not found");
    for path in sources.iter().filter(is_program) {
        let text = fs::read_to_string(path).unwrap();
        // A file ends with its tests.
        let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
        let shown = path.display();
        if !path.ends_with("platform/src/environment.rs") {
            for banned in
                ["env::var(", "env::var_os(", "env::vars(", "env::vars_os(", "option_env!("]
            {
                assert!(!text.contains(banned), "{shown} reads the environment by {banned}");
            }
        }
        for call in text.split(".var(\"").skip(1) {
            let name = call.split('"').next().unwrap();
            let known = registry::by_name(name).is_some()
                || registry::AMBIENT.iter().any(|(known, _)| *known == name);
            assert!(known, "{shown} reads {name}, which is in no list");
        }
    }
}

fn collect(directory: &Path, sources: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let this_test = path.ends_with("cli/src/config/tests.rs");
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !this_test {
            sources.push(path);
        }
    }
}

#[test]
fn credentials_in_the_clear_and_money_of_the_operator_are_warned_of() {
    let warned = |machine: Machine, what: &str| {
        machine.load().unwrap().warnings.iter().any(|warning| warning.contains(what))
    };
    let paid = || Machine::new().env("APIFY_API_KEY", "hush-hush");
    assert!(warned(paid(), "runs that cost money"));
    assert!(!warned(paid().env("API_KEY", "k"), "runs that cost money"));
    assert!(!warned(paid().env("LISTEN_ADDRESS", "127.0.0.1:1"), "runs that cost money"));
    let at = |base| paid().env("APIFY_BASE_URL", base);
    assert!(warned(at("http://apify.example/v2"), "APIFY_BASE_URL is plain http"));
    for base in ["https://apify.example/v2", "http://127.0.0.1:9/v2", "http://[::1]:9/v2"] {
        assert!(!warned(at(base), "plain http"), "{base}");
    }
    let nothing_sent = Machine::new().env("TWITTER_API_BASE_URL", "http://x.example/2");
    assert!(!warned(nothing_sent, "plain http"));
}
