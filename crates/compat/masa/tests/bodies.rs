//! Bodies and their errors, as Go 1.26 reads and words them: `data/go_bodies.jsonl` was written by
//! the program in `go/`, and `go.rs` asks it again where Go is installed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use proptest::prelude::*;
use sealwork_compat_masa::{AddBody, DecodeError, MasaJob, ResultBody, SetKeyBody, read_body};
use support::{JSON, case_bytes, cases, read_as};

#[test]
fn every_recorded_body_reads_as_in_go_or_fails_with_its_words() {
    let cases = cases();
    assert!(cases.len() > 100);
    for case in &cases {
        let body = case_bytes(case);
        let shown = String::from_utf8_lossy(&body);
        match (read_as(case["as"].as_str().unwrap(), &body), case["text"].as_str()) {
            (Ok(ours), Some(go)) => assert_eq!(ours, go, "{shown}"),
            (Err(ours), None) => assert_eq!(Some(ours.as_str()), case["error"].as_str(), "{shown}"),
            (ours, _) => panic!("{shown}: {ours:?}, in Go {case}"),
        }
    }
}

#[test]
fn a_form_is_zero_values_whatever_is_in_it() {
    for (media_type, body) in [
        ("application/x-www-form-urlencoded", ""),
        ("application/x-www-form-urlencoded", "{\"type\":\"web\"}"),
        ("application/x-www-form-urlencoded", "a=%41&=&&b"),
        ("multipart/form-data; boundary=x", "--x--"),
    ] {
        let job: MasaJob = read_body(Some(media_type.as_bytes()), body.as_bytes()).unwrap();
        assert_eq!(job, MasaJob::default());
    }
}

/// The messages are those of Go's `url.ParseQuery`.
#[test]
fn a_form_that_go_cannot_read_is_refused_in_its_words() {
    for (body, message) in [
        ("a=b&%zz", r#"invalid URL escape "%zz""#),
        ("a=%4", r#"invalid URL escape "%4""#),
        ("%=%41", r#"invalid URL escape "%""#),
        ("a=%\"\n5&b=%y", r#"invalid URL escape "%\"\n""#),
        ("a=b;c", "invalid semicolon separator in query"),
    ] {
        let read =
            read_body::<MasaJob>(Some(b"application/x-www-form-urlencoded"), body.as_bytes());
        let wanted = format!("code=400, message={message}, internal={message}");
        assert_eq!(read.unwrap_err().as_bind_error(), wanted, "{body}");
    }
}

#[test]
fn the_media_type_is_compared_exactly_up_to_the_semicolon() {
    let read = |media_type: Option<&[u8]>| read_body::<AddBody>(media_type, b"{}");
    for good in ["application/json", "application/json; charset=utf-8", " application/json ;x"] {
        assert!(read(Some(good.as_bytes())).is_ok(), "{good}");
    }
    for bad in ["Application/JSON", "text/json", "application/jsonx", "", "text/plain"] {
        assert_eq!(read(Some(bad.as_bytes())), Err(DecodeError::MediaType), "{bad}");
    }
    assert_eq!(read(None).unwrap_err().as_bind_error(), "code=415, message=Unsupported Media Type");
}

#[test]
fn integers_beyond_a_double_stay_exact() {
    let body = br#"{"arguments":{"id":9007199254740993}}"#;
    let job: MasaJob = read_body(JSON, body).unwrap();
    assert!(String::from_utf8(job.to_json()).unwrap().contains("9007199254740993"));
}

#[test]
fn endless_nesting_is_refused_and_not_followed() {
    for open in ["[", "{\"a\":"] {
        let body = format!("{{\"arguments\":{{\"a\":{}", open.repeat(100_000));
        let error = read_body::<MasaJob>(JSON, body.as_bytes()).unwrap_err();
        assert!(error.to_string().ends_with("exceeded max depth"), "{error}");
    }
}

#[test]
fn an_expiry_is_read_from_sealed_jobs_only_and_never_refused() {
    let from_client: MasaJob = read_body(JSON, br#"{"expiry":5}"#).unwrap();
    assert_eq!(from_client.expiry, None);
    for (json, expiry) in [
        ("{\"expiry\":5}", Some(5)),
        ("{\"expiry\":\"soon\"}", None),
        ("{\"expiry\":1.5}", None),
        ("{\"expiry\":-1}", None),
        ("{\"Expiry\":5}", None),
    ] {
        assert_eq!(MasaJob::from_json(json.as_bytes()).unwrap().expiry, expiry, "{json}");
    }
}

fn json_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "[\\[\\]{},:\"0-9eE+\\-. \\\\u]{1,4}".prop_map(String::into_bytes),
        proptest::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"type\"",
            "\"arguments\"",
            "null",
            "true",
            "1e9",
            "\"x\"",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 1..3),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_body_makes_a_reader_panic(body in json_like()) {
        let _ = read_body::<MasaJob>(JSON, &body);
        let _ = read_body::<AddBody>(JSON, &body);
        let _ = read_body::<ResultBody>(JSON, &body);
        let _ = read_body::<SetKeyBody>(JSON, &body);
        let _ = MasaJob::from_json(&body);
    }

    #[test]
    fn whatever_was_read_is_written_and_read_back_the_same(body in json_like()) {
        if let Ok(job) = read_body::<MasaJob>(JSON, &body) {
            let json = job.to_json();
            let again = MasaJob::from_json(&json).unwrap();
            prop_assert_eq!(again.to_json(), json);
        }
    }
}
