use std::{borrow::Cow, fmt::Write as _};

/// A part of a tweet's text that stands for something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span<'a> {
    /// First character, counted in code points.
    pub(crate) start: usize,
    /// The one after the last.
    pub(crate) end: usize,
    pub(crate) link: Link<'a>,
}

/// What a part of the text stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Link<'a> {
    Hashtag(&'a str),
    Mention(&'a str),
    /// A shortened address, with the one behind it.
    Url(&'a str),
    /// A shortened address of a photo or video, with the address of its picture.
    Media(&'a str),
}

/// A tweet's text with its shortened addresses expanded, and the same as HTML.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Markup<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) html: String,
}

impl<'a> Markup<'a> {
    /// `text` as X sends it, with `&`, `<` and `>` escaped. Spans that overlap or do not lie in the
    /// text are left out: they come from the upstream. `pictures` have no place in the text.
    pub(crate) fn new(text: &'a str, mut spans: Vec<Span<'_>>, pictures: &[&str]) -> Self {
        spans.sort_by_key(|span| (span.start, span.end));
        let mut writer = Writer { rest: text, at: 0, text: String::new(), html: String::new() };
        writer.html.reserve(text.len() + 64 * spans.len());
        let mut changed = false;
        for span in spans {
            changed |= writer.span(&span);
        }
        let Writer { rest, text: mut expanded, mut html, .. } = writer;
        push_lines(&mut html, rest);
        for picture in pictures {
            let _ = write!(html, "<br><img src=\"{}\"/>", Attribute(picture));
        }
        if !changed {
            return Self { text: Cow::Borrowed(text), html };
        }
        expanded.push_str(rest);
        Self { text: Cow::Owned(expanded), html }
    }
}

struct Writer<'a> {
    /// What follows the last span.
    rest: &'a str,
    /// Its first character's number.
    at: usize,
    text: String,
    html: String,
}

impl Writer<'_> {
    /// Takes the text up to the span's end; says whether the plain text changes by it.
    fn span(&mut self, span: &Span<'_>) -> bool {
        if span.start < self.at || span.end <= span.start {
            return false;
        }
        let Some(from) = byte_of(self.rest, span.start - self.at) else { return false };
        let Some(length) = byte_of(&self.rest[from..], span.end - span.start) else { return false };
        let (before, inside) = (&self.rest[..from], &self.rest[from..from + length]);
        push_lines(&mut self.html, before);
        self.text.push_str(before);
        let replaced = match span.link {
            Link::Hashtag(tag) => {
                let _ = write!(
                    self.html,
                    "<a href=\"https://twitter.com/hashtag/{}\">{inside}</a>",
                    Attribute(tag)
                );
                None
            }
            Link::Mention(name) => {
                let _ = write!(
                    self.html,
                    "<a href=\"https://twitter.com/{}\">{inside}</a>",
                    Attribute(name)
                );
                None
            }
            Link::Url(expanded) => {
                let _ = write!(self.html, "<a href=\"{}\">{inside}</a>", Attribute(expanded));
                Some(expanded)
            }
            Link::Media(picture) => {
                let _ = write!(
                    self.html,
                    "<br><a href=\"{inside}\"><img src=\"{}\"/></a>",
                    Attribute(picture)
                );
                Some(picture)
            }
        };
        self.text.push_str(replaced.unwrap_or(inside));
        self.rest = &self.rest[from + length..];
        self.at = span.end;
        replaced.is_some()
    }
}

/// Where the character with this number begins; the text's end counts as one.
fn byte_of(text: &str, character: usize) -> Option<usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(character)
}

/// Text with its lines broken as HTML does.
fn push_lines(html: &mut String, text: &str) {
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            html.push_str("<br>");
        }
        html.push_str(line);
    }
}

/// A text within the quotes of an HTML attribute.
struct Attribute<'a>(&'a str);

impl std::fmt::Display for Attribute<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['&', '"', '<', '>']) {
            f.write_str(&rest[..at])?;
            f.write_str(match rest.as_bytes()[at] {
                b'&' => "&amp;",
                b'"' => "&quot;",
                b'<' => "&lt;",
                _ => "&gt;",
            })?;
            rest = &rest[at + 1..];
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(start: usize, end: usize, link: Link<'_>) -> Span<'_> {
        Span { start, end, link }
    }

    #[test]
    fn addresses_are_expanded_and_everything_linked() {
        let text = "Hé #sun @nasa https://t.co/a\nhttps://t.co/b";
        let spans = vec![
            span(29, 43, Link::Media("https://pbs.twimg.com/p.jpg")),
            span(3, 7, Link::Hashtag("sun")),
            span(8, 13, Link::Mention("nasa")),
            span(14, 28, Link::Url("https://e.example/?a=1&b=\"2\"")),
        ];
        let markup = Markup::new(text, spans, &["https://pbs.twimg.com/v.jpg"]);
        assert_eq!(
            markup.text,
            "Hé #sun @nasa https://e.example/?a=1&b=\"2\"\nhttps://pbs.twimg.com/p.jpg"
        );
        assert_eq!(
            markup.html,
            "Hé <a href=\"https://twitter.com/hashtag/sun\">#sun</a> \
             <a href=\"https://twitter.com/nasa\">@nasa</a> \
             <a href=\"https://e.example/?a=1&amp;b=&quot;2&quot;\">https://t.co/a</a><br>\
             <br><a href=\"https://t.co/b\"><img src=\"https://pbs.twimg.com/p.jpg\"/></a>\
             <br><img src=\"https://pbs.twimg.com/v.jpg\"/>"
        );
    }

    #[test]
    fn text_without_addresses_is_not_copied() {
        let markup = Markup::new("plain @a", vec![span(6, 8, Link::Mention("a"))], &[]);
        assert!(matches!(markup.text, Cow::Borrowed("plain @a")));
    }

    #[test]
    fn spans_that_overlap_or_lie_outside_are_left_out() {
        let spans = vec![
            span(0, 3, Link::Url("x")),
            span(2, 4, Link::Url("overlaps")),
            span(4, 90, Link::Url("outside")),
            span(4, 4, Link::Url("empty")),
        ];
        assert_eq!(Markup::new("abcdef", spans, &[]).text, "xdef");
    }

    proptest! {
        #[test]
        fn no_spans_make_it_panic(text in ".{0,40}", spans in prop::collection::vec((0..60_usize, 0..60_usize), 0..6)) {
            let spans = spans.into_iter().map(|(start, end)| span(start, end, Link::Url("u"))).collect();
            let _ = Markup::new(&text, spans, &[]);
        }
    }
}
