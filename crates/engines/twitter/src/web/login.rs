//! Password login, in the steps that X's web client takes (reference 3.5.2).

use std::collections::BTreeMap;

use http::{HeaderMap, StatusCode, header};
use sealwork_egress::Scope;
use sealwork_upstream::{Answer, Call, Fault, Secret, UpstreamError};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{account::Account, client::WebClient, session::Session};
use crate::desk::REQUEST_TIME;

/// More steps than any login has.
const STEPS: usize = 12;

#[derive(Deserialize)]
struct Guest {
    guest_token: String,
}

#[derive(Deserialize)]
struct Flow {
    flow_token: String,
    #[serde(default)]
    subtasks: Vec<Subtask>,
}

#[derive(Deserialize)]
struct Subtask {
    subtask_id: String,
}

/// Cookies of a login under way.
#[derive(Default)]
struct Jar(BTreeMap<String, Zeroizing<String>>);

/// Logs `account` in. That is the worker's own business: no limit of a job ends it half done.
pub(super) async fn login(
    client: &WebClient,
    account: &Account,
    password: &Secret,
) -> Result<Session, UpstreamError> {
    let (mut jar, scope) = (Jar::default(), Scope::unmetered());
    let guest: Guest = {
        let call = Call::post(&["1.1", "guest", "activate.json"]).timeout(REQUEST_TIME);
        let answer = client.upstream.answer(client.anonymous(call), &scope).await?;
        accepted(answer, "")?.json("a guest token")?
    };
    let guest = Secret::new(&guest.guest_token);
    let mut body = json!({
        "input_flow_data": {
            "flow_context": {
                "debug_overrides": {},
                "start_location": {"location": "splash_screen"},
            },
        },
        "subtask_versions": {},
    });
    let mut call = Call::post(&["1.1", "onboarding", "task.json"]).query("flow_name", "login");
    let mut taken = String::new();
    for _ in 0..STEPS {
        let anonymous = client.anonymous(call).timeout(REQUEST_TIME);
        let mut step = anonymous.secret_header("x-guest-token", &guest).json(&body);
        if let Some(cookies) = jar.header() {
            step = step.secret_header("cookie", &cookies);
        }
        let answer = accepted(client.upstream.answer(step, &scope).await?, &taken)?;
        jar.take(&answer.headers);
        let flow: Flow = answer.json("a step of a login")?;
        let next = flow.subtasks.first().map(|subtask| subtask.subtask_id.as_str());
        let input = match next {
            None | Some("LoginSuccessSubtask") => return jar.session(client),
            Some(step) => input(step, account, password)
                .ok_or_else(|| client.upstream.error(refusal(step)))?,
        };
        taken = next.unwrap_or_default().to_owned();
        body = json!({"flow_token": flow.flow_token, "subtask_inputs": [input]});
        call = Call::post(&["1.1", "onboarding", "task.json"]);
    }
    Err(client.upstream.error(Fault::Shape("a login that ends")))
}

/// What the client answers to a step; `None` for one that it cannot.
fn input(step: &str, account: &Account, password: &Secret) -> Option<Value> {
    let mut input = match step {
        "LoginJsInstrumentationSubtask" => {
            json!({"js_instrumentation": {"response": "{}", "link": "next_link"}})
        }
        "LoginEnterUserIdentifierSSO" => json!({"settings_list": {
            "setting_responses": [{
                "key": "user_identifier",
                "response_data": {"text_data": {"result": account.name}},
            }],
            "link": "next_link",
        }}),
        "LoginEnterAlternateIdentifierSubtask" => {
            json!({"enter_text": {"text": account.name, "link": "next_link"}})
        }
        "LoginEnterPassword" => {
            json!({"enter_password": {"password": password.expose(), "link": "next_link"}})
        }
        "AccountDuplicationCheck" => {
            json!({"check_logged_in_account": {"link": "AccountDuplicationCheck_false"}})
        }
        _ => return None,
    };
    input["subtask_id"] = step.into();
    Some(input)
}

/// Why a login stops at a step.
fn refusal(step: &str) -> Fault {
    let reason = match step {
        "LoginAcid" => "it asks for a code sent by e-mail; give the account's cookies instead",
        "LoginTwoFactorAuthChallenge" => {
            "it asks for a second factor; give the account's cookies instead"
        }
        "DenyLoginSubtask" => "it denies the login; give the account's cookies instead",
        _ => {
            "the login has a step that this worker cannot take; give the account's cookies instead"
        }
    };
    Fault::Refused { status: StatusCode::UNAUTHORIZED, reason }
}

/// A step that X refuses is a refusal of the account; `taken` is the one it was given.
fn accepted(answer: Answer, taken: &str) -> Result<Answer, UpstreamError> {
    answer.success().map_err(|mut error| {
        let is_refused = error.status().is_some_and(|status| {
            status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS
        });
        if is_refused {
            let reason = match taken {
                "LoginEnterPassword" => "it refuses the login: the password is wrong",
                "LoginEnterUserIdentifierSSO" | "LoginEnterAlternateIdentifierSubtask" => {
                    "it refuses the login: it does not know the user name"
                }
                _ => "it refuses the login",
            };
            error.fault = Fault::Refused { status: StatusCode::UNAUTHORIZED, reason };
        }
        error
    })
}

impl Jar {
    fn take(&mut self, headers: &HeaderMap) {
        for value in headers.get_all(header::SET_COOKIE) {
            let pair = value.to_str().ok().and_then(|text| text.split(';').next());
            if let Some((name, value)) = pair.and_then(|pair| pair.split_once('=')) {
                let value = Zeroizing::new(value.trim().to_owned());
                self.0.insert(name.trim().to_owned(), value);
            }
        }
    }

    fn header(&self) -> Option<Secret> {
        if self.0.is_empty() {
            return None;
        }
        let mut text = Zeroizing::new(String::new());
        for (name, value) in &self.0 {
            if !text.is_empty() {
                text.push_str("; ");
            }
            text.push_str(name);
            text.push('=');
            text.push_str(value);
        }
        Some(Secret::new(&text))
    }

    fn session(&self, client: &WebClient) -> Result<Session, UpstreamError> {
        match (self.0.get("auth_token"), self.0.get("ct0")) {
            (Some(auth_token), Some(csrf)) => Ok(Session::new(auth_token, csrf)),
            _ => Err(client.upstream.error(Fault::Shape("a login that ends with cookies"))),
        }
    }
}
