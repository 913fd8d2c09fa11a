//! Scalars as upstreams send them: a number may come as text, and anything may be `null`.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// Text; `null` is empty, a number is its digits. Borrows where nothing is escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

/// A count; `null`, a negative number and text that is no number are zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u64);

/// A switch; `null` is off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

/// Whether an object has fields beside those that are known: flattened into a struct. What is
/// missing without any others is not there, what is missing among others may have been renamed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Others(pub(crate) bool);

/// A list; `null` is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number that it is, else zero.
    pub(crate) fn number(&self) -> u64 {
        self.0.parse().unwrap_or(0)
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text)))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
        }
        deserializer.deserialize_any(Texts)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Counts;
        impl<'de> Visitor<'de> for Counts {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a count")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Count, E> {
                Ok(Count(number))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Count, E> {
                Ok(Count(u64::try_from(number).unwrap_or(0)))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Count, E> {
                // Saturates, and is zero for NaN and less than zero.
                Ok(Count(number as u64))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Count, E> {
                Ok(Count(text.parse().unwrap_or(0)))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Count, E> {
                Ok(Count(0))
            }
        }
        deserializer.deserialize_any(Counts)
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl Serialize for Flag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(self.0)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::<bool>::deserialize(deserializer)?.unwrap_or(false)))
    }
}

impl<'de> Deserialize<'de> for Others {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Others;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Others, A::Error> {
                let mut others = Others(false);
                while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    others.0 = true;
                }
                Ok(others)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Lists<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Lists<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::with_capacity(items.size_hint().unwrap_or(0).min(1024));
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(List(list))
            }

            fn visit_unit<E: de::Error>(self) -> Result<List<T>, E> {
                Ok(List(Vec::new()))
            }
        }
        deserializer.deserialize_any(Lists(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Sample<'a> {
        #[serde(borrow, default)]
        name: Text<'a>,
        #[serde(default)]
        likes: Count,
        #[serde(default)]
        open: Flag,
        #[serde(default)]
        tags: List<u8>,
    }

    fn read(json: &str) -> Sample<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_missing_null_or_of_the_other_kind_reads_as_what_it_means() {
        for json in ["{}", r#"{"name":null,"likes":null,"open":null,"tags":null}"#] {
            let sample = read(json);
            assert!(sample.name.is_empty() && sample.likes.0 == 0);
            assert!(!sample.open.0 && sample.tags.0.is_empty());
        }
        let sample = read(r#"{"name":7,"likes":"12","open":true,"tags":[1]}"#);
        assert_eq!((sample.name.number(), sample.likes.0), (7, 12));
        assert_eq!(read(r#"{"likes":-1}"#).likes.0, 0);
        assert_eq!(read(r#"{"likes":"many"}"#).likes.0, 0);
        assert!(serde_json::from_str::<Sample<'_>>(r#"{"likes":{}}"#).is_err());
        assert!(serde_json::from_str::<Sample<'_>>(r#"{"tags":"x"}"#).is_err());
    }

    #[test]
    fn fields_beside_the_known_ones_are_noticed() {
        #[derive(Deserialize)]
        struct Sample<'a> {
            #[serde(borrow, default)]
            name: Text<'a>,
            #[serde(flatten)]
            others: Others,
        }
        for (json, name, others) in [
            ("{}", "", false),
            (r#"{"name":"x"}"#, "x", false),
            (r#"{"names":[{"x":1}]}"#, "", true),
            (r#"{"name":"x","id":7}"#, "x", true),
        ] {
            let read: Sample<'_> = serde_json::from_str(json).unwrap();
            assert_eq!((read.name.as_str(), read.others.0), (name, others), "{json}");
        }
    }

    #[test]
    fn plain_text_is_borrowed_and_escaped_text_is_read() {
        assert!(matches!(read(r#"{"name":"x"}"#).name.0, Cow::Borrowed("x")));
        assert_eq!(read(r#"{"name":"a\nb"}"#).name.as_str(), "a\nb");
    }
}
