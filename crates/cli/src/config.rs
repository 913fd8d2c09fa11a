//! The configuration: defaults < TOML < `.env` < environment < flags.
//!
//! [`registry`] is the one list of settings. [`load`] reads them from every source and refuses
//! what it does not know or cannot use, all of it at once; [`Config::values`] answers by registry
//! entry, so that nothing can be read which is not in the list.

mod access;
mod attestation;
mod digest;
#[cfg(test)]
mod docs;
mod dotenv;
mod error;
mod kind;
pub(crate) mod registry;
mod report;
mod rules;
mod setting;
pub(crate) mod social;
mod source;
mod toml_file;
mod values;

use std::path::{Path, PathBuf};

pub(crate) use access::{ApiKeyEntry, ApiKeySecret, QuotaOptions};
pub(crate) use attestation::insecure;
pub(crate) use error::{ConfigError, Problem};
pub(crate) use report::Report;
use sealwork_job::Digest;
use sealwork_platform::Environment;
pub(crate) use setting::Setting;
pub(crate) use values::Values;

use self::{
    error::shown,
    kind::{FileValue, Kind, Value},
    source::{Origin, Sources},
    values::Resolved,
};
use crate::{
    cli::ConfigArgs,
    exit::{CliResult, Exit},
    ui::Ui,
};

/// Where Masa's containers mount the data directory.
const MASA_HOME: &str = "/home/masa";

/// What the command line says about the configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overrides {
    /// `--config FILE`.
    pub(crate) file: Option<PathBuf>,
    /// `--data-dir DIR`; comes before a `DATA_DIR` among the variables.
    pub(crate) data_dir: Option<PathBuf>,
    /// Flags as variables, for example `LISTEN_ADDRESS`; later ones win.
    pub(crate) variables: Vec<(String, String)>,
}

impl From<&ConfigArgs> for Overrides {
    fn from(args: &ConfigArgs) -> Self {
        Self {
            file: args.config.clone(),
            data_dir: args.data_dir.clone().filter(|dir| !dir.as_os_str().is_empty()),
            variables: args.variables(),
        }
    }
}

/// A configuration that can be used.
pub(crate) struct Config {
    /// All settings.
    pub(crate) values: Values,
    /// The worker's directory, absolute or relative to the working directory.
    pub(crate) data_dir: PathBuf,
    /// What key configs and evidence say about it.
    pub(crate) digest: Digest,
    /// What the operator should know.
    pub(crate) warnings: Vec<String>,
}

impl Config {
    /// Every value and its origin, without secrets.
    pub(crate) fn report(&self) -> Report {
        Report::of(self)
    }
}

/// Reads and checks the whole configuration.
///
/// # Errors
/// [`ConfigError`]; it names every setting that is wrong, the value unless it is a secret, and the
/// values that are allowed.
pub(crate) fn load(
    environment: &Environment,
    overrides: &Overrides,
) -> Result<Config, ConfigError> {
    load_from(environment, overrides, Path::new(MASA_HOME))
}

/// `config check`: prints each value and where it came from, or why `serve` would refuse.
pub(crate) fn check(args: &ConfigArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let report = load(environment, &args.into())?.report();
    if ui.json {
        ui.object(&report);
    } else {
        ui.bytes(report.to_string().as_bytes());
    }
    Ok(Exit::Ok)
}

fn load_from(
    environment: &Environment,
    overrides: &Overrides,
    masa_home: &Path,
) -> Result<Config, ConfigError> {
    let mut sources = source::gather(environment, overrides, masa_home)?;
    let resolved: Vec<_> =
        registry::ALL.iter().map(|setting| resolve(setting, &mut sources)).collect();
    let values = Values::new(resolved);
    let dotenv = sources.data_dir.join(".env");
    if values.flag(&registry::DOTENV_REQUIRED)
        && !sources.layers.iter().any(|layer| matches!(layer.origin, Origin::Dotenv(_)))
    {
        return Err(ConfigError::DotenvMissing { path: dotenv });
    }
    let (problems, warnings) = rules::check(&values);
    sources.problems.extend(problems);
    sources.warnings.extend(warnings);
    if !sources.problems.is_empty() {
        return Err(ConfigError::Settings(sources.problems));
    }
    Ok(Config {
        digest: digest::digest(&values),
        values,
        data_dir: sources.data_dir,
        warnings: sources.warnings,
    })
}

/// The strongest layer's value of one setting.
fn resolve(setting: &'static Setting, sources: &mut Sources) -> Resolved {
    if setting.name == registry::DATA_DIR.name {
        return data_dir(setting, sources);
    }
    let found = sources
        .layers
        .iter()
        .find_map(|layer| Some((layer.get(setting.name)?.to_owned(), layer.origin.clone())));
    let Some((text, origin)) = found else {
        return Resolved { setting, value: default(setting), origin: Origin::Default };
    };
    if setting.secret && text.trim().is_empty() && !text.is_empty() {
        let what = format!("{} ({origin}) has nothing in it but white space", setting.name);
        sources.problems.push(Problem::new(what));
    }
    // An empty text is how compose files and `.env` templates leave a variable unset.
    if text.trim().is_empty() {
        return Resolved { setting, value: default(setting), origin };
    }
    match setting.kind.parse(&text) {
        Ok(value) => {
            if setting.kind == Kind::MasaSwitch && !matches!(text.trim(), "true" | "false") {
                sources.warnings.push(format!(
                    "{} is `{}` ({origin}), which means false: only `true` switches it on",
                    setting.name,
                    shown(&text)
                ));
            }
            Resolved { setting, value, origin }
        }
        Err(_) if setting.lenient => {
            let (value, used, instead) = match exceeded(setting, &text) {
                Some(max) => (Value::Number(max), origin.clone(), format!("the largest, {max}")),
                None => {
                    let instead = format!("the default, {}", setting.default);
                    (default(setting), Origin::Default, instead)
                }
            };
            sources.warnings.push(format!(
                "{} is `{}` ({origin}); allowed: {}; using {instead}",
                setting.name,
                shown(&text),
                setting.kind.allowed()
            ));
            Resolved { setting, value, origin: used }
        }
        Err(detail) => {
            sources.problems.push(refused(setting, &text, &origin, &detail));
            // The rules between settings are to see that a file was given.
            let value = match setting.kind {
                Kind::File => Value::File(FileValue { path: text.into(), content: Vec::new() }),
                _ => default(setting),
            };
            Resolved { setting, value, origin }
        }
    }
}

/// The maximum of a setting, where the text is a number beyond it.
fn exceeded(setting: &Setting, text: &str) -> Option<u64> {
    let (Kind::Count { max, .. } | Kind::Seconds { max, .. }) = setting.kind else { return None };
    let digits = text.trim();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // What is no u64 is beyond all of them.
    (is_number && digits.parse::<u64>().map_or(true, |number| number > max)).then_some(max)
}

fn refused(setting: &Setting, text: &str, origin: &Origin, detail: &str) -> Problem {
    let value = if setting.secret || setting.kind.may_hide_secret(text) {
        "has a value that cannot be used (not shown)".to_owned()
    } else {
        format!("is `{}`", shown(text))
    };
    let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
    Problem::new(format!(
        "{} {value} ({origin}){detail}; allowed: {}",
        setting.name,
        setting.kind.allowed()
    ))
}

fn default(setting: &Setting) -> Value {
    setting.kind.parse(setting.default).unwrap_or_else(|_| Value::Text(setting.default.to_owned()))
}

/// The data directory was needed to find the other sources; here it gets its place in the list.
fn data_dir(setting: &'static Setting, sources: &Sources) -> Resolved {
    let layer = sources
        .layers
        .iter()
        .find(|layer| layer.get(setting.name).is_some_and(|text| !text.is_empty()));
    let origin = layer.map_or(Origin::Default, |layer| layer.origin.clone());
    let value = Value::Text(sources.data_dir.display().to_string());
    Resolved { setting, value, origin }
}

#[cfg(test)]
mod tests;
