use sealwork_job::{Code, Failure};
use sealwork_upstream::{Capped, FieldError, Fields, site_url};
use serde_json::Value;

const MAX_LIST: usize = 100;
const MAX_URL: usize = 2 << 10;
const MAX_QUERY: usize = 512;
/// Items of a search that does not say how many.
const DEFAULT_ITEMS: u64 = 20;

pub(crate) const OPERATIONS: [&str; 3] = ["transcription", "searchbyquery", "searchbytrending"];
const COUNTRIES: [&str; 24] = [
    "au", "br", "ca", "eg", "fr", "de", "id", "il", "it", "jp", "my", "ph", "ru", "sa", "sg", "kr",
    "es", "tw", "th", "tr", "ae", "gb", "us", "vn",
];
const SORTS: [&str; 4] = ["vv", "like", "comment", "repost"];
const PERIODS: [&str; 2] = ["7", "30"];

/// The arguments of a tiktok job, checked (reference 3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arguments {
    /// The text of a video.
    Transcription(Transcription),
    /// Videos by what they are about.
    Query(Query),
    /// Videos that many look at now.
    Trending(Trending),
}

/// `transcription`.
///
/// | name | type | meaning |
/// |---|---|---|
/// | `type` | string | `transcription`, or absent |
/// | `video_url` | string | an address at `tiktok.com` or beneath it |
/// | `language` | string | two or three letters, a hyphen, two letters: `eng-US` |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcription {
    /// The video.
    pub video_url: String,
    /// The language that must be there; without one, the worker's default or any.
    pub language: Option<String>,
}

/// `searchbyquery`.
///
/// | name | type | meaning |
/// |---|---|---|
/// | `type` | string | `searchbyquery` |
/// | `search` | list of strings | what to search for, at most 100 |
/// | `start_urls` | list of strings | where to search, at most 100; one of the two must be there |
/// | `max_items` | integer | 20 if 0 or absent |
/// | `end_page` | integer | the last page of each search; all if 0 or absent |
/// | `next_cursor` | string | where an earlier result ended |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// What to search for.
    pub search: Vec<String>,
    /// Where to search.
    pub start_urls: Vec<String>,
    /// Items of the run, and of this result.
    pub max_items: u64,
    /// The last page of each search; 0 for all.
    pub end_page: u64,
    /// Where an earlier result ended.
    pub next_cursor: Option<String>,
    /// Numbers that were cut to the operator's limit.
    pub capped: Vec<Capped>,
}

/// `searchbytrending`.
///
/// | name | type | meaning |
/// |---|---|---|
/// | `type` | string | `searchbytrending` |
/// | `country_code` | string | `US` if absent; in any case |
/// | `sort_by` | string | `vv`, `like`, `comment` or `repost`; `vv` if absent |
/// | `period` | string | days: `"7"` or `"30"`; `"7"` if absent |
/// | `max_items` | integer | 20 if 0 or absent |
/// | `next_cursor` | string | where an earlier result ended |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trending {
    /// Where, in capital letters.
    pub country_code: String,
    /// By what.
    pub sort_by: &'static str,
    /// Over how many days.
    pub period: &'static str,
    /// Items of the run, and of this result.
    pub max_items: u64,
    /// Where an earlier result ended.
    pub next_cursor: Option<String>,
    /// Numbers that were cut to the operator's limit.
    pub capped: Vec<Capped>,
}

/// What Masa's workers gave for any bad argument (reference 3.3).
const BEFORE: &str = "Failed to unmarshal job arguments";

/// Why arguments are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentsError(FieldError);

impl std::fmt::Display for ArgumentsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{BEFORE}: {}", self.0)
    }
}

impl std::error::Error for ArgumentsError {}

impl From<FieldError> for ArgumentsError {
    fn from(error: FieldError) -> Self {
        Self(error)
    }
}

impl From<ArgumentsError> for Failure {
    fn from(error: ArgumentsError) -> Self {
        let in_clear = format!("{BEFORE}: {}", error.0.without_values());
        Self::new(Code::ArgumentsInvalid, error.to_string()).in_clear(in_clear)
    }
}

impl Arguments {
    /// Checks `arguments`; `most` is the operator's limit for each number.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(arguments: &Value, most: u64) -> Result<Self, ArgumentsError> {
        let fields = Fields::of(arguments)?;
        let operation = fields.choice("type", &OPERATIONS)?.unwrap_or(OPERATIONS[0]);
        if operation == OPERATIONS[1] {
            return Ok(Self::Query(query(&fields, most)?));
        }
        if operation == OPERATIONS[2] {
            return Ok(Self::Trending(trending(&fields, most)?));
        }
        Ok(Self::Transcription(transcription(&fields)?))
    }
}

fn transcription(fields: &Fields<'_>) -> Result<Transcription, FieldError> {
    fields.only(&["type", "video_url", "language"])?;
    let expected = "the address of a video at tiktok.com";
    let video_url = fields.text("video_url", MAX_URL)?;
    let video_url = video_url.ok_or(FieldError::Missing { name: "video_url", expected })?;
    if !is_tiktok(video_url) {
        return Err(FieldError::Type { name: "video_url", expected });
    }
    let language = fields.text("language", 16)?;
    if language.is_some_and(|language| !is_language(language)) {
        let expected = "two or three letters, a hyphen and two letters, for example eng-US";
        return Err(FieldError::Type { name: "language", expected });
    }
    Ok(Transcription { video_url: video_url.to_owned(), language: language.map(str::to_owned) })
}

fn is_tiktok(text: &str) -> bool {
    site_url(text, "tiktok.com").is_some()
}

/// Whether it has the form of a language's name: two or three letters, a hyphen, two letters.
pub fn is_language(text: &str) -> bool {
    let letters = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphabetic());
    text.split_once('-').is_some_and(|(language, region)| {
        matches!(language.len(), 2 | 3) && region.len() == 2 && letters(language) && letters(region)
    })
}

fn query(fields: &Fields<'_>, most: u64) -> Result<Query, FieldError> {
    fields.only(&["type", "search", "start_urls", "max_items", "end_page", "next_cursor"])?;
    let search = fields.texts("search", MAX_LIST, MAX_QUERY)?;
    let start_urls = fields.texts("start_urls", MAX_LIST, MAX_URL)?;
    if search.is_empty() && start_urls.is_empty() {
        let expected = "a list of what to search for; or give start_urls";
        return Err(FieldError::Missing { name: "search", expected });
    }
    if !start_urls.iter().all(|url| is_tiktok(url)) {
        let expected = "a list of addresses at tiktok.com";
        return Err(FieldError::Type { name: "start_urls", expected });
    }
    let mut capped = Vec::new();
    Ok(Query {
        search: search.into_iter().map(str::to_owned).collect(),
        start_urls: start_urls.into_iter().map(str::to_owned).collect(),
        max_items: max_items(fields, most, &mut capped)?,
        end_page: Capped::cap("end_page", fields.count("end_page")?, most, &mut capped),
        next_cursor: fields.cursor("next_cursor")?.map(str::to_owned),
        capped,
    })
}

fn trending(fields: &Fields<'_>, most: u64) -> Result<Trending, FieldError> {
    fields.only(&["type", "country_code", "sort_by", "period", "max_items", "next_cursor"])?;
    let mut capped = Vec::new();
    Ok(Trending {
        country_code: fields.choice("country_code", &COUNTRIES)?.unwrap_or("us").to_uppercase(),
        sort_by: fields.choice("sort_by", &SORTS)?.unwrap_or(SORTS[0]),
        period: fields.choice("period", &PERIODS)?.unwrap_or(PERIODS[0]),
        max_items: max_items(fields, most, &mut capped)?,
        next_cursor: fields.cursor("next_cursor")?.map(str::to_owned),
        capped,
    })
}

fn max_items(fields: &Fields<'_>, most: u64, capped: &mut Vec<Capped>) -> Result<u64, FieldError> {
    let asked = match fields.count("max_items")? {
        0 => DEFAULT_ITEMS,
        asked => asked,
    };
    Ok(Capped::cap("max_items", asked, most, capped))
}
