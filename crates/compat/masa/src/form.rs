//! What Go finds wrong in a form. Nothing of a form is used.

use crate::json::DecodeError;

/// Looks at every key and value of an urlencoded form.
///
/// # Errors
/// [`DecodeError::Form`], the first that Go would name.
pub(crate) fn check(body: &[u8]) -> Result<(), DecodeError> {
    let mut first = None;
    for pair in body.split(|byte| *byte == b'&') {
        if pair.contains(&b';') {
            // Go lets this one override what it found before.
            first = Some("invalid semicolon separator in query".to_owned());
            continue;
        }
        if first.is_none() {
            first = bad_escape(pair).map(|escape| format!("invalid URL escape {}", quoted(escape)));
        }
    }
    first.map_or(Ok(()), |message| Err(DecodeError::Form { message }))
}

/// The first percent sign that two hexadecimal digits do not follow, with at most two more bytes of
/// its key or value.
fn bad_escape(pair: &[u8]) -> Option<&[u8]> {
    pair.splitn(2, |byte| *byte == b'=').find_map(|text| {
        let (mut at, mut found) = (0, None);
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty() && found.is_none()) {
            at += match rest {
                [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => 3,
                [b'%', ..] => {
                    found = rest.get(..rest.len().min(3));
                    1
                }
                _ => 1,
            };
        }
        found
    })
}

/// As Go quotes a string.
fn quoted(bytes: &[u8]) -> String {
    let mut out = "\"".to_owned();
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '"' | '\\' => out.extend(['\\', char]),
                '\u{7}' => out.push_str(r"\a"),
                '\u{8}' => out.push_str(r"\b"),
                '\t' => out.push_str(r"\t"),
                '\n' => out.push_str(r"\n"),
                '\u{b}' => out.push_str(r"\v"),
                '\u{c}' => out.push_str(r"\f"),
                '\r' => out.push_str(r"\r"),
                '\0'..='\x1f' | '\x7f' => out.push_str(&format!(r"\x{:02x}", u32::from(char))),
                _ => out.push(char),
            }
        }
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!(r"\x{byte:02x}")));
    }
    out.push('"');
    out
}
