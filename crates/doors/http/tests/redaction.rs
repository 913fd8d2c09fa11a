//! No secret that a request carries gets into the access log.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod common;

use common::{KEY, open, with_key};

const CANARY: &str = "canary-8d1f0c";

#[tokio::test]
async fn a_canary_in_every_part_of_a_request_is_in_no_line() {
    let door = open(with_key()).await;
    let token = format!("{:0<64}", "ca9a57");
    let headers = format!(
        "Authorization: Bearer {KEY}\nX-API-Key: {CANARY}\nCookie: s={CANARY}\nSealwork-Token: {token}\nX-Other: {CANARY}\nReferer: https://x/{CANARY}\nX-Forwarded-For: {CANARY}"
    );
    let paths = ["/v1/jobs", "/job/generate", "/v1/nothing", "/nothing", "/debug/loglevel"];
    let methods = ["GET", "POST", "PUT"];
    for method in methods {
        for path in paths {
            let head = format!(
                "{method} {path}?api_key={CANARY}&{CANARY}&level={CANARY}&wait={CANARY}\n{headers}"
            );
            let _ = door.send(&head, CANARY).await;
        }
    }
    // A wrong key is a near miss of the right one.
    let _ = door.send(&format!("GET /v1/capabilities\nX-API-Key: {KEY}x"), "").await;
    let lines = door.log.lines(paths.len() * methods.len() + 1).await;
    for line in lines {
        let fields: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(fields["status"].is_number());
        for secret in [CANARY, KEY, "ca9a57"] {
            assert!(!line.contains(secret), "{line}");
        }
    }
}
