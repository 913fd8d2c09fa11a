use sealwork_job::Code;
use serde::Serialize;

use crate::html::Cut;

/// What the result says about one page; its JSON has these fields in this order, `null` for what
/// is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Document {
    /// The address that was asked for.
    pub url: String,
    /// The address that answered, after redirects; `null` when none did.
    pub final_url: Option<String>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// When it was fetched, RFC 3339 in UTC.
    pub fetched_at: String,
    /// How many links away from the start page it was found: 0 for the start page.
    pub depth: u32,
    /// The page on which it was found.
    pub referrer: Option<String>,
    /// The media type, without parameters.
    pub content_type: Option<String>,
    /// The encoding it was read in, by its name in the Encoding standard.
    pub charset: Option<&'static str>,
    /// See [`crate::Page::title`].
    pub title: Option<String>,
    /// See [`crate::Page::canonical_url`].
    pub canonical_url: Option<String>,
    /// See [`crate::Page::description`].
    pub description: Option<String>,
    /// See [`crate::Page::author`].
    pub author: Option<String>,
    /// See [`crate::Page::language`].
    pub language: Option<String>,
    /// The main text; `null` when the page was not parsed.
    pub text: Option<String>,
    /// The main text as markdown; `null` when the page is no HTML.
    pub markdown: Option<String>,
    /// Absolute links.
    pub links: Vec<String>,
    /// Absolute image addresses.
    pub images: Vec<String>,
    /// Why the content is not all of the page: `bytes` when the body was cut, or a [`Cut`].
    pub truncated: Option<Truncated>,
    /// Why there is no content, when fetching or reading failed.
    pub error: Option<PageError>,
}

/// Why a document does not hold all of its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Truncated {
    /// The body is larger than a page may be.
    Bytes,
    /// The page has too many nodes.
    Nodes,
    /// The page is nested too deep.
    Depth,
    /// Parsing the page took too long.
    Time,
    /// The result has no room for the page's content.
    Output,
}

impl From<Cut> for Truncated {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Nodes => Self::Nodes,
            Cut::Depth => Self::Depth,
            Cut::Time => Self::Time,
        }
    }
}

/// Why a page has no content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageError {
    /// The stable code.
    pub code: Code,
    /// What happened, for a person.
    pub message: String,
}

impl Document {
    /// Without its content, for results that have no room for it.
    #[must_use]
    pub fn without_content(self) -> Self {
        Self {
            text: None,
            markdown: None,
            links: Vec::new(),
            images: Vec::new(),
            truncated: Some(Truncated::Output),
            ..self
        }
    }
}
