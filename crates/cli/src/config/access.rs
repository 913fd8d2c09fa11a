//! API keys and quotas, as their variables write them.

use sealwork_job::RequesterId;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::kind::items;

/// What a requester may do; what is absent is the default's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct QuotaOptions {
    /// Jobs accepted and not yet settled.
    pub(crate) max_pending: Option<u32>,
    /// Jobs accepted in a minute; 0 for no limit.
    pub(crate) per_minute: Option<u32>,
}

/// What marks the key of an admin.
const ADMIN: &str = ";admin";

/// One API key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ApiKeyEntry {
    /// The holder counts as `api-key:NAME`.
    pub(crate) name: String,
    /// The key itself.
    pub(crate) secret: ApiKeySecret,
    /// What the holder may do.
    pub(crate) quota: QuotaOptions,
    /// Whether the holder may use `/debug` and `/metrics`.
    pub(crate) is_admin: bool,
}

/// A key in the clear, or its SHA-256 digest.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub(crate) enum ApiKeySecret {
    Text(String),
    Sha256([u8; 32]),
}

impl ApiKeySecret {
    /// SHA-256 of the key.
    pub(crate) fn digest(&self) -> [u8; 32] {
        match self {
            Self::Text(key) => Sha256::digest(key).into(),
            Self::Sha256(digest) => *digest,
        }
    }
}

/// The quota of one requester.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QuotaEntry {
    /// Who.
    pub(crate) requester: String,
    /// What they may do.
    pub(crate) quota: QuotaOptions,
}

impl ApiKeyEntry {
    /// The entry without its key.
    pub(crate) fn show(&self) -> String {
        let admin = if self.is_admin { ADMIN } else { "" };
        format!("{}{}{admin}", self.name, self.quota.show())
    }

    /// Who holds it, as the worker counts them.
    pub(crate) fn requester(&self) -> RequesterId {
        RequesterId::new("api-key", &self.name)
    }
}

impl QuotaEntry {
    /// Who, as the worker counts them.
    pub(crate) fn requester_id(&self) -> RequesterId {
        match self.requester.split_once(':') {
            Some((scheme, value)) => RequesterId::new(scheme, value),
            None => RequesterId::anonymous(),
        }
    }

    /// The entry as it is written.
    pub(crate) fn show(&self) -> String {
        format!("{}{}", self.requester, self.quota.show())
    }
}

impl QuotaOptions {
    fn show(self) -> String {
        let part = |name: &str, number: Option<u32>| {
            number.map(|number| format!(";{name}={number}")).unwrap_or_default()
        };
        part("max_pending", self.max_pending) + &part("per_minute", self.per_minute)
    }
}

/// Reads `NAME=KEY;max_pending=N;per_minute=N;admin`, separated by commas. Errors count entries from 1
/// and never quote them.
pub(crate) fn parse_api_keys(text: &str) -> Result<Vec<ApiKeyEntry>, String> {
    let mut keys: Vec<ApiKeyEntry> = Vec::new();
    for (item, number) in items(text).iter().zip(1..) {
        let wrong = |what: &str| format!("entry {number} {what}");
        let (head, options) = item.split_once(';').unwrap_or((item, ""));
        let (name, key) = head.split_once('=').ok_or_else(|| wrong("has no `=`"))?;
        let (name, key) = (name.trim(), key.trim());
        if name.is_empty() || !name.bytes().all(is_name_byte) {
            return Err(wrong("has a name that is not of a-z, A-Z, 0-9, `-`, `_` and `.`"));
        }
        if keys.iter().any(|other| other.name == name) {
            return Err(wrong("has the name of an earlier one"));
        }
        let secret = secret(key).map_err(wrong)?;
        if keys.iter().any(|other| other.secret.digest() == secret.digest()) {
            return Err(wrong("has the key of an earlier one"));
        }
        let (admin, quota): (Vec<_>, Vec<_>) =
            options.split(';').partition(|part| part.trim() == "admin");
        let quota = options_of(&quota.join(";")).map_err(wrong)?;
        keys.push(ApiKeyEntry {
            name: name.to_owned(),
            secret,
            quota,
            is_admin: !admin.is_empty(),
        });
    }
    Ok(keys)
}

/// Reads `REQUESTER;max_pending=N;per_minute=N`, separated by commas.
pub(crate) fn parse_quotas(text: &str) -> Result<Vec<QuotaEntry>, String> {
    let mut quotas: Vec<QuotaEntry> = Vec::new();
    for item in items(text) {
        let wrong = |what: &str| format!("`{item}` {what}");
        let (requester, options) = item.split_once(';').ok_or_else(|| wrong("has no quota"))?;
        let requester = requester.trim();
        if !can_submit(requester) {
            return Err(wrong(
                "names nobody who could submit a job: write `anonymous`, `api-key:NAME`, \
                 `masa:WORKER`, or `ed25519:`, `sr25519:` or `secp256k1:` and a public key in \
                 lower-case hex",
            ));
        }
        if quotas.iter().any(|other| other.requester == requester) {
            return Err(wrong("names a requester again"));
        }
        let quota = options_of(options).map_err(wrong)?;
        quotas.push(QuotaEntry { requester: requester.to_owned(), quota });
    }
    Ok(quotas)
}

/// Whether jobs can come from a requester of this name.
fn can_submit(requester: &str) -> bool {
    let is_key = |text: &str, bytes: usize| {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        text.len() == 2 * bytes && text.bytes().all(is_digit)
    };
    match requester.split_once(':') {
        None => requester == RequesterId::anonymous().as_str(),
        Some(("api-key", name)) => !name.is_empty() && name.bytes().all(is_name_byte),
        Some(("masa", worker)) => !worker.is_empty() && worker.len() <= RequesterId::MAX_LEN,
        Some(("ed25519" | "sr25519", key)) => is_key(key, 32),
        Some(("secp256k1", key)) => is_key(key, 33),
        Some(_) => false,
    }
}

fn secret(key: &str) -> Result<ApiKeySecret, &'static str> {
    if let Some(digits) = key.strip_prefix("sha256:") {
        let mut digest = [0; 32];
        hex::decode_to_slice(digits, &mut digest)
            .map_err(|_| "has a digest that is not 64 hex digits")?;
        return Ok(ApiKeySecret::Sha256(digest));
    }
    if key.is_empty() {
        return Err("has an empty key");
    }
    if !key.bytes().all(|byte| (b'!'..=b'~').contains(&byte)) {
        return Err("has a key with a character that no header can carry");
    }
    Ok(ApiKeySecret::Text(key.to_owned()))
}

fn options_of(text: &str) -> Result<QuotaOptions, &'static str> {
    let mut options = QuotaOptions::default();
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, number) = part.split_once('=').ok_or("has a part that is not NAME=N")?;
        let number: u32 = number.trim().parse().map_err(|_| "has a quota that is no number")?;
        let slot = match name.trim() {
            "max_pending" if number == 0 => return Err("lets nobody submit: max_pending is 0"),
            "max_pending" => &mut options.max_pending,
            "per_minute" => &mut options.per_minute,
            _ => return Err("has a part that is none of those allowed"),
        };
        if slot.replace(number).is_some() {
            return Err("has the same part twice");
        }
    }
    Ok(options)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn several_keys_with_names_and_quotas_are_read() {
        let digest = "ab".repeat(32);
        let text = format!("alice=k1=x;max_pending=5;admin;per_minute=60, bob=sha256:{digest}");
        let keys = parse_api_keys(&text).unwrap();
        assert_eq!(keys[0].show(), "alice;max_pending=5;per_minute=60;admin");
        assert!(keys[0].is_admin && !keys[1].is_admin);
        assert!(keys[0].secret == ApiKeySecret::Text("k1=x".to_owned()));
        assert!(keys[1].secret == ApiKeySecret::Sha256([0xab; 32]));
        assert_eq!(keys[1].requester().as_str(), "api-key:bob");
    }

    #[test]
    fn a_wrong_entry_is_named_by_its_number_and_never_quoted() {
        for text in [
            "a=ok,hush-hush",
            "a=ok,=hush-hush",
            "a=ok,a=hush-hush",
            "a=ok,b=hush\u{7f}hush",
            "a=ok,b=sha256:hush-hush",
            "a=ok,b=hush-hush;speed=1",
            "a=ok,b=hush-hush;administrator",
            "a=ok,b=hush-hush;max_pending=many",
            "a=ok,b=hush-hush;per_minute=1;per_minute=2",
            "a=ok,b=",
            "a=hush-hush,b=hush-hush",
        ] {
            let Err(error) = parse_api_keys(text) else { panic!("{text} was taken") };
            assert!(error.starts_with("entry 2 ") && !error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn quotas_are_read_by_requester() {
        let signer = format!("ed25519:{}", "aa".repeat(32));
        let quotas =
            parse_quotas(&format!("{signer};max_pending=1, masa:7d14;per_minute=0")).unwrap();
        assert_eq!(quotas[0].quota, QuotaOptions { max_pending: Some(1), per_minute: None });
        assert_eq!(quotas[1].show(), "masa:7d14;per_minute=0");
        assert_eq!(quotas[0].requester_id().as_str(), signer);
        assert!(parse_quotas("anonymous;max_pending=1").is_ok());
        assert!(parse_quotas("alice;max_pending=1").is_err());
        assert!(parse_quotas("masa:7d14").is_err());
        assert!(parse_quotas("masa:b;max_pending=1,masa:b;max_pending=2").is_err());
        for nobody in ["nosuch:x", "ed25519:zz", "ed25519:aa", "api-key:", "api-key:a b", "masa:"] {
            assert!(parse_quotas(&format!("{nobody};max_pending=1")).is_err(), "{nobody}");
        }
    }

    /// Letters that lists of keys and quotas are made of.
    const NOISE: &str = "\\PC*|[a-z0-9=;,: _.-]*|sha256:[0-9a-f]{0,66}";

    proptest! {
        #[test]
        fn no_text_makes_the_readers_panic(text in NOISE) {
            let _ = (parse_api_keys(&text), parse_quotas(&text));
        }

        #[test]
        fn what_is_written_by_the_rules_is_read_back(
            names in prop::collection::btree_set("[a-zA-Z0-9._-]{1,12}", 1..6),
            key in "[!-+\\--:<-~]{1,40}",
            max_pending in prop::option::of(any::<u32>()),
            per_minute in prop::option::of(any::<u32>()),
        ) {
            prop_assume!(!key.starts_with("sha256:"));
            let quota = QuotaOptions { max_pending, per_minute };
            let write = |name: &String| format!("{name}={key}{name}{}", quota.show());
            let text = names.iter().map(write).collect::<Vec<_>>().join(", ");
            let keys = parse_api_keys(&text).unwrap();
            prop_assert!(keys.iter().map(|entry| &entry.name).eq(names.iter()));
            for entry in &keys {
                let secret = format!("{key}{}", entry.name);
                prop_assert!(entry.secret == ApiKeySecret::Text(secret));
                prop_assert_eq!(entry.quota, quota);
            }
        }

        #[test]
        fn an_error_never_quotes_a_key(key in "[!-+\\--:<-~]{8,40}", tail in "[;=a-z ]{0,8}") {
            if let Err(error) = parse_api_keys(&format!("a=ok,{key}{tail},,=;{key}")) {
                prop_assert!(!error.contains(&key), "{error}");
            }
        }
    }
}
