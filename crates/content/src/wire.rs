//! The part of protobuf's wire format that dag-pb and UnixFS use: numbers and byte strings.

use unsigned_varint::{decode, encode};

/// What is wrong with the bytes of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    pub(crate) fn number(self) -> Result<u64, Malformed> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Bytes(_) => Err(Malformed("a number is a byte string")),
        }
    }

    pub(crate) fn bytes(self) -> Result<&'a [u8], Malformed> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Number(_) => Err(Malformed("a byte string is a number")),
        }
    }
}

/// The fields of a message, in the order in which they are written.
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let malformed = Malformed("a number is cut off, too large or not in its shortest form");
        let (number, rest) = decode::u64(self.0).map_err(|_| malformed)?;
        // The decoder drops the bits above the 64th.
        if !self.0.starts_with(encode::u64(number, &mut encode::u64_buffer())) {
            return Err(malformed);
        }
        self.0 = rest;
        Ok(number)
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), Malformed> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            2 => {
                let len = self.varint()?;
                let (bytes, rest) = usize::try_from(len)
                    .ok()
                    .and_then(|len| self.0.split_at_checked(len))
                    .ok_or(Malformed("a byte string is cut off"))?;
                self.0 = rest;
                Value::Bytes(bytes)
            }
            _ => return Err(Malformed("a field has a wire type that does not occur here")),
        };
        Ok((tag >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Malformed>;

    /// The next field's number and value. After an error there is nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// Keeps the value of a field that occurs once.
pub(crate) fn set_once<T>(slot: &mut Option<T>, value: T) -> Result<(), Malformed> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Malformed("a field occurs twice")),
    }
}

pub(crate) fn put_number(out: &mut Vec<u8>, field: u64, number: u64) {
    put_varint(out, field << 3);
    put_varint(out, number);
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(out, field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_varint(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(encode::u64(number, &mut encode::u64_buffer()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(message: &[u8]) -> Result<Vec<(u64, Value<'_>)>, Malformed> {
        Fields::of(message).collect()
    }

    #[test]
    fn fields_read_back_as_they_were_put() {
        let mut message = Vec::new();
        put_number(&mut message, 1, u64::MAX);
        put_bytes(&mut message, 2, b"abc");
        put_number(&mut message, 300, 0);
        let fields =
            [(1, Value::Number(u64::MAX)), (2, Value::Bytes(b"abc")), (300, Value::Number(0))];
        assert_eq!(all(&message).unwrap(), fields);
        assert_eq!(all(&[]).unwrap(), []);
    }

    #[test]
    fn cut_overlong_and_unknown_forms_are_refused() {
        for message in [
            &[0x08][..],
            &[0x80],
            &[0x12, 0x05, b'a'],
            // 0 in two bytes.
            &[0x08, 0x80, 0x00],
            // 2^64.
            &[0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02],
            // A length near 2^64.
            &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            // Fixed 64-bit, groups, fixed 32-bit, and two that do not exist.
            &[0x09, 0, 0, 0, 0, 0, 0, 0, 0],
            &[0x0b, 0x0c],
            &[0x0d, 0, 0, 0, 0],
            &[0x0e],
            &[0x0f],
        ] {
            assert!(all(message).is_err(), "{message:02x?}");
        }
    }

    #[test]
    fn nothing_follows_an_error() {
        assert_eq!(Fields::of(&[0x0f, 0x08, 0x01]).count(), 1);
    }
}
