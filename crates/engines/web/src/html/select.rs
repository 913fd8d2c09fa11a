//! Content by CSS selector.

use dom_query::{Document as Dom, Matcher, NodeRef};
use dom_smoothie::Readability;
use sealwork_egress::join;
use url::Url;

use super::{Cut, Page, content, text};
use crate::budget::Budget;

/// Elements matched between two looks at the budget.
const STEP: usize = 256;

/// Whether a selector can be used; the text says why not.
pub(crate) fn check_selector(selector: &str) -> Result<(), &'static str> {
    // `:has` inside `:has` costs a power of the page's size per element, and nesting costs stack.
    if selector.to_ascii_lowercase().matches(":has(").count() > 1 {
        return Err(":has may occur once");
    }
    if selector.matches('(').count() > 16 {
        return Err("too many functions");
    }
    Matcher::new(selector).map(drop).map_err(|_| "not a CSS selector")
}

/// Fills text and markdown from the outermost elements that `selector` matches, and the metadata.
pub(super) fn selected(
    dom: &Dom,
    base: &Url,
    selector: &str,
    budget: &dyn Budget,
    page: &mut Page,
) {
    let Ok(matcher) = Matcher::new(selector) else { return };
    let mut matched = Vec::new();
    let mut next = dom.root().first_child();
    let mut seen = 0;
    while let Some(node) = next {
        seen += 1;
        if seen % STEP == 0 && !budget.allows() {
            page.cut = Some(Cut::Time);
            break;
        }
        let matches = node.is_element() && node.is_match(&matcher);
        next = following(&node, !matches);
        if matches {
            matched.push(node);
        }
    }
    metadata(dom, page);
    for node in matched {
        absolutise(&node, base);
        content::render(&node, page);
    }
}

/// The next node in document order, below `node` only if `enter`.
fn following<'a>(node: &NodeRef<'a>, enter: bool) -> Option<NodeRef<'a>> {
    if enter && let Some(child) = node.first_child() {
        return Some(child);
    }
    let mut at = *node;
    loop {
        if let Some(sibling) = at.next_sibling() {
            return Some(sibling);
        }
        at = at.parent()?;
    }
}

fn metadata(dom: &Dom, page: &mut Page) {
    let Ok(reader) = Readability::with_document(dom.clone(), None, None) else { return };
    let metadata = reader.get_article_metadata(reader.parse_json_ld());
    page.title = text::non_empty(&metadata.title);
    page.author = metadata.byline.as_deref().and_then(text::non_empty);
}

/// Markdown stands on its own: its links lead somewhere without the page.
fn absolutise(node: &NodeRef<'_>, base: &Url) {
    // A list: the tree cannot be changed while it is walked.
    for descendant in node.descendants() {
        let attribute = if descendant.has_name("a") {
            "href"
        } else if descendant.has_name("img") {
            "src"
        } else {
            continue;
        };
        let Some(address) = descendant.attr(attribute) else { continue };
        if let Ok(url) = join(base, address.trim()) {
            descendant.set_attr(attribute, url.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Extraction, Unlimited, extract};

    fn select(html: &str, selector: &str) -> Page {
        let url = Url::parse("http://a.test/").unwrap();
        extract(html, &url, &Extraction { selector: Some(selector.to_owned()) }, &Unlimited)
    }

    #[test]
    fn text_and_markdown_come_from_what_the_selector_matches() {
        let html = "<title>T</title><nav>menu</nav><div class=x><p>one <a href=/l>link</a></p></div>\
                    <p>other</p><div class=x>two<div class=x>inner</div></div>";
        let page = select(html, "div.x");
        assert_eq!(page.title.as_deref(), Some("T"));
        assert_eq!(page.text, "one link\n\ntwo\ninner");
        assert_eq!(page.markdown, "one [link](http://a.test/l)\n\ntwo\n\ninner");
        assert_eq!(page.links, ["http://a.test/l"]);
    }

    #[test]
    fn a_selector_without_matches_gives_no_text() {
        let page = select("<p>x", "article");
        assert_eq!((page.text.as_str(), page.markdown.as_str()), ("", ""));
    }

    #[test]
    fn selectors_that_cost_too_much_are_refused() {
        assert_eq!(check_selector("article:has(h1) > p"), Ok(()));
        assert_eq!(check_selector("p:has(a:HAS(b))"), Err(":has may occur once"));
        assert_eq!(check_selector(&":not(".repeat(100)), Err("too many functions"));
        for bad in ["", "p[", "..", "p:no-such-thing", "{}"] {
            assert_eq!(check_selector(bad), Err("not a CSS selector"), "{bad}");
        }
    }
}
