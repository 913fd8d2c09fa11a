//! One walk over the tree: links, images, sections, canonical URL, language, robots hints.

use std::collections::HashSet;

use dom_query::{Document as Dom, Element, NodeRef};
use html5ever::local_name;
use sealwork_egress::join;
use url::Url;

use super::{Page, Section, text};

/// Links and images of a page, each; more are left out.
const MAX_ADDRESSES: usize = 10_000;
/// A longer address is left out.
const MAX_ADDRESS: usize = 2048;
/// Elements that count as headings and paragraphs of sections.
const MAX_SECTION_PARTS: usize = 20_000;

/// Metadata that describes the page, the best first.
const DESCRIPTIONS: [&str; 3] = ["og:description", "description", "twitter:description"];

pub(super) fn collect(dom: &Dom, base: &Url, html_len: usize, page: &mut Page) {
    let mut collector = Collector {
        base,
        page,
        links: HashSet::new(),
        images: HashSet::new(),
        paragraphs: HashSet::new(),
        allowance: html_len.saturating_mul(2),
        parts: 0,
        described_by: None,
    };
    for node in dom.root().descendants_it() {
        if let Some(element) = node.element_ref() {
            collector.element(&node, &element);
        }
    }
}

struct Collector<'a> {
    base: &'a Url,
    page: &'a mut Page,
    links: HashSet<String>,
    images: HashSet<String>,
    /// Those of the current section.
    paragraphs: HashSet<String>,
    /// Bytes of text that sections may still take.
    allowance: usize,
    parts: usize,
    /// Which of [`DESCRIPTIONS`] gave the description.
    described_by: Option<usize>,
}

impl Collector<'_> {
    fn element(&mut self, node: &NodeRef<'_>, element: &Element) {
        match element.name.local {
            local_name!("a") | local_name!("area") => {
                if let Some(link) = element.attr_ref(local_name!("href")).and_then(|h| self.link(h))
                    && self.links.len() < MAX_ADDRESSES
                    && self.links.insert(link.clone())
                {
                    self.page.links.push(link);
                }
            }
            local_name!("img") => self.image(element),
            local_name!("h1") | local_name!("h2") => self.heading(node),
            local_name!("p") => self.paragraph(node),
            local_name!("link") => self.canonical(element),
            local_name!("meta") => self.meta(element),
            local_name!("html") if self.page.language.is_none() => {
                let language = element.attr_ref(local_name!("lang"));
                self.page.language = language.and_then(text::non_empty);
            }
            _ => {}
        }
    }

    /// Where a link leads; `None` within the page and outside http.
    fn link(&self, href: &str) -> Option<String> {
        let href = href.trim();
        if href.is_empty() || href.starts_with('#') {
            return None;
        }
        let mut url = self.resolved(href)?;
        url.set_fragment(None);
        Some(url.into())
    }

    fn resolved(&self, address: &str) -> Option<Url> {
        if address.len() > MAX_ADDRESS {
            return None;
        }
        let url = join(self.base, address).ok()?;
        let usable = matches!(url.scheme(), "http" | "https") && url.as_str().len() <= MAX_ADDRESS;
        usable.then_some(url)
    }

    fn image(&mut self, element: &Element) {
        let Some(source) = element.attr_ref(local_name!("src")).map(str::trim) else { return };
        if source.is_empty() || self.images.len() >= MAX_ADDRESSES {
            return;
        }
        let Some(image) = self.resolved(source).map(String::from) else { return };
        if let Some(section) = self.page.sections.last_mut()
            && self.parts < MAX_SECTION_PARTS
        {
            self.parts += 1;
            section.images.push(image.clone());
        }
        if self.images.insert(image.clone()) {
            self.page.images.push(image);
        }
    }

    fn heading(&mut self, node: &NodeRef<'_>) {
        if self.parts >= MAX_SECTION_PARTS {
            return;
        }
        self.parts += 1;
        self.paragraphs.clear();
        let title = text::collapsed(node, &mut self.allowance);
        self.page.sections.push(Section { title, ..Section::default() });
    }

    /// Text before the first heading belongs to no section.
    fn paragraph(&mut self, node: &NodeRef<'_>) {
        let Some(section) = self.page.sections.last_mut() else { return };
        if self.parts >= MAX_SECTION_PARTS {
            return;
        }
        self.parts += 1;
        let paragraph = text::collapsed(node, &mut self.allowance);
        if !paragraph.is_empty() && self.paragraphs.insert(paragraph.clone()) {
            section.paragraphs.push(paragraph);
        }
    }

    fn canonical(&mut self, element: &Element) {
        let is_canonical = element.attr_ref(local_name!("rel")).is_some_and(|rel| {
            rel.split_ascii_whitespace().any(|r| r.eq_ignore_ascii_case("canonical"))
        });
        if is_canonical && self.page.canonical_url.is_none() {
            let href = element.attr_ref(local_name!("href")).map(str::trim);
            let url = href.filter(|href| !href.is_empty()).and_then(|href| self.resolved(href));
            self.page.canonical_url = url.map(String::from);
        }
    }

    fn meta(&mut self, element: &Element) {
        let content = element.attr_ref(local_name!("content")).unwrap_or_default();
        self.description(element, content);
        let is_robots = element
            .attr_ref(local_name!("name"))
            .is_some_and(|name| name.eq_ignore_ascii_case("robots"));
        if is_robots {
            self.page.nofollow |= content.split(',').map(str::trim).any(|directive| {
                directive.eq_ignore_ascii_case("nofollow") || directive.eq_ignore_ascii_case("none")
            });
        }
    }
}

impl Collector<'_> {
    /// Takes the first description of the kind that goes furthest to the front.
    fn description(&mut self, element: &Element, content: &str) {
        let names =
            [element.attr_ref(local_name!("property")), element.attr_ref(local_name!("name"))];
        let kind = DESCRIPTIONS.iter().position(|kind| {
            names.iter().flatten().any(|name| name.trim().eq_ignore_ascii_case(kind))
        });
        if let Some(kind) = kind
            && self.described_by.is_none_or(|known| kind < known)
            && let Some(description) = text::non_empty(content)
        {
            self.described_by = Some(kind);
            self.page.description = Some(description);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Extraction, Unlimited, extract};

    fn page(html: &str) -> Page {
        let url = Url::parse("http://a.test/dir/page.html").unwrap();
        extract(html, &url, &Extraction::default(), &Unlimited)
    }

    #[test]
    fn paragraphs_and_images_attach_to_the_latest_heading() {
        let page = page(
            "<p>before</p><img src=0.png><h1> One\n two </h1><p>a<p>a<p>b <b>c</b><p> <img src=/1.png>\
             <h3>not a section</h3><p>d<h2>Empty</h2>",
        );
        let sections = serde_json::to_string(&page.sections).unwrap();
        assert_eq!(
            sections,
            r#"[{"title":"One two","paragraphs":["a","b c","d"],"images":["http://a.test/1.png"]},{"title":"Empty","paragraphs":null,"images":null}]"#
        );
        assert_eq!(page.images, ["http://a.test/dir/0.png", "http://a.test/1.png"]);
    }

    #[test]
    fn links_are_absolute_distinct_and_of_the_web() {
        let page = page(
            "<a href=x>1</a><a href='x#frag'>2</a><a href='#top'>3</a><a href=''>4</a>\
             <a href='mailto:a@b.test'>5</a><a href='javascript:x()'>6</a><a href='//b.test/y'>7</a>\
             <a>8</a><map><area href=' /z '></map><a href='http://[bad'>9</a>",
        );
        assert_eq!(page.links, ["http://a.test/dir/x", "http://b.test/y", "http://a.test/z"]);
    }

    #[test]
    fn the_base_element_decides_where_relative_addresses_lead() {
        let moved = page("<base href=/other/><a href=x>1</a><img src=i.png>");
        assert_eq!(moved.links, ["http://a.test/other/x"]);
        assert_eq!(moved.images, ["http://a.test/other/i.png"]);
        assert_eq!(page("<base href='data:,x'><a href=x>1</a>").links, ["http://a.test/dir/x"]);
    }

    #[test]
    fn head_elements_give_canonical_url_language_and_robots_hints() {
        let page = page(
            "<html lang=pt-BR><link rel='x CANONICAL' href=/c><meta name=Robots content='noindex, NoFollow'>",
        );
        assert_eq!(page.canonical_url.as_deref(), Some("http://a.test/c"));
        assert_eq!(page.language.as_deref(), Some("pt-BR"));
        assert!(page.nofollow);
    }

    #[test]
    fn a_title_that_a_broken_head_has_lost_to_the_body_is_the_title_and_no_text() {
        let words = "<p>A paragraph that is long enough to be taken for an article. </p>".repeat(9);
        let broken = page(&format!(
            "<html><head><img src=pixel.gif><title>Rain \n gauges</title></head><body>\
             <svg><title>icon</title></svg>{words}<title>Another one</title></body></html>"
        ));
        assert_eq!(broken.title.as_deref(), Some("Rain gauges"));
        for text in [&broken.text, &broken.markdown] {
            assert!(text.contains("A paragraph"), "{text}");
            assert!(!text.contains("gauges") && !text.contains("Another one"), "{text}");
            assert!(!text.contains("icon"), "{text}");
        }
        let pixel = "<head><noscript><img src=p.gif></noscript><title>Frost</title></head><p>x";
        let page_with_pixel = page(pixel);
        assert_eq!(page_with_pixel.title.as_deref(), Some("Frost"));
        assert!(!page_with_pixel.text.contains("Frost"), "{}", page_with_pixel.text);
        assert_eq!(page("<title>One</title><p>x<title>Two</title>").title.as_deref(), Some("One"));
    }

    #[test]
    fn the_description_comes_from_metadata_and_nowhere_else() {
        let described = |head: &str| {
            let text =
                "<p>A first paragraph, long enough to be an excerpt of the article.".repeat(9);
            page(&format!("<head>{head}</head><article>{text}</article>")).description
        };
        let named = "<meta name=Description content=' One '>";
        let graph = "<meta property=og:description content=Two>";
        assert_eq!(described(named).as_deref(), Some("One"));
        assert_eq!(described(&format!("{named}{graph}{named}")).as_deref(), Some("Two"));
        assert_eq!(described("<meta name=description content=' '>"), None);
        assert_eq!(described(""), None);
    }

    #[test]
    fn nested_headings_cannot_multiply_text() {
        let html = "<h1><div>".repeat(200) + &"word ".repeat(50_000);
        let page = page(&html);
        let total: usize = page.sections.iter().map(|section| section.title.len()).sum();
        assert!(total <= 2 * html.len(), "{total}");
    }
}
