//! Pages made to break the reader: little stack, bounded output, no panic.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it skips"
)]

use std::thread;

use proptest::prelude::*;
use sealwork_engine_web::{Extraction, Page, Unlimited, decode, extract};
use url::Url;

/// Half of what blocking threads have by default.
const STACK: usize = 1 << 20;

fn read(html: String) -> Page {
    let url = Url::parse("http://a.test/").unwrap();
    let reading = move || extract(&html, &url, &Extraction::default(), &Unlimited);
    thread::Builder::new().stack_size(STACK).spawn(reading).unwrap().join().unwrap()
}

#[test]
fn deep_nesting_needs_little_stack_and_keeps_its_text() {
    for tag in [
        "div",
        "span",
        "b",
        "p",
        "blockquote",
        "ul><li",
        "ol><li",
        "table><tr><td",
        "a href=x",
        "svg",
        "math",
        "template",
        "template shadowrootmode=open",
        "object",
        "button",
        "section",
        "em><strong",
        "pre",
        "select><option",
        "h1",
        "font",
        "noscript",
        "details",
        "ruby><rt",
    ] {
        let page = read(
            format!("<p>{}</p>", "before, ".repeat(40))
                + &format!("<{tag}>").repeat(100_000)
                + "core",
        );
        let bound = 64 << 20;
        assert!(page.text.len() + page.markdown.len() < bound, "{tag}");
        // The others hold no article text.
        if !["template", "select><option", "object", "button", "h1", "noscript"].contains(&tag) {
            assert!(page.text.contains("core"), "{tag}: {:?}", page.text.len());
        }
    }
}

#[test]
fn megabyte_attributes_and_texts_are_read() {
    let value = "a ".repeat(2_000_000);
    let page = read(format!("<title>t</title><p class='{value}' id='{value}'>short text</p>"));
    assert_eq!((page.title.as_deref(), page.text.as_str()), (Some("t"), "short text"));
    let page = read(format!(
        "<title>{value}</title><h1>{value}</h1><a href='/{value}'>x</a><img src='data:{value}'>"
    ));
    assert!(page.links.is_empty() && page.images.is_empty());
    assert!(read(value.clone()).text.len() >= value.trim_end().len() - 2);
}

#[test]
fn broken_structured_data_does_not_break_the_page() {
    for data in [
        "[".repeat(200_000),
        "{\"@graph\":".repeat(50_000),
        "{\"@context\":\"https://schema.org\",\"@type\":\"Article\",\"headline\":".to_owned(),
        "\"\\u".repeat(1000),
        "{\"@context\":\"https://schema.org\",\"@type\":[[[[\"NewsArticle\"".to_owned(),
    ] {
        let text = "A paragraph, of some length, for the reader. ".repeat(20);
        let page = read(format!(
            "<script type='application/ld+json'>{data}</script><article><p>{text}</p></article>"
        ));
        assert!(page.text.contains("A paragraph"), "{}", &data[..8]);
    }
}

#[test]
fn text_of_nothing_but_special_characters_is_read() {
    for special in ["&amp;", "&", ">", "&nbsp;", "\"", "*_`[]", "\u{a0}"] {
        let page = read(format!("<p>start {}</p>", special.repeat((1 << 20) / special.len())));
        assert!(page.text.starts_with("start"), "{special}");
    }
}

#[test]
fn many_links_are_cut_at_a_bound() {
    let page = read((0..30_000).map(|n| format!("<a href=/{n}>{n}</a> ")).collect());
    assert_eq!(page.links.len(), 10_000);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let url = Url::parse("http://a.test/").unwrap();
        let text = decode(&bytes, None, Some("a.test")).text;
        extract(&text, &url, &Extraction::default(), &Unlimited);
    }

    #[test]
    fn any_soup_of_tags_is_read(
        tags in proptest::collection::vec(
            prop_oneof![
                Just("<div>"), Just("</div>"), Just("<p>"), Just("</p>"), Just("<table>"), Just("<tr>"),
                Just("<td>"), Just("</table>"), Just("<a href=x>"), Just("</a>"), Just("<b>"), Just("</b>"),
                Just("<ul><li>"), Just("</ul>"), Just("<template>"), Just("</template>"), Just("<svg>"),
                Just("</svg>"), Just("<select><option>"), Just("<script>"), Just("</script>"), Just("<h1>"),
                Just("</h1>"), Just("<form>"), Just("<br><br>"), Just("<img src=i.png>"), Just("some text, and more "),
                Just("<frameset>"), Just("<body class=x>"), Just("<math><mi>"), Just("<!--"), Just("-->"),
                Just("<pre>\n"), Just("<noscript>"), Just("<base href='//['>"), Just("<html lang=x>"), Just("\0"),
            ],
            0..200,
        ),
        selector in prop_oneof![Just(None), Just(Some("p, td".to_owned())), Just(Some("body *".to_owned()))],
    ) {
        let url = Url::parse("http://a.test/").unwrap();
        extract(&tags.concat(), &url, &Extraction { selector }, &Unlimited);
    }
}
