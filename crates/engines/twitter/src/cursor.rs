use crate::Way;

/// Where a further page begins. A cursor belongs to the way that gave it: the engine `twitter`
/// writes the way in front, so that the next page is asked of the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The way that gave it, when it says so.
    pub(crate) way: Option<Way>,
    /// The upstream's part.
    pub(crate) token: String,
}

impl Cursor {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let named =
            text.split_once(':').and_then(|(name, rest)| Some((Way::from_name(name)?, rest)));
        Some(match named {
            Some((way, token)) => Self { way: Some(way), token: token.to_owned() },
            None => Self { way: None, token: text.to_owned() },
        })
    }

    pub(crate) fn write(way: Way, token: &str) -> String {
        format!("{way}:{token}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_with_its_way_and_plain_ones_without() {
        for token in ["DAACCgACGdy:x", "eyJvZmZzZXQiOjEwfQ=="] {
            for way in [Way::Credential, Way::Api, Way::Apify] {
                let cursor = Cursor::parse(&Cursor::write(way, token)).unwrap();
                assert_eq!(cursor, Cursor { way: Some(way), token: token.to_owned() });
            }
            assert_eq!(Cursor::parse(token).unwrap().way, None);
        }
        assert_eq!(Cursor::parse(""), None);
    }
}
