use std::{
    io,
    sync::{Mutex as BriefMutex, PoisonError},
};

use async_trait::async_trait;
use sealwork_upstream::{Secret, Secrets, UpstreamError};
use thiserror::Error;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::session::Session;

/// Where sessions are kept over restarts, sealed. One value for each account.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// The session of `account`, as it was saved.
    ///
    /// # Errors
    /// The store's.
    async fn load(&self, account: &str) -> io::Result<Option<Zeroizing<String>>>;

    /// Keeps the session of `account`.
    ///
    /// # Errors
    /// The store's.
    async fn save(&self, account: &str, session: Zeroizing<String>) -> io::Result<()>;

    /// Removes the session of `account`; a missing one is no error.
    ///
    /// # Errors
    /// The store's.
    async fn forget(&self, account: &str) -> io::Result<()>;
}

/// An account of the operator at X. Prints nothing but that it is one.
pub struct Account {
    pub(super) name: String,
    /// Its place in `TWITTER_ACCOUNTS`, from 1: for the log, which names no account.
    place: usize,
    pub(super) password: Option<Secret>,
    pub(super) state: Mutex<State>,
    /// The sessions that were used last.
    used: BriefMutex<Vec<Session>>,
}

/// How many of an account's sessions are kept out of results: renewed ones may still be in use.
const USED: usize = 4;

/// What an account is known by now.
pub(super) struct State {
    pub(super) session: Option<Session>,
    /// Whether the store has been asked.
    pub(super) is_loaded: bool,
    /// The operator's own cookies, until X refuses them.
    pub(super) given: Option<Session>,
    /// How a login has failed of which no job knows yet.
    pub(super) unheard: Option<UpstreamError>,
}

/// Why an entry of `TWITTER_ACCOUNTS` is refused. Tells its place, not what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "entry {place} of TWITTER_ACCOUNTS is not of the form USER:PASSWORD, or USER alone for an account with cookies"
)]
pub struct AccountsError {
    /// Its place in the list, from 1.
    pub place: usize,
}

impl Account {
    /// The account at `place` of the list, from 1. Cookies are used before a password; one with
    /// neither is of use only if a session of it has been kept.
    pub fn new(
        place: usize,
        name: &str,
        password: Option<Secret>,
        cookies: Option<Session>,
    ) -> Self {
        let password = password.filter(|password| !password.is_empty());
        let used = BriefMutex::new(cookies.iter().cloned().collect());
        let state = State { session: None, is_loaded: false, given: cookies, unheard: None };
        Self { name: name.to_owned(), place, password, state: Mutex::new(state), used }
    }

    /// Whether the operator has given it anything to be logged in with. For an account that has not
    /// been used yet.
    pub(super) fn has_credentials(&self) -> bool {
        let is_given = self.state.try_lock().is_ok_and(|state| state.given.is_some());
        is_given || self.password.is_some()
    }

    /// Notes that a session is about to be used: it must be in no result from now on.
    pub(super) fn uses(&self, session: &Session, secrets: &Secrets) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.iter().any(|known| known.is_same(session)) {
            return;
        }
        used.push(session.clone());
        let surplus = used.len().saturating_sub(USED);
        used.drain(..surplus);
        drop(used);
        self.tell(secrets);
    }

    /// Tells `secrets` what of this account must be in no result.
    pub(super) fn tell(&self, secrets: &Secrets) {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let cookies = used.iter().flat_map(|it| [it.auth_token.clone(), it.csrf.clone()]);
        let source = format!("TWITTER_ACCOUNTS {}", self.place);
        secrets.set(&source, cookies.chain(self.password.clone()).collect());
    }

    /// Its place in `TWITTER_ACCOUNTS`, from 1.
    pub fn place(&self) -> usize {
        self.place
    }

    /// Its user name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Account")
    }
}

/// Reads `TWITTER_ACCOUNTS`: `USER:PASSWORD`, separated by commas. The cookies of an account are
/// what `cookies` gives for its name.
///
/// # Errors
/// The place of the first entry that is wrong. Masa's workers left such entries aside without a
/// word.
pub fn parse_accounts(
    list: &str,
    mut cookies: impl FnMut(&str) -> Option<Session>,
) -> Result<Vec<Account>, AccountsError> {
    let mut accounts = Vec::new();
    for (index, entry) in list.split(',').map(str::trim).enumerate() {
        if entry.is_empty() {
            continue;
        }
        let (name, password) = match entry.split_once(':') {
            Some((name, password)) => (name.trim(), Some(Secret::new(password))),
            None => (entry, None),
        };
        let is_wrong = name.is_empty() || password.as_ref().is_some_and(Secret::is_empty);
        if is_wrong {
            return Err(AccountsError { place: index + 1 });
        }
        accounts.push(Account::new(index + 1, name, password, cookies(name)));
    }
    Ok(accounts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_with_passwords_and_cookies() {
        let cookies = |name: &str| {
            (name == "bob").then(|| Session::parse("auth_token=aaaaaaaa; ct0=c").unwrap())
        };
        let accounts = parse_accounts("alice:pass:word, bob,", cookies).unwrap();
        assert_eq!(accounts.iter().map(Account::place).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(accounts[0].password.as_ref().unwrap().expose(), "pass:word");
        assert!(accounts[1].password.is_none() && accounts[1].name() == "bob");
        assert_eq!(format!("{accounts:?}"), "[Account, Account]");
    }

    #[test]
    fn a_wrong_entry_is_told_by_its_place() {
        for list in ["a:b,:secret", "a:b,c:"] {
            let error = parse_accounts(list, |_| None).unwrap_err();
            assert_eq!(error.place, 2);
            assert!(!error.to_string().contains("secret"));
        }
    }
}
