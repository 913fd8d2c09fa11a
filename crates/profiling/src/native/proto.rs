use std::{collections::HashMap, io::Write as _};

use flate2::{Compression, write::GzEncoder};
use prost::Message;

use crate::ProfileError;

/// Builds a `profile.proto` message (github.com/google/pprof, proto/profile.proto) whose stacks
/// are given by the names of their functions.
#[derive(Debug)]
pub(super) struct Builder {
    profile: Profile,
    strings: HashMap<String, i64>,
    /// Function and location have the same id.
    locations: HashMap<(String, String), u64>,
}

impl Builder {
    /// A profile whose samples have these values: what they count, and in which unit.
    pub(super) fn new(values: &[(&str, &str)]) -> Self {
        let mut new = Self {
            profile: Profile { string_table: vec![String::new()], ..Profile::default() },
            strings: HashMap::from([(String::new(), 0)]),
            locations: HashMap::new(),
        };
        new.profile.sample_type = values.iter().map(|value| new.value_type(value)).collect();
        new
    }

    /// The time that the profile covers, and what lies between two samples.
    pub(super) fn set_period(&mut self, duration_nanos: i64, what: (&str, &str), period: i64) {
        self.profile.period_type = Some(self.value_type(&what));
        self.profile.period = period;
        self.profile.duration_nanos = duration_nanos;
    }

    /// Adds a stack, the innermost function first; each is a name and a file.
    pub(super) fn add(
        &mut self,
        stack: impl IntoIterator<Item = (String, String)>,
        values: Vec<i64>,
        label: Option<(&str, &str)>,
    ) {
        let location_id = stack.into_iter().map(|function| self.location(function)).collect();
        let label =
            label.map(|(key, text)| Label { key: self.string(key), str: self.string(text) });
        let label = label.into_iter().collect();
        self.profile.sample.push(Sample { location_id, value: values, label });
    }

    /// The message, compressed, as pprof's tools expect it.
    pub(super) fn gzip(self) -> Result<Vec<u8>, ProfileError> {
        let failed = |e: std::io::Error| ProfileError::Failed(e.to_string());
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        out.write_all(&self.profile.encode_to_vec()).map_err(failed)?;
        out.finish().map_err(failed)
    }

    fn value_type(&mut self, (kind, unit): &(&str, &str)) -> ValueType {
        ValueType { kind: self.string(kind), unit: self.string(unit) }
    }

    fn string(&mut self, text: &str) -> i64 {
        if let Some(index) = self.strings.get(text) {
            return *index;
        }
        let index = i64::try_from(self.profile.string_table.len()).unwrap_or(0);
        self.profile.string_table.push(text.to_owned());
        self.strings.insert(text.to_owned(), index);
        index
    }

    fn location(&mut self, function: (String, String)) -> u64 {
        if let Some(id) = self.locations.get(&function) {
            return *id;
        }
        let id = self.profile.location.len() as u64 + 1;
        let (name, filename) = (self.string(&function.0), self.string(&function.1));
        self.profile.function.push(Function { id, name, system_name: name, filename });
        let line = vec![Line { function_id: id }];
        self.profile.location.push(Location { id, line });
        self.locations.insert(function, id);
        id
    }
}

#[derive(Clone, PartialEq, Message)]
struct Profile {
    #[prost(message, repeated, tag = "1")]
    sample_type: Vec<ValueType>,
    #[prost(message, repeated, tag = "2")]
    sample: Vec<Sample>,
    #[prost(message, repeated, tag = "4")]
    location: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    function: Vec<Function>,
    #[prost(string, repeated, tag = "6")]
    string_table: Vec<String>,
    #[prost(int64, tag = "10")]
    duration_nanos: i64,
    #[prost(message, optional, tag = "11")]
    period_type: Option<ValueType>,
    #[prost(int64, tag = "12")]
    period: i64,
}

#[derive(Clone, PartialEq, Message)]
struct ValueType {
    #[prost(int64, tag = "1")]
    kind: i64,
    #[prost(int64, tag = "2")]
    unit: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(uint64, repeated, tag = "1")]
    location_id: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    value: Vec<i64>,
    #[prost(message, repeated, tag = "3")]
    label: Vec<Label>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(int64, tag = "1")]
    key: i64,
    #[prost(int64, tag = "2")]
    str: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Location {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(message, repeated, tag = "4")]
    line: Vec<Line>,
}

#[derive(Clone, PartialEq, Message)]
struct Line {
    #[prost(uint64, tag = "1")]
    function_id: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Function {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(int64, tag = "2")]
    name: i64,
    #[prost(int64, tag = "3")]
    system_name: i64,
    #[prost(int64, tag = "4")]
    filename: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_functions_are_stored_once() {
        let mut builder = Builder::new(&[("samples", "count")]);
        let f = |name: &str| (name.to_owned(), "file.rs".to_owned());
        builder.add([f("inner"), f("outer")], vec![2], Some(("thread", "main")));
        builder.add([f("outer")], vec![1], None);
        let profile = &builder.profile;
        assert_eq!(profile.function.len(), 2);
        assert_eq!(profile.sample[0].location_id, [1, 2]);
        assert_eq!(profile.sample[1].location_id, [2]);
        assert_eq!(profile.string_table[0], "");
        assert_eq!(profile.string_table.iter().filter(|s| *s == "file.rs").count(), 1);
    }
}
