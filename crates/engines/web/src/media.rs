/// A media type as a `Content-Type` header gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaType {
    /// `type/subtype` in lower case; empty when the header is missing or malformed.
    pub essence: String,
    /// The `charset` parameter, unquoted.
    pub charset: Option<String>,
}

/// What the engine does with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    /// Parsed.
    Html,
    /// Taken as text.
    Text,
    /// Reported, not read.
    Other,
}

impl MediaType {
    /// Reads a header's value. Never fails: what cannot be read is as if it were absent.
    pub fn parse(value: &[u8]) -> Self {
        let Ok(text) = std::str::from_utf8(value) else { return Self::default() };
        let mut parts = text.split(';');
        let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_token = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&b))
        };
        let well_formed = essence.split_once('/').is_some_and(|(a, b)| is_token(a) && is_token(b));
        let charset = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            let value = value.trim().trim_matches('"').trim();
            (name.trim().eq_ignore_ascii_case("charset") && !value.is_empty())
                .then(|| value.to_owned())
        });
        Self { essence: if well_formed { essence } else { String::new() }, charset }
    }

    /// What to do with a body of this type. One without a type is looked at.
    pub fn kind(&self, body: &[u8]) -> MediaKind {
        match self.essence.as_str() {
            "text/html" | "application/xhtml+xml" => MediaKind::Html,
            "" | "application/x-unknown" | "unknown/unknown" => sniff(body),
            text if text.starts_with("text/") => MediaKind::Text,
            _ => MediaKind::Other,
        }
    }

    /// Whether the body need not be read at all.
    pub fn is_other(&self) -> bool {
        self.kind(b"\0") == MediaKind::Other && !self.essence.is_empty()
    }
}

/// The binary-or-text test of the MIME Sniffing standard (section 7.2), and a look for a tag.
fn sniff(body: &[u8]) -> MediaKind {
    let head = &body[..body.len().min(1445)];
    let has_bom =
        [&b"\xef\xbb\xbf"[..], b"\xfe\xff", b"\xff\xfe"].iter().any(|b| head.starts_with(b));
    let binary = |b: &u8| matches!(b, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    if !has_bom && head.iter().any(binary) {
        return MediaKind::Other;
    }
    let start = head.iter().find(|b| !b.is_ascii_whitespace() && b.is_ascii());
    if start == Some(&b'<') { MediaKind::Html } else { MediaKind::Text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_bad_ones_count_as_absent() {
        let html = MediaType::parse(b"Text/HTML; a=b; Charset=\"utf-8\"");
        assert_eq!((html.essence.as_str(), html.charset.as_deref()), ("text/html", Some("utf-8")));
        for bad in [&b""[..], b"html", b"text/", b"\xff/\xff", b"text/ht ml"] {
            assert_eq!(MediaType::parse(bad).essence, "", "{bad:?}");
        }
    }

    #[test]
    fn only_html_and_text_are_read() {
        for (header, kind) in [
            ("text/html", MediaKind::Html),
            ("application/xhtml+xml", MediaKind::Html),
            ("text/plain", MediaKind::Text),
            ("text/csv", MediaKind::Text),
            ("application/pdf", MediaKind::Other),
            ("application/json", MediaKind::Other),
            ("image/svg+xml", MediaKind::Other),
        ] {
            assert_eq!(MediaType::parse(header.as_bytes()).kind(b"<p>"), kind, "{header}");
            assert_eq!(MediaType::parse(header.as_bytes()).is_other(), kind == MediaKind::Other);
        }
    }

    #[test]
    fn a_body_without_a_type_is_looked_at() {
        let unknown = MediaType::default();
        assert!(!unknown.is_other());
        assert_eq!(unknown.kind(b" \n<!doctype html>"), MediaKind::Html);
        assert_eq!(unknown.kind("\u{feff}<html>".as_bytes()), MediaKind::Html);
        assert_eq!(unknown.kind(b"hello"), MediaKind::Text);
        assert_eq!(unknown.kind(b"%PDF-\x01"), MediaKind::Other);
        assert_eq!(unknown.kind(b""), MediaKind::Text);
    }
}
