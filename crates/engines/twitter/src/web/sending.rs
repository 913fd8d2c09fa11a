//! Requests with an account's session: kept, given, or made anew.

use std::sync::Arc;

use async_trait::async_trait;
use sealwork_egress::Scope;
use sealwork_upstream::{Answer, Call, Fault, Secret, UpstreamError};

use super::{account::Account, judge::judged, login::login, session::Session, way::WebWay};
use crate::{
    Way,
    desk::{Desk, Run},
    pool::Pool,
};

impl WebWay {
    /// The account's session: the one in use, else the one kept, else the operator's cookies, else
    /// a new one by password. One login of an account at a time.
    async fn session(&self, account: &Account, scope: &Scope) -> Result<Session, UpstreamError> {
        let mut state = account.state.lock().await;
        if !state.is_loaded {
            state.is_loaded = true;
            match self.store.load(&account.name).await {
                Ok(text) => state.session = text.and_then(|text| Session::parse(&text).ok()),
                Err(error) => tracing::warn!(%error, "a kept session cannot be read"),
            }
        }
        if state.session.is_none() {
            state.session = state.given.clone();
        }
        if let Some(session) = &state.session {
            return Ok(session.clone());
        }
        let Some(password) = &account.password else {
            return Err(self.upstream.error(Fault::Refused {
                status: http::StatusCode::UNAUTHORIZED,
                reason: "the account's session has ended, and there is no password for a new one",
            }));
        };
        let session = login(self, account, password, scope).await?;
        if let Err(error) = self.store.save(&account.name, session.header()).await {
            tracing::warn!(%error, "a session cannot be kept");
        }
        state.session = Some(session.clone());
        Ok(session)
    }

    /// X refuses the session: it is not used again.
    async fn forget(&self, account: &Account, session: &Session) {
        let mut state = account.state.lock().await;
        if state.session.as_ref().is_some_and(|known| known.is_same(session)) {
            state.session = None;
            if let Err(error) = self.store.forget(&account.name).await {
                tracing::warn!(%error, "an ended session cannot be removed");
            }
        }
        if state.given.as_ref().is_some_and(|given| given.is_same(session)) {
            state.given = None;
        }
    }
}

#[async_trait]
impl Desk for WebWay {
    type Account = Arc<Account>;

    fn way(&self) -> Way {
        Way::Credential
    }

    fn pool(&self) -> &Pool<Arc<Account>> {
        &self.accounts
    }

    /// With a session that X refuses, once more with a new one.
    async fn send(
        &self,
        account: &Arc<Account>,
        call: Call,
        run: &Run<'_>,
    ) -> Result<Answer, UpstreamError> {
        let mut last = None;
        // The kept session, the operator's cookies, a new login.
        for _ in 0..3 {
            let session = match (self.session(account, &run.scope).await, last.take()) {
                (Ok(session), _) => session,
                // What X said of the session tells more than that there is no other.
                (Err(error), Some(refused)) if account.password.is_none() => {
                    tracing::debug!(code = %error.code(), "an account has no further session");
                    return Err(refused);
                }
                (Err(error), _) => return Err(error),
            };
            account.uses(&session);
            let sent = self.upstream.answer(self.with_session(call.clone(), &session), &run.scope);
            match judged(sent.await?) {
                Err(error) if error.is_unauthorized() => {
                    self.forget(account, &session).await;
                    last = Some(error);
                }
                done => return done,
            }
        }
        Err(last.unwrap_or_else(|| self.upstream.error(Fault::Shape("an answer"))))
    }

    fn secrets(&self) -> Vec<Secret> {
        self.accounts.accounts().flat_map(|account| account.secrets()).collect()
    }
}
