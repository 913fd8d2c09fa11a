//! What `config check` prints.

use std::fmt;

use serde::Serialize;

use super::{
    Config,
    kind::Value,
    setting::{Effect, Group},
    values::Resolved,
};

/// Every setting, its value and where it came from, without secrets.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// SHA-256 of the configuration, in hex.
    pub(crate) digest: String,
    /// All settings, in the order of the documentation.
    pub(crate) settings: Vec<Line>,
    /// What is odd about them.
    pub(crate) warnings: Vec<String>,
}

/// One setting.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    /// The environment variable.
    pub(crate) name: &'static str,
    #[serde(skip)]
    group: Option<Group>,
    /// Its value; of a secret, what may be shown of it.
    pub(crate) value: String,
    /// `default`, `file`, `dotenv`, `environment` or `flag`.
    pub(crate) origin: &'static str,
    /// The file that set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    /// Whether its value is kept back.
    pub(crate) secret: bool,
    /// Whether the worker behaves by it.
    pub(crate) used: bool,
    /// What it does.
    pub(crate) doc: &'static str,
}

impl Resolved {
    /// The value as it may be shown and hashed.
    pub(crate) fn public_text(&self) -> String {
        match &self.value {
            Value::ApiKeys(_) => self.value.show(),
            value if self.setting.secret && value.is_empty() => String::new(),
            _ if self.setting.secret => "set".to_owned(),
            value => value.show(),
        }
    }
}

impl Report {
    pub(crate) fn of(config: &Config) -> Self {
        let mut settings: Vec<_> = config.values.iter().map(line).collect();
        settings.sort_by_key(|line| line.group);
        Self { digest: config.digest.to_string(), settings, warnings: config.warnings.clone() }
    }
}

fn line(resolved: &Resolved) -> Line {
    let setting = resolved.setting;
    Line {
        name: setting.name,
        group: Some(setting.group),
        value: resolved.public_text(),
        origin: resolved.origin.kind(),
        path: resolved.origin.path().map(|path| path.display().to_string()),
        secret: setting.secret,
        used: setting.effect == Effect::Used,
        doc: setting.doc,
    }
}

impl fmt::Display for Report {
    /// One line per setting: name, value, origin.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.settings.iter().map(|line| line.name.len()).max().unwrap_or(0);
        let mut group = None;
        for line in &self.settings {
            if line.group != group {
                let title = line.group.map_or("", Group::title);
                let gap = if group.is_some() { "\n" } else { "" };
                writeln!(f, "{gap}# {title}")?;
                group = line.group;
            }
            let value = match (line.value.as_str(), line.secret) {
                ("", _) => "(not set)".to_owned(),
                ("set", true) => "(set, not shown)".to_owned(),
                (value, _) => one_line(value),
            };
            let origin = line.path.as_deref().unwrap_or(line.origin);
            writeln!(f, "{:width$}  {value}  [{origin}]", line.name)?;
        }
        writeln!(f, "\nconfiguration digest  {}", self.digest)?;
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        Ok(())
    }
}

/// A value without line ends and other control characters.
fn one_line(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect()
}
