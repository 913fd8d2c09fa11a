//! Requests with an account's session: kept, given, or made anew.

use std::sync::Arc;

use async_trait::async_trait;
use http::StatusCode;
use sealwork_egress::Scope;
use sealwork_upstream::{Answer, Availability, Call, Fault, Secret, UpstreamError};

use super::{
    account::{Account, SessionStore, State},
    client::WebClient,
    judge::{LOCKED, judged},
    login::login,
    operations::Graph,
    session::Session,
    way::WebWay,
};
use crate::{
    Way,
    desk::{Desk, REQUEST_TIME, Run},
    pool::{Pool, Resting, Why},
    refusal::{Blame, SendError, nobody},
};

/// A profile that everybody may see: the network's own.
const EVERYBODYS: &str = "X";

impl WebWay {
    /// Looks for kept sessions of accounts that have neither password nor cookies, once: the others
    /// cannot be used.
    pub(crate) async fn look_for_sessions(&self) {
        self.looked.get_or_init(|| self.look()).await;
    }

    async fn look(&self) {
        for (index, account) in self.accounts.accounts().enumerate() {
            let mut state = account.state.lock().await;
            if account.password.is_some() || state.given.is_some() {
                continue;
            }
            self.load(account, &mut state).await;
            if state.session.is_some() {
                self.accounts.standing(index).works();
            } else {
                tracing::warn!(
                    place = account.place(),
                    "an entry of TWITTER_ACCOUNTS has neither a password nor cookies, and is not used"
                );
            }
        }
    }

    /// Why no account has anything to be logged in with, once that is known.
    pub(crate) fn lacks_sessions(&self, clock: &dyn sealwork_platform::Clock) -> Option<String> {
        let now = clock.now();
        let why = self.accounts.broken(|account| account.rests(now))?;
        if why != Why::Sessionless {
            return None;
        }
        self.looked.initialized().then(|| nobody(Way::Credential, why, &[], now).message)
    }

    async fn load(&self, account: &Account, state: &mut State) {
        if state.is_loaded {
            return;
        }
        match self.store.load(&account.name).await {
            Ok(text) => {
                state.session = text.and_then(|text| Session::parse(&text).ok());
                state.is_loaded = true;
            }
            Err(error) => tracing::warn!(%error, "a kept session cannot be read"),
        }
    }

    /// The account's session: the one in use, else the one kept, else the operator's cookies, else
    /// a new one by password.
    async fn session(&self, account: &Arc<Account>) -> Result<Session, SendError> {
        let session = match self.session_there(account).await? {
            Some(session) => session,
            None => self.new_session(account).await?,
        };
        account.uses(&session, &self.secrets);
        Ok(session)
    }

    /// `None` when only a login can make one.
    async fn session_there(&self, account: &Account) -> Result<Option<Session>, SendError> {
        let mut state = account.state.lock().await;
        self.load(account, &mut state).await;
        if state.session.is_none() {
            state.session = state.given.clone();
        }
        if state.session.is_none() && account.password.is_none() {
            let error = self.client.upstream.error(Fault::Refused {
                status: StatusCode::UNAUTHORIZED,
                reason: "the account's session has ended, and there is no password for a new one",
            });
            return Err(SendError { error, blame: Blame::Account(Resting::ForGood) });
        }
        Ok(state.session.clone())
    }

    /// Logs in, in a task of its own: logins that are left half done one after the other lock an
    /// account, as those that fail do.
    async fn new_session(&self, account: &Arc<Account>) -> Result<Session, SendError> {
        let (client, store) = (self.client.clone(), Arc::clone(&self.store));
        let entering = tokio::spawn(enter(client, store, Arc::clone(account)));
        let unasked = Fault::RunFailed("could not be asked for a session");
        let entered = entering.await.unwrap_or_else(|_| Err(self.client.upstream.error(unasked)));
        if entered.is_err() {
            account.state.lock().await.unheard = None;
        }
        entered.map_err(|error| SendError { error, blame: Blame::Account(Resting::Long) })
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

    async fn send_with(
        &self,
        session: &Session,
        call: Call,
        scope: &Scope,
    ) -> Result<Answer, UpstreamError> {
        let call = self.client.with_session(call, session);
        judged(self.client.upstream.answer(call, scope).await?)
    }

    /// Asks with a session for what everybody may see.
    async fn ask_common(&self, session: &Session, run: &Run<'_>) -> Result<(), UpstreamError> {
        let call = self.call(Graph::UserByScreenName, run, EVERYBODYS, 1, None);
        self.send_with(session, call.timeout(REQUEST_TIME), &run.scope).await.map(|_| ())
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

    /// With a session that X refuses, once more with a new one. One refusal alone ends none: the
    /// session is asked for something else first.
    async fn send(
        &self,
        account: &Arc<Account>,
        call: Call,
        run: &Run<'_>,
    ) -> Result<Answer, SendError> {
        let mut last = None;
        // The kept session, the operator's cookies, a new login.
        for _ in 0..3 {
            let session = match (self.session(account).await, last.take()) {
                (Ok(session), _) => session,
                // What X said of the session tells more than that there is no other.
                (Err(none), Some(error)) if account.password.is_none() => {
                    return Err(SendError { error, ..none });
                }
                (Err(error), _) => return Err(error),
            };
            let error = match self.send_with(&session, call.clone(), &run.scope).await {
                Err(error) if error.is_unauthorized() => error,
                done => return Ok(done?),
            };
            let is_locked = matches!(
                error.fault,
                Fault::Refused { reason: LOCKED, .. } | Fault::Said { reason: LOCKED, .. }
            );
            let is_ended = is_locked
                || self.ask_common(&session, run).await.is_err_and(|other| other.is_unauthorized());
            if !is_ended {
                let error = error.because("it refuses this to a session that works otherwise");
                return Err(SendError { error, blame: Blame::Passed });
            }
            self.forget(account, &session).await;
            if is_locked {
                // No session of it will do, and logging in again makes it worse.
                return Err(SendError { error, blame: Blame::Account(Resting::Long) });
            }
            last = Some(error);
        }
        let error = last.unwrap_or_else(|| self.client.upstream.error(Fault::Shape("an answer")));
        Err(SendError { error, blame: Blame::Account(Resting::Growing) })
    }

    async fn confirm(
        &self,
        account: &Arc<Account>,
        _endpoint: &'static str,
        run: &Run<'_>,
    ) -> Result<(), UpstreamError> {
        let session = self.session(account).await.map_err(|none| none.error)?;
        self.ask_common(&session, run).await
    }

    fn health(&self) -> &Availability {
        &self.health
    }

    fn is_its_own(&self, _endpoint: &'static str, error: &UpstreamError) -> bool {
        error.is_about_the_upstream()
    }
}

/// Makes a session by password, unless there is one by now or a login has just failed. One login of
/// an account at a time.
async fn enter(
    client: WebClient,
    store: Arc<dyn SessionStore>,
    account: Arc<Account>,
) -> Result<Session, UpstreamError> {
    let mut state = account.state.lock().await;
    if let Some(session) = &state.session {
        return Ok(session.clone());
    }
    if let Some(error) = &state.unheard {
        return Err(error.clone());
    }
    let password = account.password.clone().unwrap_or_else(|| Secret::new(""));
    match login(&client, &account, &password).await {
        Ok(session) => {
            if let Err(error) = store.save(&account.name, session.header()).await {
                tracing::warn!(%error, "a session cannot be kept");
            }
            state.session = Some(session.clone());
            Ok(session)
        }
        Err(error) => {
            state.unheard = Some(error.clone());
            Err(error)
        }
    }
}
