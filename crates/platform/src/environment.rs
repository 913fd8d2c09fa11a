use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

/// The process's environment, read once at start and never again.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// The variables of this process. One whose name is not UTF-8 is nobody's here and left out.
    #[allow(clippy::disallowed_methods, reason = "the owner of the environment")]
    pub fn of_process() -> Self {
        Self(std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v))).collect())
    }

    /// The given variables and no others.
    pub fn from_pairs<K: Into<String>, V: Into<OsString>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }

    /// One variable's text; nothing where its value is no UTF-8: ask [`Self::is_garbled`] before
    /// that is taken for a variable that is not set.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str()
    }

    /// Whether a variable has a value that is not UTF-8.
    pub fn is_garbled(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| value.to_str().is_none())
    }

    /// The directory that a variable names, whatever its bytes; nothing where the path is relative,
    /// as the XDG base directory specification wants it.
    pub fn absolute_path(&self, name: &str) -> Option<PathBuf> {
        self.0.get(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};

    use super::*;

    #[test]
    fn a_value_that_is_not_utf_8_is_no_text_but_it_is_not_absent_either() {
        let garbled = OsStr::from_bytes(b"/caf\xe9");
        let environment = Environment::from_pairs([("A", garbled), ("B", OsStr::new("b"))]);
        assert_eq!((environment.var("A"), environment.var("B")), (None, Some("b")));
        let garbled_ones = ["A", "B", "C"].map(|name| environment.is_garbled(name));
        assert_eq!(garbled_ones, [true, false, false]);
        assert_eq!(environment.names().collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!(environment.absolute_path("A").as_deref(), Some(Path::new(garbled)));
        assert_eq!(environment.absolute_path("B"), None);
    }
}
