use std::sync::Arc;

use sealwork_seal::KeyConfig;
use sealwork_verify::Trusted;

/// Whom a job is sealed to: a worker's key config, and what shows that its keys live where a policy
/// wants them.
///
/// [`Client::recipient`](crate::Client::recipient) gives one whose evidence was found good.
#[derive(Debug, Clone)]
pub struct Recipient {
    pub(crate) config: Arc<KeyConfig>,
    pub(crate) evidence: Option<Arc<Trusted>>,
}

impl Recipient {
    /// A recipient without evidence: nothing shows who can read what is sealed to it. The key
    /// config's signature has to have been checked.
    pub fn unattested(config: Arc<KeyConfig>) -> Self {
        Self { config, evidence: None }
    }

    /// The keys.
    pub fn key_config(&self) -> &KeyConfig {
        &self.config
    }

    /// What the worker's evidence proves; nothing where none was demanded.
    pub fn evidence(&self) -> Option<&Trusted> {
        self.evidence.as_deref()
    }
}
