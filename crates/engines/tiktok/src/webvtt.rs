//! The text of captions in WebVTT (W3C WebVTT, sections 4 and 6.1), read as leniently as players do.

/// The text of all cues, joined with single blanks: without timings, cue numbers, tags, styles,
/// regions and notes, and with character references resolved. A text without any cue is captions
/// without timings, unless it says that it is WebVTT.
pub fn text(captions: &str) -> String {
    let captions = captions.trim_start_matches('\u{feff}');
    let captions = captions.replace("\r\n", "\n").replace('\r', "\n");
    let mut words = Words::default();
    let mut in_cue = false;
    let mut has_cue = false;
    let mut lines = captions.split('\n').peekable();
    while let Some(line) = lines.next() {
        // An arrow right before a timing is a cue's name, and no text of the cue before.
        let is_name = line.contains("-->") && lines.peek().is_some_and(|next| is_timing(next));
        if is_timing(line) {
            (in_cue, has_cue) = (true, true);
            words.end_tag();
        } else if is_name || line.trim().is_empty() {
            in_cue = false;
            words.end_tag();
        } else if in_cue {
            words.line(line);
        }
    }
    if !has_cue && !captions.starts_with("WEBVTT") {
        captions.split('\n').for_each(|line| words.line(line));
    }
    words.0
}

/// Two times with an arrow between them; settings may follow.
fn is_timing(line: &str) -> bool {
    let Some((from, to)) = line.split_once("-->") else { return false };
    let until = to.trim_start().split([' ', '\t']).next().unwrap_or_default();
    is_time(from.trim()) && is_time(until)
}

/// `mm:ss.fff` or `h…:mm:ss.fff`; a comma as in SubRip is taken as well.
fn is_time(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let Some((clock, fraction)) = text.split_once(['.', ',']) else { return false };
    let parts: Vec<&str> = clock.split(':').collect();
    matches!(parts.len(), 2 | 3) && parts.into_iter().all(digits) && digits(fraction)
}

/// The text so far, with single blanks between words. After a line that ends within a tag, the next
/// one goes on within it.
#[derive(Default)]
struct Words(String, bool);

impl Words {
    fn line(&mut self, line: &str) {
        let mut plain = String::with_capacity(line.len());
        let mut rest = line;
        if self.1 {
            rest = rest.split_once('>').map_or("", |(_, after)| after);
            self.1 = !line.contains('>');
        }
        while let Some(at) = rest.find('<') {
            plain.push_str(&rest[..at]);
            let tag = &rest[at + 1..];
            if !starts_tag(tag) {
                plain.push('<');
                rest = tag;
                continue;
            }
            match tag.split_once('>') {
                Some((_, after)) => rest = after,
                None => {
                    self.1 = true;
                    rest = "";
                }
            }
        }
        plain.push_str(rest);
        for word in resolved(&plain).split_whitespace() {
            if !self.0.is_empty() {
                self.0.push(' ');
            }
            self.0.push_str(word);
        }
    }

    /// No tag goes on over the end of a cue.
    fn end_tag(&mut self) {
        self.1 = false;
    }
}

/// A name, an end, or a time; a lone `<` is only a sign.
fn starts_tag(after: &str) -> bool {
    after.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '>'))
}

/// Of a character reference, in bytes.
const LONGEST_NAME: usize = 9;

/// The character references of WebVTT (section 6.4: those of HTML; these are what captions use).
fn resolved(text: &str) -> String {
    const NAMED: [(&str, &str); 8] = [
        ("lt", "<"),
        ("gt", ">"),
        ("amp", "&"),
        ("quot", "\""),
        ("apos", "'"),
        ("nbsp", " "),
        ("lrm", "\u{200e}"),
        ("rlm", "\u{200f}"),
    ];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        // No further than the longest name: a caption of nothing but `&` is read once, not once for each.
        let end = rest.bytes().skip(1).take(LONGEST_NAME + 1).position(|byte| byte == b';');
        let name = end.map(|end| &rest[1..=end]);
        let value = name.and_then(|name| {
            let named = NAMED.iter().find(|(known, _)| *known == name);
            named.map(|(_, value)| (*value).to_owned()).or_else(|| numeric(name))
        });
        match (name, value) {
            (Some(name), Some(value)) => {
                out.push_str(&value);
                rest = &rest[name.len() + 2..];
            }
            _ => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// `#39`, `#x27`.
fn numeric(name: &str) -> Option<String> {
    let number = name.strip_prefix('#')?;
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(code).filter(|c| !c.is_control()).map(String::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{resolved, text};

    #[test]
    fn cues_are_joined_and_nothing_else_comes_through() {
        for (captions, plain) in [
            (
                "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nHello world\n\n\
                 00:00:02.000 --> 00:00:04.000\nsecond line\nthird line\n",
                "Hello world second line third line",
            ),
            (
                "WEBVTT Hello from header\n\n1\n00:00:00.000 --> 00:00:02.000 align:start\n\
                 <v Bob>Hi there\n\n2\n00:00:02.000 --> 00:00:04.000\n\
                 Some <c.red>red</c> text <00:00:03.000>later\n",
                "Hi there Some red text later",
            ),
            (
                "WEBVTT\r\n\r\nNOTE a comment\r\nsecond note line\r\n\r\nSTYLE\r\n\
                 ::cue { color: red }\r\n\r\n00:01.000 --> 00:02.000\r\n  padded  \r\n",
                "padded",
            ),
            (
                "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\na --> b\n5 < 6 and 7 > 2\n",
                "a --> b 5 < 6 and 7 > 2",
            ),
            (
                "WEBVTT\n\n00:00.000 --> 00:01.000\nR&amp;B &lt;3 it&#39;s &nope; & me\n",
                "R&B <3 it's &nope; & me",
            ),
            (
                "WEBVTT\n\n00:00.000 --> 00:01.000\n<i\nclass>in</i> two &#0;lines\n",
                "in two &#0;lines",
            ),
            ("1\n00:00:00,000 --> 00:00:01,000\nas SubRip\n", "as SubRip"),
            ("No timing,\nonly  text", "No timing, only text"),
            ("WEBVTT\n\nNOTE nothing was said\n", ""),
            ("\u{feff}WEBVTT\n\n00:00.000 --> 00:01.000\nafter a mark\n", "after a mark"),
            ("", ""),
        ] {
            assert_eq!(text(captions), plain, "{captions:?}");
        }
    }

    #[test]
    fn a_reference_is_looked_for_as_far_as_the_longest_name_reaches() {
        assert_eq!(resolved("&#1234567;&#x1f600;"), "&#1234567;\u{1f600}");
        assert_eq!(resolved("& amp; &amp &\u{e4};"), "& amp; &amp &\u{e4};");
        assert_eq!(resolved("&#000000039;"), "&#000000039;", "ten characters");
        // In time that grows with the square of its length this takes half a minute.
        let many = "&".repeat(1 << 20);
        assert_eq!(resolved(&many), many);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_grow(captions: String) {
            prop_assert!(text(&captions).len() <= captions.len() + 8);
        }

        #[test]
        fn the_words_of_cues_come_through_whatever_surrounds_them(
            words in prop::collection::vec("[a-z]{1,8}", 1..20),
            note in "[a-z ]{0,20}",
        ) {
            let cues: String = words
                .iter()
                .enumerate()
                .map(|(n, word)| format!("NOTE {note}\n\n{n}\n00:00.000 --> 00:01.000\n<b>{word}</b>\n\n"))
                .collect();
            prop_assert_eq!(text(&format!("WEBVTT\n\n{cues}")), words.join(" "));
        }
    }
}
