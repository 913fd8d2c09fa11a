use std::fmt;

/// Why a body is not what a route takes. Displays as Go's `encoding/json` words it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Nothing but white space.
    #[error("EOF")]
    Empty,
    /// The value does not end.
    #[error("unexpected EOF")]
    Truncated,
    /// Not JSON.
    #[error("{message}")]
    Syntax {
        /// Bytes read, the offending one included.
        offset: usize,
        /// What is wrong with which character.
        message: String,
    },
    /// A value of another type than the field's.
    #[error("json: cannot unmarshal {got} into Go {} of type {expected}", Place(.owner, .field))]
    Type {
        /// The Go type of the field.
        expected: &'static str,
        /// What was there: `number`, `string`, `bool`, `array`, `object`, `number 1.5`.
        got: String,
        /// The Go struct that has the field; empty at the top.
        owner: &'static str,
        /// The field; empty at the top.
        field: &'static str,
        /// Bytes read.
        offset: usize,
    },
    /// A form that is none.
    #[error("{message}")]
    Form {
        /// What is wrong with it.
        message: String,
    },
    /// The body's media type is none that the route reads.
    #[error("Unsupported Media Type")]
    MediaType,
}

impl DecodeError {
    /// As the framework of the reference prints a refused body: `code=400, message=..., internal=...`.
    pub fn as_bind_error(&self) -> String {
        match self {
            Self::MediaType => format!("code=415, message={self}"),
            Self::Empty | Self::Truncated | Self::Form { .. } => {
                format!("code=400, message={self}, internal={self}")
            }
            Self::Syntax { offset, message } => format!(
                "code=400, message=Syntax error: offset={offset}, error={message}, internal={message}"
            ),
            Self::Type { expected, got, field, offset, .. } => format!(
                "code=400, message=Unmarshal type error: expected={expected}, got={got}, \
                 field={field}, offset={offset}, internal={self}"
            ),
        }
    }

    /// The words for a text that must be one value and nothing else.
    pub(crate) fn of_whole_text(self) -> Self {
        match self {
            Self::Empty | Self::Truncated => {
                Self::Syntax { offset: 0, message: "unexpected end of JSON input".to_owned() }
            }
            other => other,
        }
    }
}

struct Place<'a>(&'a str, &'a str);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            ("", "") => f.write_str("value"),
            (owner, field) => write!(f, "struct field {owner}.{field}"),
        }
    }
}

/// A byte between single quotes, as Go prints an unexpected one.
pub(super) fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'\\' => r"'\\'".to_owned(),
        0x07 => r"'\a'".to_owned(),
        0x08 => r"'\b'".to_owned(),
        0x0c => r"'\f'".to_owned(),
        b'\n' => r"'\n'".to_owned(),
        b'\r' => r"'\r'".to_owned(),
        b'\t' => r"'\t'".to_owned(),
        0x0b => r"'\v'".to_owned(),
        0..=0x1f | 0x7f => format!(r"'\x{byte:02x}'"),
        // Controls, the no-break space and the soft hyphen: what Go does not call printable.
        0x80..=0xa0 | 0xad => format!(r"'\u{byte:04x}'"),
        _ => format!("'{}'", char::from(byte)),
    }
}
