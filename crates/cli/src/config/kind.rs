//! Which values a setting takes, and how their texts are read.

use std::{collections::BTreeMap, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sealwork_egress::{AllowList, PortPolicy, UpstreamBase};
use sealwork_job::EngineName;

use super::{
    access::{self, ApiKeyEntry, QuotaEntry},
    source,
};

/// The owner's part of a TPM's indices (TCG Registry of Reserved TPM 2.0 Handles, 2.2.2).
const TPM_INDICES: std::ops::RangeInclusive<u32> = 0x0180_0000..=0x01bf_ffff;
/// What stands for an upstream that is not to be asked.
const OFF: &str = "off";

/// Which values a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `true` or `false`.
    Switch,
    /// Exactly `true`; any other text is false.
    MasaSwitch,
    /// Any text is true.
    NonEmpty,
    /// A whole number.
    Count { min: u64, max: u64 },
    /// A whole number of seconds.
    Seconds { min: u64, max: u64 },
    /// A number of bytes, with or without a unit.
    Bytes { min: u64, max: u64 },
    /// One of these words, in any case.
    Choice(&'static [&'static str]),
    /// Text.
    Text,
    /// Text that can be sent in a header.
    HeaderText,
    /// Text that is not shown.
    Secret,
    /// A path.
    Path,
    /// A file that is read with the configuration: its content counts, not its name.
    File,
    /// Where to listen.
    Address,
    /// The address beneath which an upstream's API is.
    BaseUrl,
    /// The same, or `off`.
    BaseUrlOrOff,
    /// Registers of a TPM.
    Pcrs,
    /// An index of a TPM's memory, in the owner's range.
    TpmIndex,
    /// Texts, separated by commas.
    List,
    /// Address ranges.
    Cidrs,
    /// Ports.
    Ports,
    /// Web origins.
    Origins,
    /// An RSA public key.
    PublicKey,
    /// A number for each of several engines.
    EngineCounts,
    /// Named API keys.
    ApiKeys,
    /// Quotas of named requesters.
    Quotas,
}

/// A value that has been read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Flag(bool),
    Number(u64),
    Text(String),
    File(FileValue),
    List(Vec<String>),
    Numbers(BTreeMap<String, u64>),
    ApiKeys(Vec<ApiKeyEntry>),
    Quotas(Vec<QuotaEntry>),
}

/// A file, as it was when the configuration was read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct FileValue {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What is in it.
    pub(crate) content: Vec<u8>,
}

impl Kind {
    pub(crate) const fn count(min: u64, max: u64) -> Self {
        Self::Count { min, max }
    }

    pub(crate) const fn seconds(min: u64, max: u64) -> Self {
        Self::Seconds { min, max }
    }

    pub(crate) const fn bytes(min: u64, max: u64) -> Self {
        Self::Bytes { min, max }
    }

    /// Reads a text; an empty one is the value of something that is not set.
    ///
    /// # Errors
    /// What is wrong with it beyond [`Kind::allowed`], possibly nothing. Of an API key no part is
    /// ever quoted.
    pub(crate) fn parse(self, text: &str) -> Result<Value, String> {
        let text = text.trim();
        match self {
            Self::Switch => switch(text).map(Value::Flag),
            Self::MasaSwitch => Ok(Value::Flag(text == "true")),
            Self::NonEmpty => Ok(Value::Flag(!text.is_empty())),
            Self::Count { min, max } | Self::Seconds { min, max } => {
                within(text.parse().ok(), min, max)
            }
            Self::Bytes { min, max } => within(bytes(text), min, max),
            Self::Choice(words) => words
                .iter()
                .find(|word| word.eq_ignore_ascii_case(text))
                .map(|word| Value::Text((*word).to_owned()))
                .ok_or_else(String::new),
            Self::Text | Self::Secret | Self::Path => Ok(Value::Text(text.to_owned())),
            Self::File if text.is_empty() => Ok(Value::Text(String::new())),
            Self::File => file(text),
            Self::HeaderText => header_text(text),
            Self::Address => address(text),
            Self::BaseUrlOrOff if text.eq_ignore_ascii_case(OFF) => Ok(Value::Text(OFF.to_owned())),
            Self::BaseUrl | Self::BaseUrlOrOff => base_url(text),
            Self::Pcrs => pcrs(text),
            Self::TpmIndex => tpm_index(text),
            Self::List => Ok(Value::List(items(text))),
            Self::Cidrs => {
                let list: AllowList = text.parse().map_err(|e| format!("{e}"))?;
                Ok(Value::List(list.nets().iter().map(ToString::to_string).collect()))
            }
            Self::Ports => {
                if !text.is_empty() {
                    text.parse::<PortPolicy>().map_err(|e| format!("{e}"))?;
                }
                Ok(Value::Text(text.to_owned()))
            }
            Self::Origins => origins(text),
            Self::PublicKey => public_key(text),
            Self::EngineCounts => engine_counts(text),
            Self::ApiKeys => access::parse_api_keys(text).map(Value::ApiKeys),
            Self::Quotas => access::parse_quotas(text).map(Value::Quotas),
        }
    }

    /// The values it takes, for an error and for the documentation.
    pub(crate) fn allowed(self) -> String {
        match self {
            Self::Switch => "`true` or `false`".to_owned(),
            Self::MasaSwitch => "`true`; anything else is false".to_owned(),
            Self::NonEmpty => "any text".to_owned(),
            Self::Count { min, max } => format!("whole numbers from {min} to {max}"),
            Self::Seconds { min, max } => format!("whole seconds from {min} to {max}"),
            Self::Bytes { min, max } => format!(
                "bytes from {} to {}, as a number or with KiB, MiB or GiB",
                show_bytes(min),
                show_bytes(max)
            ),
            Self::Choice(words) => {
                let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
                quoted.join(", ")
            }
            Self::Text => "text".to_owned(),
            Self::HeaderText => "printable ASCII".to_owned(),
            Self::Secret => "secret text".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::File => "the path of a file".to_owned(),
            Self::Address => "`HOST:PORT` or `:PORT`".to_owned(),
            Self::BaseUrl => "an http or https address".to_owned(),
            Self::BaseUrlOrOff => "an http or https address, or `off`".to_owned(),
            Self::Pcrs => "numbers from 0 to 23, separated by commas".to_owned(),
            Self::TpmIndex => {
                format!("`0x{:08x}` to `0x{:08x}`", TPM_INDICES.start(), TPM_INDICES.end())
            }
            Self::List => "texts separated by commas".to_owned(),
            Self::Cidrs => "address ranges such as `10.0.0.0/8`, separated by commas".to_owned(),
            Self::Ports => "`web`, `any`, or ports such as `80,8000-8999`".to_owned(),
            Self::Origins => {
                "`*`, or origins such as `https://portal.example`, separated by commas".to_owned()
            }
            Self::PublicKey => "PEM, or base64 of PEM, of an RSA public key".to_owned(),
            Self::EngineCounts => "`ENGINE=N`, separated by commas; N from 1 to 65535".to_owned(),
            Self::ApiKeys => {
                "`NAME=KEY;max_pending=N;per_minute=N;admin`, separated by commas".to_owned()
            }
            Self::Quotas => {
                "`REQUESTER;max_pending=N;per_minute=N`, separated by commas".to_owned()
            }
        }
    }

    /// Whether `text`, which cannot be used, may hold a secret: somebody may have written a password
    /// or a token where an address belongs.
    pub(crate) fn may_hide_secret(self, text: &str) -> bool {
        matches!(self, Self::BaseUrl | Self::BaseUrlOrOff | Self::Origins | Self::Address)
            && text.contains(['@', '?', '#'])
    }

    /// Whether TOML may give an array for it.
    pub(crate) fn takes_array(self) -> bool {
        matches!(
            self,
            Self::List | Self::Pcrs | Self::Cidrs | Self::Origins | Self::Secret | Self::Ports
        ) || self.takes_tables()
    }

    /// Whether TOML may give an array of tables for it.
    pub(crate) fn takes_tables(self) -> bool {
        matches!(self, Self::ApiKeys | Self::Quotas)
    }
}

impl Value {
    /// The value as text that may be shown. Of API keys it has the names and quotas, of a file its
    /// path.
    pub(crate) fn show(&self) -> String {
        match self {
            Self::Flag(on) => on.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::File(file) => file.path.display().to_string(),
            Self::List(items) => items.join(","),
            Self::Numbers(map) => {
                let pairs: Vec<_> = map.iter().map(|(k, v)| format!("{k}={v}")).collect();
                pairs.join(",")
            }
            Self::ApiKeys(keys) => {
                let shown: Vec<_> = keys.iter().map(ApiKeyEntry::show).collect();
                shown.join(",")
            }
            Self::Quotas(quotas) => {
                let shown: Vec<_> = quotas.iter().map(QuotaEntry::show).collect();
                shown.join(",")
            }
        }
    }

    /// Whether it says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Flag(_) | Self::Number(_) | Self::File(_) => false,
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Numbers(map) => map.is_empty(),
            Self::ApiKeys(keys) => keys.is_empty(),
            Self::Quotas(quotas) => quotas.is_empty(),
        }
    }
}

/// The items of a comma-separated list, trimmed, without empty ones.
pub(crate) fn items(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" | "" => Ok(false),
        _ => Err(String::new()),
    }
}

fn within(number: Option<u64>, min: u64, max: u64) -> Result<Value, String> {
    match number {
        Some(number) if (min..=max).contains(&number) => Ok(Value::Number(number)),
        _ => Err(String::new()),
    }
}

fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// A number of bytes in the largest unit that divides it.
pub(crate) fn show_bytes(number: u64) -> String {
    let units = [("GiB", 1u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, size)| number >= *size && number.is_multiple_of(*size)) {
        Some((unit, size)) => format!("{}{unit}", number / size),
        None => number.to_string(),
    }
}

fn file(text: &str) -> Result<Value, String> {
    let path = PathBuf::from(text);
    let content = source::content(&path).map_err(|error| format!("it cannot be read: {error}"))?;
    Ok(Value::File(FileValue { path, content }))
}

fn header_text(text: &str) -> Result<Value, String> {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        Ok(Value::Text(text.to_owned()))
    } else {
        Err("it has a character that no header can carry".to_owned())
    }
}

/// `HOST:PORT` with an optional host; an IPv6 address in brackets.
fn address(text: &str) -> Result<Value, String> {
    let (host, port) = text.rsplit_once(':').ok_or_else(|| "it has no port".to_owned())?;
    port.parse::<u16>().map_err(|_| "the port is no number from 0 to 65535".to_owned())?;
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let usable = match bracketed {
        Some(inside) => inside.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-'),
    };
    if usable {
        Ok(Value::Text(text.to_owned()))
    } else {
        Err("the host is no name and no address; an IPv6 address stands in brackets".to_owned())
    }
}

fn base_url(text: &str) -> Result<Value, String> {
    text.parse::<UpstreamBase>().map_err(|error| error.to_string())?;
    Ok(Value::Text(text.to_owned()))
}

fn pcrs(text: &str) -> Result<Value, String> {
    let list = items(text);
    let is_pcr = |item: &String| item.parse::<u8>().is_ok_and(|number| number < 24);
    if !list.is_empty() && list.iter().all(is_pcr) {
        Ok(Value::List(list))
    } else {
        Err(String::new())
    }
}

fn tpm_index(text: &str) -> Result<Value, String> {
    if text.is_empty() {
        return Ok(Value::Text(String::new()));
    }
    let digits = text.strip_prefix("0x").ok_or_else(String::new)?;
    match u32::from_str_radix(digits, 16) {
        Ok(index) if TPM_INDICES.contains(&index) => Ok(Value::Text(format!("0x{index:08x}"))),
        _ => Err(String::new()),
    }
}

fn origins(text: &str) -> Result<Value, String> {
    let list = items(text);
    for item in list.iter().filter(|item| *item != "*") {
        let usable = url::Url::parse(item).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == *item
        });
        if !usable {
            let is_shown = !Kind::Origins.may_hide_secret(item);
            let which = if is_shown { format!("`{item}`") } else { "one of them".to_owned() };
            return Err(format!("{which} is no origin: scheme, host and port only, no slash"));
        }
    }
    Ok(Value::List(list))
}

/// PEM as it is, or decoded from base64, as Masa's build arguments carry it.
fn public_key(text: &str) -> Result<Value, String> {
    if text.is_empty() || text.starts_with("-----BEGIN") {
        return Ok(Value::Text(text.to_owned()));
    }
    let compact: String = text.split_whitespace().collect();
    let decoded = STANDARD.decode(compact).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded {
        Some(pem) if pem.trim_start().starts_with("-----BEGIN") => Ok(Value::Text(pem)),
        _ => Err(String::new()),
    }
}

fn engine_counts(text: &str) -> Result<Value, String> {
    let mut map = BTreeMap::new();
    for item in items(text) {
        let read = item.split_once('=').and_then(|(name, number)| {
            let name: EngineName = name.trim().parse().ok()?;
            let number = number.trim().parse::<u64>().ok()?;
            (1..=65_535).contains(&number).then(|| (name.as_str().to_owned(), number))
        });
        let (name, number) = read.ok_or_else(|| format!("`{item}` is not of this form"))?;
        if map.insert(name, number).is_some() {
            return Err(format!("`{item}` names an engine again"));
        }
    }
    Ok(Value::Numbers(map))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(kind: Kind, text: &str) -> Option<String> {
        kind.parse(text).ok().map(|value| value.show())
    }

    #[test]
    fn numbers_stay_within_their_range() {
        let kind = Kind::count(1, 10);
        assert_eq!(shown(kind, " 10 "), Some("10".to_owned()));
        for text in ["0", "11", "-1", "1.0", "1e1", "ten", "", "99999999999999999999"] {
            assert_eq!(shown(kind, text), None, "{text}");
        }
    }

    #[test]
    fn bytes_take_binary_units_and_nothing_else() {
        let kind = Kind::bytes(1, 1 << 40);
        assert_eq!(shown(kind, "16MiB"), Some((16u64 << 20).to_string()));
        assert_eq!(shown(kind, "16 mib"), Some((16u64 << 20).to_string()));
        assert_eq!(shown(kind, "1024"), Some("1024".to_owned()));
        for text in ["16MB", "16M", "MiB", "1.5GiB", "17179869184GiB", "-1KiB"] {
            assert_eq!(shown(kind, text), None, "{text}");
        }
        assert_eq!(show_bytes(16 << 20), "16MiB");
        assert_eq!(show_bytes(1025), "1025");
    }

    #[test]
    fn addresses_may_leave_out_the_host_but_not_the_port() {
        for text in [":8080", "127.0.0.1:0", "[::1]:80", "worker.example:443", "localhost:1"] {
            assert!(Kind::Address.parse(text).is_ok(), "{text}");
        }
        for text in ["8080", "host", "host:", ":70000", "::1:80", "a b:1", "[::1:80", "http://x:1"]
        {
            assert!(Kind::Address.parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn masa_s_switches_are_on_for_exactly_true() {
        for (text, on) in [("true", true), ("TRUE", false), ("1", false), ("yes", false)] {
            assert!(Kind::MasaSwitch.parse(text) == Ok(Value::Flag(on)), "{text}");
        }
        assert!(Kind::Switch.parse("yes").is_err());
    }

    #[test]
    fn origins_are_what_a_browser_sends() {
        assert_eq!(
            shown(Kind::Origins, "https://a.example, http://b.example:81"),
            Some("https://a.example,http://b.example:81".to_owned())
        );
        assert_eq!(shown(Kind::Origins, "*"), Some("*".to_owned()));
        for text in ["https://a.example/", "a.example", "ftp://a.example", "https://A.example"] {
            assert_eq!(shown(Kind::Origins, text), None, "{text}");
        }
    }

    #[test]
    fn a_public_key_is_taken_as_pem_and_as_base64_of_pem() {
        let pem = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        assert_eq!(shown(Kind::PublicKey, pem), Some(pem.trim().to_owned()));
        assert_eq!(shown(Kind::PublicKey, &STANDARD.encode(pem)), Some(pem.to_owned()));
        assert_eq!(shown(Kind::PublicKey, "AAAA"), None);
    }

    #[test]
    fn engines_get_one_number_each() {
        assert_eq!(
            shown(Kind::EngineCounts, "web=2, telemetry=1"),
            Some("telemetry=1,web=2".into())
        );
        for text in ["web", "web=0", "web=1,web=2", "Web=1", "web=70000"] {
            assert_eq!(shown(Kind::EngineCounts, text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_kind_panic(text in "\\PC*|[0-9a-fA-F.:/,\\[\\]-]*|[0-9]*[kKmMgG]?i?[bB]?") {
            for kind in [
                Kind::Switch,
                Kind::count(0, u64::MAX),
                Kind::bytes(0, u64::MAX),
                Kind::HeaderText,
                Kind::Address,
                Kind::Cidrs,
                Kind::Ports,
                Kind::Origins,
                Kind::PublicKey,
                Kind::EngineCounts,
            ] {
                let _ = kind.parse(&text);
            }
        }

        #[test]
        fn address_ranges_are_read_as_they_are_shown(
            nets in prop::collection::vec((any::<u32>(), 0u32..=32), 1..8),
        ) {
            let written = nets.iter().map(|(address, length)| {
                let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
                format!("{}/{length}", std::net::Ipv4Addr::from(address & mask))
            });
            let written = written.collect::<Vec<_>>().join(",");
            let once = shown(Kind::Cidrs, &written);
            prop_assert!(once.is_some(), "{} is refused", written);
            prop_assert_eq!(shown(Kind::Cidrs, once.as_deref().unwrap_or_default()), once);
        }
    }
}
