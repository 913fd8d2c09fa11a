//! Keeps one long string out of a JSON text while the text arrives.

use std::io;

use crate::job::is;

/// Bytes from which on a string is lifted out.
pub const LONG: usize = 1 << 20;
/// The string that is left in the place of the one that was lifted out.
pub const LIFTED: &str = "\u{1}";
/// The same, as JSON has it.
const MARK: &[u8] = b"\\u0001";

/// Takes JSON piece by piece and gives on what is in the first long string of one field, which must
/// be plain: without escapes, as base64 is. It looks at strings alone; whether the rest is JSON is for
/// who reads it.
#[derive(Debug)]
pub struct Lifter {
    field: &'static str,
    /// Most bytes of all that is not lifted out.
    most: usize,
    json: Vec<u8>,
    state: State,
    /// Where the content of the string at hand begins in `json`.
    begin: usize,
    /// Whether a colon came after a string that names the field, and nothing else after that.
    is_named: bool,
    has_lifted: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Outside,
    /// In a string that has no escape so far.
    Plain,
    Escaping,
    Escaped,
    Lifting,
}

/// Why a text cannot be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiftError {
    /// The long string has an escape.
    #[error("a text of more than {LONG} bytes must have no escapes")]
    Escape,
    /// Too much beside it.
    #[error("the body has more than {most} bytes beside its longest text")]
    TooLong {
        /// What it may have.
        most: usize,
    },
    /// What was lifted could not be given on.
    #[error("the worker's disk did not take the body: {0}")]
    Io(#[from] io::Error),
}

impl Lifter {
    /// Lifts out what `field` has, and takes `most` bytes beside it.
    pub fn new(field: &'static str, most: usize) -> Self {
        Self {
            field,
            most,
            json: Vec::new(),
            state: State::Outside,
            begin: 0,
            is_named: false,
            has_lifted: false,
        }
    }

    /// Takes the next piece; `put` is given what is lifted out of it.
    ///
    /// # Errors
    /// [`LiftError`].
    pub fn push(
        &mut self,
        mut piece: &[u8],
        mut put: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), LiftError> {
        while let Some((byte, rest)) = piece.split_first() {
            if self.state == State::Lifting {
                let end = piece.iter().position(|byte| matches!(byte, b'"' | b'\\'));
                let (lifted, after) = piece.split_at(end.unwrap_or(piece.len()));
                put(lifted)?;
                piece = after;
                match after.first() {
                    Some(b'"') => self.state = State::Plain,
                    Some(_) => return Err(LiftError::Escape),
                    None => {}
                }
                continue;
            }
            self.take(*byte);
            piece = rest;
            let is_liftable = self.state == State::Plain && self.is_named && !self.has_lifted;
            let liftable = if is_liftable { self.json.len() - self.begin } else { 0 };
            if liftable > LONG {
                put(self.json.get(self.begin..).unwrap_or_default())?;
                self.json.truncate(self.begin);
                self.json.extend_from_slice(MARK);
                (self.state, self.has_lifted) = (State::Lifting, true);
            } else if self.json.len() - liftable > self.most {
                return Err(LiftError::TooLong { most: self.most });
            }
        }
        Ok(())
    }

    fn take(&mut self, byte: u8) {
        self.json.push(byte);
        self.state = match (self.state, byte) {
            (State::Outside, b'"') => {
                self.begin = self.json.len();
                State::Plain
            }
            (State::Outside, b':') => {
                self.is_named = self.names_the_field();
                State::Outside
            }
            (State::Outside, byte) => {
                self.is_named &= byte.is_ascii_whitespace();
                State::Outside
            }
            (State::Plain | State::Escaped, b'"') => State::Outside,
            (State::Plain | State::Escaped, b'\\') => State::Escaping,
            (State::Escaping, _) => State::Escaped,
            (state, _) => state,
        };
    }

    /// Whether the string before the colon at the end names the field, as the reference takes names.
    fn names_the_field(&self) -> bool {
        let before = self.json.get(self.begin..).unwrap_or_default();
        let end = before.iter().position(|byte| *byte == b'"').unwrap_or_default();
        let (name, after) = before.split_at(end);
        let ends_there = matches!(after, [b'"', space @ .., b':'] if space.trim_ascii().is_empty());
        ends_there && std::str::from_utf8(name).is_ok_and(|name| is(name, self.field))
    }

    /// The JSON, with [`LIFTED`] in the place of what was lifted out.
    pub fn finish(self) -> Vec<u8> {
        self.json
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const FIELD: &str = "encrypted_result";

    fn lift(text: &[u8], piece: usize) -> Result<(Value, Vec<u8>), LiftError> {
        let (mut lifter, mut lifted) = (Lifter::new(FIELD, 2 * LONG), Vec::new());
        for piece in text.chunks(piece) {
            lifter.push(piece, |bytes| {
                lifted.extend_from_slice(bytes);
                Ok(())
            })?;
        }
        Ok((serde_json::from_slice(&lifter.finish()).unwrap_or_default(), lifted))
    }

    #[test]
    fn a_long_plain_string_is_lifted_out_and_the_rest_stays() {
        let long = "QUJD".repeat(LONG / 4 + 1);
        for text in [
            json!({"encrypted_result": long, "encrypted_request": "a\"b"}),
            json!({"encrypted_request": "a\"b", "encrypted_result": long}),
        ] {
            for piece in [1 << 16, 4099, 7 << 20] {
                let (rest, lifted) = lift(text.to_string().as_bytes(), piece).unwrap();
                assert_eq!(lifted, long.as_bytes());
                let left = json!({"encrypted_result": LIFTED, "encrypted_request": "a\"b"});
                assert_eq!(rest, left);
            }
        }
    }

    #[test]
    fn what_is_lifted_has_no_escapes_and_only_one_string_is() {
        let long = "A".repeat(LONG + 1);
        let escaped = format!(r#"{{"{FIELD}":"{long}\n"}}"#);
        assert!(matches!(lift(escaped.as_bytes(), 1 << 16), Err(LiftError::Escape)));
        let two = format!(r#"{{"{FIELD}":"{long}","{FIELD}":"{long}{long}"}}"#);
        assert!(matches!(lift(two.as_bytes(), 1 << 16), Err(LiftError::TooLong { .. })));
        let early = format!(r#"{{"{FIELD}":"\n{long}{long}"}}"#);
        assert!(matches!(lift(early.as_bytes(), 1 << 16), Err(LiftError::TooLong { .. })));
    }

    #[test]
    fn only_the_field_is_lifted_out_however_its_name_is_written() {
        let long = "A".repeat(LONG + 1);
        for name in [FIELD, "Encrypted_Result", "ENCRYPTED_RESULT"] {
            let text = format!(r#"{{"encrypted_request":"{long}", "{name}" : "{long}"}}"#);
            let (rest, lifted) = lift(text.as_bytes(), 1 << 16).unwrap();
            assert_eq!(lifted, long.as_bytes(), "{name}");
            assert_eq!(rest, json!({"encrypted_request": long, name: LIFTED}));
        }
        for text in [
            format!(r#"{{"encrypted_request":"{long}"}}"#),
            format!(r#"{{"{FIELD}":["{long}"]}}"#),
            format!(r#"["{FIELD}","{long}"]"#),
            format!(r#"{{"a\"{FIELD}":"{long}"}}"#),
        ] {
            let (rest, lifted) = lift(text.as_bytes(), 1 << 16).unwrap();
            assert!(lifted.is_empty(), "{}", &text[..40]);
            assert_eq!(rest, serde_json::from_str::<Value>(&text).unwrap());
        }
    }

    proptest! {
        #[test]
        fn what_has_no_long_string_stays_as_it_is(text: Vec<u8>, piece in 1_usize..9) {
            let mut lifter = Lifter::new(FIELD, LONG);
            for piece in text.chunks(piece) {
                lifter.push(piece, |_| Err(io::ErrorKind::Other.into())).unwrap();
            }
            prop_assert_eq!(lifter.finish(), text);
        }
    }
}
