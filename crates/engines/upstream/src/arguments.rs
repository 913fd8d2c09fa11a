use serde_json::{Map, Value};
use thiserror::Error;

use crate::CursorKey;

/// A job's arguments, read field by field. Absent and `null` are the same.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a>(&'a Map<String, Value>);

/// Why an argument is refused: names it, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FieldError {
    /// Not an object.
    #[error("arguments must be an object")]
    NotAnObject,
    /// A name that the operation does not have.
    #[error("{name} is no argument here; known are {}", .known.join(", "))]
    Unknown {
        /// The name, at most 100 characters of it.
        name: String,
        /// Those there are.
        known: &'static [&'static str],
    },
    /// A needed argument that is not there.
    #[error("{name} is required: {expected}")]
    Missing {
        /// Which.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// An argument of the wrong type.
    #[error("{name} must be {expected}")]
    Type {
        /// Which.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A number below zero.
    #[error("{name} must be non-negative, got: {given}")]
    Negative {
        /// Which.
        name: &'static str,
        /// The number.
        given: i64,
    },
    /// Another word than those allowed.
    #[error("{name} must be one of {}; got: {given}", .allowed.join(", "))]
    Choice {
        /// Which.
        name: &'static str,
        /// The allowed words.
        allowed: &'static [&'static str],
        /// The word, at most 100 characters of it.
        given: String,
    },
    /// A text, a list or one of its items that is too long.
    #[error("{name} must have at most {max} {unit}, has {given}")]
    Length {
        /// Which.
        name: &'static str,
        /// How many.
        max: usize,
        /// Of what.
        unit: &'static str,
        /// How many there are.
        given: usize,
    },
    /// Anything else.
    #[error("{text}")]
    Invalid {
        /// What is wrong; may quote the job.
        text: String,
        /// The same without a part of the job.
        in_clear: &'static str,
    },
}

impl FieldError {
    /// The same without anything that the job says: a refusal goes out in the clear.
    pub fn without_values(&self) -> String {
        match self {
            Self::Unknown { known, .. } => {
                format!("an argument is unknown; known are {}", known.join(", "))
            }
            Self::Negative { name, .. } => format!("{name} must be non-negative"),
            Self::Choice { name, allowed, .. } => {
                format!("{name} must be one of {}", allowed.join(", "))
            }
            Self::Length { name, max, unit, .. } => {
                format!("{name} must have at most {max} {unit}")
            }
            Self::Invalid { in_clear, .. } => (*in_clear).to_owned(),
            Self::NotAnObject | Self::Missing { .. } | Self::Type { .. } => self.to_string(),
        }
    }
}

impl<'a> Fields<'a> {
    /// The fields of `arguments`.
    ///
    /// # Errors
    /// [`FieldError::NotAnObject`].
    pub fn of(arguments: &'a Value) -> Result<Self, FieldError> {
        arguments.as_object().map(Self).ok_or(FieldError::NotAnObject)
    }

    /// Refuses names that are not among `known`.
    ///
    /// # Errors
    /// [`FieldError::Unknown`].
    pub fn only(&self, known: &'static [&'static str]) -> Result<(), FieldError> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(FieldError::Unknown { name: shown(name), known }),
            None => Ok(()),
        }
    }

    /// Whether the argument is there.
    pub fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }

    /// A text of at most `max` bytes, without the blanks around it; `None` for an empty one.
    ///
    /// # Errors
    /// [`FieldError::Type`], [`FieldError::Length`].
    pub fn text(&self, name: &'static str, max: usize) -> Result<Option<&'a str>, FieldError> {
        let text = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.trim(),
            Some(_) => return Err(FieldError::Type { name, expected: "a string" }),
        };
        check_length(name, text, max)?;
        Ok((!text.is_empty()).then_some(text))
    }

    /// A list of at most `most` texts of at most `max` bytes each; empty when absent.
    ///
    /// # Errors
    /// [`FieldError::Type`], also for an empty text; [`FieldError::Length`].
    pub fn texts(
        &self,
        name: &'static str,
        most: usize,
        max: usize,
    ) -> Result<Vec<&'a str>, FieldError> {
        let wrong = FieldError::Type { name, expected: "a list of non-empty strings" };
        let items = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(wrong),
        };
        if items.len() > most {
            let given = items.len();
            return Err(FieldError::Length { name, max: most, unit: "items", given });
        }
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            let text = item.as_str().map(str::trim).filter(|text| !text.is_empty());
            let text = text.ok_or_else(|| wrong.clone())?;
            check_length(name, text, max)?;
            texts.push(text);
        }
        Ok(texts)
    }

    /// The digits of a text that came as the number that they are.
    pub fn whole(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }

    /// True or false; false when absent.
    ///
    /// # Errors
    /// [`FieldError::Type`].
    pub fn flag(&self, name: &'static str) -> Result<bool, FieldError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(FieldError::Type { name, expected: "true or false" }),
        }
    }

    /// A number that counts something; zero when absent. `2.0` is one, as numbers pass through JSON
    /// libraries that know only floats.
    ///
    /// # Errors
    /// [`FieldError::Type`], [`FieldError::Negative`].
    pub fn count(&self, name: &'static str) -> Result<u64, FieldError> {
        let number = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(0),
            Some(Value::Number(number)) => number,
            Some(_) => return Err(FieldError::Type { name, expected: "an integer" }),
        };
        if let Some(count) = number.as_u64() {
            return Ok(count);
        }
        if let Some(given) = number.as_i64() {
            return Err(FieldError::Negative { name, given });
        }
        match number.as_f64() {
            Some(float) if float.fract() != 0.0 || !float.is_finite() => {
                Err(FieldError::Type { name, expected: "an integer" })
            }
            Some(float) if float < 0.0 => {
                Err(FieldError::Negative { name, given: saturated(float) })
            }
            // Saturates.
            Some(float) => Ok(float as u64),
            None => Err(FieldError::Type { name, expected: "an integer" }),
        }
    }

    /// One of `allowed`, which are in lower case, in any case; `None` when absent or empty.
    ///
    /// # Errors
    /// [`FieldError::Type`], [`FieldError::Choice`].
    pub fn choice(
        &self,
        name: &'static str,
        allowed: &'static [&'static str],
    ) -> Result<Option<&'static str>, FieldError> {
        let number = self.whole(name).map(|number| number.to_string());
        let given = match &number {
            Some(number) => number.as_str(),
            None => match self.text(name, usize::MAX)? {
                Some(given) => given,
                None => return Ok(None),
            },
        };
        match allowed.iter().find(|word| word.eq_ignore_ascii_case(given)) {
            Some(word) => Ok(Some(word)),
            None => Err(FieldError::Choice { name, allowed, given: shown(given) }),
        }
    }

    /// A sealed cursor; `None` when absent or empty.
    ///
    /// # Errors
    /// [`FieldError::Type`] for what no worker has sealed.
    pub fn cursor(&self, name: &'static str) -> Result<Option<&'a str>, FieldError> {
        let expected = "a cursor that this worker gave with an earlier result";
        match self.text(name, usize::MAX)? {
            Some(cursor) if !CursorKey::looks_sealed(cursor) => {
                Err(FieldError::Type { name, expected })
            }
            cursor => Ok(cursor),
        }
    }
}

fn check_length(name: &'static str, text: &str, max: usize) -> Result<(), FieldError> {
    if text.len() > max {
        return Err(FieldError::Length { name, max, unit: "bytes", given: text.len() });
    }
    Ok(())
}

#[allow(clippy::cast_possible_truncation, reason = "a float cast saturates")]
fn saturated(float: f64) -> i64 {
    float as i64
}

/// At most 100 characters of what the requester sent.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn refusals_name_the_field_and_what_is_allowed() {
        let arguments = json!({
            "text": 1, "long": "abcdef", "list": ["a", ""], "many": ["a", "b", "c"], "flag": "yes",
            "half": 1.5, "below": -2, "far_below": -1e30, "word": "newest"
        });
        let fields = Fields::of(&arguments).unwrap();
        let text = |error: FieldError| error.to_string();
        assert_eq!(text(fields.text("text", 9).unwrap_err()), "text must be a string");
        assert_eq!(
            text(fields.text("long", 5).unwrap_err()),
            "long must have at most 5 bytes, has 6"
        );
        assert_eq!(
            text(fields.texts("list", 9, 9).unwrap_err()),
            "list must be a list of non-empty strings"
        );
        assert_eq!(
            text(fields.texts("many", 2, 9).unwrap_err()),
            "many must have at most 2 items, has 3"
        );
        assert_eq!(text(fields.flag("flag").unwrap_err()), "flag must be true or false");
        assert_eq!(text(fields.count("half").unwrap_err()), "half must be an integer");
        assert_eq!(
            text(
                fields.count("text").map(|_| ()).and(fields.count("long").map(|_| ())).unwrap_err()
            ),
            "long must be an integer"
        );
        assert_eq!(text(fields.count("below").unwrap_err()), "below must be non-negative, got: -2");
        assert!(matches!(fields.count("far_below"), Err(FieldError::Negative { .. })));
        assert_eq!(
            text(fields.choice("word", &["hot", "new"]).unwrap_err()),
            "word must be one of hot, new; got: newest"
        );
        assert_eq!(
            text(fields.only(&["text"]).unwrap_err()),
            "below is no argument here; known are text"
        );
        assert_eq!(Fields::of(&json!([])).unwrap_err(), FieldError::NotAnObject);
    }

    #[test]
    fn in_the_clear_no_value_of_the_job_is_said() {
        let arguments = json!({"word": "hush", "hush": 1, "many": ["hush", "hush"], "below": -77});
        let fields = Fields::of(&arguments).unwrap();
        for (error, said) in [
            (fields.choice("word", &["a", "b"]).unwrap_err(), "word must be one of a, b"),
            (fields.only(&["word"]).unwrap_err(), "an argument is unknown; known are word"),
            (fields.texts("many", 1, 9).unwrap_err(), "many must have at most 1 items"),
            (fields.texts("many", 2, 3).unwrap_err(), "many must have at most 3 bytes"),
            (fields.count("below").unwrap_err(), "below must be non-negative"),
            (fields.flag("word").unwrap_err(), "word must be true or false"),
        ] {
            assert_eq!(error.without_values(), said);
        }
    }

    #[test]
    fn absent_null_and_empty_are_the_same_and_floats_that_are_whole_are_integers() {
        let arguments = json!({"a": null, "b": "  ", "n": 20.0, "huge": 1e30, "word": "NEW"});
        let fields = Fields::of(&arguments).unwrap();
        assert_eq!(
            (fields.text("a", 9), fields.text("b", 9), fields.text("c", 9)),
            (Ok(None), Ok(None), Ok(None))
        );
        assert_eq!((fields.count("a"), fields.count("n")), (Ok(0), Ok(20)));
        assert_eq!(fields.count("huge"), Ok(u64::MAX));
        assert_eq!(fields.choice("word", &["hot", "new"]), Ok(Some("new")));
    }
}
