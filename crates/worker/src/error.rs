/// Why a worker does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The key files cannot be used.
    #[error("cannot use the key files in the data directory: {0}")]
    Keys(#[source] std::io::Error),
    /// A key file does not open.
    #[error(
        "{0} does not open under this worker's root secret: restore it together with root.key, or remove it; jobs sealed to its keys are lost"
    )]
    DamagedKeys(String),
    /// There is no evidence about the keys.
    #[error("no evidence about the keys: {0}")]
    Evidence(#[source] sealwork_attest::AttestError),
    /// The journal cannot be read.
    #[error("cannot read the journal: {0}")]
    Journal(String),
    /// The Masa ring on disk does not read back.
    #[error(
        "the stored Masa ring is damaged: have the distributor push its keys again after removing the data directory's store"
    )]
    MasaRing,
    /// Two engines have one name.
    #[error("two engines are named `{0}`")]
    DuplicateEngine(&'static str),
}

impl StartError {
    pub(crate) fn keys(error: std::io::Error) -> Self {
        Self::Keys(error)
    }

    pub(crate) fn encoding(error: serde_json::Error) -> Self {
        Self::Keys(std::io::Error::other(error))
    }

    pub(crate) fn journal(error: impl std::fmt::Display) -> Self {
        Self::Journal(error.to_string())
    }
}
