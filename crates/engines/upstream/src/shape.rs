//! Items of an upstream, brought to the form that clients have: every field is there, and of its
//! type.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Visitor},
};

/// Declares what an upstream's object is read into and written as. A field that is absent or `null`
/// is empty; a field that is not declared is dropped.
///
/// After `identified by` stand fields of which one at least must hold something: upstreams put
/// objects that are no items in their place, such as `{"error": "no results"}`.
#[macro_export]
macro_rules! shape {
    ($(#[$outer:meta])* $name:ident $(identified by $($key:ident),+)? {
        $($(#[$inner:meta])* $field:ident: $type:ty,)*
    }) => {
        #[derive(Debug, Clone, Default, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
        $(#[$outer])*
        #[serde(default, remote = "Self")]
        #[allow(missing_docs, non_snake_case, reason = "the names are the upstream's")]
        pub struct $name {
            $(
                $(#[$inner])*
                #[serde(deserialize_with = "::sealwork_upstream::or_empty")]
                pub $field: $type,
            )*
        }

        impl $name {
            fn is_identified(&self) -> bool {
                true $(&& ($($crate::holds(&self.$key))||+))?
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D>(from: D) -> ::std::result::Result<Self, D::Error>
            where
                D: ::serde::Deserializer<'de>,
            {
                // The derived one.
                let item = $name::deserialize(from)?;
                if item.is_identified() {
                    Ok(item)
                } else {
                    Err(::serde::de::Error::custom("an object that is no item"))
                }
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, to: S) -> ::std::result::Result<S::Ok, S::Error> {
                // The derived one.
                $name::serialize(self, to)
            }
        }
    };
}

/// Reads `null` as what is empty: the `deserialize_with` of [`shape!`](macro@crate::shape).
///
/// # Errors
/// Those of `T`.
pub fn or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Whether a field of a [`shape!`](macro@crate::shape) is not empty.
pub fn holds<T: Default + PartialEq>(field: &T) -> bool {
    *field != T::default()
}

/// A text, also where the upstream sends a number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text(pub String);

/// A whole number, also where the upstream sends it as a text or with a fraction of zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Number(pub i64);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Lenient;
        impl Visitor<'_> for Lenient {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a number")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }
        }
        deserializer.deserialize_any(Lenient)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Lenient;
        impl Visitor<'_> for Lenient {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, or a text of one")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                let text = text.trim();
                let number = if text.is_empty() { Ok(0) } else { text.parse() };
                number.map(Number).map_err(|_| E::custom("no whole number"))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
                i64::try_from(number).map(Number).map_err(E::custom)
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number))
            }

            #[allow(clippy::cast_possible_truncation, reason = "below 2^53 and without fraction")]
            fn visit_f64<E: Error>(self, number: f64) -> Result<Number, E> {
                if number.fract() == 0.0 && number.abs() < 9e15 {
                    Ok(Number(number as i64))
                } else {
                    Err(E::custom("no whole number"))
                }
            }
        }
        deserializer.deserialize_any(Lenient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_are_read_in_either_form() {
        let texts: Vec<Text> = serde_json::from_str(r#"["a", 17, -1, 1.5]"#).unwrap();
        assert_eq!(texts, ["a", "17", "-1", "1.5"].map(|text| Text(text.to_owned())));
        let numbers: Vec<Number> = serde_json::from_str(r#"[17, "18", "", 19.0, -2]"#).unwrap();
        assert_eq!(numbers, [17, 18, 0, 19, -2].map(Number));
        for wrong in ["1.5", "\"x\"", "{}", "true", "1e300"] {
            assert!(serde_json::from_str::<Number>(wrong).is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<Text>("{}").is_err());
    }
}
