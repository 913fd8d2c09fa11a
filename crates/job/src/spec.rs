use std::{fmt, marker::PhantomData, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::Value;

use crate::{Code, Failure, Limits};

/// Arguments nested deeper than this are refused.
pub const MAX_ARGUMENT_DEPTH: usize = 64;

/// The name of an engine: 1 to 64 of `a-z 0-9 -`, beginning with a letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EngineName(String);

impl EngineName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EngineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EngineName {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let valid = (1..=64).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if valid { Ok(Self(text.to_owned())) } else { Err(SpecError::EngineName) }
    }
}

impl TryFrom<String> for EngineName {
    type Error = SpecError;

    fn try_from(text: String) -> Result<Self, SpecError> {
        text.parse()
    }
}

impl From<EngineName> for String {
    fn from(name: EngineName) -> Self {
        name.0
    }
}

/// Why a body is not a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The engine's name has the wrong form.
    #[error("engine must be 1 to 64 of a-z, 0-9 and '-', beginning with a letter")]
    EngineName,
    /// Not the JSON of a job. The position is kept, the text is not.
    #[error("not a job: {kind} at line {line}, column {column}")]
    Json {
        /// What serde calls the kind of error.
        kind: &'static str,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Arguments that are no object, or nested too deep.
    #[error("arguments must be an object nested at most {MAX_ARGUMENT_DEPTH} deep")]
    Arguments,
}

impl From<SpecError> for Failure {
    fn from(error: SpecError) -> Self {
        Self::new(Code::JobMalformed, error.to_string())
    }
}

/// What a requester asks for: the plaintext of a sealed job.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// Which engine.
    pub engine: EngineName,
    /// The engine's arguments, an object.
    #[serde(default = "empty_object")]
    pub arguments: Value,
    /// What the job may use.
    #[serde(default, deserialize_with = "object")]
    pub limits: Limits,
    /// When the job must have ended, in seconds since 1970; the wall-time limit applies as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<u64>,
}

fn empty_object() -> Value {
    Value::Object(serde_json::Map::new())
}

impl JobSpec {
    /// A job with default limits.
    pub fn new(engine: EngineName, arguments: Value) -> Self {
        Self { engine, arguments, limits: Limits::default(), deadline: None }
    }

    /// Reads a job from JSON.
    ///
    /// # Errors
    /// [`SpecError`]; the message never quotes the input.
    pub fn from_json(json: &[u8]) -> Result<Self, SpecError> {
        let mut json = serde_json::Deserializer::from_slice(json);
        let read = object(&mut json).and_then(|spec: Self| json.end().map(|()| spec));
        let spec = read.map_err(|e| SpecError::Json {
            kind: match e.classify() {
                serde_json::error::Category::Io => "unreadable",
                serde_json::error::Category::Syntax => "a syntax error",
                serde_json::error::Category::Data => "a missing, unknown or mistyped field",
                serde_json::error::Category::Eof => "an unexpected end",
            },
            line: e.line(),
            column: e.column(),
        })?;
        if !spec.arguments.is_object() || depth(&spec.arguments) > MAX_ARGUMENT_DEPTH {
            return Err(SpecError::Arguments);
        }
        Ok(spec)
    }

    /// Writes the job as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        // A `Value` has string keys only, so this cannot fail; an empty body would be refused.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Reads a struct, and from an object only. What serde derives takes an array as well, field by
/// field: a job that somebody wrote otherwise than they meant.
fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(json: D) -> Result<T, D::Error> {
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(fields))
        }
    }

    json.deserialize_map(Object(PhantomData))
}

/// serde_json itself bounds nesting at 128, so the recursion is bounded.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

impl fmt::Debug for JobSpec {
    /// Shows the engine only: arguments are the requester's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobSpec({})", self.engine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_wrong_engines_and_deep_arguments_are_refused() {
        assert!(JobSpec::from_json(br#"{"engine":"web","arguments":{"url":"x"}}"#).is_ok());
        assert!(JobSpec::from_json(br#"{"engine":"web"}"#).is_ok());
        for bad in [
            r#"{"engine":"web","argumentz":{}}"#.to_owned(),
            r#"{"engine":"Web"}"#.to_owned(),
            r#"{"engine":""}"#.to_owned(),
            r#"{"engine":"web","arguments":[]}"#.to_owned(),
            r#"{"engine":"web","limits":{"wall":1}}"#.to_owned(),
            r#"{"engine":"web"} x"#.to_owned(),
            r#"["web",{"url":"x"}]"#.to_owned(),
            r#"{"engine":"web","limits":[20000]}"#.to_owned(),
            format!(
                r#"{{"engine":"web","arguments":{{"a":{}1{}}}}}"#,
                "[".repeat(70),
                "]".repeat(70)
            ),
        ] {
            assert!(JobSpec::from_json(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_error_never_quotes_the_input() {
        let error = JobSpec::from_json(br#"{"engine":"web","secret-word":1}"#).unwrap_err();
        assert!(!error.to_string().contains("secret-word"));
    }
}
