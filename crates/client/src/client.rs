use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::HeaderValue;
use sealwork_job::WorkerId;
use sealwork_platform::{
    Clock, Dialer, Entropy, OsEntropy, Resolver, SystemClock, SystemNet, SystemResolver,
};
use tokio_rustls::TlsConnector;
use url::Url;

use crate::{
    Attestation, Capabilities, ClientError, Masa, RetryPolicy, SetupPart, Trust,
    archive::Archived,
    attestation::Demand,
    http::{Call, Http},
    keys::Keys,
};

/// Talks to one worker. Cheap to clone; clones share connections and the key config.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) http: Http,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) worker: Option<WorkerId>,
    pub(crate) keys: Mutex<Keys>,
    pub(crate) archive: Mutex<Option<Archived>>,
}

/// Sets up a [`Client`].
pub struct ClientBuilder {
    base: Url,
    api_key: Option<HeaderValue>,
    trust: Trust,
    worker: Option<WorkerId>,
    demand: Demand,
    timeout: Duration,
    retry: RetryPolicy,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    resolver: Arc<dyn Resolver>,
    dialer: Arc<dyn Dialer>,
}

impl Client {
    /// Begins with the worker's address, for example `https://worker.example:8443/`. A path in it
    /// comes before those of the routes.
    ///
    /// # Errors
    /// [`ClientError::Setup`] for anything but an http or https address without credentials.
    pub fn builder(base: &str) -> Result<ClientBuilder, ClientError> {
        let setup = |reason: String| ClientError::Setup { part: SetupPart::Address, reason };
        let mut base = Url::parse(base).map_err(|e| setup(format!("{base:?} is no URL ({e})")))?;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(setup(format!("{base} does not begin with http:// or https://")));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(setup(
                "credentials in an address are not used; give an API key".to_owned(),
            ));
        }
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(ClientBuilder {
            base,
            api_key: None,
            trust: Trust::default(),
            worker: None,
            demand: Demand::Undecided,
            timeout: Duration::from_secs(30),
            retry: RetryPolicy::default(),
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(OsEntropy),
            resolver: Arc::new(SystemResolver),
            dialer: Arc::new(SystemNet),
        })
    }

    /// What the worker can do.
    ///
    /// # Errors
    /// Network errors and refusals.
    pub async fn capabilities(&self) -> Result<Capabilities, ClientError> {
        self.inner.http.json(&Call::get("v1/capabilities")).await
    }

    /// The Masa routes. **With them plaintext leaves this machine**: the worker seals the job and
    /// opens the result, over a connection that TLS alone protects. Everything else in this client
    /// seals here.
    pub fn masa(&self) -> Masa<'_> {
        Masa::new(self)
    }

    /// The worker's address, with a slash at its end.
    pub fn base_url(&self) -> &Url {
        self.inner.http.base()
    }
}

impl ClientBuilder {
    /// Sends this API key with each call.
    ///
    /// # Errors
    /// [`ClientError::Setup`] when it cannot stand in a header.
    pub fn api_key(mut self, key: &str) -> Result<Self, ClientError> {
        let mut value =
            HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| ClientError::Setup {
                part: SetupPart::ApiKey,
                reason: "it has characters that no HTTP header can carry".to_owned(),
            })?;
        value.set_sensitive(true);
        self.api_key = Some(value);
        Ok(self)
    }

    /// Which certificates to accept.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Seals only to workers whose evidence satisfies this policy, and follows receipts to it.
    #[must_use]
    pub fn attestation(mut self, attestation: Attestation) -> Self {
        self.demand = attestation.into();
        self
    }

    /// Seals without evidence. **Then nothing shows who can read a job but the word of whoever
    /// runs the worker**; pin at least its id with [`Self::worker`].
    #[must_use]
    pub fn unattested(mut self) -> Self {
        self.demand = Demand::Unattested;
        self
    }

    /// Accepts this worker only. That says which keys, not where they live: it takes no policy's
    /// place.
    #[must_use]
    pub fn worker(mut self, worker: WorkerId) -> Self {
        self.worker = Some(worker);
        self
    }

    /// How long an answer may take, on top of the time that the worker was asked to hold it.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How calls are repeated.
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Other clocks, randomness and networks than this machine's: for simulations.
    #[must_use]
    pub fn platform(
        mut self,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        resolver: Arc<dyn Resolver>,
        dialer: Arc<dyn Dialer>,
    ) -> Self {
        (self.clock, self.entropy, self.resolver, self.dialer) = (clock, entropy, resolver, dialer);
        self
    }

    /// The client. Nothing is connected yet.
    ///
    /// # Errors
    /// [`ClientError::Setup`] for unusable certificates.
    pub fn build(self) -> Result<Client, ClientError> {
        let tls = TlsConnector::from(Arc::new(self.trust.client_config()?));
        let http = Http::new(
            (self.resolver, self.dialer, tls),
            self.base,
            self.api_key,
            self.timeout,
            self.retry,
            (Arc::clone(&self.clock), Arc::clone(&self.entropy)),
        );
        Ok(Client {
            inner: Arc::new(Inner {
                http,
                clock: self.clock,
                entropy: self.entropy,
                worker: self.worker,
                keys: Mutex::new(Keys::new(self.demand)),
                archive: Mutex::default(),
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_path_and_loses_its_query() {
        let base = |text| Client::builder(text).map(|b| b.base.to_string());
        assert_eq!(base("http://h:1/worker?x#y").unwrap(), "http://h:1/worker/");
        assert_eq!(base("https://h").unwrap(), "https://h/");
        for bad in ["h:8080", "ftp://h/", "http://user:pw@h/", "", "http://"] {
            assert!(matches!(base(bad), Err(ClientError::Setup { .. })), "{bad}");
        }
    }

    #[test]
    fn an_api_key_that_could_end_a_header_is_refused() {
        assert!(Client::builder("http://h").unwrap().api_key("a\r\nb: c").is_err());
    }
}
