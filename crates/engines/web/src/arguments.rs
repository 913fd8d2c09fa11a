use sealwork_job::{Code, Failure};
use serde_json::{Map, Value};
use thiserror::Error;
use url::Url;

use crate::config::WebConfig;

/// Longest `url` and `selector`, in bytes.
const MAX_URL: usize = 8 << 10;
const MAX_SELECTOR: usize = 512;

/// The arguments of a web job, checked.
///
/// | name | type | meaning |
/// |---|---|---|
/// | `type` | string | `scraper` in any case, or absent |
/// | `url` | string | where the crawl starts; http or https |
/// | `max_depth` | integer | 1 (or less): the start page alone; each further level follows links |
/// | `depth` | integer | the same, used when `max_depth` is absent |
/// | `max_pages` | integer | pages at most |
/// | `selector` | string | CSS selector: text and markdown come from what it matches |
/// | `same_origin` | boolean | whether to stay within the start page's site; true if absent |
/// | `respect_robots` | boolean | whether robots.txt is followed; true if absent |
/// | `legacy` | boolean | Masa's `web-scraper`: an unusable URL gives empty sections |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    /// Where the crawl starts. `None` only for a legacy job whose URL is unusable.
    pub start: Option<Url>,
    /// The URL as the requester wrote it.
    pub url: String,
    /// Levels of the crawl, the start page included: at least 1.
    pub depth: u32,
    /// Pages at most.
    pub max_pages: u32,
    /// Limits text and markdown to what it matches.
    pub selector: Option<String>,
    /// Whether the crawl stays within the start page's site.
    pub same_origin: bool,
    /// Whether robots.txt is followed.
    pub respect_robots: bool,
    /// Whether failures to fetch give empty sections instead of a failed job.
    pub legacy: bool,
}

/// Why arguments are refused. The texts that Masa's workers gave are kept to the letter.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ArgumentsError {
    /// Not an object.
    #[error("arguments must be an object")]
    NotAnObject,
    /// A name that the engine does not know.
    #[error(
        "{0} is no argument of web jobs; known are type, url, depth, max_depth, max_pages, selector, same_origin, respect_robots"
    )]
    Unknown(String),
    /// Another operation than `scraper`.
    #[error("capability '{0}' is not valid for job type 'web'")]
    Capability(String),
    /// No URL.
    #[error("url is required")]
    UrlMissing,
    /// A URL that does not parse.
    #[error("invalid URL format: {0}")]
    UrlFormat(String),
    /// A URL without scheme, or with another than http and https.
    #[error("URL must include a scheme (http:// or https://)")]
    UrlScheme,
    /// An argument of the wrong type.
    #[error("{name} must be {expected}")]
    Type {
        /// Which.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A negative number.
    #[error("{name} must be non-negative, got: {given}")]
    Negative {
        /// Which.
        name: &'static str,
        /// The number.
        given: i64,
    },
    /// `depth` above `max_depth`.
    #[error("depth ({depth}) cannot exceed max_depth ({max_depth})")]
    DepthOrder {
        /// `depth`.
        depth: i64,
        /// `max_depth`.
        max_depth: i64,
    },
    /// A number below 1.
    #[error("max_pages must be at least 1, got: {0}")]
    TooFewPages(i64),
    /// A number above the operator's maximum.
    #[error("{name} cannot exceed {max}, got: {given}")]
    TooLarge {
        /// Which.
        name: &'static str,
        /// The maximum.
        max: u64,
        /// The number, or the length in bytes.
        given: i64,
    },
    /// A selector that does not parse, or costs too much to match.
    #[error("invalid selector: {0}")]
    Selector(&'static str),
    /// The operator insists on robots.txt.
    #[error("respect_robots cannot be false: the operator of this worker follows robots.txt")]
    RobotsRequired,
}

impl From<ArgumentsError> for Failure {
    fn from(error: ArgumentsError) -> Self {
        Self::new(Code::ArgumentsInvalid, format!("Invalid arguments: {error}"))
            .in_clear(format!("Invalid arguments: {}", error.without_values()))
    }
}

impl ArgumentsError {
    /// The same without anything that the job says.
    fn without_values(&self) -> String {
        match self {
            Self::Unknown(_) => {
                format!("an argument is unknown; known are {}", KNOWN[..8].join(", "))
            }
            Self::Capability(_) => "type must be scraper".to_owned(),
            Self::Negative { name, .. } => format!("{name} must be non-negative"),
            Self::DepthOrder { .. } => "depth cannot exceed max_depth".to_owned(),
            Self::TooFewPages(_) => "max_pages must be at least 1".to_owned(),
            Self::TooLarge { name, max, .. } => format!("{name} cannot exceed {max}"),
            Self::NotAnObject
            | Self::UrlMissing
            | Self::UrlFormat(_)
            | Self::UrlScheme
            | Self::Type { .. }
            | Self::Selector(_)
            | Self::RobotsRequired => self.to_string(),
        }
    }
}

impl Arguments {
    /// Checks `arguments` against what the operator allows.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(arguments: &Value, config: &WebConfig) -> Result<Self, ArgumentsError> {
        let fields = arguments.as_object().ok_or(ArgumentsError::NotAnObject)?;
        let legacy = boolean(fields, "legacy")?.unwrap_or(false);
        if !legacy {
            refuse_unknown(fields)?;
        }
        check_type(fields)?;
        let url = string(fields, "url")?.unwrap_or_default().trim().to_owned();
        let start = match parse_url(&url) {
            Ok(start) => Some(start),
            Err(_) if legacy => None,
            Err(error) => return Err(error),
        };
        let same_origin = boolean(fields, "same_origin")?.unwrap_or(true);
        let respect_robots = boolean(fields, "respect_robots")?.unwrap_or(true);
        if !respect_robots && !config.allow_ignoring_robots {
            return Err(ArgumentsError::RobotsRequired);
        }
        let depth = depth(fields, config.maxima.depth, legacy)?;
        let max_pages = max_pages(fields, config)?;
        let selector = selector(fields)?;
        Ok(Self { start, url, depth, max_pages, selector, same_origin, respect_robots, legacy })
    }
}

/// The last is for Masa's routes only.
const KNOWN: [&str; 9] = [
    "type",
    "url",
    "depth",
    "max_depth",
    "max_pages",
    "selector",
    "same_origin",
    "respect_robots",
    "legacy",
];

fn refuse_unknown(fields: &Map<String, Value>) -> Result<(), ArgumentsError> {
    match fields.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        Some(name) => Err(ArgumentsError::Unknown(shown(name))),
        None => Ok(()),
    }
}

fn check_type(fields: &Map<String, Value>) -> Result<(), ArgumentsError> {
    let given = string(fields, "type")?.unwrap_or_default();
    if given.is_empty() || given.eq_ignore_ascii_case("scraper") {
        Ok(())
    } else {
        Err(ArgumentsError::Capability(shown(given)))
    }
}

fn parse_url(text: &str) -> Result<Url, ArgumentsError> {
    if text.is_empty() {
        return Err(ArgumentsError::UrlMissing);
    }
    if text.len() > MAX_URL {
        return Err(too_long("url", MAX_URL, text));
    }
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(_) | Err(url::ParseError::RelativeUrlWithoutBase) => Err(ArgumentsError::UrlScheme),
        Err(error) => Err(ArgumentsError::UrlFormat(error.to_string())),
    }
}

/// `max_depth` if there, else `depth`; nothing, zero and a negative `depth` mean 1.
fn depth(fields: &Map<String, Value>, max: u32, legacy: bool) -> Result<u32, ArgumentsError> {
    let max_depth = integer(fields, "max_depth")?;
    let depth = integer(fields, "depth")?;
    if let Some(given) = max_depth
        && given < 0
        && !legacy
    {
        return Err(ArgumentsError::Negative { name: "max_depth", given });
    }
    if let (Some(depth), Some(max_depth)) = (depth, max_depth)
        && max_depth > 0
        && depth > max_depth
    {
        return Err(ArgumentsError::DepthOrder { depth, max_depth });
    }
    let name = if max_depth.is_some() { "max_depth" } else { "depth" };
    let given = max_depth.or(depth).unwrap_or(1).max(1);
    match u32::try_from(given) {
        Ok(levels) if levels <= max => Ok(levels),
        _ => Err(ArgumentsError::TooLarge { name, max: u64::from(max), given }),
    }
}

fn max_pages(fields: &Map<String, Value>, config: &WebConfig) -> Result<u32, ArgumentsError> {
    let maxima = &config.maxima;
    let Some(given) = integer(fields, "max_pages")? else {
        return Ok(maxima.default_pages.min(maxima.pages));
    };
    match u32::try_from(given) {
        Ok(pages) if pages > maxima.pages => {
            Err(ArgumentsError::TooLarge { name: "max_pages", max: u64::from(maxima.pages), given })
        }
        Ok(pages) if pages >= 1 => Ok(pages),
        Err(_) if given > 0 => {
            Err(ArgumentsError::TooLarge { name: "max_pages", max: u64::from(maxima.pages), given })
        }
        _ => Err(ArgumentsError::TooFewPages(given)),
    }
}

fn selector(fields: &Map<String, Value>) -> Result<Option<String>, ArgumentsError> {
    let text = string(fields, "selector")?.unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > MAX_SELECTOR {
        return Err(too_long("selector", MAX_SELECTOR, text));
    }
    crate::html::check_selector(text).map_err(ArgumentsError::Selector)?;
    Ok(Some(text.to_owned()))
}

fn string<'a>(
    fields: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, ArgumentsError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ArgumentsError::Type { name, expected: "a string" }),
    }
}

fn boolean(
    fields: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<bool>, ArgumentsError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(ArgumentsError::Type { name, expected: "true or false" }),
    }
}

/// An integer; `2.0` is one, as numbers pass through JSON libraries that know only floats.
fn integer(fields: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, ArgumentsError> {
    let wrong = ArgumentsError::Type { name, expected: "an integer" };
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Ok(Some(integer)),
            (None, Some(float)) if float.fract() == 0.0 => Ok(Some(saturated(float))),
            _ => Err(wrong),
        },
        Some(_) => Err(wrong),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a float cast saturates")]
fn saturated(float: f64) -> i64 {
    float as i64
}

fn too_long(name: &'static str, max: usize, text: &str) -> ArgumentsError {
    let given = i64::try_from(text.len()).unwrap_or(i64::MAX);
    ArgumentsError::TooLarge { name, max: max as u64, given }
}

/// At most 100 characters of what the requester sent.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: Value) -> Result<Arguments, String> {
        Arguments::parse(&value, &WebConfig::default())
            .map_err(|error| Failure::from(error).message)
    }

    #[test]
    fn both_readme_examples_give_the_start_page_alone() {
        let late = parse(json!({"type": "scraper", "url": "https://www.google.com", "depth": 1}));
        let late = late.unwrap();
        assert_eq!((late.depth, late.max_pages, late.same_origin), (1, 100, true));
        let early = parse(json!({"url": "google", "legacy": true})).unwrap();
        assert_eq!((early.start, early.depth), (None, 1));
    }

    #[test]
    fn refusals_use_the_texts_of_the_reference() {
        for (arguments, text) in [
            (json!({}), "url is required"),
            (json!({"url": ""}), "url is required"),
            (json!({"url": "google"}), "URL must include a scheme (http:// or https://)"),
            (json!({"url": "ftp://a.example"}), "URL must include a scheme (http:// or https://)"),
            (json!({"url": "http://[::1"}), "invalid URL format: invalid IPv6 address"),
            (json!({"url": "http://"}), "invalid URL format: empty host"),
            (
                json!({"url": "http://a.example", "max_depth": -1}),
                "max_depth must be non-negative, got: -1",
            ),
            (
                json!({"url": "http://a.example", "depth": 3, "max_depth": 2}),
                "depth (3) cannot exceed max_depth (2)",
            ),
            (
                json!({"url": "http://a.example", "max_pages": 0}),
                "max_pages must be at least 1, got: 0",
            ),
            (
                json!({"url": "http://a.example", "max_pages": 10_001}),
                "max_pages cannot exceed 10000, got: 10001",
            ),
            (
                json!({"url": "http://a.example", "max_depth": 1e30}),
                "max_depth cannot exceed 100, got: 9223372036854775807",
            ),
            (json!({"url": "http://a.example", "depth": 1.5}), "depth must be an integer"),
            (json!({"url": "http://a.example", "depth": "1"}), "depth must be an integer"),
            (json!({"url": 1}), "url must be a string"),
            (
                json!({"url": "http://a.example", "type": "crawler"}),
                "capability 'crawler' is not valid for job type 'web'",
            ),
            (
                json!({"url": "http://a.example", "selector": "p["}),
                "invalid selector: not a CSS selector",
            ),
            (json!([]), "arguments must be an object"),
        ] {
            assert_eq!(
                parse(arguments.clone()),
                Err(format!("Invalid arguments: {text}")),
                "{arguments}"
            );
        }
        let unknown = parse(json!({"url": "http://a.example", "dept": 1})).unwrap_err();
        assert!(unknown.starts_with("Invalid arguments: dept is no argument"), "{unknown}");
    }

    #[test]
    fn depth_is_at_least_one_and_comes_from_max_depth_first() {
        for (arguments, depth) in [
            (json!({"url": "http://a.example", "depth": -3}), 1),
            (json!({"url": "http://a.example", "depth": 0}), 1),
            (json!({"url": "http://a.example", "max_depth": 0}), 1),
            (json!({"url": "http://a.example", "max_depth": 0, "depth": 4}), 1),
            (json!({"url": "http://a.example", "depth": 4}), 4),
            (json!({"url": "http://a.example", "depth": 2.0, "max_depth": 5}), 5),
            (json!({"url": "http://a.example", "type": "SCRAPER", "depth": null}), 1),
        ] {
            assert_eq!(parse(arguments.clone()).unwrap().depth, depth, "{arguments}");
        }
    }

    #[test]
    fn an_operator_can_insist_on_robots() {
        let config = WebConfig { allow_ignoring_robots: false, ..WebConfig::default() };
        let arguments = json!({"url": "http://a.example", "respect_robots": false});
        assert_eq!(Arguments::parse(&arguments, &config), Err(ArgumentsError::RobotsRequired));
        assert!(!parse(arguments).unwrap().respect_robots);
    }
}
