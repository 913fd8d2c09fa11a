//! From settings to the configurations of the social engines.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
};

use sealwork_egress::{AllowList, EgressConfig, IpNet, PortPolicy, UpstreamBase};
use sealwork_engine_tiktok::TranscriptionConfig;
use sealwork_engine_twitter::{Account, Session, TwitterConfig, parse_accounts, parse_api_keys};
use sealwork_platform::Disk;
use sealwork_upstream::{ApifyConfig, Secret, egress_limits};
use url::Host;
use zeroize::Zeroizing;

use crate::{
    config::{Setting, Values, registry as r, social},
    serve::ServeError,
};

/// The way out to the upstreams. Where they are is the operator's word alone: no job has a say in
/// their addresses, so those that are named may be private ones, at any port.
pub(super) fn egress(values: &Values, mut config: EgressConfig) -> EgressConfig {
    let limits = egress_limits();
    config.limits.connections_per_host = limits.connections_per_host;
    if !values.flag(&r::DISABLE_HTTP_KEEPALIVE) {
        config.limits.idle_per_origin = limits.idle_per_origin;
    }
    config.ports = PortPolicy::Any;
    let named = social::UPSTREAMS.iter().filter_map(|(setting, _)| values.base_url(setting));
    let named = named.flat_map(|base| addresses(&base)).map(IpNet::from);
    config.allow = AllowList::new(config.allow.nets().iter().copied().chain(named));
    config
}

/// The addresses that a base address names without a resolver. Where a name leads is for others
/// to say, so that it opens nothing: `EGRESS_ALLOW` does.
fn addresses(base: &UpstreamBase) -> Vec<IpAddr> {
    match base.url().host() {
        Some(Host::Ipv4(address)) => vec![address.into()],
        Some(Host::Ipv6(address)) => vec![address.into()],
        Some(Host::Domain("localhost")) => {
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
        }
        Some(Host::Domain(_)) | None => Vec::new(),
    }
}

pub(super) fn apify(values: &Values) -> Result<ApifyConfig, ServeError> {
    Ok(ApifyConfig {
        base: base(values, &r::APIFY_BASE_URL)?,
        token: values.text(&r::APIFY_API_KEY).map(Secret::new),
        max_items: values.number(&r::APIFY_MAX_ITEMS),
    })
}

pub(super) fn transcription(values: &Values) -> TranscriptionConfig {
    let text = |setting, otherwise: &str| values.text(setting).unwrap_or(otherwise).to_owned();
    TranscriptionConfig {
        base: values.base_url(&r::TIKTOK_TRANSCRIPTION_BASE_URL),
        user_agent: text(&r::TIKTOK_API_USER_AGENT, TranscriptionConfig::DEFAULT_USER_AGENT),
        default_language: text(&r::TIKTOK_DEFAULT_LANGUAGE, TranscriptionConfig::DEFAULT_LANGUAGE),
    }
}

pub(super) fn twitter(values: &Values, disk: &dyn Disk) -> Result<TwitterConfig, ServeError> {
    let api = base(values, &r::TWITTER_API_BASE_URL)?;
    let web = base(values, &r::TWITTER_WEB_BASE_URL)?;
    let mut config = TwitterConfig::new(api, web);
    config.accounts = accounts(values, disk)?;
    config.api_keys = parse_api_keys(social::secrets(values, &r::TWITTER_API_KEYS))
        .map_err(|error| refused(r::TWITTER_API_KEYS.name, &error))?;
    config.graphql =
        social::graphql(values).map_err(|error| refused(r::TWITTER_GRAPHQL.name, &error))?;
    if let Some(bearer) = values.text(&r::TWITTER_WEB_BEARER) {
        bearer.clone_into(&mut config.web_bearer);
    }
    if let Some(user_agent) = values.text(&r::TWITTER_WEB_USER_AGENT) {
        user_agent.clone_into(&mut config.web_user_agent);
    }
    config.max_results = values.number(&r::TWITTER_MAX_RESULTS);
    Ok(config)
}

fn accounts(values: &Values, disk: &dyn Disk) -> Result<Vec<Account>, ServeError> {
    let mut unusable = None;
    let accounts = parse_accounts(social::secrets(values, &r::TWITTER_ACCOUNTS), |user| {
        cookies(user, disk).unwrap_or_else(|error| {
            unusable.get_or_insert(error);
            None
        })
    });
    match unusable {
        Some(error) => Err(error),
        None => accounts.map_err(|error| refused(r::TWITTER_ACCOUNTS.name, &error)),
    }
}

/// The cookies of a user in the data directory, where Masa's workers keep them (reference 3.5.2).
fn cookies(user: &str, disk: &dyn Disk) -> Result<Option<Session>, ServeError> {
    let file = format!("{user}_twitter_cookies.json");
    let unusable = |reason: String| ServeError::File {
        name: r::TWITTER_ACCOUNTS.name,
        path: PathBuf::from(&file),
        reason,
    };
    let content = match disk.read(&file) {
        Ok(content) => Zeroizing::new(content),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(error.to_string())),
    };
    if !disk.is_private(&file).map_err(|error| unusable(error.to_string()))? {
        tracing::warn!("other users can read {file} in the data directory; use chmod 600");
    }
    let text = str::from_utf8(&content).map_err(|_| unusable("it is no text".to_owned()))?;
    Session::parse(text).map(Some).map_err(|error| unusable(error.to_string()))
}

fn base(values: &Values, setting: &'static Setting) -> Result<UpstreamBase, ServeError> {
    values.base_url(setting).ok_or_else(|| refused(setting.name, &"it is no address"))
}

fn refused(name: &'static str, reason: &dyn std::fmt::Display) -> ServeError {
    ServeError::Setting { name, reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_defaults_are_those_of_the_engines() {
        assert_eq!(r::TIKTOK_TRANSCRIPTION_BASE_URL.default, TranscriptionConfig::DEFAULT_BASE);
        assert_eq!(r::TIKTOK_DEFAULT_LANGUAGE.default, TranscriptionConfig::DEFAULT_LANGUAGE);
        assert_eq!(r::TWITTER_API_BASE_URL.default, TwitterConfig::API_URL);
        assert_eq!(r::TWITTER_WEB_BASE_URL.default, TwitterConfig::WEB_URL);
        assert_eq!(r::TWITTER_MAX_RESULTS.default, TwitterConfig::MAX_RESULTS.to_string());
        assert_eq!(r::APIFY_MAX_ITEMS.default, ApifyConfig::DEFAULT_MAX_ITEMS.to_string());
    }

    #[test]
    fn an_address_that_is_named_is_opened_and_a_name_opens_nothing_but_localhost() {
        let opened = |base: &str| addresses(&base.parse().unwrap());
        assert_eq!(opened("http://10.1.2.3:81/v2"), ["10.1.2.3".parse::<IpAddr>().unwrap()]);
        assert_eq!(opened("http://[::1]/"), [IpAddr::from(Ipv6Addr::LOCALHOST)]);
        assert_eq!(opened("http://localhost:9000").len(), 2);
        assert!(opened("https://proxy.internal/apify").is_empty());
    }
}
