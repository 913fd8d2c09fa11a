//! The parts of a worker, each made from settings.

use std::{path::Path, sync::Arc};

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use sealwork_door_http::tls::TlsIdentity;
use sealwork_egress::{Egress, EgressConfig};
use sealwork_engine::Engine;
use sealwork_engine_telemetry::TelemetryEngine;
use sealwork_engine_web::WebEngine;
use sealwork_platform::{Listener as _, Platform, RootSecret, TcpAcceptor};
use sealwork_seal::derive::{Purpose, derive_key};
use sealwork_store::{Store, StoreOptions};
use sealwork_worker::{ClockReset, StatsHandle, Worker};
use sha2::{Digest as _, Sha256};

use super::{ServeError, settings, social::SocialEngines, telemetry::Source};
use crate::{
    cli::ServeArgs,
    config::{Config, Values, registry as r},
    programs,
};

/// The certificate: the one that is given; none for a standalone worker; else a self-made one,
/// whose key comes from the root secret, so that clients can pin it.
pub(super) fn tls(values: &Values, root: &RootSecret) -> Result<Option<TlsIdentity>, ServeError> {
    if let (Some(cert), Some(key)) = (values.file(&r::TLS_CERT), values.path(&r::TLS_KEY)) {
        let key = zeroize::Zeroizing::new(read(r::TLS_KEY.name, &key)?);
        return Ok(Some(TlsIdentity::from_pem(&cert.content, &key)?));
    }
    if values.flag(&r::STANDALONE) {
        return Ok(None);
    }
    let mut names = values.list(&r::TLS_NAMES).to_vec();
    let address = values.text(&r::LISTEN_ADDRESS).unwrap_or_default();
    let host = address.rsplit_once(':').map_or("", |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if !host.is_empty() && !names.iter().any(|name| name == host) {
        names.push(host.to_owned());
    }
    let seed = derive_key(root.expose(), Purpose::TlsP256, b"");
    Ok(Some(TlsIdentity::self_made(&seed, &names)?))
}

/// Where jobs and receipts are kept; made empty at the first start only.
pub(super) fn store(
    values: &Values,
    data_dir: &Path,
    platform: &Platform,
    root: &RootSecret,
    is_first: bool,
) -> Result<Store, ServeError> {
    let options = StoreOptions {
        results_bytes: values.number(&r::RESULT_CACHE_MAX_BYTES),
        receipts_kept: values.number(&r::RECEIPTS_KEPT),
        cache_bytes: values.count(&r::STORE_CACHE_BYTES),
        verify: values.flag(&r::STORE_VERIFY),
        create: is_first,
        ..StoreOptions::default()
    };
    let key = derive_key(root.expose(), Purpose::StoreAes256Gcm, b"");
    let (disk, clock) = (Arc::clone(&platform.disk), Arc::clone(&platform.clock));
    Store::open(disk, clock, &*platform.entropy, &key, options)
        .map_err(|source| ServeError::Store { path: data_dir.to_owned(), source })
}

/// `--reset-clock`.
pub(super) async fn reset_clock(platform: &Platform, store: &Store) -> Result<(), ServeError> {
    match sealwork_worker::reset_clock(platform, store).await? {
        ClockReset::Done(behind) => tracing::warn!(
            behind_s = behind.as_secs(),
            "the clock was reset and the envelope keys erased; start without --reset-clock from now on"
        ),
        ClockReset::Unsettled(jobs) => return Err(ServeError::Unsettled(jobs)),
        _ => tracing::info!("--reset-clock has nothing to do: the clock is not behind"),
    }
    Ok(())
}

/// How this worker goes out to the network.
pub(super) fn egress(values: &Values) -> Result<EgressConfig, ServeError> {
    let mut config = settings::egress(values)?;
    if let Some(file) = values.file(&r::EGRESS_EXTRA_ROOTS) {
        let unusable = |reason: String| ServeError::File {
            name: r::EGRESS_EXTRA_ROOTS.name,
            path: file.path.clone(),
            reason,
        };
        config.extra_roots = CertificateDer::pem_slice_iter(&file.content)
            .collect::<Result<_, _>>()
            .map_err(|error| unusable(format!("it is no PEM: {error}")))?;
        if config.extra_roots.is_empty() {
            return Err(unusable("it has no certificate".to_owned()));
        }
    }
    Ok(config)
}

/// What this worker can do.
pub(super) async fn engines(
    values: &Values,
    platform: &Platform,
    root: &RootSecret,
    stats: &StatsHandle,
    social: &SocialEngines,
    args: &ServeArgs,
) -> Result<Vec<Arc<dyn Engine>>, ServeError> {
    let (resolver, dialer) = (Arc::clone(&platform.resolver), Arc::clone(&platform.dialer));
    let egress = Egress::new(resolver, dialer, egress(values)?)
        .map_err(|error| ServeError::Setting { name: "EGRESS_*", reason: error.to_string() })?;
    let clock = Arc::clone(&platform.clock);
    let web = WebEngine::new(Arc::clone(&egress), clock, settings::web(values));
    let mut engines: Vec<Arc<dyn Engine>> = vec![Arc::new(web)];
    if values.flag(&r::PROGRAMS) {
        engines.push(program(values, platform, root, egress).await?);
    }
    engines.extend(social.engines());
    let telemetry = Source::new(values, platform, root, stats, &engines);
    engines.push(Arc::new(TelemetryEngine::new(Arc::new(telemetry))));
    #[cfg(feature = "sim")]
    if args.bench_engine {
        engines.push(Arc::new(super::noop::Noop));
    }
    #[cfg(not(feature = "sim"))]
    let _ = args;
    Ok(engines)
}

/// The program engine. Its sandbox is started here, so that a machine that cannot confine it is
/// found out now; the JavaScript engine is compiled in the background.
async fn program(
    values: &Values,
    platform: &Platform,
    root: &RootSecret,
    egress: Arc<Egress>,
) -> Result<Arc<dyn Engine>, ServeError> {
    let parts = programs::Parts { values, platform, egress, root, hosts: &[] };
    let engine = Arc::new(programs::engine(parts).await?);
    let warming = Arc::clone(&engine);
    tokio::spawn(async move {
        if let Err(error) = warming.warm_up().await {
            tracing::error!(%error, "cannot compile the JavaScript engine: scripts will fail");
        }
    });
    Ok(engine)
}

/// Says where the worker listens and who it is.
pub(super) fn announce(
    acceptor: &TcpAcceptor,
    config: &Config,
    worker: &Worker,
    tls: Option<&TlsIdentity>,
) {
    let address = acceptor.local_addr().map_or_else(|_| String::new(), |a| a.to_string());
    let scheme = if tls.is_some() { "https" } else { "http" };
    let certificate = tls.map(|tls| hex::encode(Sha256::digest(tls.certificate())));
    tracing::info!(
        address,
        scheme,
        certificate_sha256 = certificate,
        worker = %worker.id(),
        instance = %worker.instance(),
        config = %config.digest,
        evidence = worker.key_config().evidence_kind(),
        version = env!("CARGO_PKG_VERSION"),
        data_dir = %config.data_dir.display(),
        "listening"
    );
}

#[allow(
    clippy::disallowed_methods,
    reason = "certificates lie where the operator put them, outside the platform's disk"
)]
fn read(name: &'static str, path: &Path) -> Result<Vec<u8>, ServeError> {
    std::fs::read(path).map_err(|error| ServeError::File {
        name,
        path: path.to_owned(),
        reason: error.to_string(),
    })
}
