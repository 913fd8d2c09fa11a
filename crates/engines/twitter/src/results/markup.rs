use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

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
    /// `text` as X sends it, with `&`, `<` and `>` escaped; a `<` or `>` that is not is escaped in
    /// the HTML. Spans that overlap or do not lie in the text are left out, and so is what leads
    /// anywhere but to the web: they come from the upstream. `pictures` have no place in the text.
    pub(crate) fn new(text: &'a str, mut spans: Vec<Span<'_>>, pictures: &[&str]) -> Self {
        spans.sort_by_key(|span| (span.start, span.end));
        let mut writer = Writer { rest: text, at: 0, text: String::new(), html: String::new() };
        writer.html.reserve(text.len() + 64 * spans.len());
        let mut changed = false;
        // What ends beyond the text is found by its length: looking for each such end would take
        // the length times their number.
        let length = if spans.is_empty() { 0 } else { text.chars().count() };
        for span in spans.into_iter().filter(|span| span.end <= length) {
            changed |= writer.span(&span);
        }
        let Writer { rest, text: mut expanded, mut html, .. } = writer;
        push_lines(&mut html, rest);
        for picture in pictures.iter().filter(|picture| leads_to_the_web(picture)) {
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
        let shown = Escaped(inside);
        let replaced = match span.link {
            Link::Hashtag(tag) => {
                let tag = Attribute(tag);
                self.write(format_args!(
                    "<a href=\"https://twitter.com/hashtag/{tag}\">{shown}</a>"
                ))
            }
            Link::Mention(name) => {
                let name = Attribute(name);
                self.write(format_args!("<a href=\"https://twitter.com/{name}\">{shown}</a>"))
            }
            Link::Url(to) if leads_to_the_web(to) => {
                self.write(format_args!("<a href=\"{}\">{shown}</a>", Attribute(to)));
                Some(to)
            }
            Link::Media(picture) if leads_to_the_web(picture) && leads_to_the_web(inside) => {
                let (to, image) = (Attribute(inside), Attribute(picture));
                self.write(format_args!("<br><a href=\"{to}\"><img src=\"{image}\"/></a>"));
                Some(picture)
            }
            Link::Url(_) | Link::Media(_) => self.write(format_args!("{shown}")),
        };
        self.text.push_str(replaced.unwrap_or(inside));
        self.rest = &self.rest[from + length..];
        self.at = span.end;
        replaced.is_some()
    }

    /// Writes HTML for what stays as it is in the plain text.
    fn write(&mut self, html: fmt::Arguments<'_>) -> Option<&'static str> {
        let _ = self.html.write_fmt(html);
        None
    }
}

/// Whether it is an address that a page may link to or show: others run in the reader's page.
pub(crate) fn leads_to_the_web(address: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| {
        address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
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
        let _ = escape(html, line, |byte| matches!(byte, b'<' | b'>'));
    }
}

/// Text between tags, whose entities are written already.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(f, self.0, |byte| matches!(byte, b'<' | b'>'))
    }
}

/// A text within the quotes of an HTML attribute.
struct Attribute<'a>(&'a str);

impl fmt::Display for Attribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(f, self.0, |byte| matches!(byte, b'&' | b'"' | b'<' | b'>'))
    }
}

fn escape(to: &mut impl fmt::Write, text: &str, is_special: impl Fn(u8) -> bool) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(&is_special) {
        to.write_str(&rest[..at])?;
        to.write_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'"' => "&quot;",
            b'<' => "&lt;",
            _ => "&gt;",
        })?;
        rest = &rest[at + 1..];
    }
    to.write_str(rest)
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
            span(0, 3, Link::Url("https://x.example")),
            span(2, 4, Link::Url("overlaps")),
            span(4, 90, Link::Url("outside")),
            span(4, 4, Link::Url("empty")),
        ];
        assert_eq!(Markup::new("abcdef", spans, &[]).text, "https://x.exampledef");
    }

    #[test]
    fn spans_beyond_a_long_text_are_not_looked_for_one_by_one() {
        let text = "x".repeat(500_000);
        let beyond = |at: usize| span(at % 3, 900_000 + at, Link::Url("https://x.example"));
        let (sent, done) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let markup = Markup::new(&text, (0..100_000).map(beyond).collect(), &[]);
            sent.send(markup.text == text)
        });
        // One by one they take minutes.
        assert_eq!(done.recv_timeout(std::time::Duration::from_secs(20)), Ok(true));
    }

    #[test]
    fn what_runs_in_a_page_gets_into_none() {
        let text = "<script>x</script> &lt;b&gt; #b @c http://t.co/a t.co/b";
        let at = |part: &str| {
            let from = text.find(part).unwrap();
            (from, from + part.len())
        };
        let on = |part, link| {
            let (start, end) = at(part);
            span(start, end, link)
        };
        let spans = vec![
            on("#b", Link::Hashtag("b\"><img>")),
            on("@c", Link::Mention("c\"><svg>")),
            on("http://t.co/a", Link::Url("javascript:alert(1)\"><img src=x onerror=1>")),
            on("t.co/b", Link::Media("https://pbs.twimg.com/p.jpg")),
        ];
        let markup = Markup::new(text, spans, &["data:text/html,x", "https://p.example/\"><svg>"]);
        assert_eq!(markup.text, text);
        assert_eq!(
            markup.html,
            "&lt;script&gt;x&lt;/script&gt; &lt;b&gt; \
             <a href=\"https://twitter.com/hashtag/b&quot;&gt;&lt;img&gt;\">#b</a> \
             <a href=\"https://twitter.com/c&quot;&gt;&lt;svg&gt;\">@c</a> \
             http://t.co/a t.co/b<br><img src=\"https://p.example/&quot;&gt;&lt;svg&gt;\"/>"
        );
        let tag = Markup::new("a <b c", vec![span(2, 4, Link::Hashtag("b"))], &[]).html;
        assert_eq!(tag, "a <a href=\"https://twitter.com/hashtag/b\">&lt;b</a> c");
    }

    proptest! {
        #[test]
        fn no_spans_make_it_panic(text in ".{0,40}", spans in prop::collection::vec((0..60_usize, 0..60_usize), 0..6)) {
            let spans = spans.into_iter().map(|(start, end)| span(start, end, Link::Url("u"))).collect();
            let _ = Markup::new(&text, spans, &[]);
        }
    }
}
