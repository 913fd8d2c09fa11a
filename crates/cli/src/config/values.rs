//! The values of all settings, each with its origin.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use sealwork_egress::UpstreamBase;

use super::{
    access::{ApiKeyEntry, QuotaEntry},
    kind::{FileValue, Value},
    setting::Setting,
    source::Origin,
};

/// One setting, its value and where it came from.
pub(crate) struct Resolved {
    pub(crate) setting: &'static Setting,
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// All settings. A value is asked for by the registry's entry, and each entry has the type that
/// its kind reads; the accessors of other types give nothing.
pub(crate) struct Values(BTreeMap<&'static str, Resolved>);

impl Values {
    pub(crate) fn new(all: impl IntoIterator<Item = Resolved>) -> Self {
        Self(all.into_iter().map(|resolved| (resolved.setting.name, resolved)).collect())
    }

    /// A switch.
    pub(crate) fn flag(&self, setting: &'static Setting) -> bool {
        matches!(self.value(setting), Some(Value::Flag(true)))
    }

    /// A number.
    pub(crate) fn number(&self, setting: &'static Setting) -> u64 {
        match self.value(setting) {
            Some(Value::Number(number)) => *number,
            _ => 0,
        }
    }

    /// A number as a size or count in memory.
    pub(crate) fn count(&self, setting: &'static Setting) -> usize {
        usize::try_from(self.number(setting)).unwrap_or(usize::MAX)
    }

    /// A number of seconds.
    pub(crate) fn seconds(&self, setting: &'static Setting) -> Duration {
        Duration::from_secs(self.number(setting))
    }

    /// A text; `None` when it is empty.
    pub(crate) fn text(&self, setting: &'static Setting) -> Option<&str> {
        match self.value(setting) {
            Some(Value::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// The address of an upstream; `None` when it is switched off.
    pub(crate) fn base_url(&self, setting: &'static Setting) -> Option<UpstreamBase> {
        self.text(setting)?.parse().ok()
    }

    /// A path.
    pub(crate) fn path(&self, setting: &'static Setting) -> Option<PathBuf> {
        self.text(setting).map(PathBuf::from)
    }

    /// A file.
    pub(crate) fn file(&self, setting: &'static Setting) -> Option<&FileValue> {
        match self.value(setting) {
            Some(Value::File(file)) => Some(file),
            _ => None,
        }
    }

    /// A list.
    pub(crate) fn list(&self, setting: &'static Setting) -> &[String] {
        match self.value(setting) {
            Some(Value::List(items)) => items,
            _ => &[],
        }
    }

    /// Numbers by name.
    pub(crate) fn numbers(&self, setting: &'static Setting) -> BTreeMap<String, u64> {
        match self.value(setting) {
            Some(Value::Numbers(map)) => map.clone(),
            _ => BTreeMap::new(),
        }
    }

    /// API keys.
    pub(crate) fn api_keys(&self, setting: &'static Setting) -> &[ApiKeyEntry] {
        match self.value(setting) {
            Some(Value::ApiKeys(keys)) => keys,
            _ => &[],
        }
    }

    /// Quotas.
    pub(crate) fn quotas(&self, setting: &'static Setting) -> &[QuotaEntry] {
        match self.value(setting) {
            Some(Value::Quotas(quotas)) => quotas,
            _ => &[],
        }
    }

    /// Whether something sets it.
    pub(crate) fn is_set(&self, setting: &'static Setting) -> bool {
        self.0.get(setting.name).is_some_and(|resolved| resolved.origin != Origin::Default)
    }

    /// All of them, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Resolved> {
        self.0.values()
    }

    fn value(&self, setting: &'static Setting) -> Option<&Value> {
        self.0.get(setting.name).map(|resolved| &resolved.value)
    }
}
