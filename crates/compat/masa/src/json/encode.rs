use serde_json::{Map, Number, Value};

/// Appends `text` quoted, with the characters escaped that are dangerous inside HTML.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            0x08 => b"\\b",
            0x0c => b"\\f",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0..=0x1f | b'<' | b'>' | b'&' => &unicode_escape(*byte),
            // U+2028 and U+2029 end lines in JavaScript: e2 80 a8, e2 80 a9.
            0xe2 if bytes.get(at..at + 3) == Some(b"\xe2\x80\xa8") => b"\\u2028",
            0xe2 if bytes.get(at..at + 3) == Some(b"\xe2\x80\xa9") => b"\\u2029",
            _ => continue,
        };
        out.extend_from_slice(bytes.get(plain..at).unwrap_or_default());
        out.extend_from_slice(escape);
        plain = at + if *byte == 0xe2 { 3 } else { 1 };
    }
    out.extend_from_slice(bytes.get(plain..).unwrap_or_default());
    out.push(b'"');
}

/// Appends a value as Go's `Marshal` does: keys sorted, numbers shortest, no white space.
pub fn write_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(out, item);
            }
            out.push(b']');
        }
        Value::Object(members) => write_object(out, members),
    }
}

pub(crate) fn write_object(out: &mut Vec<u8>, members: &Map<String, Value>) {
    // A map of serde_json is sorted unless some crate switches on its insertion order.
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_unstable_by(|a, b| a.0.cmp(b.0));
    out.push(b'{');
    for (index, (key, value)) in sorted.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(out, key);
        out.push(b':');
        write_value(out, value);
    }
    out.push(b'}');
}

fn write_number(out: &mut Vec<u8>, number: &Number) {
    let text = match number.as_f64() {
        Some(float) if number.is_f64() => float_text(float),
        _ => number.to_string(),
    };
    out.extend_from_slice(text.as_bytes());
}

/// Shortest digits; an exponent below 1e-6 and from 1e21 on, with its sign.
fn float_text(float: f64) -> String {
    let size = float.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return format!("{float}");
    }
    let text = format!("{float:e}");
    if text.contains("e-") { text } else { text.replace('e', "e+") }
}

fn unicode_escape(byte: u8) -> [u8; 6] {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).map_or(b'0', |c| c as u8);
    [b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(value: &Value) -> String {
        let mut out = Vec::new();
        write_value(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn keys_are_sorted_and_html_is_escaped() {
        let value = json!({"b": "<a href=\"x\">&\u{2028}", "a": [true, null, "\u{1}\u{7f}\u{e9}"]});
        assert_eq!(
            written(&value),
            "{\"a\":[true,null,\"\\u0001\u{7f}\u{e9}\"],\
             \"b\":\"\\u003ca href=\\\"x\\\"\\u003e\\u0026\\u2028\"}"
        );
    }

    #[test]
    fn numbers_have_the_form_that_go_gives_them() {
        for (value, text) in [
            (json!(1.0), "1"),
            (json!(1e21), "1e+21"),
            (json!(123456789012345680000.0), "123456789012345680000"),
            (json!(1e-6), "0.000001"),
            (json!(1.5e-9), "1.5e-9"),
            (json!(-0.0), "-0"),
            (json!(1.234e25), "1.234e+25"),
            (json!(u64::MAX), "18446744073709551615"),
        ] {
            assert_eq!(written(&value), text);
        }
    }
}
