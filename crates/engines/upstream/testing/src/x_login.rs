//! X's login in steps: its state is in the token that goes to and fro.

use serde_json::{Value, json};

use crate::{Ask, Reply, x_web::errors};

/// The password of every account, but of those whose name begins with `denied`.
pub const X_PASSWORD: &str = "correct-horse-battery";
const GUEST: &str = "1980000000000000000";

/// `guest/activate.json` and `onboarding/task.json`.
pub(crate) fn answer(ask: &Ask, path: &[&str]) -> Reply {
    if path == ["guest", "activate.json"] {
        return Reply::json(&json!({"guest_token": GUEST}));
    }
    if path != ["onboarding", "task.json"] {
        return Reply::text("text/plain", "").status(404);
    }
    if ask.header("x-guest-token") != Some(GUEST) {
        return errors(403, 239, "Bad guest token.");
    }
    let body = ask.json();
    if ask.query.get("flow_name").is_some_and(|flow| flow == "login") {
        return step("start", "LoginJsInstrumentationSubtask")
            .header("set-cookie", "guest_id=v1%3A17; Max-Age=63072000; Path=/; Domain=.x.com");
    }
    let input = &body["subtask_inputs"][0];
    let token = body["flow_token"].as_str().unwrap_or_default();
    match input["subtask_id"].as_str().unwrap_or_default() {
        "LoginJsInstrumentationSubtask" if token == "start" => {
            step("identifier", "LoginEnterUserIdentifierSSO")
        }
        "LoginEnterUserIdentifierSSO" if token == "identifier" => identified(input),
        "LoginEnterAlternateIdentifierSubtask" => {
            let user = token.strip_prefix("alternate:").unwrap_or_default();
            step(&format!("password:{user}"), "LoginEnterPassword")
        }
        "LoginEnterPassword" => password(input, token),
        "AccountDuplicationCheck" => entered(token.strip_prefix("check:").unwrap_or_default()),
        _ => errors(400, 366, "flow name LoginFlow is currently not accessible"),
    }
}

fn step(token: &str, subtask: &str) -> Reply {
    Reply::json(&json!({
        "flow_token": token, "status": "success", "subtasks": [{"subtask_id": subtask}],
    }))
}

fn identified(input: &Value) -> Reply {
    let response = &input["settings_list"]["setting_responses"][0]["response_data"];
    let user = response["text_data"]["result"].as_str().unwrap_or_default();
    if user.starts_with("denied") {
        return step("denied", "DenyLoginSubtask");
    }
    if user.starts_with("asked") {
        return step(&format!("alternate:{user}"), "LoginEnterAlternateIdentifierSubtask");
    }
    step(&format!("password:{user}"), "LoginEnterPassword")
}

fn password(input: &Value, token: &str) -> Reply {
    let user = token.strip_prefix("password:").unwrap_or_default();
    if input["enter_password"]["password"] != X_PASSWORD {
        return errors(400, 399, "Wrong password!");
    }
    if user.starts_with("code") {
        return step("acid", "LoginAcid");
    }
    step(&format!("check:{user}"), "AccountDuplicationCheck")
}

fn entered(user: &str) -> Reply {
    step("done", "LoginSuccessSubtask")
        .header("set-cookie", format!("auth_token=new-session-of-{user}; Path=/; Secure; HttpOnly"))
        .header("set-cookie", format!("ct0=csrf-of-{user}; Path=/; Secure"))
}
