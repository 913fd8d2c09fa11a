//! The main content of a page.

use dom_query::{Document as Dom, NodeData, NodeRef};
use dom_smoothie::{Config, Readability};
use url::Url;

use super::{Cut, Page, text};

/// The most work that the search for the main content may be: see [`is_light`].
const MAX_WORK: usize = 64 << 20;
/// What a node costs beside its text, in bytes of text.
const NODE: usize = 16;

/// Finds the main content and fills text, markdown and metadata. A page without any, or one in
/// which the search would take too long, gives the text of its whole body.
pub(super) fn main_content(dom: Dom, url: &Url, page: &mut Page) {
    if !is_light(&dom) {
        page.title = text::non_empty(&dom.select_single("title").text());
        page.cut = page.cut.or(Some(Cut::Depth));
        if let Some(body) = dom.body() {
            render(&body, page);
        }
        return;
    }
    let Ok(mut reader) =
        Readability::with_document(dom, Some(url.as_str()), Some(Config::default()))
    else {
        return;
    };
    match reader.parse() {
        Ok(article) => {
            page.title = text::non_empty(&article.title);
            page.author = article.byline.as_deref().and_then(text::non_empty);
            if let Some(node) = reader.doc.select_single("#readability-page-1").nodes().first() {
                render(node, page);
            }
        }
        Err(_) => {
            page.title = text::non_empty(&reader.get_article_title());
        }
    }
    if page.text.is_empty()
        && let Some(body) = reader.doc.body()
    {
        render(&body, page);
    }
}

/// Whether the search, which cannot be interrupted, is done in moments. It looks at each node's
/// text once for each of its ancestors, and an adversary's pages have many of both.
fn is_light(dom: &Dom) -> bool {
    let mut work = 0_usize;
    let mut depth = 1;
    let mut next = dom.root().first_child();
    while let Some(node) = next {
        let text = node.query(|inner| match &inner.data {
            NodeData::Text { contents } => contents.len(),
            _ => 0,
        });
        work = work.saturating_add(depth * (NODE + text.unwrap_or_default()));
        if work > MAX_WORK {
            return false;
        }
        if let Some(child) = node.first_child() {
            (next, depth) = (Some(child), depth + 1);
            continue;
        }
        let mut at = Some(node);
        next = None;
        while let Some(node) = at {
            next = node.next_sibling();
            if next.is_some() {
                break;
            }
            (at, depth) = (node.parent(), depth - 1);
            if depth == 0 {
                break;
            }
        }
    }
    true
}

/// Text and markdown of a node, appended as a further block.
pub(super) fn render(node: &NodeRef<'_>, page: &mut Page) {
    drop_inlined_images(node);
    push_block(&mut page.text, &node.formatted_text());
    push_block(&mut page.markdown, &node.md(None));
}

/// An image that is its own data says nothing to a reader of markdown.
fn drop_inlined_images(node: &NodeRef<'_>) {
    let images: Vec<NodeRef<'_>> = node
        .descendants_it()
        .filter(|image| image.has_name("img"))
        .filter(|image| image.attr("src").is_some_and(|source| source.trim().starts_with("data:")))
        .collect();
    for image in images {
        image.remove_from_parent();
    }
}

fn push_block(out: &mut String, block: &str) {
    let block = block.trim();
    if block.is_empty() {
        return;
    }
    if !out.is_empty() {
        out.push_str("\n\n");
    }
    out.push_str(block);
}
