//! HTML to metadata, main text, markdown, links, images and sections.

mod collect;
mod content;
mod parse;
mod select;
mod text;

use dom_query::Document as Dom;
pub use parse::Cut;
use sealwork_egress::join;
pub(crate) use select::check_selector;
use serde::Serialize;
use url::Url;

use crate::budget::Budget;

/// How a page is read.
#[derive(Debug, Clone, Default)]
pub struct Extraction {
    /// Text and markdown come from the elements that it matches, instead of the main content.
    pub selector: Option<String>,
}

/// What a page says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The title, without the site's name where that can be told.
    pub title: Option<String>,
    /// The canonical URL that it names.
    pub canonical_url: Option<String>,
    /// The description in its `meta` elements: Open Graph's, else the plain one, else Twitter's.
    pub description: Option<String>,
    /// The author or byline.
    pub author: Option<String>,
    /// The language tag of its root element.
    pub language: Option<String>,
    /// The main text, without navigation and other boilerplate; paragraphs apart.
    pub text: String,
    /// The same as markdown.
    pub markdown: String,
    /// Absolute http and https links, each once, in order, without fragments.
    pub links: Vec<String>,
    /// Absolute http and https image addresses, each once, in order.
    pub images: Vec<String>,
    /// The page by its headings, as Masa's crawler gave it.
    pub sections: Vec<Section>,
    /// Whether the page asks crawlers not to follow its links.
    pub nofollow: bool,
    /// Why this is not all of the page, if it is not.
    pub cut: Option<Cut>,
}

/// A first- or second-level heading and what follows it up to the next one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Section {
    /// The heading's text.
    pub title: String,
    /// The texts of its paragraphs, each once; `null` when there are none.
    #[serde(serialize_with = "null_if_empty")]
    pub paragraphs: Vec<String>,
    /// The addresses of its images; `null` when there are none.
    #[serde(serialize_with = "null_if_empty")]
    pub images: Vec<String>,
}

/// Reads a page. `url` is where it came from: relative links resolve against it.
///
/// Never fails and needs little stack whatever the input; `budget` bounds the time.
pub fn extract(html: &str, url: &Url, options: &Extraction, budget: &dyn Budget) -> Page {
    let (dom, cut) = parse::parse(html, budget);
    let mut page = Page { cut, ..Page::default() };
    let base = base_url(&dom, url);
    collect::collect(&dom, &base, html.len(), &mut page);
    if !budget.allows() {
        page.cut = Some(Cut::Time);
        return page;
    }
    match &options.selector {
        Some(selector) => select::selected(&dom, &base, selector, budget, &mut page),
        None => content::main_content(dom, url, &mut page),
    }
    page.title = page.title.as_deref().and_then(text::one_line);
    let most = html.len().saturating_mul(4) + (64 << 10);
    text::truncate(&mut page.text, most);
    text::truncate(&mut page.markdown, most);
    page
}

fn base_url(dom: &Dom, url: &Url) -> Url {
    dom.base_uri()
        .and_then(|href| join(url, href.trim()).ok())
        .filter(|base| matches!(base.scheme(), "http" | "https"))
        .unwrap_or_else(|| url.clone())
}

fn null_if_empty<S: serde::Serializer>(items: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    if items.is_empty() { serializer.serialize_none() } else { items.serialize(serializer) }
}
