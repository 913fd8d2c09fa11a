//! The site that the demo crawls when no other is named.

use crate::loopback::Page;

/// Answers for one path.
pub(crate) fn page(path: &str) -> Page {
    match path {
        "/" => Page::html(include_str!("site/index.html")),
        "/wax" => Page::html(include_str!("site/wax.html")),
        "/letterlocking" => Page::html(include_str!("site/letterlocking.html")),
        "/post" => Page::html(include_str!("site/post.html")),
        "/keys" => Page::html(include_str!("site/keys.html")),
        "/receipts" => Page::html(include_str!("site/receipts.html")),
        "/notes.txt" => Page::text(include_str!("site/notes.txt")),
        "/robots.txt" => Page::text(include_str!("site/robots.txt")),
        _ => Page::not_found(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_leads_to_a_page_or_is_kept_from_robots() {
        let mut open = vec!["/".to_owned()];
        let mut seen = std::collections::BTreeSet::new();
        while let Some(path) = open.pop() {
            if path.starts_with("/drafts/") || !seen.insert(path.clone()) {
                continue;
            }
            let page = page(&path);
            assert_eq!(page.status, 200, "{path}");
            let text = String::from_utf8(page.body.to_vec()).unwrap();
            let links = text.split("<a href=\"").skip(1);
            open.extend(links.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        }
        assert_eq!(seen.len(), 7, "{seen:?}");
    }
}
