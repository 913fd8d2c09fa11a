use std::borrow::Cow;

use memchr::memmem;

/// A path pattern: literal pieces between `*`, anchored at the start, and at the end if it ends
/// in `$` (RFC 9309 section 2.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Box<[u8]>);

impl Pattern {
    /// `None` for an empty one, which matches nothing.
    pub(super) fn new(text: &[u8]) -> Option<Self> {
        (!text.is_empty()).then(|| Self(encoded(text).into()))
    }

    /// How specific it is.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Linear in the path and the pattern: each piece is searched for behind the one before, and
    /// the leftmost place is always good enough.
    pub(super) fn matches(&self, path: &[u8]) -> bool {
        let (body, anchored) = match self.0.strip_suffix(b"$") {
            Some(body) => (body, true),
            None => (&*self.0, false),
        };
        let (first, rest) = match memchr::memchr(b'*', body) {
            Some(at) => (&body[..at], Some(&body[at + 1..])),
            None => (body, None),
        };
        let Some(mut left) = path.strip_prefix(first) else { return false };
        let Some(rest) = rest else { return !anchored || left.is_empty() };
        let (middle, last) = match memchr::memrchr(b'*', rest) {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (&rest[..0], rest),
        };
        for piece in middle.split(|byte| *byte == b'*') {
            let Some(at) = memmem::find(left, piece) else { return false };
            left = &left[at + piece.len()..];
        }
        if anchored { left.ends_with(last) } else { memmem::find(left, last).is_some() }
    }
}

/// A rule's path as it would look in a URL: octets outside ASCII encoded, hex digits in capitals.
fn encoded(text: &[u8]) -> Vec<u8> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Vec::with_capacity(text.len());
    for byte in &*normalised(text) {
        if byte.is_ascii() {
            out.push(*byte);
        } else {
            let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
            out.extend_from_slice(&[b'%', HEX[high], HEX[low]]);
        }
    }
    out
}

/// The same path with the hex digits of its escapes in capitals (RFC 3986 section 6.2.2.1).
pub(super) fn normalised(path: &[u8]) -> Cow<'_, [u8]> {
    let is_escape = |at: usize| {
        matches!(path.get(at..at + 3), Some([b'%', a, b])
            if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
    };
    let mut out = Cow::Borrowed(path);
    for at in memchr::memchr_iter(b'%', path).filter(|at| is_escape(*at)) {
        if path[at + 1..at + 3].iter().any(u8::is_ascii_lowercase) {
            out.to_mut()[at + 1..at + 3].make_ascii_uppercase();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The textbook definition, exponential and obviously right.
    fn slow_match(pattern: &[u8], path: &[u8]) -> bool {
        match pattern {
            [] => true,
            b"$" => path.is_empty(),
            [b'*', rest @ ..] => (0..=path.len()).any(|at| slow_match(rest, &path[at..])),
            [first, rest @ ..] => path.first() == Some(first) && slow_match(rest, &path[1..]),
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_textbook(pattern in "[/ab*$]{1,9}", path in "/[/ab$]{0,12}") {
            let fast = Pattern::new(pattern.as_bytes()).unwrap().matches(path.as_bytes());
            prop_assert_eq!(fast, slow_match(pattern.as_bytes(), path.as_bytes()));
        }

        #[test]
        fn no_bytes_make_it_panic(pattern: Vec<u8>, path: Vec<u8>) {
            let _ = Pattern::new(&pattern).map(|pattern| pattern.matches(&normalised(&path)));
        }
    }

    #[test]
    fn a_pattern_made_to_backtrack_is_matched_in_linear_time() {
        let pattern = Pattern::new(&b"/*a".repeat(50_000)).unwrap();
        assert!(!pattern.matches(&b"/b".repeat(50_000)));
        let pattern = Pattern::new(&[b"/*".as_slice(), &b"a".repeat(100_000), b"b"].concat());
        assert!(!pattern.unwrap().matches(&[b"/".as_slice(), &b"a".repeat(200_000)].concat()));
    }
}
