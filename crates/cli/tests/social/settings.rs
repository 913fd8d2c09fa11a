//! Settings of the social engines: what is refused at the start, and what they do.

use sealwork_test_upstream::TestUpstream;
use serde_json::json;

use super::{
    World, masa,
    support::{sealwork, write},
};

/// Broken by: `config::social::problems`.
#[test]
fn what_cannot_be_used_is_told_by_config_check_without_quoting_a_secret() {
    let dir = tempfile::tempdir().unwrap();
    for (variable, told) in [
        ("TWITTER_ACCOUNTS=alice:hush-hush,:hush-hush", "entry 2 of TWITTER_ACCOUNTS"),
        ("TWITTER_API_KEYS=AAAA,bob:hush-hush", "entry 2 of TWITTER_API_KEYS"),
        ("APIFY_API_KEY=\"hush-hush two\"", "APIFY_API_KEY has a character"),
        ("TWITTER_GRAPHQL=Search=hush-hush", "no operation that is used"),
        ("APIFY_BASE_URL=ftp://api.example.com", "must begin with http:// or https://"),
        ("APIFY_BASE_URL=https://me:hush-hush@api.example.com", "must not carry credentials"),
        ("APIFY_BASE_URL=https://api.example.com/v2?token=hush-hush", "APIFY_BASE_URL has a value"),
        ("TWITTER_WEB_BASE_URL=https://x.example/#hush-hush", "TWITTER_WEB_BASE_URL has a value"),
        ("CORS_ORIGINS=https://me:hush-hush@a.example", "one of them is no origin"),
        ("LISTEN_ADDRESS=http://me:hush-hush@a.example", "LISTEN_ADDRESS has a value"),
        ("TIKTOK_DEFAULT_LANGUAGE=english!", "for example eng-US"),
        (
            "TWITTER_ACCOUNTS=alice:hush-hush,bob,@Alice:other",
            "entries 1 and 3 of TWITTER_ACCOUNTS name the same account",
        ),
        ("TWITTER_API_BASE_URL=off", "TWITTER_API_BASE_URL"),
        ("APIFY_MAX_ITEMS=0", "APIFY_MAX_ITEMS"),
    ] {
        write(&dir.path().join(".env"), variable.as_bytes());
        let data = dir.path().to_str().unwrap();
        let ran = sealwork(dir.path(), &["config", "check", "--data-dir", data]);
        let said = format!("{}{}", ran.out, ran.err);
        assert_eq!(ran.code, 2, "{variable}: {said}");
        assert!(said.contains(told) && !said.contains("hush-hush"), "{variable}: {said}");
    }
}

/// Broken by: `short_passwords` in config/social.rs.
#[test]
fn a_password_that_cannot_be_told_from_a_word_is_warned_about() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    write(&dir.path().join(".env"), b"TWITTER_ACCOUNTS=alice:longenough,bob:hush,carol");
    let ran = sealwork(dir.path(), &["config", "check", "--data-dir", data]);
    let said = format!("{}{}", ran.out, ran.err);
    assert_eq!(ran.code, 0, "{said}");
    assert!(said.contains("the password of entry 2") && !said.contains("hush"), "{said}");
    assert!(!said.contains("entry 1") && !said.contains("entry 3"), "{said}");
}

/// Broken by: `cookies` in serve/social/settings.rs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cookies_in_the_data_directory_are_used_and_no_password_is_needed() {
    let upstream = TestUpstream::start().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    let cookies = json!([
        {"Name": "auth_token", "Value": "session-of-carol", "Path": "/", "Domain": "twitter.com"},
        {"Name": "ct0", "Value": "csrf-of-carol", "Path": "/", "Domain": "twitter.com"},
    ]);
    let file = dir.path().join("data/carol_twitter_cookies.json");
    write(&file, cookies.to_string().as_bytes());
    let worker = super::worker(&upstream, dir, &[("TWITTER_ACCOUNTS", "carol")]);
    let trends = json!({"type": "twitter-credential", "arguments": {"type": "gettrends"}});
    assert_eq!(masa(&worker, &trends).result.unwrap()[0], "#Artemis");
    assert_eq!(upstream.count("POST", "/onboarding"), 0, "nobody logged in");

    // A file that holds no session stops the next start, and is told without its content.
    let dir = worker.stop();
    write(&dir.path().join("data/carol_twitter_cookies.json"), b"hush-hush");
    let data = dir.path().join("data");
    let set = ["--set", "STANDALONE=true", "--set", "LISTEN_ADDRESS=127.0.0.1:0"];
    write(&data.join(".env"), b"TWITTER_ACCOUNTS=carol\nTIKTOK_TRANSCRIPTION_BASE_URL=off\n");
    let mut arguments = vec!["serve", "--data-dir", data.to_str().unwrap()];
    arguments.extend(set);
    let ran = sealwork(dir.path(), &arguments);
    assert_ne!(ran.code, 0);
    assert!(ran.err.contains("carol_twitter_cookies.json"), "{}", ran.err);
    assert!(!ran.err.contains("hush-hush"), "{}", ran.err);
}

/// Broken by: `Sessions` in serve/social/sessions.rs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_made_by_password_outlives_a_restart() {
    let upstream = TestUpstream::start().await.unwrap();
    let accounts = format!("alice:{}", sealwork_test_upstream::X_PASSWORD);
    let more = [("TWITTER_ACCOUNTS", accounts.as_str())];
    let trends = json!({"type": "twitter-credential", "arguments": {"type": "gettrends"}});
    let first = super::worker(&upstream, tempfile::tempdir().unwrap(), &more);
    masa(&first, &trends).result.unwrap();
    let logins = upstream.count("POST", "/onboarding");
    assert!(logins > 0);
    let second = super::worker(&upstream, first.kill(), &more);
    masa(&second, &trends).result.unwrap();
    assert_eq!(upstream.count("POST", "/onboarding"), logins, "it logged in again");
}

/// Broken by: `egress` in serve/social/settings.rs, which opens what the operator named to the
/// upstreams' way out alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_upstream_that_the_operator_named_opens_nothing_to_jobs() {
    let world = World::new().await;
    let crawl = json!({"type": "web", "arguments": {"url": world.upstream.base("/"), "depth": 1}});
    let failed = masa(&world.worker, &crawl).result.unwrap_err();
    assert_eq!(failed["code"], "egress_denied", "{failed}");
    let seen = world.upstream.seen();
    assert!(seen.iter().all(|ask| ask.path != "/" && ask.path != "/robots.txt"));
}
