//! One pass over the text. A syntax error ends it; of values with a wrong type the first is kept
//! and told when the whole text has been found well-formed, as in Go.

use serde_json::{Map, Number, Value};

use super::error::{DecodeError, quoted};

/// Go stops at 10,000. Nothing honest comes near this, and values are dropped recursively.
const MAX_DEPTH: usize = 512;

/// Where a field's value goes.
pub(crate) enum Slot<'a> {
    /// A string; `null` leaves it alone.
    Text(&'a mut String),
    /// A signed integer; `null` leaves it alone.
    Int(&'a mut i64),
    /// An object; `null` empties it, a second one is merged into the first.
    Object(&'a mut Option<Map<String, Value>>),
    /// An unsigned integer, if it is one; anything else is ignored.
    Optional(&'a mut Option<u64>),
}

/// A field that a key names.
pub(crate) struct Field<'a> {
    pub(crate) name: &'static str,
    pub(crate) go_type: &'static str,
    pub(crate) slot: Slot<'a>,
}

/// What an object is decoded into.
pub(crate) trait GoStruct {
    /// Its Go type with the package, and without.
    const TYPE: (&'static str, &'static str);

    /// The field for `key`, whatever its case; `None` for keys that are ignored.
    fn field(&mut self, key: &str) -> Option<Field<'_>>;
}

/// Reads the first value of `text` and ignores what follows it, like Go's `Decoder`.
pub(crate) fn decode_first(text: &[u8], into: &mut impl GoStruct) -> Result<(), DecodeError> {
    let mut decoder = Decoder::new(text);
    decoder.top(into)?;
    decoder.mismatch.map_or(Ok(()), Err)
}

/// Reads `text`, which is one value and nothing else, like Go's `Unmarshal`.
pub(crate) fn decode_only(text: &[u8], into: &mut impl GoStruct) -> Result<(), DecodeError> {
    let mut decoder = Decoder::new(text);
    decoder.top(into).map_err(DecodeError::of_whole_text)?;
    if let Ok(byte) = decoder.peek() {
        return Err(decoder.syntax(byte, "after top-level value"));
    }
    decoder.mismatch.map_or(Ok(()), Err)
}

struct Decoder<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    mismatch: Option<DecodeError>,
    /// The struct and the field that are being read.
    context: (&'static str, &'static str),
}

type Step<T> = Result<T, DecodeError>;

impl<'a> Decoder<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, depth: 0, mismatch: None, context: ("", "") }
    }

    fn top<T: GoStruct>(&mut self, into: &mut T) -> Step<()> {
        let first = self.peek().map_err(|_| DecodeError::Empty)?;
        if first == b'{' { self.fields(into) } else { self.mismatched(T::TYPE.0, true) }
    }

    fn fields<T: GoStruct>(&mut self, into: &mut T) -> Step<()> {
        self.enter()?;
        let mut more = self.first_key()?;
        let mut key = String::new();
        while more {
            key.clear();
            self.key(&mut key)?;
            match into.field(&key) {
                None => self.skip()?,
                Some(field) => {
                    self.context = (T::TYPE.1, field.name);
                    self.slot(field)?;
                    self.context = ("", "");
                }
            }
            more = self.next_member()?;
        }
        Ok(())
    }

    fn slot(&mut self, field: Field<'_>) -> Step<()> {
        let first = self.peek()?;
        match (field.slot, first) {
            (Slot::Object(object), b'n') => {
                self.literal("null")?;
                *object = None;
                Ok(())
            }
            (Slot::Object(object), b'{') => {
                let members = object.get_or_insert_default();
                self.object_into(members)
            }
            (Slot::Optional(number), b'0'..=b'9') => {
                *number = self.number()?.parse().ok();
                Ok(())
            }
            (Slot::Optional(_), _) => self.skip(),
            (_, b'n') => self.literal("null"),
            (Slot::Text(text), b'"') => {
                text.clear();
                self.at += 1;
                self.string(text)
            }
            (Slot::Int(int), b'-' | b'0'..=b'9') => {
                let literal = self.number()?;
                match literal.parse() {
                    Ok(value) => *int = value,
                    Err(_) => self.mismatch_at(self.at, field.go_type, format!("number {literal}")),
                }
                Ok(())
            }
            _ => self.mismatched(field.go_type, false),
        }
    }

    /// Skips a value of the wrong type and remembers that it was there.
    fn mismatched(&mut self, expected: &'static str, null_is_fine: bool) -> Step<()> {
        let first = self.peek()?;
        let opened = self.at + 1;
        self.skip()?;
        match first {
            b'n' if null_is_fine => {}
            b'{' => self.mismatch_at(opened, expected, "object".to_owned()),
            b'[' => self.mismatch_at(opened, expected, "array".to_owned()),
            b'"' => self.mismatch_at(self.at, expected, "string".to_owned()),
            b't' | b'f' => self.mismatch_at(self.at, expected, "bool".to_owned()),
            _ => self.mismatch_at(self.at, expected, "number".to_owned()),
        }
        Ok(())
    }

    fn mismatch_at(&mut self, offset: usize, expected: &'static str, got: String) {
        let (owner, field) = self.context;
        self.mismatch.get_or_insert(DecodeError::Type { expected, got, owner, field, offset });
    }

    fn value(&mut self) -> Step<Value> {
        match self.peek()? {
            b'{' => {
                let mut members = Map::new();
                self.object_into(&mut members)?;
                Ok(Value::Object(members))
            }
            b'[' => self.array(),
            b'"' => {
                let mut text = String::new();
                self.at += 1;
                self.string(&mut text)?;
                Ok(Value::String(text))
            }
            b't' => self.literal("true").map(|()| Value::Bool(true)),
            b'f' => self.literal("false").map(|()| Value::Bool(false)),
            b'n' => self.literal("null").map(|()| Value::Null),
            b'-' | b'0'..=b'9' => {
                let literal = self.number()?;
                Ok(number(literal).map_or_else(
                    || {
                        // Go has read one byte further by then.
                        self.mismatch_at(self.at + 1, "float64", format!("number {literal}"));
                        Value::Null
                    },
                    Value::Number,
                ))
            }
            other => Err(self.syntax(other, "looking for beginning of value")),
        }
    }

    fn object_into(&mut self, members: &mut Map<String, Value>) -> Step<()> {
        self.enter()?;
        let mut more = self.first_key()?;
        while more {
            let mut key = String::new();
            self.key(&mut key)?;
            let value = self.value()?;
            members.insert(key, value);
            more = self.next_member()?;
        }
        Ok(())
    }

    fn array(&mut self) -> Step<Value> {
        self.enter()?;
        let mut items = Vec::new();
        let mut more = self.first_item()?;
        while more {
            items.push(self.value()?);
            more = self.next_item()?;
        }
        Ok(Value::Array(items))
    }

    fn skip(&mut self) -> Step<()> {
        match self.peek()? {
            b'{' => {
                self.enter()?;
                let mut more = self.first_key()?;
                while more {
                    self.key(&mut String::new())?;
                    self.skip()?;
                    more = self.next_member()?;
                }
                Ok(())
            }
            b'[' => {
                self.enter()?;
                let mut more = self.first_item()?;
                while more {
                    self.skip()?;
                    more = self.next_item()?;
                }
                Ok(())
            }
            b'"' => {
                self.at += 1;
                self.string(&mut String::new())
            }
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            b'-' | b'0'..=b'9' => self.number().map(drop),
            other => Err(self.syntax(other, "looking for beginning of value")),
        }
    }

    /// Steps over the bracket or brace that opens a value.
    fn enter(&mut self) -> Step<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let byte = self.text.get(self.at).copied().unwrap_or_default();
            return Err(self.syntax(byte, "exceeded max depth"));
        }
        self.at += 1;
        Ok(())
    }

    fn leave(&mut self) -> bool {
        self.depth -= 1;
        self.at += 1;
        false
    }

    fn first_key(&mut self) -> Step<bool> {
        if self.peek()? == b'}' { Ok(self.leave()) } else { Ok(true) }
    }

    fn first_item(&mut self) -> Step<bool> {
        if self.peek()? == b']' { Ok(self.leave()) } else { Ok(true) }
    }

    /// A key and its colon.
    fn key(&mut self, key: &mut String) -> Step<()> {
        match self.peek()? {
            b'"' => self.at += 1,
            other => return Err(self.syntax(other, "looking for beginning of object key string")),
        }
        self.string(key)?;
        match self.peek()? {
            b':' => self.at += 1,
            other => return Err(self.syntax(other, "after object key")),
        }
        Ok(())
    }

    fn next_member(&mut self) -> Step<bool> {
        match self.peek()? {
            b',' => {
                self.at += 1;
                Ok(true)
            }
            b'}' => Ok(self.leave()),
            other => Err(self.syntax(other, "after object key:value pair")),
        }
    }

    fn next_item(&mut self) -> Step<bool> {
        match self.peek()? {
            b',' => {
                self.at += 1;
                Ok(true)
            }
            b']' => Ok(self.leave()),
            other => Err(self.syntax(other, "after array element")),
        }
    }

    fn literal(&mut self, word: &'static str) -> Step<()> {
        for (index, expected) in word.bytes().enumerate() {
            match self.text.get(self.at) {
                None => return Err(DecodeError::Truncated),
                Some(byte) if *byte == expected => self.at += 1,
                Some(byte) if index == 0 => {
                    return Err(self.syntax(*byte, "looking for beginning of value"));
                }
                Some(byte) => {
                    let context =
                        format!("in literal {word} (expecting '{}')", char::from(expected));
                    return Err(self.syntax(*byte, &context));
                }
            }
        }
        Ok(())
    }

    fn number(&mut self) -> Step<&'a str> {
        let start = self.at;
        self.take(b"-");
        match self.byte()? {
            b'0' => self.at += 1,
            b'1'..=b'9' => self.digits(),
            other => return Err(self.syntax(other, "in numeric literal")),
        }
        if self.take(b".") {
            self.need_digit("after decimal point in numeric literal")?;
        }
        if self.take(b"eE") {
            self.take(b"+-");
            self.need_digit("in exponent of numeric literal")?;
        }
        let literal = self.text.get(start..self.at).unwrap_or_default();
        // All of it is ASCII.
        Ok(std::str::from_utf8(literal).unwrap_or_default())
    }

    fn need_digit(&mut self, context: &str) -> Step<()> {
        match self.byte()? {
            b'0'..=b'9' => {
                self.digits();
                Ok(())
            }
            other => Err(self.syntax(other, context)),
        }
    }

    fn digits(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
    }

    fn take(&mut self, any_of: &[u8]) -> bool {
        let found = self.text.get(self.at).is_some_and(|byte| any_of.contains(byte));
        self.at += usize::from(found);
        found
    }

    /// The rest of a string, up to and over its closing quote.
    fn string(&mut self, out: &mut String) -> Step<()> {
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let plain = rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f));
            let plain = plain.ok_or(DecodeError::Truncated)?;
            let (plain, rest) = rest.split_at(plain);
            push_lossy(out, plain);
            self.at += plain.len();
            match rest.first() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    let escaped = self.escape()?;
                    out.push(escaped);
                }
                Some(other) => return Err(self.syntax(*other, "in string literal")),
                None => return Err(DecodeError::Truncated),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Step<char> {
        let byte = self.byte()?;
        let plain = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.escaped_unit();
            }
            other => return Err(self.syntax(other, "in string escape code")),
        };
        self.at += 1;
        Ok(plain)
    }

    /// A UTF-16 unit, and the second of a pair when it follows. A lone half becomes U+FFFD.
    fn escaped_unit(&mut self) -> Step<char> {
        let unit = self.hex4()?;
        if let Some(char) = char::from_u32(unit) {
            return Ok(char);
        }
        let second = self.text.get(self.at..).and_then(|rest| rest.strip_prefix(b"\\u"));
        if unit < 0xdc00 && second.is_some() {
            let before = self.at;
            self.at += 2;
            let low = self.hex4()?;
            if (0xdc00..0xe000).contains(&low) {
                let code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex4(&mut self) -> Step<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            let byte = self.byte()?;
            let Some(digit) = char::from(byte).to_digit(16) else {
                return Err(self.syntax(byte, "in \\u hexadecimal character escape"));
            };
            unit = unit << 4 | digit;
            self.at += 1;
        }
        Ok(unit)
    }

    /// The byte here.
    fn byte(&self) -> Step<u8> {
        self.text.get(self.at).copied().ok_or(DecodeError::Truncated)
    }

    /// The next byte that is no white space; stays on it.
    fn peek(&mut self) -> Step<u8> {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.text.get(self.at) {
            self.at += 1;
        }
        self.byte()
    }

    fn syntax(&self, byte: u8, context: &str) -> DecodeError {
        let message = format!("invalid character {} {context}", quoted(byte));
        DecodeError::Syntax { offset: self.at + 1, message }
    }
}

/// Integers stay exact where Go would round them to a double; `None` when out of range.
fn number(literal: &str) -> Option<Number> {
    if let Ok(int) = literal.parse::<u64>() {
        return Some(int.into());
    }
    match literal.parse::<i64>() {
        Ok(int) if int != 0 => Some(int.into()),
        _ => Number::from_f64(literal.parse().ok()?),
    }
}

/// Appends bytes, each one that is no UTF-8 as U+FFFD.
fn push_lossy(out: &mut String, mut bytes: &[u8]) {
    loop {
        match std::str::from_utf8(bytes) {
            Ok(text) => return out.push_str(text),
            Err(error) => {
                let (valid, rest) = bytes.split_at(error.valid_up_to());
                out.push_str(std::str::from_utf8(valid).unwrap_or_default());
                out.push(char::REPLACEMENT_CHARACTER);
                bytes = rest.get(1..).unwrap_or_default();
            }
        }
    }
}
