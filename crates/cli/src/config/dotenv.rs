//! The `.env` file, read as Masa's worker reads it.
//!
//! A reader of our own and not a library's: those at hand look variables up in the process's
//! environment while they expand, refuse unquoted values with spaces that Masa's operators have in
//! their files, and quote the faulty line, secrets included, in their errors.

use std::collections::BTreeMap;

/// Why the file cannot be read. Says where, and never what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub(crate) struct DotenvError {
    line: usize,
    what: &'static str,
}

/// Reads `NAME=value` lines. `export`, comments, single quotes (verbatim), double quotes (escapes,
/// expansion, several lines) and `$NAME`, `${NAME}` of earlier lines are understood; the last of
/// several equal names counts.
///
/// # Errors
/// [`DotenvError`].
pub(crate) fn parse(text: &str) -> Result<BTreeMap<String, String>, DotenvError> {
    let mut variables = BTreeMap::new();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let total = rest.len();
    let source = rest;
    while let Some(start) = rest.find(|c: char| !c.is_whitespace()) {
        rest = &rest[start..];
        let line = source[..total - rest.len()].matches('\n').count() + 1;
        if rest.starts_with('#') {
            rest = after_line(rest);
            continue;
        }
        let fail = |what| DotenvError { line, what };
        let (name, after) = name(rest).map_err(fail)?;
        let (value, after) = value(after, &variables).map_err(fail)?;
        variables.insert(name.to_owned(), value);
        rest = after;
    }
    Ok(variables)
}

fn after_line(text: &str) -> &str {
    text.split_once('\n').map_or("", |(_, rest)| rest)
}

/// The name, and what follows its `=`.
fn name(text: &str) -> Result<(&str, &str), &'static str> {
    let text = text
        .strip_prefix("export")
        .filter(|rest| rest.starts_with([' ', '\t']))
        .map_or(text, str::trim_start);
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return Err("does not begin with a name");
    }
    let rest = rest.trim_start_matches([' ', '\t']);
    match rest.strip_prefix(['=', ':']) {
        Some(value) => Ok((name, value.trim_start_matches([' ', '\t']))),
        None => Err("has no `=` after the name"),
    }
}

/// The value, and what follows its line.
fn value<'a>(
    text: &'a str,
    variables: &BTreeMap<String, String>,
) -> Result<(String, &'a str), &'static str> {
    match text.chars().next() {
        Some(quote @ ('\'' | '"')) => {
            let inside = &text[1..];
            let end = closing(inside, quote).ok_or("has a quote that is never closed")?;
            let after = &inside[end + 1..];
            let tail = after.split('\n').next().unwrap_or("").trim();
            if !tail.is_empty() && !tail.starts_with('#') {
                return Err("has text after the closing quote");
            }
            let raw = &inside[..end];
            let value =
                if quote == '"' { expand(&unescape(raw), variables) } else { raw.to_owned() };
            Ok((value, after_line(after)))
        }
        _ => {
            let line = text.split('\n').next().unwrap_or("");
            let comment = line
                .char_indices()
                .find(|(at, c)| *c == '#' && (*at == 0 || line[..*at].ends_with([' ', '\t'])));
            let raw = comment.map_or(line, |(at, _)| &line[..at]).trim();
            Ok((expand(raw, variables), after_line(text)))
        }
    }
}

/// Where the closing quote stands: the first that no backslash precedes.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == quote && !escaped {
            return Some(at);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

/// `\n` and `\r` are line ends; a `\$` is kept for [`expand`]; another escaped character is itself.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('$') => out.push_str("\\$"),
            Some(other) => out.push(other),
            None => out.push('\\'),
        }
    }
    out
}

/// `$NAME` and `${NAME}` become the file's earlier values, nothing when there is none; `\$` is a
/// dollar.
fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('\\') {
            out.push_str(before);
            out.push('$');
            rest = &from[1..];
            continue;
        }
        out.push_str(before);
        let after = &from[1..];
        let braced = after.strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let (name, tail) = match braced {
            Some((name, tail)) => (name, tail),
            None => {
                let end = after
                    .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                    .unwrap_or(after.len());
                after.split_at(end)
            }
        };
        if name.is_empty() {
            out.push('$');
        } else {
            out.push_str(variables.get(name).map_or("", String::as_str));
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(text: &str) -> String {
        parse(text).unwrap().remove("A").unwrap()
    }

    #[test]
    fn values_are_read_as_masa_s_operators_write_them() {
        for (text, value) in [
            ("A=b", "b"),
            ("A = b ", "b"),
            ("export A=b", "b"),
            ("A: b", "b"),
            ("A=", ""),
            ("A=\r\n", ""),
            ("A=Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (X11; Linux x86_64)"),
            ("A=b # comment", "b"),
            ("A=b#c", "b#c"),
            ("A=# comment", ""),
            ("A='$B #x' # y", "$B #x"),
            ("A=\"two\\nlines\"", "two\nlines"),
            ("A=\"two\nlines\"", "two\nlines"),
            ("A=\"say \\\"hi\\\"\"", "say \"hi\""),
            ("B=1\nA=x${B}y$B", "x1y1"),
            ("A=pa\\$word", "pa$word"),
            ("A=x${NOWHERE}y", "xy"),
            ("A=user:pass,user2:pass2", "user:pass,user2:pass2"),
            ("A=1\nA=2", "2"),
            ("\u{feff}# head\n\n  A=b", "b"),
        ] {
            assert_eq!(one(text), value, "{text:?}");
        }
    }

    #[test]
    fn a_faulty_line_is_named_by_its_number_and_never_quoted() {
        for (text, line) in [
            ("A=1\n\nhush hush", 3),
            ("A=1\n=hush", 2),
            ("A=1\nB=\"hush", 2),
            ("A=\"1\n2\"\nB='x' hush", 3),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text:?}");
            assert!(!error.to_string().contains("hush"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_plain_values_come_back(
            noise in "\\PC*|[A-Z=\"'$\\\\{}# \n]*",
            plain in "[a-zA-Z0-9:,/._-]{0,40}",
        ) {
            let _ = parse(&noise);
            prop_assert_eq!(one(&format!("A={plain}")), plain);
        }
    }
}
