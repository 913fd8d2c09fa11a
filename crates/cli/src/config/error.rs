//! What can be wrong with a configuration.

use std::{fmt, io, path::PathBuf};

use super::{dotenv::DotenvError, registry, toml_file::TomlError};

/// Why there is no configuration. No message holds the value of a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The TOML file is no TOML.
    #[error("{path} is not TOML: {error}", path = path.display())]
    Toml {
        /// Which.
        path: PathBuf,
        /// Where and why.
        error: TomlError,
    },
    /// `.env` has a line that is no assignment.
    #[error("{path}: {error}", path = path.display())]
    Dotenv {
        /// Which.
        path: PathBuf,
        /// Where and why.
        error: DotenvError,
    },
    /// `.env` is required and missing.
    #[error("{path} is missing, and DOTENV_REQUIRED is true", path = path.display())]
    DotenvMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// No data directory can be found.
    #[error("no data directory: set DATA_DIR, or HOME")]
    NoDataDir,
    /// Settings that are unknown or cannot be used: all of them at once.
    #[error("{}", listed(.0))]
    Settings(Vec<Problem>),
}

impl ConfigError {
    /// What the operator can do about it.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "check that the file exists and that this user may read it",
            Self::Toml { .. } => "correct the line; docs/configuration.md lists the keys",
            Self::Dotenv { .. } => "write each line as NAME=value; quote values that need it",
            Self::DotenvMissing { .. } => "create the file, or set DOTENV_REQUIRED=false",
            Self::NoDataDir => "set DATA_DIR to a directory that this user may write to",
            Self::Settings(_) => "docs/configuration.md lists every setting and its values",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem(String);

impl Problem {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A variable of the environment that is not text. It cannot count as one that is not set: an
    /// API key that is lost would open the worker.
    pub(crate) fn garbled(name: &str) -> Self {
        Self(format!("{name} in the environment is not UTF-8 text (its value is not shown)"))
    }

    /// A name that no setting has; `like` is the part to find a similar one for.
    pub(crate) fn unknown(what: &str, like: &str) -> Self {
        Self::suggesting(what, like, str::to_owned)
    }

    /// The same for a key of TOML, which is a name written small.
    pub(crate) fn unknown_key(what: &str, like: &str) -> Self {
        Self::suggesting(what, like, |name| format!("`{}`", name.to_ascii_lowercase()))
    }

    fn suggesting(what: &str, like: &str, written: impl Fn(&str) -> String) -> Self {
        let names = registry::ALL.iter().map(|setting| setting.name);
        Self(match registry::closest(like, names) {
            Some(name) => format!("{what} is unknown; did you mean {}?", written(name)),
            None => format!("{what} is unknown"),
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn listed(problems: &[Problem]) -> String {
    match problems {
        [one] => one.to_string(),
        many => {
            let lines: Vec<_> = many.iter().map(|problem| format!("\n  - {problem}")).collect();
            format!("{} problems:{}", many.len(), lines.concat())
        }
    }
}

/// A text for a message: without control characters, and not too long.
pub(crate) fn shown(text: &str) -> String {
    let mut out: String =
        text.chars().map(|c| if c.is_control() { '?' } else { c }).take(80).collect();
    if text.chars().nth(80).is_some() {
        out.push_str("...");
    }
    out
}
