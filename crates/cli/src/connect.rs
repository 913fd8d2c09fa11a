//! From the arguments that name a worker to a client.

use std::time::Duration;

use sealwork_client::{Client, ClientBuilder, RetryPolicy, Trust};
use sealwork_job::WorkerId;
use sealwork_platform::Environment;

use crate::{
    attestation,
    cli::{AccessArgs, AttestArgs, WorkerArgs},
    exit::CliError,
    files,
};

const DEFAULT_URL: &str = "http://127.0.0.1:8080";
/// A person waits: about two seconds in all, unless the worker asks for more.
const RETRY: RetryPolicy = RetryPolicy {
    attempts: 4,
    first: Duration::from_millis(300),
    longest: Duration::from_secs(10),
    patience: Duration::from_secs(60),
};

/// A client for the worker that the arguments, else the environment, name, which demands the
/// evidence that they say.
pub(crate) fn client(
    args: &WorkerArgs,
    attest: &AttestArgs,
    environment: &Environment,
) -> Result<Client, CliError> {
    client_at(None, args, Some(attest), environment)
}

/// The same; `kept` is the address that a handle holds, used when no flag gives another.
pub(crate) fn client_at(
    kept: Option<&str>,
    args: &WorkerArgs,
    attest: Option<&AttestArgs>,
    environment: &Environment,
) -> Result<Client, CliError> {
    let url = args.worker_url.as_deref().or(kept).or(environment.var("SEALWORK_URL"));
    let mut builder = builder(url.unwrap_or(DEFAULT_URL), &args.access, environment)?;
    if let Some(attest) = attest {
        builder = attestation::demand(builder, attest, environment)?;
    }
    Ok(builder.build()?)
}

/// A client for the worker at this address, which asks and does not seal.
pub(crate) fn client_for(
    url: &str,
    access: &AccessArgs,
    environment: &Environment,
) -> Result<Client, CliError> {
    Ok(builder(url, access, environment)?.build()?)
}

fn builder(
    url: &str,
    args: &AccessArgs,
    environment: &Environment,
) -> Result<ClientBuilder, CliError> {
    let mut builder = Client::builder(url)?.retry(RETRY);
    let from_file = args.api_key_file.as_ref().map(|path| files::read_secret(path)).transpose()?;
    let key = from_file.as_deref().or(environment.var("SEALWORK_API_KEY")).map(str::trim);
    if let Some(key) = key.filter(|key| !key.is_empty()) {
        builder = builder.api_key(key)?;
    }
    if let Some(path) = &args.ca_cert {
        builder = builder.trust(Trust::certificates_from_pem(&files::read(path)?)?);
    } else if let Some(pin) = &args.pin_cert {
        builder = builder.trust(Trust::pin_from_hex(pin)?);
    }
    if let Some(id) = &args.worker {
        builder = builder.worker(worker_id(id)?);
    }
    Ok(builder)
}

/// A worker's id from the command line.
pub(crate) fn worker_id(text: &str) -> Result<WorkerId, CliError> {
    text.parse().map_err(|_| {
        CliError::usage(
            format!("--worker {text:?} is not a worker's id"),
            "give the 64 hex digits that `sealwork keys show` prints as `worker`",
        )
    })
}
