//! Reads JSON in which a struct is an object, at every depth.
//!
//! What serde derives for a struct takes an array as well, field by field: `[]` would be a struct
//! whose fields all have defaults, and an upstream that has changed would look like one that has
//! nothing.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, EnumAccess, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

/// Reads the JSON of an upstream, and borrows from it.
///
/// # Errors
/// Those of [`serde_json::from_slice`]; an array in the place of a struct.
pub fn from_slice<'a, T: Deserialize<'a>>(json: &'a [u8]) -> serde_json::Result<T> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let read = T::deserialize(Objects(&mut deserializer))?;
    deserializer.end()?;
    Ok(read)
}

/// Reads a part of what an upstream has sent.
///
/// # Errors
/// As [`from_slice`].
pub fn from_value<'a, T: Deserialize<'a>>(json: &'a Value) -> serde_json::Result<T> {
    T::deserialize(Objects(json))
}

/// A deserializer, and all that takes part in reading from it.
struct Objects<I>(I);

macro_rules! forward_reading {
    ($($name:ident($($argument:ident: $type:ty),*))*) => {
        $(
            fn $name<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, D::Error> {
                self.0.$name($($argument,)* Objects(visitor))
            }
        )*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Objects<D> {
    type Error = D::Error;

    forward_reading! {
        deserialize_any() deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32()
        deserialize_i64() deserialize_i128() deserialize_u8() deserialize_u16() deserialize_u32()
        deserialize_u64() deserialize_u128() deserialize_f32() deserialize_f64() deserialize_char()
        deserialize_str() deserialize_string() deserialize_bytes() deserialize_byte_buf()
        deserialize_option() deserialize_unit() deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str) deserialize_seq()
        deserialize_tuple(len: usize) deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_map() deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier() deserialize_ignored_any()
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Objects(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! forward_values {
    ($($name:ident: $type:ty,)*) => {
        $(
            fn $name<E: Error>(self, value: $type) -> Result<V::Value, E> {
                self.0.$name(value)
            }
        )*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Objects<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    forward_values! {
        visit_bool: bool,
        visit_i64: i64,
        visit_i128: i128,
        visit_u64: u64,
        visit_u128: u128,
        visit_f64: f64,
        visit_str: &str,
        visit_borrowed_str: &'de str,
        visit_string: String,
        visit_bytes: &[u8],
        visit_borrowed_bytes: &'de [u8],
        visit_byte_buf: Vec<u8>,
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Objects(value))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Objects(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Objects(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Objects(fields))
    }

    /// Upstreams' words have no structs in them.
    fn visit_enum<A: EnumAccess<'de>>(self, word: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(word)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Objects<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Objects(value))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Page<'a> {
        #[serde(borrow, default)]
        name: &'a str,
        #[serde(default)]
        items: Vec<Item>,
        #[serde(default)]
        first: Option<Item>,
        #[serde(default)]
        boxed: Option<Box<Item>>,
        #[serde(default)]
        place: (usize, usize),
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Item {
        id: u64,
        score: Option<f64>,
        state: State,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    enum State {
        #[default]
        Open,
        Closed,
    }

    #[test]
    fn objects_are_read_as_they_are_without_it() {
        let json = br#"{"name":"a","items":[{"id":1,"score":-1.5,"state":"Closed"},{"other":[{}]}],
            "first":null,"boxed":{"id":7},"place":[1,2]}"#;
        let page: Page<'_> = from_slice(json).unwrap();
        assert_eq!(page, serde_json::from_slice(json).unwrap());
        assert_eq!((page.items.len(), page.items[0].state == State::Closed), (2, true));
    }

    #[test]
    fn an_array_is_no_struct_at_any_depth() {
        for array in [
            "[]",
            r#"["a"]"#,
            r#"{"items":[[]]}"#,
            r#"{"first":[]}"#,
            r#"{"first":[1,null]}"#,
            r#"{"boxed":[]}"#,
        ] {
            assert!(serde_json::from_str::<Page<'_>>(array).is_ok(), "{array}");
            assert!(from_slice::<Page<'_>>(array.as_bytes()).unwrap_err().is_data(), "{array}");
        }
        assert!(from_value::<Item>(&json!([])).is_err());
        assert_eq!(from_value::<Item>(&json!({"id": 3})).unwrap().id, 3);
    }

    #[test]
    fn what_follows_the_json_is_an_error() {
        assert!(from_slice::<Item>(b"{} x").unwrap_err().is_syntax());
        assert!(from_slice::<Item>(b"{").unwrap_err().is_eof());
    }
}
