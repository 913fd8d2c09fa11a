use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

/// How far a `meta` element is looked for (HTML standard, section 13.2.3.2).
const PRESCAN: usize = 1024;
/// How much the detector is shown: enough to be sure, little enough to be quick.
const DETECT: usize = 64 << 10;

/// Text, and how it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The text, without a byte order mark; what could not be read is U+FFFD.
    pub text: String,
    /// The encoding's name in the Encoding standard, for example `windows-1252`.
    pub encoding: &'static str,
}

/// Turns a body into text. `header` is the charset parameter of its `Content-Type`, `host` where
/// it came from: the detector knows what is usual under a top-level domain.
///
/// The order is that of the HTML standard: byte order mark, header, `meta` or XML declaration,
/// detection. Beyond it, labels that the bytes contradict are overruled: a single-byte label on
/// bytes that are valid UTF-8, and a UTF-8 label on bytes that mostly are not. Never fails.
pub fn decode(bytes: &[u8], header: Option<&str>, host: Option<&str>) -> Decoded {
    if let Some((encoding, skip)) = Encoding::for_bom(bytes) {
        return decode_as(encoding, &bytes[skip..]);
    }
    let label = header.and_then(for_label).or_else(|| prescan(&bytes[..bytes.len().min(PRESCAN)]));
    match label {
        Some(encoding) if encoding == UTF_8 && is_utf8_prefix(bytes) => decode_as(UTF_8, bytes),
        Some(encoding) if encoding == UTF_8 => {
            let decoded = decode_as(UTF_8, bytes);
            if is_mostly_broken(&decoded.text) {
                decode_as(detect(bytes, host, Utf8Detection::Deny), bytes)
            } else {
                decoded
            }
        }
        Some(encoding) if encoding.is_single_byte() && is_utf8(bytes) => decode_as(UTF_8, bytes),
        Some(encoding) => decode_as(encoding, bytes),
        None if is_utf8_prefix(bytes) => decode_as(UTF_8, bytes),
        None => decode_as(detect(bytes, host, Utf8Detection::Allow), bytes),
    }
}

fn decode_as(encoding: &'static Encoding, bytes: &[u8]) -> Decoded {
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    Decoded { text: text.into_owned(), encoding: encoding.name() }
}

fn for_label(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label.as_bytes())
}

/// Whether the bytes are UTF-8 and make use of it.
fn is_utf8(bytes: &[u8]) -> bool {
    !bytes.is_ascii() && is_utf8_prefix(bytes)
}

/// Whether the bytes are UTF-8, but for a character that a cut went through.
fn is_utf8_prefix(bytes: &[u8]) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

fn is_mostly_broken(text: &str) -> bool {
    let (mut broken, mut good) = (0_usize, 0_usize);
    for c in text.chars().filter(|c| !c.is_ascii()) {
        if c == char::REPLACEMENT_CHARACTER { broken += 1 } else { good += 1 }
    }
    broken > good
}

fn detect(bytes: &[u8], host: Option<&str>, utf8: Utf8Detection) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    let head = &bytes[..bytes.len().min(DETECT)];
    detector.feed(head, head.len() == bytes.len());
    let tld = host.and_then(|host| host.trim_end_matches('.').rsplit('.').next());
    // The detector takes lower-case labels only.
    let tld = tld.filter(|tld| tld.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')));
    detector.guess(tld.map(str::as_bytes), utf8)
}

/// Looks for an encoding in `meta` elements or an XML declaration: HTML standard, section
/// 13.2.3.2, "prescan a byte stream to determine its encoding".
fn prescan(head: &[u8]) -> Option<&'static Encoding> {
    let mut at = 0;
    while at < head.len() {
        let rest = &head[at..];
        if rest.starts_with(b"<!--") {
            // `<!-->` is a whole comment.
            at += find(&rest[2..], b"-->")? + 2 + 3;
        } else if starts_with_tag(rest, b"<meta") {
            let mut attributes = Attributes(&rest[5..]);
            if let Some(encoding) = meta_encoding(&mut attributes) {
                return Some(encoding);
            }
            at = head.len() - attributes.0.len();
        } else if at == 0 && rest.starts_with(b"<?xml") {
            let end = find(rest, b">")?;
            if let Some(encoding) = xml_encoding(&rest[..end]) {
                return Some(encoding);
            }
            at += end + 1;
        } else if rest[0] == b'<'
            && rest.get(1).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'/')
        {
            let name = rest.iter().position(|b| b.is_ascii_whitespace() || *b == b'>')?;
            let mut attributes = Attributes(&rest[name..]);
            while attributes.next().is_some() {}
            at = (head.len() - attributes.0.len()).max(at + 1);
        } else if rest.starts_with(b"<!") || rest.starts_with(b"<?") || rest.starts_with(b"</") {
            at += find(rest, b">")? + 1;
        } else {
            at += 1;
        }
    }
    None
}

fn meta_encoding(attributes: &mut Attributes<'_>) -> Option<&'static Encoding> {
    let (mut charset, mut content, mut is_pragma) = (None, None, false);
    for (name, value) in attributes {
        match name.as_str() {
            "charset" if charset.is_none() => charset = Some(value),
            "content" if content.is_none() => content = charset_in(&value),
            "http-equiv" => is_pragma |= value.eq_ignore_ascii_case("content-type"),
            _ => {}
        }
    }
    let label = charset.or(content.filter(|_| is_pragma))?;
    let encoding = for_label(&label)?;
    // A `meta` element that can be read at all is in an ASCII-compatible encoding.
    Some(match encoding {
        wide if wide == UTF_16LE || wide == UTF_16BE => UTF_8,
        user if user == X_USER_DEFINED => WINDOWS_1252,
        other => other,
    })
}

/// The charset in the content of a pragma such as `text/html; charset=utf-8`.
fn charset_in(content: &str) -> Option<String> {
    let lower = content.to_ascii_lowercase();
    let mut rest = lower.as_str();
    loop {
        rest = &rest[rest.find("charset")? + "charset".len()..];
        if let Some(value) = rest.trim_start().strip_prefix('=') {
            let value = value.trim_start();
            let quoted = value.strip_prefix(['"', '\'']);
            let end = |c: char| c == ';' || c == '"' || c == '\'' || c.is_ascii_whitespace();
            return quoted.unwrap_or(value).split(end).next().map(str::to_owned);
        }
    }
}

fn xml_encoding(declaration: &[u8]) -> Option<&'static Encoding> {
    let at = find(declaration, b"encoding")? + "encoding".len();
    let mut value = declaration[at..].trim_ascii_start();
    value = value.strip_prefix(b"=")?.trim_ascii_start();
    let quote = *value.first().filter(|b| matches!(b, b'"' | b'\''))?;
    let label = value[1..].split(|b| *b == quote).next()?;
    let encoding = Encoding::for_label_no_replacement(label)?;
    Some(if encoding == UTF_16LE || encoding == UTF_16BE { UTF_8 } else { encoding })
}

fn starts_with_tag(rest: &[u8], tag: &[u8]) -> bool {
    rest.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag))
        && rest.get(tag.len()).is_some_and(|b| b.is_ascii_whitespace() || *b == b'/')
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The attributes of a tag, from behind its name: the standard's "get an attribute". Ends at the
/// tag's `>` and steps over it, or at the end of the bytes.
struct Attributes<'a>(&'a [u8]);

impl Attributes<'_> {
    fn skip(&mut self, what: impl Fn(u8) -> bool) {
        let n = self.0.iter().position(|b| !what(*b)).unwrap_or(self.0.len());
        self.0 = &self.0[n..];
    }

    fn take(&mut self, until: impl Fn(u8) -> bool) -> String {
        let n = self.0.iter().position(|b| until(*b)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(n);
        self.0 = rest;
        String::from_utf8_lossy(taken).to_ascii_lowercase()
    }
}

impl Iterator for Attributes<'_> {
    type Item = (String, String);

    fn next(&mut self) -> Option<Self::Item> {
        self.skip(|b| b.is_ascii_whitespace() || b == b'/');
        match self.0.first() {
            None => return None,
            Some(b'>') => {
                self.0 = &self.0[1..];
                return None;
            }
            Some(_) => {}
        }
        // A `=` may begin a name, so a name is never empty and each step makes progress.
        let first = self.take_first();
        let rest = self.take(|b| b.is_ascii_whitespace() || matches!(b, b'=' | b'/' | b'>'));
        let name = first + &rest;
        self.skip(|b| b.is_ascii_whitespace());
        if self.0.first() != Some(&b'=') {
            return Some((name, String::new()));
        }
        self.0 = &self.0[1..];
        self.skip(|b| b.is_ascii_whitespace());
        let value = match self.0.first() {
            Some(&quote @ (b'"' | b'\'')) => {
                self.0 = &self.0[1..];
                let value = self.take(|b| b == quote);
                self.0 = self.0.get(1..).unwrap_or_default();
                value
            }
            _ => self.take(|b| b.is_ascii_whitespace() || b == b'>'),
        };
        Some((name, value))
    }
}

impl Attributes<'_> {
    fn take_first(&mut self) -> String {
        let (first, rest) = self.0.split_at(self.0.len().min(1));
        self.0 = rest;
        String::from_utf8_lossy(first).to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8], header: Option<&str>) -> (String, &'static str) {
        let decoded = decode(bytes, header, Some("a.example"));
        (decoded.text, decoded.encoding)
    }

    #[test]
    fn the_byte_order_mark_wins_then_the_header_then_the_meta_element() {
        let meta = b"<meta charset=koi8-r>\xc1";
        assert_eq!(read(b"\xef\xbb\xbf\xc3\xa9", Some("koi8-r")), ("é".into(), "UTF-8"));
        assert_eq!(read(b"\xff\xfea\0", Some("utf-8")), ("a".into(), "UTF-16LE"));
        assert_eq!(read(meta, Some("windows-1251")).0, "<meta charset=koi8-r>Б");
        assert_eq!(read(meta, None).0, "<meta charset=koi8-r>а");
        assert_eq!(read(meta, Some("no-such-charset")).1, "KOI8-R");
    }

    #[test]
    fn meta_elements_are_found_as_the_standard_says() {
        for (html, encoding) in [
            (
                &b"<META http-equiv='Content-Type' content='text/html; charset=Shift_JIS'>"[..],
                "Shift_JIS",
            ),
            (b"<meta content='x; charset=\"euc-kr\"' http-equiv=content-type>", "EUC-KR"),
            (b"<!-- <meta charset=koi8-r> --><meta charset='gbk'>", "GBK"),
            (b"<!--><meta charset=big5>", "Big5"),
            (b"<p title='<meta charset=koi8-r>'><meta charset=\"euc-jp\"/>", "EUC-JP"),
            (b"<meta charset=utf-16>\xe9\xe9 ", "windows-1252"),
            (b"<?xml version='1.0' encoding=\"iso-8859-2\"?><html>\xb1", "ISO-8859-2"),
        ] {
            let mut page = html.to_vec();
            page.extend_from_slice(b"\xc1");
            assert_eq!(
                decode(&page, None, None).encoding,
                encoding,
                "{}",
                String::from_utf8_lossy(html)
            );
        }
        let late = [b" ".repeat(PRESCAN).as_slice(), b"<meta charset=koi8-r>abc"].concat();
        assert_eq!(decode(&late, None, None).encoding, "UTF-8");
        assert_eq!(
            decode(b"<meta content='charset=koi8-r'>\xc3\xa9", None, None).encoding,
            "UTF-8"
        );
    }

    #[test]
    fn labels_that_the_bytes_contradict_are_overruled() {
        assert_eq!(
            read("naïve café".as_bytes(), Some("iso-8859-1")),
            ("naïve café".into(), "UTF-8")
        );
        let latin = b"caf\xe9 cr\xe8me br\xfbl\xe9e, d\xe9j\xe0 vu";
        assert_eq!(
            read(latin, Some("utf-8")),
            ("café crème brûlée, déjà vu".into(), "windows-1252")
        );
        let one_slip = "één twee drie — vier \u{fffd}".as_bytes();
        assert_eq!(read(one_slip, Some("utf-8")).1, "UTF-8");
    }

    #[test]
    fn unlabelled_bytes_are_detected() {
        assert_eq!(read("Größe".as_bytes(), None).1, "UTF-8");
        let russian = encoding_rs::WINDOWS_1251
            .encode("Съешь же ещё этих мягких французских булок, да выпей чаю")
            .0
            .into_owned();
        assert_eq!(read(&russian, None).1, "windows-1251");
        let cut = &"Größe".as_bytes()[..3];
        assert_eq!(read(cut, None).1, "UTF-8");
    }

    proptest! {
        #[test]
        fn any_bytes_decode(bytes in proptest::collection::vec(any::<u8>(), 0..400), label in "[a-z0-9-]{0,12}", host in ".{0,12}") {
            decode(&bytes, Some(&label), Some(&host));
            decode(&bytes, None, Some(&host));
        }

        #[test]
        fn anything_like_a_tag_decodes(text in "[<>!?/='\" metachrs-]{0,80}") {
            decode(text.as_bytes(), None, None);
        }
    }

    #[test]
    fn valid_utf8_stays_what_it_says_however_many_replacement_characters_it_holds() {
        let text = "caf\u{fffd} is valid";
        let decoded = decode(text.as_bytes(), Some("utf-8"), None);
        assert_eq!((decoded.text.as_str(), decoded.encoding), (text, "UTF-8"));
    }
}
