//! The TOML file: one table whose keys are the settings' names in lower case.

use toml::{Table, Value};

use super::kind::Kind;

/// Why a file is no TOML. Says where and what, without the text around it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub(crate) struct TomlError {
    line: usize,
    message: String,
}

/// Reads the file's keys and values.
///
/// # Errors
/// [`TomlError`].
pub(crate) fn parse(text: &str) -> Result<Table, TomlError> {
    text.parse::<Table>().map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.as_bytes().iter().take(start).filter(|byte| **byte == b'\n').count() + 1;
        TomlError { line, message: error.message().to_owned() }
    })
}

/// The value as the environment would write it.
///
/// # Errors
/// What is wrong with its type; never its content.
pub(crate) fn text_of(kind: Kind, value: &Value) -> Result<String, &'static str> {
    match value {
        Value::Table(table) if kind == Kind::EngineCounts => {
            let parts: Result<Vec<_>, _> = table
                .iter()
                .map(|(name, number)| scalar(number).map(|number| format!("{name}={number}")))
                .collect();
            Ok(parts?.join(","))
        }
        Value::Array(items) if kind.takes_array() => {
            let parts: Result<Vec<_>, _> = items.iter().map(|item| entry(kind, item)).collect();
            Ok(parts?.join(","))
        }
        Value::Array(_) => Err("is an array"),
        Value::Table(_) => Err("is a table"),
        other => scalar(other),
    }
}

fn scalar(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Boolean(on) => Ok(on.to_string()),
        Value::Float(_) => Err("is a number with a point"),
        Value::Datetime(_) => Err("is a date"),
        Value::Array(_) => Err("holds an array where one value is meant"),
        Value::Table(_) => Err("holds a table where one value is meant"),
    }
}

/// One item of an array. What separates items in the environment's form cannot be part of one.
fn entry(kind: Kind, item: &Value) -> Result<String, &'static str> {
    match item {
        Value::Table(table) if kind.takes_tables() => named(kind, table),
        other => {
            let text = scalar(other)?;
            if text.contains(',') { Err("has an item with a comma") } else { Ok(text) }
        }
    }
}

/// `{ name = "alice", key = "...", max_pending = 5, admin = true }`, or with `requester` for a quota.
fn named(kind: Kind, table: &Table) -> Result<String, &'static str> {
    let mut options = String::new();
    let (mut name, mut key) = (None, None);
    for (field, value) in table {
        let text = scalar(value)?;
        if text.contains([',', ';']) {
            return Err("has an entry with a comma or a semicolon in it");
        }
        match (kind, field.as_str()) {
            (Kind::ApiKeys, "name") | (Kind::Quotas, "requester") => name = Some(text),
            (Kind::ApiKeys, "key") => key = Some(text),
            (Kind::ApiKeys, "admin") => match text.as_str() {
                "true" => options.push_str(";admin"),
                "false" => {}
                _ => return Err("has an entry whose `admin` is neither true nor false"),
            },
            (_, "max_pending" | "per_minute") => options.push_str(&format!(";{field}={text}")),
            _ => return Err("has an entry with an unknown field"),
        }
    }
    let mut head = name.ok_or("has an entry without a name")?;
    if kind == Kind::ApiKeys {
        head.push('=');
        head.push_str(&key.ok_or("has an entry without a key")?);
    }
    Ok(head + &options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Kind, toml: &str) -> Result<String, &'static str> {
        text_of(kind, &parse(toml).unwrap()["x"])
    }

    #[test]
    fn values_arrays_and_tables_become_the_environment_s_texts() {
        assert_eq!(read(Kind::count(1, 9), "x = 5"), Ok("5".to_owned()));
        assert_eq!(read(Kind::Switch, "x = true"), Ok("true".to_owned()));
        assert_eq!(read(Kind::List, "x = ['a', 'b']"), Ok("a,b".to_owned()));
        assert_eq!(
            read(Kind::EngineCounts, "x = {web = 2, tiktok = 1}"),
            Ok("tiktok=1,web=2".into())
        );
        assert_eq!(
            read(
                Kind::ApiKeys,
                "[[x]]\nname='a'\nkey='k'\nmax_pending=5\n[[x]]\nname='b'\nkey='l'\nadmin=true"
            ),
            Ok("a=k;max_pending=5,b=l;admin".to_owned())
        );
        assert_eq!(
            read(Kind::Quotas, "x = [{requester='api-key:aa', per_minute=5}]"),
            Ok("api-key:aa;per_minute=5".to_owned())
        );
    }

    #[test]
    fn other_types_are_refused_without_showing_them() {
        assert!(read(Kind::count(1, 9), "x = 5.0").is_err());
        assert!(read(Kind::count(1, 9), "x = [5]").is_err());
        assert!(read(Kind::List, "x = ['a,b']").is_err());
        assert!(read(Kind::ApiKeys, "x = [{name='a', key='k,b=l'}]").is_err());
        assert!(read(Kind::ApiKeys, "x = [{name='a', secret='k'}]").is_err());
        assert!(read(Kind::ApiKeys, "x = [{name='a'}]").is_err());
    }

    #[test]
    fn a_syntax_error_has_its_line_and_no_text_of_the_file() {
        let error = parse("a = 1\n\napi_key = \"hush hush\n").unwrap_err();
        assert_eq!(error.line, 3);
        assert!(!error.to_string().contains("hush"), "{error}");
    }
}
