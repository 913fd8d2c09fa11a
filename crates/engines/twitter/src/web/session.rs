use sealwork_upstream::Secret;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;
use zeroize::Zeroizing;

/// The cookies of a logged-in web client. Prints nothing.
#[derive(Debug, Clone)]
pub struct Session {
    pub(super) auth_token: Secret,
    /// The cookie `ct0`, which is also sent as a header.
    pub(super) csrf: Secret,
}

/// Why a text holds no session. Quotes nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Neither cookies in JSON nor a `Cookie` header.
    #[error(
        "no cookies: give the JSON of a browser's or a Masa worker's cookie file, or `auth_token=...; ct0=...`"
    )]
    Form,
    /// One of the two cookies that make a session is not there.
    #[error("the cookie {0} is missing")]
    Missing(&'static str),
}

#[derive(Deserialize)]
struct Cookie {
    #[serde(alias = "Name")]
    name: String,
    #[serde(alias = "Value")]
    value: String,
}

impl Session {
    /// Reads the cookie file of a Masa worker (`{user}_twitter_cookies.json`, reference 3.5.2), a
    /// browser's export in JSON, an object of names and values, or the text of a `Cookie` header.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn parse(text: &str) -> Result<Self, SessionError> {
        let cookies = match serde_json::from_str::<Value>(text) {
            Ok(json) => from_json(json)?,
            Err(_) => from_header(text)?,
        };
        let find = |name: &'static str| {
            let found = cookies.iter().find(|(given, value)| given == name && !value.is_empty());
            found.map(|(_, value)| Secret::new(value)).ok_or(SessionError::Missing(name))
        };
        Ok(Self { auth_token: find("auth_token")?, csrf: find("ct0")? })
    }

    pub(super) fn new(auth_token: &str, csrf: &str) -> Self {
        Self { auth_token: Secret::new(auth_token), csrf: Secret::new(csrf) }
    }

    /// The `Cookie` header, which [`Session::parse`] reads: also the form in which it is kept.
    pub(super) fn header(&self) -> Zeroizing<String> {
        let (auth_token, csrf) = (self.auth_token.expose(), self.csrf.expose());
        Zeroizing::new(format!("auth_token={auth_token}; ct0={csrf}"))
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.auth_token.expose() == other.auth_token.expose()
            && self.csrf.expose() == other.csrf.expose()
    }
}

fn from_json(json: Value) -> Result<Vec<(String, String)>, SessionError> {
    match json {
        Value::Array(_) => {
            let cookies: Vec<Cookie> =
                serde_json::from_value(json).map_err(|_| SessionError::Form)?;
            Ok(cookies.into_iter().map(|cookie| (cookie.name, cookie.value)).collect())
        }
        Value::Object(fields) => Ok(fields
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())))
            .collect()),
        _ => Err(SessionError::Form),
    }
}

fn from_header(text: &str) -> Result<Vec<(String, String)>, SessionError> {
    let pairs = text.trim().split(';').map(|pair| pair.trim().split_once('='));
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    pairs
        .collect::<Option<Vec<_>>>()
        .ok_or(SessionError::Form)
        .map(|pairs| pairs.into_iter().map(own).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_cookies_gives_the_session() {
        for text in [
            r#"[{"Name":"guest_id","Value":"v1"},{"Name":"auth_token","Value":"aaaaaaaaaa","Path":"/","Domain":".twitter.com","MaxAge":0},{"Name":"ct0","Value":"cccccccccc"}]"#,
            r#"[{"name":"auth_token","value":"aaaaaaaaaa","domain":".x.com"},{"name":"ct0","value":"cccccccccc"}]"#,
            r#"{"auth_token":"aaaaaaaaaa","ct0":"cccccccccc"}"#,
            "guest_id=v1; auth_token=aaaaaaaaaa; ct0=cccccccccc",
        ] {
            let session = Session::parse(text).unwrap();
            assert_eq!(&*session.header(), "auth_token=aaaaaaaaaa; ct0=cccccccccc");
            assert!(session.is_same(&Session::parse(&session.header()).unwrap()));
            assert!(!format!("{session:?}").contains("aaaa"));
        }
    }

    #[test]
    fn what_is_missing_is_told_without_quoting_the_rest() {
        let error = |text| Session::parse(text).unwrap_err();
        assert_eq!(error("auth_token=aaaa"), SessionError::Missing("ct0"));
        assert_eq!(error(r#"[{"Name":"ct0","Value":"c"}]"#), SessionError::Missing("auth_token"));
        for text in ["", "secret words", "17", r#"[{"Name":1}]"#] {
            assert_eq!(error(text), SessionError::Form, "{text}");
        }
    }
}
