//! Small helpers for text in trees.

use dom_query::{NodeData, NodeRef};

/// The text below `node` with white space collapsed, without scripts and styles. Takes at most
/// `allowance` bytes and lowers it by what it took: nested headings would otherwise give the same
/// text many times over.
pub(super) fn collapsed(node: &NodeRef<'_>, allowance: &mut usize) -> String {
    let mut text = String::new();
    for descendant in node.descendants_it() {
        if *allowance <= text.len() {
            break;
        }
        descendant.query(|inner| {
            if let NodeData::Text { contents } = &inner.data
                && !is_code(&descendant)
            {
                push_collapsed(&mut text, contents);
            }
        });
    }
    truncate(&mut text, *allowance);
    *allowance -= text.len();
    text.truncate(text.trim_end().len());
    text
}

fn is_code(text: &NodeRef<'_>) -> bool {
    text.parent().is_some_and(|parent| parent.has_name("script") || parent.has_name("style"))
}

fn push_collapsed(out: &mut String, text: &str) {
    for c in text.chars() {
        if !c.is_whitespace() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    }
}

/// The text with white space collapsed; `None` when nothing else is in it.
pub(super) fn one_line(text: &str) -> Option<String> {
    let mut line = String::new();
    push_collapsed(&mut line, text);
    non_empty(&line)
}

/// Cuts `text` to at most `most` bytes, between characters.
pub(super) fn truncate(text: &mut String, most: usize) {
    text.truncate(text.floor_char_boundary(most.min(text.len())));
}

/// `None` for a text of nothing but white space.
pub(super) fn non_empty(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
