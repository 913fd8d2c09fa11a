//! API keys: who may come in, and under which name they are counted.

use std::sync::Arc;

use http::HeaderMap;
use sealwork_job::RequesterId;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

use crate::error::DoorError;

/// One API key. Only its digest is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    name: String,
    sha256: [u8; 32],
    is_admin: bool,
}

impl ApiKey {
    /// A key given in the clear; the text is wiped.
    ///
    /// # Errors
    /// [`DoorError::ApiKey`] for an empty one, or one that no header can carry.
    pub fn from_secret(name: impl Into<String>, mut secret: String) -> Result<Self, DoorError> {
        let name = name.into();
        let sendable = http::HeaderValue::from_str(&secret).is_ok() && secret.trim() == secret;
        let empty = secret.is_empty();
        let sha256 = Sha256::digest(secret.as_bytes()).into();
        secret.zeroize();
        match (empty, sendable) {
            (true, _) => Err(DoorError::ApiKey { name, reason: "is empty" }),
            (false, false) => Err(DoorError::ApiKey {
                name,
                reason: "begins or ends with a space, or has a control character: no header can carry it",
            }),
            (false, true) => Self::from_sha256(name, sha256),
        }
    }

    /// A key given as the SHA-256 digest of its text.
    ///
    /// # Errors
    /// [`DoorError::ApiKey`] for an empty name.
    pub fn from_sha256(name: impl Into<String>, sha256: [u8; 32]) -> Result<Self, DoorError> {
        let name = name.into();
        if name.is_empty() {
            return Err(DoorError::ApiKey { name, reason: "has no name" });
        }
        Ok(Self { name, sha256, is_admin: false })
    }

    /// Opens `/debug` and `/metrics` to the holder.
    #[must_use]
    pub fn as_admin(mut self) -> Self {
        self.is_admin = true;
        self
    }
}

impl std::fmt::Debug for ApiKey {
    /// Shows everything but the digest.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKey")
            .field("name", &self.name)
            .field("is_admin", &self.is_admin)
            .finish_non_exhaustive()
    }
}

/// Who sent a request. Handlers find it as `Extension<Arc<Caller>>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// `api-key:NAME`, or anonymous where no key is configured.
    pub requester: RequesterId,
    /// Whether `/debug` and `/metrics` are open to them.
    pub is_admin: bool,
}

impl Caller {
    /// Nobody in particular.
    pub fn anonymous() -> Self {
        Self { requester: RequesterId::anonymous(), is_admin: false }
    }
}

/// All keys of a door.
pub(crate) struct ApiKeys {
    keys: Vec<([u8; 32], Arc<Caller>)>,
    anonymous: Arc<Caller>,
    /// Who comes without a key, where none is needed.
    visitor: Option<Arc<Caller>>,
}

impl ApiKeys {
    /// Without `keys` everybody may come in, and without an admin's either they may do everything.
    pub(crate) fn new(keys: &[ApiKey], admin: Option<&ApiKey>) -> Self {
        let visitor = keys
            .is_empty()
            .then(|| Arc::new(Caller { is_admin: admin.is_none(), ..Caller::anonymous() }));
        let admin = admin.cloned().map(ApiKey::as_admin);
        let keys = keys
            .iter()
            .chain(&admin)
            .map(|key| {
                let caller = Caller {
                    requester: RequesterId::new("api-key", &key.name),
                    is_admin: key.is_admin,
                };
                (key.sha256, Arc::new(caller))
            })
            .collect();
        Self { keys, anonymous: Arc::new(Caller::anonymous()), visitor }
    }

    /// Nobody in particular, for public routes.
    pub(crate) fn anonymous(&self) -> Arc<Caller> {
        Arc::clone(&self.anonymous)
    }

    /// Whose key the request carries, in `Authorization: Bearer` or in `X-API-Key`. Where no key is
    /// needed, a wrong one is none.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Option<Arc<Caller>> {
        if self.keys.is_empty() {
            return self.visitor.clone();
        }
        let bearer = headers.get(http::header::AUTHORIZATION).and_then(|v| bearer(v.as_bytes()));
        let plain = headers.get("x-api-key").map(http::HeaderValue::as_bytes);
        let found = bearer.and_then(|key| self.find(key));
        found.or_else(|| plain.and_then(|key| self.find(key))).or_else(|| self.visitor.clone())
    }

    /// Compares digests with every key, so that the time tells neither which key nor how much of
    /// it was right.
    fn find(&self, presented: &[u8]) -> Option<Arc<Caller>> {
        let presented = Sha256::digest(presented);
        let (mut index, mut found) = (0u64, Choice::from(0));
        for (i, (sha256, _)) in (0u64..).zip(&self.keys) {
            let equal = presented.as_slice().ct_eq(sha256);
            index.conditional_assign(&i, equal);
            found |= equal;
        }
        let index = usize::try_from(index).ok()?;
        bool::from(found).then(|| self.keys.get(index).map(|(_, caller)| Arc::clone(caller)))?
    }
}

/// The credentials of a `Bearer` header. The scheme's case does not matter (RFC 9110 11.1); the
/// reference takes this spelling alone, and no client of its can tell.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(key)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn keys() -> ApiKeys {
        let keys = [
            ApiKey::from_secret("alice", "alice-key-1".to_owned()).unwrap(),
            ApiKey::from_secret("bob", "bob-key-22".to_owned()).unwrap(),
        ];
        ApiKeys::new(&keys, None)
    }

    fn with(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(
            http::HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )])
    }

    #[test]
    fn each_key_is_found_in_both_headers_under_its_name() {
        let keys = keys();
        let alice = keys.authenticate(&with("authorization", "Bearer alice-key-1")).unwrap();
        assert_eq!(alice.requester.as_str(), "api-key:alice");
        let bob = keys.authenticate(&with("x-api-key", "bob-key-22")).unwrap();
        assert_eq!(bob.requester.as_str(), "api-key:bob");
        assert!(keys.authenticate(&with("authorization", "bearer bob-key-22")).is_some());
    }

    #[test]
    fn missing_wrong_cut_and_lengthened_keys_are_refused() {
        let keys = keys();
        assert!(keys.authenticate(&HeaderMap::new()).is_none());
        for (name, value) in [
            ("authorization", "Bearer alice-key-"),
            ("authorization", "Bearer alice-key-11"),
            ("authorization", "Bearer  alice-key-1"),
            ("authorization", "alice-key-1"),
            ("authorization", "Basic alice-key-1"),
            ("authorization", "Bearer"),
            ("authorization", "Bearer "),
            ("x-api-key", "Alice-key-1"),
            ("x-api-key", ""),
        ] {
            assert!(keys.authenticate(&with(name, value)).is_none(), "{name}: {value}");
        }
    }

    #[test]
    fn a_door_without_keys_takes_everybody_for_an_admin() {
        let caller = ApiKeys::new(&[], None).authenticate(&HeaderMap::new()).unwrap();
        assert_eq!((&caller.requester, caller.is_admin), (&RequesterId::anonymous(), true));
    }

    #[test]
    fn an_admin_key_alone_leaves_the_door_open_to_everybody_but_not_for_everything() {
        let admin = ApiKey::from_secret("admin", "admin-key-1".to_owned()).unwrap();
        let open = ApiKeys::new(&[], Some(&admin));
        for headers in [HeaderMap::new(), with("x-api-key", "wrong")] {
            let visitor = open.authenticate(&headers).unwrap();
            assert_eq!((&visitor.requester, visitor.is_admin), (&RequesterId::anonymous(), false));
        }
        let holder = open.authenticate(&with("x-api-key", "admin-key-1")).unwrap();
        assert_eq!((holder.requester.as_str(), holder.is_admin), ("api-key:admin", true));

        let alice = ApiKey::from_secret("alice", "alice-key-1".to_owned()).unwrap();
        let bob = ApiKey::from_secret("bob", "bob-key-22".to_owned()).unwrap().as_admin();
        let closed = ApiKeys::new(&[alice, bob], Some(&admin));
        assert!(closed.authenticate(&HeaderMap::new()).is_none());
        for (key, is_admin) in [("alice-key-1", false), ("bob-key-22", true), ("admin-key-1", true)]
        {
            assert_eq!(closed.authenticate(&with("x-api-key", key)).unwrap().is_admin, is_admin);
        }
    }

    #[test]
    fn keys_that_protect_nothing_or_cannot_be_sent_are_refused_and_never_shown() {
        assert!(ApiKey::from_secret("a", String::new()).is_err());
        assert!(ApiKey::from_secret("a", "line\nbreak".to_owned()).is_err());
        assert!(ApiKey::from_secret("a", " padded ".to_owned()).is_err());
        assert!(ApiKey::from_sha256("", [0; 32]).is_err());
        let key = ApiKey::from_sha256("a", [0xab; 32]).unwrap();
        assert!(!format!("{key:?}").contains("ab"));
    }
}
