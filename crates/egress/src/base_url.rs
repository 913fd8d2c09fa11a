use std::{fmt, str::FromStr};

use thiserror::Error;
use url::Url;

/// The configured address of an upstream API, to which requests are added. Whatever is added stays
/// beneath it.
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamBase(Url);

impl UpstreamBase {
    /// `path`, split at its slashes, beneath the base; `query` pairs are encoded.
    ///
    /// # Errors
    /// [`BaseUrlError::Path`] for empty parts, `.` and `..`.
    pub fn join(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, BaseUrlError> {
        self.join_segments(&path.split('/').collect::<Vec<_>>(), query)
    }

    /// `segments` beneath the base, each encoded: a slash in one does not start another.
    ///
    /// # Errors
    /// [`BaseUrlError::Path`] for empty parts, `.` and `..`, also when they are encoded.
    pub fn join_segments(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Url, BaseUrlError> {
        let mut url = self.0.clone();
        {
            let mut path = url.path_segments_mut().map_err(|()| BaseUrlError::Path)?;
            path.pop_if_empty();
            for segment in segments {
                if segment.is_empty() || is_dots(segment) {
                    return Err(BaseUrlError::Path);
                }
                path.push(segment);
            }
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// The base itself.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl FromStr for UpstreamBase {
    type Err = BaseUrlError;

    /// Reads an `http` or `https` URL without credentials, query and fragment.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut url = Url::parse(text.trim()).map_err(|_| BaseUrlError::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BaseUrlError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseUrlError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BaseUrlError::Extra);
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self(url))
    }
}

impl fmt::Debug for UpstreamBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UpstreamBase({})", self.0)
    }
}

/// `.` and `..` in each form that a URL parser reads as such (WHATWG URL, 4.1).
fn is_dots(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".."
}

/// Why a base address or an addition to it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BaseUrlError {
    /// The text is no URL.
    #[error("the upstream address is no URL; write for example https://api.example.com/v1")]
    Url,
    /// Neither `http` nor `https`.
    #[error("the upstream address must begin with http:// or https://")]
    Scheme,
    /// User name or password.
    #[error("the upstream address must not carry credentials; they have variables of their own")]
    Credentials,
    /// Query or fragment.
    #[error("the upstream address must have neither query nor fragment")]
    Extra,
    /// An addition that would not stay beneath the base.
    #[error("a path added to the upstream address has an empty, `.` or `..` part")]
    Path,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_added_beneath_the_base_with_or_without_its_slash() {
        for base in ["https://api.example.com/v1", "https://api.example.com/v1/"] {
            let base: UpstreamBase = base.parse().unwrap();
            let url = base.join("users/by", &[("q", "a b&c")]).unwrap();
            assert_eq!(url.as_str(), "https://api.example.com/v1/users/by?q=a+b%26c");
        }
    }

    #[test]
    fn nothing_that_is_added_leaves_the_base() {
        let base: UpstreamBase = "https://api.example.com/v1/".parse().unwrap();
        for path in ["..", "a/../b", "./a", "//evil.example/", "a/%2e%2E/b", ".%2e", ""] {
            assert_eq!(base.join(path, &[]), Err(BaseUrlError::Path), "{path}");
        }
        for segment in ["a/../../b", "http://evil.example", "?x", "#y", "\\..\\", "@evil"] {
            let url = base.join_segments(&[segment], &[]).unwrap();
            assert!(url.as_str().starts_with("https://api.example.com/v1/"), "{url}");
            assert_eq!((url.query(), url.fragment()), (None, None), "{url}");
            assert_eq!(url.path_segments().unwrap().count(), 2, "{url}");
        }
    }

    #[test]
    fn a_base_is_a_bare_http_address() {
        for (text, error) in [
            ("api.example.com", BaseUrlError::Url),
            ("ftp://api.example.com", BaseUrlError::Scheme),
            ("https://u:p@api.example.com", BaseUrlError::Credentials),
            ("https://api.example.com?k=v", BaseUrlError::Extra),
        ] {
            assert_eq!(text.parse::<UpstreamBase>(), Err(error), "{text}");
        }
    }
}
