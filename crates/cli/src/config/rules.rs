//! What must hold between settings.

use sealwork_door_http::tls::is_subject;
use sealwork_engine_program::HostPatterns;
use sha2::{Digest as _, Sha256};

use super::{
    attestation,
    error::{Problem, shown},
    kind::show_bytes,
    registry as r,
    setting::{Effect, Setting},
    social,
    source::Origin,
    values::Values,
};

/// Checks the settings against each other.
pub(crate) fn check(values: &Values) -> (Vec<Problem>, Vec<String>) {
    let mut problems = Vec::new();
    if values.file(&r::TLS_CERT).is_some() != values.text(&r::TLS_KEY).is_some() {
        problems.push(Problem::new("TLS_CERT and TLS_KEY are set together or not at all"));
    }
    let (body, envelope) =
        (values.number(&r::HTTP_MAX_BODY_BYTES), values.number(&r::MAX_ENVELOPE_BYTES));
    if body < envelope {
        problems.push(Problem::new(format!(
            "HTTP_MAX_BODY_BYTES ({}) is less than MAX_ENVELOPE_BYTES ({}): no envelope of that \
             size could arrive",
            show_bytes(body),
            show_bytes(envelope)
        )));
    }
    let in_flight = values.number(&r::HTTP_MAX_BYTES_IN_FLIGHT);
    if in_flight < body.saturating_mul(2) {
        problems.push(Problem::new(format!(
            "HTTP_MAX_BYTES_IN_FLIGHT ({}) is less than twice HTTP_MAX_BODY_BYTES ({})",
            show_bytes(in_flight),
            show_bytes(body)
        )));
    }
    for (setting, name) in [(&r::API_KEY, "default"), (&r::ADMIN_API_KEY, "admin")] {
        let taken = values.api_keys(&r::API_KEYS).iter().any(|key| key.name == name);
        if values.text(setting).is_some() && taken {
            problems.push(Problem::new(format!(
                "API_KEYS has a key named `{name}`, which is the name that {} gets",
                setting.name
            )));
        }
    }
    problems.extend(same_key_twice(values));
    for (default, max) in DEFAULTS_AND_MAXIMA {
        if values.is_set(default)
            && values.is_set(max)
            && values.number(default) > values.number(max)
        {
            problems.push(Problem::new(format!(
                "{} ({}) is more than {} ({})",
                default.name,
                values.number(default),
                max.name,
                values.number(max)
            )));
        }
    }
    for name in values.numbers(&r::ENGINE_CONCURRENCY).keys() {
        if !ENGINES.contains(&name.as_str()) {
            let advice = match r::closest(name, ENGINES) {
                Some(engine) => format!("did you mean `{engine}`?"),
                None => format!("the engines are {}", ENGINES.join(", ")),
            };
            problems.push(Problem::new(format!(
                "ENGINE_CONCURRENCY names `{name}`, which is no engine; {advice}"
            )));
        }
    }
    if let Err(error) =
        HostPatterns::parse(values.list(&r::PROGRAM_HOSTS).iter().map(String::as_str))
    {
        problems.push(Problem::new(format!("PROGRAM_HOSTS: {error}")));
    }
    if let Some(name) = values.list(&r::TLS_NAMES).iter().find(|name| !is_subject(name)) {
        let what = format!("TLS_NAMES: `{}` is neither a host name nor an address", shown(name));
        problems.push(Problem::new(what));
    }
    problems.extend(social::problems(values));
    problems.extend(attestation::problems(values));
    (problems, warnings(values))
}

/// One key under two names would count as the one that is looked for first.
fn same_key_twice(values: &Values) -> Option<Problem> {
    let digest = |setting| values.text(setting).map(|key| <[u8; 32]>::from(Sha256::digest(key)));
    let (one, admin) = (digest(&r::API_KEY), digest(&r::ADMIN_API_KEY));
    let named = values.api_keys(&r::API_KEYS).iter();
    let taken = named.clone().any(|key| [one, admin].contains(&Some(key.secret.digest())));
    (taken || (one.is_some() && one == admin)).then(|| {
        Problem::new("two of API_KEY, ADMIN_API_KEY and API_KEYS have the same key (not shown)")
    })
}

/// What a worker can have, whether this one has it or not.
const ENGINES: [&str; 9] = [
    "web",
    "telemetry",
    "program",
    "reddit",
    "tiktok",
    "twitter",
    "twitter-credential",
    "twitter-api",
    "twitter-apify",
];

/// Pairs of what a job gets and what it may ask for.
const DEFAULTS_AND_MAXIMA: [(&Setting, &Setting); 5] = [
    (&r::JOB_TIMEOUT_SECONDS, &r::JOB_MAX_TIMEOUT_SECONDS),
    (&r::JOB_OUTPUT_BYTES, &r::JOB_MAX_OUTPUT_BYTES),
    (&r::JOB_EGRESS_REQUESTS, &r::JOB_MAX_EGRESS_REQUESTS),
    (&r::JOB_EGRESS_BYTES, &r::JOB_MAX_EGRESS_BYTES),
    (&r::WEB_DEFAULT_PAGES, &r::WEB_MAX_PAGES),
];

fn warnings(values: &Values) -> Vec<String> {
    let mut warnings = Vec::new();
    let is_open = values.text(&r::API_KEY).is_none()
        && values.api_keys(&r::API_KEYS).is_empty()
        && !is_loopback(values.text(&r::LISTEN_ADDRESS).unwrap_or_default());
    if is_open {
        let and_more = match values.text(&r::ADMIN_API_KEY) {
            Some(_) => "",
            None => " and use /debug and /metrics",
        };
        warnings.push(format!(
            "no API key is set: whoever reaches the listen address can submit jobs{and_more}"
        ));
    }
    if values.flag(&r::ENABLE_PPROF) && !values.flag(&r::STANDALONE) {
        warnings.push("ENABLE_PPROF has no effect without STANDALONE=true".to_owned());
    }
    warnings.extend(social::warnings(values, is_open));
    for resolved in values.iter() {
        if let Effect::Kept(why) = resolved.setting.effect
            && resolved.origin != Origin::Default
            && !resolved.value.is_empty()
        {
            warnings.push(format!("{} has no effect: {why}", resolved.setting.name));
        }
    }
    warnings
}

/// Whether the listen address is this machine's alone.
pub(crate) fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or("", |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
