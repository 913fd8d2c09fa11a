//! What every request of a web client has.

use sealwork_upstream::{Call, Secret, Upstream};

use super::session::Session;

/// X's internal API, and what the web client says of itself there.
#[derive(Debug, Clone)]
pub(crate) struct WebClient {
    pub(crate) upstream: Upstream,
    /// The token that X's web client itself carries: the same for everybody, and no secret.
    pub(crate) bearer: String,
    pub(crate) user_agent: String,
}

impl WebClient {
    /// A call of somebody who is not logged in.
    pub(super) fn anonymous(&self, call: Call) -> Call {
        call.header("authorization", &format!("Bearer {}", self.bearer))
            .header("user-agent", &self.user_agent)
            .header("x-twitter-active-user", "yes")
            .header("x-twitter-client-language", "en")
    }

    pub(super) fn with_session(&self, call: Call, session: &Session) -> Call {
        self.anonymous(call)
            .secret_header("cookie", &Secret::new(&session.header()))
            .secret_header("x-csrf-token", &session.csrf)
            .header("x-twitter-auth-type", "OAuth2Session")
            .header("content-type", "application/json")
    }
}
