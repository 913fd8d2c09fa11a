use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use url::Url;

use crate::error::{EgressError, Refusal, UpstreamFault};

/// Where an answer redirects to; `None` when it does not. RFC 9110 section 15.4.
pub(crate) fn location(
    url: &Url,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<Url>, EgressError> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(value) = headers.get(header::LOCATION) else { return Ok(None) };
    let invalid = || EgressError::Upstream {
        host: url.host_str().unwrap_or_default().to_owned(),
        fault: UpstreamFault::Location,
    };
    if headers.get_all(header::LOCATION).iter().any(|other| other != value) {
        return Err(invalid());
    }
    // Servers send raw UTF-8 here; the parser encodes it.
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| invalid())?;
    let mut next = join(url, text).map_err(|_| invalid())?;
    if next.fragment().is_none() {
        next.set_fragment(url.fragment());
    }
    Ok(Some(next))
}

/// The address that `reference` stands for on a page at `base`, as the URL standard has it.
///
/// # Errors
/// A reference that is none.
pub fn join(base: &Url, reference: &str) -> Result<Url, url::ParseError> {
    // Crate `url` refuses what the standard reads like two: `///host/path` (section 4.4, "special
    // authority ignore slashes state").
    let is_slash = |c: char| matches!(c, '/' | '\\');
    let text = reference.trim_start_matches(|c: char| c <= ' ');
    let rest = text.trim_start_matches(is_slash);
    if matches!(base.scheme(), "http" | "https") && text.len() - rest.len() > 2 {
        return base.join(&format!("//{rest}"));
    }
    base.join(reference)
}

/// Refuses the step from https to http: whoever can strip TLS could then read and write the rest.
pub(crate) fn check_downgrade(from: &Url, to: &Url, allowed: bool) -> Result<(), Refusal> {
    if from.scheme() == "https" && to.scheme() == "http" && !allowed {
        return Err(Refusal::Downgrade(from.host_str().unwrap_or_default().to_owned()));
    }
    Ok(())
}

/// Whether the next request becomes a `GET` without the body. RFC 9110 sections 15.4.2 to 15.4.4.
pub(crate) fn becomes_get(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        301 | 302 => *method == Method::POST,
        303 => *method != Method::GET && *method != Method::HEAD,
        _ => false,
    }
}

/// Drops what describes a body that is no longer sent.
pub(crate) fn drop_body_headers(headers: &mut HeaderMap) {
    for name in [
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
        header::CONTENT_LANGUAGE,
        header::CONTENT_LOCATION,
    ] {
        headers.remove(name);
    }
}

/// Drops what is meant for the first origin alone.
pub(crate) fn drop_secrets(headers: &mut HeaderMap) {
    let names: Vec<_> = headers
        .iter()
        .filter(|(name, value)| {
            value.is_sensitive() || **name == header::AUTHORIZATION || **name == header::COOKIE
        })
        .map(|(name, _)| name.clone())
        .collect();
    for name in names {
        headers.remove(name);
    }
}

/// The `Referer` for a request to `to`, by the policy `strict-origin-when-cross-origin`.
pub(crate) fn referer(referrer: Option<&Url>, to: &Url) -> Option<HeaderValue> {
    let referrer = referrer?;
    if !matches!(referrer.scheme(), "http" | "https") {
        return None;
    }
    if referrer.scheme() == "https" && to.scheme() == "http" {
        return None;
    }
    if referrer.origin() != to.origin() {
        return HeaderValue::from_str(&format!("{}/", referrer.origin().ascii_serialization()))
            .ok();
    }
    let mut shown = referrer.clone();
    shown.set_fragment(None);
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    HeaderValue::from_str(shown.as_str()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_location_is_resolved_against_the_url_and_keeps_its_fragment() {
        let mut headers = HeaderMap::new();
        headers.insert(header::LOCATION, HeaderValue::from_static("../c?d"));
        let next = location(&url("http://h/a/b#f"), StatusCode::FOUND, &headers).unwrap();
        assert_eq!(next, Some(url("http://h/c?d#f")));
    }

    #[test]
    fn slashes_before_a_host_count_like_two_of_them() {
        let base = url("https://h/a/b");
        for reference in ["///other/x", "////other/x", r"\\\other/x", " /\\/other/x", "//other/x"] {
            assert_eq!(join(&base, reference), Ok(url("https://other/x")), "{reference}");
        }
        assert_eq!(join(&base, "/x///y"), Ok(url("https://h/x///y")));
        assert!(join(&base, "///").is_err());
    }

    #[test]
    fn two_different_locations_are_refused() {
        let mut headers = HeaderMap::new();
        headers.append(header::LOCATION, HeaderValue::from_static("/a"));
        headers.append(header::LOCATION, HeaderValue::from_static("/a"));
        assert!(location(&url("http://h/"), StatusCode::FOUND, &headers).is_ok());
        headers.append(header::LOCATION, HeaderValue::from_static("//evil/"));
        assert!(location(&url("http://h/"), StatusCode::FOUND, &headers).is_err());
    }

    #[test]
    fn only_a_post_turns_into_a_get_at_301_and_302_and_all_but_head_at_303() {
        let (put, post) = (Method::PUT, Method::POST);
        assert!(becomes_get(StatusCode::FOUND, &post) && !becomes_get(StatusCode::FOUND, &put));
        assert!(becomes_get(StatusCode::SEE_OTHER, &put));
        assert!(!becomes_get(StatusCode::SEE_OTHER, &Method::HEAD));
        assert!(!becomes_get(StatusCode::TEMPORARY_REDIRECT, &post));
    }

    #[test]
    fn a_referrer_never_tells_another_origin_more_than_its_origin() {
        let from = url("https://a.example/secret?q#f");
        let header = |to: &str| referer(Some(&from), &url(to));
        assert_eq!(header("https://a.example/x").unwrap(), "https://a.example/secret?q");
        assert_eq!(header("https://b.example/x").unwrap(), "https://a.example/");
        assert_eq!(header("http://a.example/x"), None);
    }
}
