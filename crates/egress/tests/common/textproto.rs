//! A reader of the protobuf text format, as far as the robots.txt expectations use it.

/// A message: its fields in order.
#[derive(Debug, Default)]
pub(crate) struct Message(Vec<(String, Value)>);

/// A field's value. Strings are bytes.
#[derive(Debug)]
pub(crate) enum Value {
    Text(Vec<u8>),
    Word(String),
    Message(Message),
}

impl Message {
    pub(crate) fn messages<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.0.iter().filter_map(move |(field, value)| match value {
            Value::Message(message) if field == name => Some(message),
            _ => None,
        })
    }

    pub(crate) fn text(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find_map(|(field, value)| match value {
            Value::Text(text) if field == name => Some(text.as_slice()),
            _ => None,
        })
    }

    pub(crate) fn word(&self, name: &str) -> Option<&str> {
        self.0.iter().find_map(|(field, value)| match value {
            Value::Word(word) if field == name => Some(word.as_str()),
            _ => None,
        })
    }
}

/// Reads a whole file.
///
/// # Panics
/// Where the file is not of the expected form, with the place.
pub(crate) fn read(bytes: &[u8]) -> Message {
    let mut reader = Reader { bytes, at: 0 };
    let message = reader.message(None);
    assert_eq!(reader.at, bytes.len(), "left over at {}", reader.at);
    message
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn message(&mut self, end: Option<u8>) -> Message {
        let mut fields = Vec::new();
        loop {
            match self.peek() {
                next if next == end => {
                    self.at += usize::from(end.is_some());
                    return Message(fields);
                }
                Some(_) => {
                    let name = self.word();
                    if self.peek() == Some(b':') {
                        self.at += 1;
                    }
                    if self.peek() == Some(b'[') {
                        self.at += 1;
                        self.list(&name, &mut fields);
                    } else {
                        let value = self.value();
                        fields.push((name, value));
                    }
                }
                None => panic!("a message is not closed"),
            }
        }
    }

    fn list(&mut self, name: &str, fields: &mut Vec<(String, Value)>) {
        loop {
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    return;
                }
                Some(b',') => self.at += 1,
                _ => {
                    let value = self.value();
                    fields.push((name.to_owned(), value));
                }
            }
        }
    }

    fn value(&mut self) -> Value {
        match self.peek() {
            Some(b'{') => {
                self.at += 1;
                Value::Message(self.message(Some(b'}')))
            }
            Some(b'"') => {
                let mut text = Vec::new();
                while self.peek() == Some(b'"') {
                    self.at += 1;
                    self.literal(&mut text);
                }
                Value::Text(text)
            }
            _ => Value::Word(self.word()),
        }
    }

    fn literal(&mut self, text: &mut Vec<u8>) {
        loop {
            match self.next() {
                b'"' => return,
                b'\\' => text.push(self.escape()),
                byte => text.push(byte),
            }
        }
    }

    fn escape(&mut self) -> u8 {
        match self.next() {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' | b'X' => self.digits(16, 2, 0),
            digit @ b'0'..=b'7' => self.digits(8, 2, digit - b'0'),
            plain @ (b'"' | b'\'' | b'\\' | b'?') => plain,
            other => panic!("escape \\{} at {}", char::from(other), self.at),
        }
    }

    fn digits(&mut self, radix: u8, most: usize, mut value: u8) -> u8 {
        for _ in 0..most {
            let Some(digit) = self
                .bytes
                .get(self.at)
                .and_then(|byte| char::from(*byte).to_digit(u32::from(radix)))
            else {
                break;
            };
            value = value * radix + u8::try_from(digit).unwrap();
            self.at += 1;
        }
        value
    }

    fn word(&mut self) -> String {
        self.peek();
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
            self.at += 1;
        }
        assert!(self.at > start, "a word was expected at {start}");
        String::from_utf8(self.bytes[start..self.at].to_vec()).unwrap()
    }

    fn next(&mut self) -> u8 {
        self.at += 1;
        self.bytes[self.at - 1]
    }

    /// The next byte that is neither space nor comment.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.bytes.get(self.at)? {
                b'#' => {
                    while self.bytes.get(self.at).is_some_and(|byte| *byte != b'\n') {
                        self.at += 1;
                    }
                }
                byte if byte.is_ascii_whitespace() => self.at += 1,
                byte => return Some(byte),
            }
        }
    }
}
