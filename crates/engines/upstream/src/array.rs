use thiserror::Error;

/// Largest item, in bytes: more is held by no result.
pub(crate) const MAX_ITEM: usize = 4 << 20;

/// Takes a JSON array as it comes over the network and gives its items one by one, so that only the
/// item at hand is in memory. It finds where items end; whether an item is well-formed is for who
/// parses it.
#[derive(Debug, Default)]
pub struct ArrayReader {
    state: State,
    item: Vec<u8>,
    /// Whether the item at hand is larger than any should be: it is read, and not kept.
    is_too_large: bool,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Before,
    /// After `[`: an item or the end.
    First,
    Item,
    /// After a comma: an item.
    Next,
    After,
}

/// What was found in an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// An item's JSON.
    Item(&'a [u8]),
    /// An item of more than 4 MiB.
    TooLarge,
}

/// Why bytes are no JSON array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ArrayError {
    /// Not JSON at all: a page of HTML, for example.
    #[error("it is no JSON")]
    NotJson,
    /// JSON, but not an array.
    #[error("it is no array")]
    NotAnArray,
    /// It ends before its closing bracket.
    #[error("it breaks off")]
    Truncated,
}

impl ArrayReader {
    /// Takes the next bytes and gives `each` item that they complete; it says whether to go on.
    ///
    /// # Errors
    /// The first thing that is wrong; the items before it have been given.
    pub fn take(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(Found<'_>) -> bool,
    ) -> Result<bool, ArrayError> {
        for &byte in bytes {
            match self.state {
                State::Item => {
                    if self.step(byte)? && !each(self.found()) {
                        return Ok(false);
                    }
                }
                _ if byte.is_ascii_whitespace() => {}
                State::Before => self.open(byte)?,
                State::First if byte == b']' => self.state = State::After,
                State::First | State::Next => {
                    if matches!(byte, b',' | b']' | b'}') {
                        return Err(ArrayError::NotJson);
                    }
                    self.item.clear();
                    self.is_too_large = false;
                    self.state = State::Item;
                    self.step(byte)?;
                }
                State::After => return Err(ArrayError::NotJson),
            }
        }
        Ok(true)
    }

    /// Whether the array was complete.
    ///
    /// # Errors
    /// [`ArrayError::Truncated`]; [`ArrayError::NotJson`] when nothing came.
    pub fn finish(&self) -> Result<(), ArrayError> {
        match self.state {
            State::After => Ok(()),
            State::Before => Err(ArrayError::NotJson),
            _ => Err(ArrayError::Truncated),
        }
    }

    fn found(&self) -> Found<'_> {
        if self.is_too_large { Found::TooLarge } else { Found::Item(self.item.trim_ascii()) }
    }

    fn open(&mut self, byte: u8) -> Result<(), ArrayError> {
        match byte {
            b'[' => self.state = State::First,
            b'{' | b'"' | b'0'..=b'9' | b'-' | b't' | b'f' | b'n' => {
                return Err(ArrayError::NotAnArray);
            }
            _ => return Err(ArrayError::NotJson),
        }
        Ok(())
    }

    /// Takes a byte of an item; whether it is complete.
    fn step(&mut self, byte: u8) -> Result<bool, ArrayError> {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
        } else {
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b',' | b']' if self.depth == 0 => {
                    self.state = if byte == b',' { State::Next } else { State::After };
                    return Ok(true);
                }
                b'}' | b']' => {
                    self.depth = self.depth.checked_sub(1).ok_or(ArrayError::NotJson)?;
                }
                _ => {}
            }
        }
        if self.item.len() == MAX_ITEM {
            self.is_too_large = true;
            self.item = Vec::new();
        }
        if !self.is_too_large {
            self.item.push(byte);
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &[u8], piece: usize) -> (Vec<Value>, Result<(), ArrayError>) {
        let mut reader = ArrayReader::default();
        let mut items = Vec::new();
        for piece in text.chunks(piece.max(1)) {
            let taken = reader.take(piece, |found| {
                let Found::Item(item) = found else { return false };
                items.push(serde_json::from_slice(item).unwrap_or(json!("unreadable")));
                true
            });
            if let Err(error) = taken {
                return (items, Err(error));
            }
        }
        (items, reader.finish())
    }

    #[test]
    fn what_came_before_the_break_is_given() {
        let text = br#" [ {"a":"]},\"[{"} , 2 , [3,[4]], "x,y" , {"b": "#;
        let (items, end) = read(text, 3);
        assert_eq!(items, [json!({"a": "]},\"[{"}), json!(2), json!([3, [4]]), json!("x,y")]);
        assert_eq!(end, Err(ArrayError::Truncated));
    }

    #[test]
    fn what_is_no_array_is_told_by_kind() {
        for (text, error) in [
            ("", ArrayError::NotJson),
            ("<!doctype html>", ArrayError::NotJson),
            (r#"{"error":{}}"#, ArrayError::NotAnArray),
            ("null", ArrayError::NotAnArray),
            ("[", ArrayError::Truncated),
            ("[1,", ArrayError::Truncated),
            ("[,1]", ArrayError::NotJson),
            ("[1,]", ArrayError::NotJson),
            ("[1}]", ArrayError::NotJson),
            ("[1] 2", ArrayError::NotJson),
        ] {
            assert_eq!(read(text.as_bytes(), 1).1, Err(error), "{text}");
        }
    }

    #[test]
    fn an_item_above_its_bound_is_passed_over_and_those_behind_it_are_given() {
        let text = |bytes: usize| format!("\"{}\"", "a".repeat(bytes - 2));
        let (most, larger) = (text(MAX_ITEM), text(MAX_ITEM + 1));
        let text = format!("[1,{larger},{most},{{\"a\":[{larger},2]}},3]");
        let (mut reader, mut seen) = (ArrayReader::default(), Vec::new());
        for piece in text.as_bytes().chunks(64 << 10) {
            let each = |found: Found<'_>| {
                seen.push(match found {
                    Found::Item(item) => item.len(),
                    Found::TooLarge => 0,
                });
                true
            };
            reader.take(piece, each).unwrap();
            assert!(reader.item.len() <= MAX_ITEM);
        }
        assert_eq!((seen, reader.finish()), (vec![1, 0, MAX_ITEM, 0, 1], Ok(())));
    }

    #[test]
    fn it_stops_where_it_is_told_to() {
        let mut reader = ArrayReader::default();
        let mut seen = 0;
        let more = reader.take(b"[1,2,3,4]", |_| {
            seen += 1;
            seen < 2
        });
        assert_eq!((more, seen), (Ok(false), 2));
    }

    proptest! {
        #[test]
        fn any_array_comes_through_in_pieces_of_any_size(
            texts in prop::collection::vec(".*", 0..8),
            piece in 1usize..9,
            pretty: bool,
        ) {
            let items: Vec<Value> =
                texts.iter().map(|text| json!({"k": [text, {"n": text}], "e": 1})).collect();
            let text = if pretty {
                serde_json::to_vec_pretty(&items).unwrap()
            } else {
                serde_json::to_vec(&items).unwrap()
            };
            prop_assert_eq!(read(&text, piece), (items, Ok(())));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let mut reader = ArrayReader::default();
            let _ = reader.take(&bytes, |_| true);
            let _ = reader.finish();
        }
    }
}
