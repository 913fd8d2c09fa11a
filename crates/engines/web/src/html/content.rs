//! The main content of a page.

use dom_query::{Document as Dom, NodeRef};
use dom_smoothie::{Config, Readability};
use url::Url;

use super::{Page, text};

/// Finds the main content and fills text, markdown and metadata. A page without any gives the text
/// of its whole body.
pub(super) fn main_content(dom: Dom, url: &Url, page: &mut Page) {
    let Ok(mut reader) =
        Readability::with_document(dom, Some(url.as_str()), Some(Config::default()))
    else {
        return;
    };
    match reader.parse() {
        Ok(article) => {
            page.title = text::non_empty(&article.title);
            page.description = article.excerpt.as_deref().and_then(text::non_empty);
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
