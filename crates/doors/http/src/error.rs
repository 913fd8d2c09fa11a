/// Why a door cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoorError {
    /// The certificate or its key is unusable.
    #[error("cannot use the TLS certificate: {0}")]
    Tls(String),
    /// An entry of the CORS list is no origin.
    #[error(
        "{0:?} is no origin: write scheme, host and port only, for example https://portal.example"
    )]
    Origin(String),
    /// An API key cannot be used.
    #[error("API key {name:?}: {reason}")]
    ApiKey {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A limit that would refuse everything.
    #[error("{name} must be at least {least}")]
    Limit {
        /// Which.
        name: &'static str,
        /// Its least value.
        least: u64,
    },
    /// Another part of the process has installed a metrics recorder.
    #[error("a metrics recorder is installed already")]
    Metrics,
}
