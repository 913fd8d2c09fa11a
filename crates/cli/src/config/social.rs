//! What the settings of the social engines must be, beyond what their kinds say.

use std::collections::BTreeMap;

use sealwork_engine_tiktok::is_language;
use sealwork_engine_twitter::{
    Account, GraphqlConfig, GraphqlError, parse_accounts, parse_api_keys,
};
use sealwork_upstream::Secret;
use url::{Host, Url};

use super::{error::Problem, registry as r, setting::Setting, values::Values};

/// Settings that hold the address of an upstream, each with what is sent there.
pub(crate) const UPSTREAMS: [(&Setting, &[&Setting]); 4] = [
    (&r::APIFY_BASE_URL, &[&r::APIFY_API_KEY]),
    (&r::TIKTOK_TRANSCRIPTION_BASE_URL, &[]),
    (&r::TWITTER_API_BASE_URL, &[&r::TWITTER_API_KEYS]),
    (&r::TWITTER_WEB_BASE_URL, &[&r::TWITTER_ACCOUNTS]),
];

/// Lists that cannot be read. Of accounts and keys only the place is told.
pub(super) fn problems(values: &Values) -> Vec<Problem> {
    let accounts = parse_accounts(secrets(values, &r::TWITTER_ACCOUNTS), |_| None);
    let keys = parse_api_keys(secrets(values, &r::TWITTER_API_KEYS));
    let graphql = graphql(values).map_err(|error| {
        format!("TWITTER_GRAPHQL or TWITTER_GRAPHQL_FEATURES cannot be used: {error}")
    });
    let token = secrets(values, &r::APIFY_API_KEY);
    let is_token = token.bytes().all(|byte| byte.is_ascii_graphic());
    let language = values.text(&r::TIKTOK_DEFAULT_LANGUAGE).unwrap_or_default();
    let is_language = is_language(language.trim());
    [
        (!is_token).then(|| "APIFY_API_KEY has a character that no token has".to_owned()),
        (!is_language).then(|| {
            "TIKTOK_DEFAULT_LANGUAGE must be two or three letters, a hyphen and two letters, for \
             example eng-US"
                .to_owned()
        }),
        accounts.map_or_else(|error| Some(error.to_string()), |accounts| repeated(&accounts)),
        keys.err().map(|error| error.to_string()),
        graphql.err(),
    ]
    .into_iter()
    .flatten()
    .map(Problem::new)
    .collect()
}

/// Tells of an account that is in the list twice: X would be asked twice as much of it as it allows.
fn repeated(accounts: &[Account]) -> Option<String> {
    let mut places = BTreeMap::new();
    accounts.iter().find_map(|account| {
        let name = account.name().trim_start_matches('@').to_lowercase();
        let first = places.insert(name, account.place())?;
        let place = account.place();
        Some(format!(
            "entries {first} and {place} of TWITTER_ACCOUNTS name the same account; leave one out"
        ))
    })
}

/// Passwords that are ordinary words as far as anybody can tell who looks for them in results.
fn short_passwords(values: &Values) -> Vec<String> {
    let entries = secrets(values, &r::TWITTER_ACCOUNTS).split(',').enumerate();
    let is_short = |entry: &str| {
        entry.split_once(':').is_some_and(|(_, password)| !Secret::new(password).is_long())
    };
    let short = entries.filter(|(_, entry)| is_short(entry)).map(|(index, _)| {
        format!(
            "the password of entry {} of TWITTER_ACCOUNTS has fewer than 8 bytes: each item of a \
             result that has it as a word is withheld; X takes none so short today",
            index + 1
        )
    });
    short.collect()
}

/// Credentials that would travel in the clear or cannot be looked for, and money that strangers
/// could spend.
pub(super) fn warnings(values: &Values, is_open: bool) -> Vec<String> {
    let mut warnings = short_passwords(values);
    if is_open && values.text(&r::APIFY_API_KEY).is_some() {
        warnings.push(
            "APIFY_API_KEY is set and no API key is: whoever reaches the listen address can start \
             runs that cost money"
                .to_owned(),
        );
    }
    for (address, secrets) in UPSTREAMS {
        let Some(base) = values.base_url(address) else { continue };
        let has_secret = secrets.iter().any(|secret| values.text(secret).is_some());
        if has_secret && base.url().scheme() == "http" && !is_loopback(base.url()) {
            let name = address.name;
            warnings.push(format!(
                "{name} is plain http: whoever sees the way there sees the credentials"
            ));
        }
    }
    warnings
}

/// What X's internal API is asked with.
///
/// # Errors
/// The first part that is wrong.
pub(crate) fn graphql(values: &Values) -> Result<GraphqlConfig, GraphqlError> {
    let list = |setting| values.list(setting).join(",");
    GraphqlConfig::with(&list(&r::TWITTER_GRAPHQL), &list(&r::TWITTER_GRAPHQL_FEATURES))
}

/// A list of secrets as it was given.
pub(crate) fn secrets<'a>(values: &'a Values, setting: &'static Setting) -> &'a str {
    values.text(setting).unwrap_or_default()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
