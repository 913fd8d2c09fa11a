//! What the registry says about one setting.

use super::kind::Kind;

/// One variable of the configuration: everything that is known about it stands here and nowhere
/// else, and parsing, `config check`, the digest and docs/configuration.md are made of it.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The environment variable; in lower case, the key in TOML.
    pub(crate) name: &'static str,
    /// The section of the documentation.
    pub(crate) group: Group,
    /// Which values it takes.
    pub(crate) kind: Kind,
    /// What it is when nothing sets it; empty when it is then unset.
    pub(crate) default: &'static str,
    /// A flag of its own beside `--set NAME=VALUE`.
    pub(crate) flag: Option<&'static str>,
    /// Its value is never shown, hashed or taken from the command line.
    pub(crate) secret: bool,
    /// Masa's rule: a value that cannot be used means the default, with a warning.
    pub(crate) lenient: bool,
    /// What reading it does in this build.
    pub(crate) effect: Effect,
    /// One or two sentences for the operator.
    pub(crate) doc: &'static str,
}

/// What reading a setting does in this build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The worker behaves by it.
    Used,
    /// Read, checked, hashed and shown, and otherwise without effect; the text says why.
    Kept(&'static str),
}

/// The sections of the documentation, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    /// Where the worker lives and how it is reached.
    Basics,
    /// Who may come in.
    Access,
    /// What vouches for the worker.
    Attestation,
    /// The HTTP door's bounds.
    Http,
    /// Jobs: how many, how long, how large.
    Jobs,
    /// What is kept, and for how long.
    Retention,
    /// The way out to the network.
    Egress,
    /// The web engine.
    Web,
    /// The program engine and its sandboxes.
    Programs,
    /// Masa's network.
    Masa,
    /// Logs and profiles.
    Observation,
    /// The engines that ask social networks.
    Social,
    /// What other workers know and this one has no use for.
    Kept,
}

impl Group {
    /// All sections, in the order of the documentation.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 13] = [
        Self::Basics,
        Self::Access,
        Self::Attestation,
        Self::Http,
        Self::Jobs,
        Self::Retention,
        Self::Egress,
        Self::Web,
        Self::Programs,
        Self::Social,
        Self::Masa,
        Self::Observation,
        Self::Kept,
    ];

    /// The section's heading.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Basics => "Basics",
            Self::Access => "Access",
            Self::Attestation => "Attestation",
            Self::Http => "HTTP limits",
            Self::Jobs => "Jobs",
            Self::Retention => "Retention and keys",
            Self::Egress => "Egress",
            Self::Web => "Web engine",
            Self::Programs => "Programs",
            Self::Masa => "Masa network",
            Self::Observation => "Logs and profiles",
            Self::Social => "Social engines",
            Self::Kept => "Kept for configurations of Masa",
        }
    }
}

impl Setting {
    /// A setting that is used, public, strict, and set to `default` when nothing sets it.
    pub(crate) const fn new(
        name: &'static str,
        group: Group,
        kind: Kind,
        default: &'static str,
        doc: &'static str,
    ) -> Self {
        Self {
            name,
            group,
            kind,
            default,
            flag: None,
            secret: false,
            lenient: false,
            effect: Effect::Used,
            doc,
        }
    }

    /// Gives it a flag of its own.
    pub(crate) const fn flag(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }

    /// Makes its value one that is never shown.
    pub(crate) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Applies Masa's rule for unusable values.
    pub(crate) const fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// Marks it as read without effect, and says why.
    pub(crate) const fn kept(mut self, why: &'static str) -> Self {
        self.effect = Effect::Kept(why);
        self
    }

    /// Its key in TOML.
    pub(crate) fn key(&self) -> String {
        self.name.to_ascii_lowercase()
    }
}
