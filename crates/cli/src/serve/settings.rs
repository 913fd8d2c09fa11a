//! From settings to the configurations of the parts: each part keeps its own form, and this is the
//! only place that knows both.

use std::{collections::BTreeMap, time::Duration};

use sealwork_compat_masa::{IV_LEN, TAG_LEN, TextPieces};
use sealwork_door_http::{ApiKey, ConnectionLimits, Cors, DoorConfig, RequestLimits};
use sealwork_egress::{
    AllowList, EgressConfig, EgressLimits, PolitenessConfig, PortPolicy, RobotsConfig,
};
use sealwork_engine_web::{Blacklist, WebConfig, WebMaxima};
use sealwork_job::{Digest, Limits, RequesterId};
use sealwork_worker::{MasaConfig, Quota, WorkerConfig};

use super::ServeError;
use crate::config::{ApiKeyEntry, ApiKeySecret, QuotaOptions, Values, registry as r};

/// The name under which the holder of `API_KEY` counts.
const DEFAULT_KEY: &str = "default";
/// The name under which the holder of `ADMIN_API_KEY` counts.
const ADMIN_KEY: &str = "admin";

/// The limits of a job that names none, and the most that a job may ask for.
pub(crate) fn limits(values: &Values) -> (Limits, Limits) {
    let default_limits = Limits {
        wall_ms: Some(values.number(&r::JOB_TIMEOUT_SECONDS) * 1000),
        output_bytes: Some(values.number(&r::JOB_OUTPUT_BYTES)),
        egress_requests: Some(values.number(&r::JOB_EGRESS_REQUESTS)),
        egress_bytes: Some(values.number(&r::JOB_EGRESS_BYTES)),
        memory_bytes: Some(values.number(&r::PROGRAM_MEMORY_BYTES)),
        fuel: Some(values.number(&r::PROGRAM_FUEL)),
    };
    // A maximum that nobody set gives way to a default that somebody did.
    let max = |setting, default: Option<u64>, unit: u64| {
        let max = values.number(setting) * unit;
        Some(if values.is_set(setting) { max } else { max.max(default.unwrap_or(0)) })
    };
    let max_limits = Limits {
        wall_ms: max(&r::JOB_MAX_TIMEOUT_SECONDS, default_limits.wall_ms, 1000),
        output_bytes: max(&r::JOB_MAX_OUTPUT_BYTES, default_limits.output_bytes, 1),
        egress_requests: max(&r::JOB_MAX_EGRESS_REQUESTS, default_limits.egress_requests, 1),
        egress_bytes: max(&r::JOB_MAX_EGRESS_BYTES, default_limits.egress_bytes, 1),
        memory_bytes: max(&r::PROGRAM_MAX_MEMORY_BYTES, default_limits.memory_bytes, 1),
        fuel: max(&r::PROGRAM_MAX_FUEL, default_limits.fuel, 1),
    };
    (default_limits, max_limits)
}

/// The worker's part, without what vouches for it.
pub(crate) fn worker(values: &Values, config_digest: Digest) -> WorkerConfig {
    let (default_limits, max_limits) = limits(values);
    WorkerConfig {
        queue_capacity: values.count(&r::QUEUE_CAPACITY),
        queue_bytes: values.number(&r::QUEUE_BYTES),
        concurrency: values
            .numbers(&r::ENGINE_CONCURRENCY)
            .into_iter()
            .map(|(engine, number)| (engine, usize::try_from(number).unwrap_or(usize::MAX)))
            .collect(),
        default_concurrency: values.count(&r::MAX_JOBS),
        max_queue_wait: values.seconds(&r::MAX_QUEUE_WAIT_SECONDS),
        default_limits,
        max_limits,
        max_envelope_bytes: values.count(&r::MAX_ENVELOPE_BYTES),
        max_lifetime: values.seconds(&r::JOB_MAX_LIFETIME_SECONDS),
        clock_skew: values.seconds(&r::CLOCK_SKEW_SECONDS),
        results_kept: values.count(&r::RESULT_CACHE_MAX_SIZE),
        results_max_age: values.seconds(&r::RESULT_CACHE_MAX_AGE_SECONDS),
        max_running_per_requester: Some(values.count(&r::MAX_RUNNING_PER_REQUESTER))
            .filter(|most| *most > 0),
        default_quota: default_quota(values),
        quotas: quotas(values),
        key_epoch: values.seconds(&r::KEY_EPOCH_SECONDS),
        isolation: if values.flag(&r::PROGRAMS) { "process" } else { "none" }.to_owned(),
        config_digest,
        attestation: None,
        masa: MasaConfig {
            standalone: values.flag(&r::STANDALONE),
            distributor_key: values.text(&r::DISTRIBUTOR_PUBKEY).map(str::to_owned),
            allowed_generators: values.list(&r::MINERS_WHITE_LIST).to_vec(),
        },
    }
}

fn default_quota(values: &Values) -> Quota {
    Quota {
        max_pending: small(values.number(&r::QUOTA_MAX_PENDING)),
        per_minute: rate(small(values.number(&r::QUOTA_PER_MINUTE))),
    }
}

/// Quotas of the holders of API keys, and of the requesters that `QUOTAS` names.
fn quotas(values: &Values) -> BTreeMap<RequesterId, Quota> {
    let default = default_quota(values);
    let keys = values
        .api_keys(&r::API_KEYS)
        .iter()
        .filter(|key| key.quota != QuotaOptions::default())
        .map(|key| (key.requester(), key.quota));
    let named = values.quotas(&r::QUOTAS).iter().map(|entry| (entry.requester_id(), entry.quota));
    keys.chain(named)
        .map(|(requester, options)| {
            let quota = Quota {
                max_pending: options.max_pending.unwrap_or(default.max_pending),
                per_minute: options.per_minute.map_or(default.per_minute, rate),
            };
            (requester, quota)
        })
        .collect()
}

/// 0 means no limit.
fn rate(per_minute: u32) -> Option<u32> {
    (per_minute > 0).then_some(per_minute)
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The door's part, without its certificate.
pub(super) fn door(values: &Values) -> Result<DoorConfig, ServeError> {
    let mut api_keys = Vec::new();
    let admin_key = values.text(&r::ADMIN_API_KEY);
    let admin_key =
        admin_key.map(|key| ApiKey::from_secret(ADMIN_KEY, key.to_owned())).transpose()?;
    if let Some(key) = values.text(&r::API_KEY) {
        let key = ApiKey::from_secret(DEFAULT_KEY, key.to_owned())?;
        // Masa's examples use its one key for `/debug`.
        api_keys.push(if admin_key.is_none() { key.as_admin() } else { key });
    }
    for entry in values.api_keys(&r::API_KEYS) {
        api_keys.push(api_key(entry)?);
    }
    Ok(DoorConfig {
        connections: ConnectionLimits {
            total: values.count(&r::HTTP_MAX_CONNECTIONS),
            per_address: values.count(&r::HTTP_MAX_CONNECTIONS_PER_ADDRESS),
            head_timeout: values.seconds(&r::HTTP_HEAD_TIMEOUT_SECONDS),
            idle_timeout: values.seconds(&r::HTTP_IDLE_TIMEOUT_SECONDS),
            drain_timeout: values.seconds(&r::DRAIN_TIMEOUT_SECONDS),
            ..ConnectionLimits::default()
        },
        requests: RequestLimits {
            body_bytes: values.number(&r::HTTP_MAX_BODY_BYTES),
            result_body_bytes: result_body_bytes(values),
            timeout: values.seconds(&r::HTTP_REQUEST_TIMEOUT_SECONDS),
            bytes_in_flight: values.number(&r::HTTP_MAX_BYTES_IN_FLIGHT),
            ..RequestLimits::default()
        },
        api_keys,
        admin_key,
        cors: Cors::from_list(&values.list(&r::CORS_ORIGINS).join(",")),
        tls: None,
        metrics_public: values.flag(&r::METRICS_PUBLIC),
    })
}

/// What holds the sealed text of the largest output of a Masa job, and the sealed job.
fn result_body_bytes(values: &Values) -> u64 {
    let blob = values.number(&r::JOB_OUTPUT_BYTES).saturating_add((IV_LEN + TAG_LEN) as u64);
    TextPieces::<()>::len_of(blob).saturating_add(values.number(&r::HTTP_MAX_BODY_BYTES))
}

fn api_key(entry: &ApiKeyEntry) -> Result<ApiKey, ServeError> {
    let key = match &entry.secret {
        ApiKeySecret::Text(key) => ApiKey::from_secret(&entry.name, key.clone())?,
        ApiKeySecret::Sha256(digest) => ApiKey::from_sha256(&entry.name, *digest)?,
    };
    Ok(if entry.is_admin { key.as_admin() } else { key })
}

/// The way out, without extra roots.
pub(crate) fn egress(values: &Values) -> Result<EgressConfig, ServeError> {
    let refused = |name| {
        move |error: sealwork_egress::ConfigError| ServeError::Setting {
            name,
            reason: error.to_string(),
        }
    };
    let allow = values.list(&r::EGRESS_ALLOW).join(",");
    let allow: AllowList = allow.parse().map_err(refused(r::EGRESS_ALLOW.name))?;
    let ports = values.text(&r::EGRESS_PORTS).unwrap_or("web");
    let ports: PortPolicy = ports.parse().map_err(refused(r::EGRESS_PORTS.name))?;
    let defaults = EgressConfig::default();
    let user_agent = values.text(&r::EGRESS_USER_AGENT).map_or(defaults.user_agent, str::to_owned);
    let keep_alive = !values.flag(&r::DISABLE_HTTP_KEEPALIVE);
    Ok(EgressConfig {
        allow,
        ports,
        user_agent,
        extra_roots: Vec::new(),
        limits: EgressLimits {
            connect: values.seconds(&r::EGRESS_CONNECT_TIMEOUT_SECONDS),
            total: values.seconds(&r::EGRESS_TIMEOUT_SECONDS),
            body_bytes: values.number(&r::EGRESS_MAX_RESPONSE_BYTES),
            connections: values.count(&r::EGRESS_MAX_CONNECTIONS),
            connections_per_host: values.count(&r::EGRESS_MAX_CONNECTIONS_PER_HOST),
            idle_per_origin: if keep_alive { defaults.limits.idle_per_origin } else { 0 },
            ..defaults.limits
        },
    })
}

/// The web engine's part.
pub(super) fn web(values: &Values) -> WebConfig {
    let entries = values.list(&r::WEBSCRAPER_BLACKLIST);
    let defaults = RobotsConfig::default();
    let agent = values.text(&r::EGRESS_USER_AGENT).and_then(product_token);
    WebConfig {
        blacklist: entries.iter().map(String::as_str).collect::<Blacklist>(),
        politeness: PolitenessConfig {
            concurrency: values.count(&r::WEB_REQUESTS_PER_HOST),
            min_delay: Duration::from_millis(values.number(&r::WEB_MIN_DELAY_MILLISECONDS)),
            max_crawl_delay: values.seconds(&r::WEB_MAX_CRAWL_DELAY_SECONDS),
            ..PolitenessConfig::default()
        },
        robots: RobotsConfig { agent: agent.unwrap_or(defaults.agent), ..RobotsConfig::default() },
        allow_ignoring_robots: values.flag(&r::WEB_ALLOW_IGNORING_ROBOTS),
        maxima: WebMaxima {
            depth: small(values.number(&r::WEB_MAX_DEPTH)),
            default_pages: small(values.number(&r::WEB_DEFAULT_PAGES)),
            pages: small(values.number(&r::WEB_MAX_PAGES)),
            page_bytes: values.number(&r::WEB_MAX_PAGE_BYTES),
            page_time: values.seconds(&r::WEB_PAGE_TIMEOUT_SECONDS),
            output_bytes: values.number(&r::JOB_OUTPUT_BYTES),
            memory: values.number(&r::WEB_MEMORY_BYTES),
            ..WebMaxima::default()
        },
    }
}

/// The name before the version in a user agent, when it can stand in a robots.txt.
fn product_token(user_agent: &str) -> Option<String> {
    let end = user_agent
        .find(|c: char| !(c.is_ascii_alphabetic() || c == '-' || c == '_'))
        .unwrap_or(user_agent.len());
    (end > 0).then(|| user_agent[..end].to_owned())
}
