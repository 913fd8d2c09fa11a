//! Where values come from: the five layers, and the two files among them.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use sealwork_platform::Environment;

use super::{
    ConfigError, Overrides, dotenv,
    error::{Problem, shown},
    registry, toml_file,
};

/// A configuration file larger than this is a mistake.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Which layer a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nothing sets it.
    Default,
    /// The TOML file.
    File(PathBuf),
    /// `.env` in the data directory.
    Dotenv(PathBuf),
    /// The environment.
    Environment,
    /// A flag.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) | Self::Dotenv(path) => write!(f, "{}", path.display()),
            Self::Environment => f.write_str("environment"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

impl Origin {
    /// One word for it, in JSON.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File(_) => "file",
            Self::Dotenv(_) => "dotenv",
            Self::Environment => "environment",
            Self::Flag => "flag",
        }
    }

    /// The file, when it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) | Self::Dotenv(path) => Some(path),
            Self::Default | Self::Environment | Self::Flag => None,
        }
    }
}

/// One layer: texts by the names of settings.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) origin: Origin,
    texts: BTreeMap<String, String>,
}

impl Layer {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }
}

/// The layers that exist, the strongest first, and what is wrong or odd about them.
pub(crate) struct Sources {
    pub(crate) layers: Vec<Layer>,
    pub(crate) data_dir: PathBuf,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<String>,
}

/// Gathers flags, environment, `.env` and the TOML file. `masa_home` is the data directory that
/// Masa's containers mount.
pub(crate) fn gather(
    environment: &Environment,
    overrides: &Overrides,
    masa_home: &Path,
) -> Result<Sources, ConfigError> {
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let flags = flags(overrides, &mut problems);
    let process = process(environment, &mut problems);
    let mut file = match &overrides.file {
        Some(path) => Some(toml_layer(path, read(path)?, &mut problems, &mut warnings)?),
        None => None,
    };
    let name = registry::DATA_DIR.name;
    let chosen = [Some(&flags), Some(&process), file.as_ref()]
        .into_iter()
        .flatten()
        .find_map(|layer| layer.get(name).filter(|text| !text.is_empty()));
    let data_dir = match (&overrides.data_dir, chosen) {
        (Some(path), _) => path.clone(),
        (None, Some(text)) => PathBuf::from(text),
        (None, None) => default_data_dir(environment, masa_home)?,
    };
    if file.is_none() {
        let path = data_dir.join("sealwork.toml");
        if let Some(content) = read_if_present(&path)? {
            file = Some(toml_layer(&path, content, &mut problems, &mut warnings)?);
        }
    }
    let path = data_dir.join(".env");
    let dotenv = match read_if_present(&path)? {
        Some(content) => Some(dotenv_layer(&path, &content, &mut problems, &mut warnings)?),
        None => None,
    };
    let mut layers = vec![flags, process];
    layers.extend(dotenv);
    layers.extend(file);
    for layer in layers.iter().filter(|layer| layer.origin.path().is_some()) {
        if layer.get(name).is_some_and(|text| !text.is_empty() && Path::new(text) != data_dir) {
            problems.push(Problem::new(format!(
                "{name} in {} names another directory than {}, which is already in use: set it in \
                 the environment or by a flag",
                layer.origin,
                data_dir.display()
            )));
        }
    }
    Ok(Sources { layers, data_dir, problems, warnings })
}

fn flags(overrides: &Overrides, problems: &mut Vec<Problem>) -> Layer {
    let mut texts = BTreeMap::new();
    for (name, text) in &overrides.variables {
        match registry::by_name(name) {
            Some(setting) if setting.secret => problems.push(Problem::new(format!(
                "{name} is a secret, and other users can read the arguments of a program: put it \
                 into the environment, `.env` or the TOML file"
            ))),
            Some(_) => drop(texts.insert(name.clone(), text.clone())),
            None => problems.push(Problem::unknown(&format!("--set {name}"), name)),
        }
    }
    if let Some(path) = &overrides.data_dir {
        // For the report: where the worker goes is taken from the path itself.
        texts.insert(registry::DATA_DIR.name.to_owned(), path.display().to_string());
    }
    Layer { origin: Origin::Flag, texts }
}

/// The settings of the environment. Other programs' variables are none of ours, but a name that
/// begins with ours and is not known is a mistake.
fn process(environment: &Environment, problems: &mut Vec<Problem>) -> Layer {
    let texts = registry::ALL
        .iter()
        .filter_map(|setting| {
            Some((setting.name.to_owned(), environment.var(setting.name)?.to_owned()))
        })
        .collect();
    let garbled = registry::ALL.iter().filter(|setting| environment.is_garbled(setting.name));
    problems.extend(garbled.map(|setting| Problem::garbled(setting.name)));
    let names = environment
        .names()
        .filter(|name| is_ours_and_unknown(name) && !is_service_link(name, environment.var(name)));
    problems.extend(
        names.map(|name| Problem::unknown(&format!("{name} in the environment"), strip(name))),
    );
    Layer { origin: Origin::Environment, texts }
}

fn is_ours_and_unknown(name: &str) -> bool {
    name.starts_with("SEALWORK_") && !registry::AMBIENT.iter().any(|(known, _)| *known == name)
}

/// Whether Kubernetes has set it: in each container it puts variables that are named after the
/// services beside it (<https://kubernetes.io/docs/concepts/services-networking/service/>), and one
/// of them may well be called `sealwork`.
fn is_service_link(name: &str, value: Option<&str>) -> bool {
    let is_address = value.is_some_and(|value| value.contains("://"));
    let is_port = |rest: &str| {
        let (digits, rest) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
        !digits.is_empty() && ["_TCP", "_UDP", "_SCTP"].iter().any(|p| rest.starts_with(p))
    };
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && is_address)
        || name.split_once("_PORT_").is_some_and(|(_, rest)| is_port(rest))
}

fn strip(name: &str) -> &str {
    name.strip_prefix("SEALWORK_").unwrap_or(name)
}

fn toml_layer(
    path: &Path,
    content: Content,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<String>,
) -> Result<Layer, ConfigError> {
    let origin = Origin::File(path.to_owned());
    let parsed = toml_file::parse(&content.text)
        .map_err(|error| ConfigError::Toml { path: path.to_owned(), error })?;
    let mut texts = BTreeMap::new();
    for (key, value) in parsed {
        let Some(setting) = registry::by_key(&key) else {
            problems.push(Problem::unknown_key(&format!("`{}` in {origin}", shown(&key)), &key));
            continue;
        };
        match toml_file::text_of(setting.kind, &value) {
            Ok(text) => drop(texts.insert(setting.name.to_owned(), text)),
            Err(what) => problems.push(Problem::new(format!(
                "`{key}` in {origin} {what}; allowed: {}",
                setting.kind.allowed()
            ))),
        }
    }
    let layer = Layer { origin, texts };
    warnings.extend(exposed(&layer, &content));
    Ok(layer)
}

fn dotenv_layer(
    path: &Path,
    content: &Content,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<String>,
) -> Result<Layer, ConfigError> {
    let origin = Origin::Dotenv(path.to_owned());
    let all = dotenv::parse(&content.text)
        .map_err(|error| ConfigError::Dotenv { path: path.to_owned(), error })?;
    let mut texts = BTreeMap::new();
    for (name, text) in all {
        if registry::by_name(&name).is_some() {
            texts.insert(name, text);
        } else if is_ours_and_unknown(&name) {
            problems.push(Problem::unknown(&format!("{} in {origin}", shown(&name)), strip(&name)));
        } else {
            let unknown = Problem::unknown(&format!("{} in {origin}", shown(&name)), &name);
            warnings.push(format!("{unknown}; it is not used"));
        }
    }
    let layer = Layer { origin, texts };
    warnings.extend(exposed(&layer, content));
    Ok(layer)
}

/// A warning when a file with secrets is readable by others.
fn exposed(layer: &Layer, content: &Content) -> Option<String> {
    let secret = layer.texts.iter().find(|(name, text)| {
        !text.is_empty() && registry::by_name(name).is_some_and(|setting| setting.secret)
    })?;
    (content.mode & 0o077 != 0).then(|| {
        format!(
            "{} holds a secret ({}) and other users can read it (mode {:03o}); use chmod 600",
            layer.origin,
            secret.0,
            content.mode & 0o777
        )
    })
}

struct Content {
    text: String,
    mode: u32,
}

fn read_if_present(path: &Path) -> Result<Option<Content>, ConfigError> {
    match read(path) {
        Ok(content) => Ok(Some(content)),
        Err(ConfigError::Unreadable { source, .. })
            if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn read(path: &Path) -> Result<Content, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let (bytes, mode) = content_and_mode(path).map_err(unreadable)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| unreadable(io::Error::other("it is not UTF-8 text")))?;
    Ok(Content { text, mode })
}

/// The content of a file that a setting names.
///
/// # Errors
/// What the file system says; a file that is not regular or larger than 1 MiB is an error too.
pub(crate) fn content(path: &Path) -> io::Result<Vec<u8>> {
    content_and_mode(path).map(|(content, _)| content)
}

#[allow(
    clippy::disallowed_methods,
    reason = "the configuration says where the platform's disk is, so it is read without it"
)]
fn content_and_mode(path: &Path) -> io::Result<(Vec<u8>, u32)> {
    // A named pipe would hold up its opener until somebody writes.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let file = std::fs::File::open(path)?;
    let mode = file.metadata()?.permissions().mode();
    let mut content = Vec::new();
    let read = file.take(MAX_FILE_BYTES + 1).read_to_end(&mut content)?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok((content, mode))
}

fn default_data_dir(environment: &Environment, masa_home: &Path) -> Result<PathBuf, ConfigError> {
    if masa_home.is_dir() {
        return Ok(masa_home.to_owned());
    }
    environment
        .absolute_path("XDG_DATA_HOME")
        .or_else(|| Some(environment.absolute_path("HOME")?.join(".local/share")))
        .map(|base| base.join("sealwork"))
        .ok_or(ConfigError::NoDataDir)
}
