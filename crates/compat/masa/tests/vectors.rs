//! The vectors of the behaviour reference, section 2.3, and the error texts of 1.4 and 2.4.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sealwork_compat_masa::{MasaJob, ResultBody, Ring};

const KEY: &[u8; 32] = b"0123456789abcdef0123456789abcdef";
const REQUEST: &str = "SDB3OEE0Y0hBS2N1RDEwT2ova1JpNVIxUnFjMVYyMDJhdWxubExPZFZJTkNsTE80dVpxaHlnWlpJbW9NNHBsYlJJZm8vcW1kRU9yelpVMjQxT3VHNHhidVZBOUZrTk91a1Awc2lwZmI2VGtCdEg2RnRsQkNDc0JNbzlCSXREczhFNDZIOHpybUF2ak4vcy83KzJMS1JOYWtsWWRaMjNPTUtVWkxxUT09";
const JOB: &str = r#"{"type":"telemetry","arguments":{},"quote":"n-1","worker_id":"w","target_worker":"","timeout":0}"#;
const RESULT: &str = "NXZrMWNnZFFsSENxYWVCWDdCYTdjQXhXQWpZdnhzSlRJdFdKMWYwY2RDeVM=";

fn ring() -> Ring {
    Ring::from_keys([KEY])
}

/// The IV that a blob was sealed with.
fn iv_of(blob: &str) -> [u8; 12] {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let inner = STANDARD.decode(blob).unwrap();
    STANDARD.decode(inner).unwrap()[..12].try_into().unwrap()
}

#[test]
fn a_request_that_go_sealed_opens_and_is_sealed_to_the_same_bytes() {
    assert_eq!(&*ring().unseal_request(REQUEST.as_bytes()).unwrap(), JOB.as_bytes());
    assert_eq!(ring().seal_request(iv_of(REQUEST), JOB.as_bytes()).unwrap(), REQUEST);
}

#[test]
fn a_job_reads_from_and_writes_to_the_canonical_form() {
    let job = ring().open_job(REQUEST.as_bytes()).unwrap();
    assert_eq!(job.job_type, "telemetry");
    assert_eq!((job.quote.as_str(), job.worker_id.as_str()), ("n-1", "w"));
    assert_eq!((job.arguments.as_ref().unwrap().len(), job.expiry), (0, None));
    assert_eq!(ring().seal_job(iv_of(REQUEST), &job).unwrap(), REQUEST);
}

#[test]
fn a_result_that_go_sealed_opens_and_is_sealed_to_the_same_bytes() {
    assert_eq!(&*ring().unseal_result("n-1", RESULT.as_bytes()).unwrap(), b"hello");
    assert_eq!(ring().seal_result(iv_of(RESULT), "n-1", b"hello").unwrap(), RESULT);
    let body =
        ResultBody { encrypted_result: RESULT.to_owned(), encrypted_request: REQUEST.to_owned() };
    assert_eq!(&*ring().open_result(&body).unwrap(), b"hello");
}

#[test]
fn the_canonical_form_sorts_arguments_and_escapes_html() {
    let sealed = r#"{"TYPE":"web","arguments":{"b":"<&>\u2028","a":{"z":1.0,"y":[1e21,null]}}}"#;
    let job = MasaJob::from_json(sealed.as_bytes()).unwrap();
    assert_eq!(
        String::from_utf8(job.to_json()).unwrap(),
        r#"{"type":"web","arguments":{"a":{"y":[1e+21,null],"z":1},"b":"\u003c\u0026\u003e\u2028"},"quote":"","worker_id":"","target_worker":"","timeout":0}"#
    );
}

#[test]
fn a_stamped_job_has_an_ascii_nonce_of_its_own_and_forgets_what_the_client_wrote() {
    let mut job: MasaJob = MasaJob {
        quote: "client's".to_owned(),
        worker_id: "client's".to_owned(),
        expiry: Some(1),
        ..MasaJob::default()
    };
    job.stamp("me", [7; 32], Some(1_800_000_000));
    assert_eq!((job.worker_id.as_str(), job.expiry), ("me", Some(1_800_000_000)));
    assert!(job.quote.len() >= 32 && job.quote.bytes().all(|b| b.is_ascii_alphanumeric()));
    assert_eq!(MasaJob::from_json(&job.to_json()).unwrap(), job);
}

#[test]
fn the_ring_keeps_two_keys_newest_first_and_a_known_key_changes_nothing() {
    let ring = Ring::new().with_key(&[1; 32]).with_key(&[2; 32]).with_key(&[3; 32]);
    assert_eq!(ring.keys().collect::<Vec<_>>(), [&[3; 32], &[2; 32]]);
    let again = ring.with_key(&[2; 32]);
    assert_eq!(again.keys().collect::<Vec<_>>(), [&[3; 32], &[2; 32]]);
    assert_eq!(Ring::from_keys(ring.keys()).keys().collect::<Vec<_>>(), [&[3; 32], &[2; 32]]);
}

#[test]
fn both_keys_open_and_a_dropped_one_does_not() {
    let old = Ring::from_keys([KEY]);
    let blob = old.seal_request([9; 12], b"x").unwrap();
    let newer = old.with_key(&[2; 32]);
    assert_eq!(&*newer.unseal_request(blob.as_bytes()).unwrap(), b"x");
    let newest = newer.with_key(&[3; 32]);
    assert_eq!(
        newest.unseal_request(blob.as_bytes()).unwrap_err().to_string(),
        "failed to decrypt with any key in the ring: failed to decrypt with any key. Errors: \
         key 1: AES decrypt error: cipher: message authentication failed; \
         key 2: AES decrypt error: cipher: message authentication failed"
    );
}

#[test]
fn refusals_have_the_texts_of_the_reference() {
    let refused = |blob: &str| ring().open_job(blob.as_bytes()).unwrap_err().to_string();
    let in_ring = "failed to decrypt with any key in the ring: ";
    let by_key =
        format!("{in_ring}failed to decrypt with any key. Errors: key 1: AES decrypt error: ");
    assert_eq!(
        refused("!"),
        format!("{in_ring}base64 decode error: illegal base64 data at input byte 0")
    );
    assert_eq!(refused(""), format!("{by_key}invalid cipher text length"));
    assert_eq!(refused("ISE="), format!("{by_key}illegal base64 data at input byte 0"));
    assert_eq!(refused("QUFBQQ=="), format!("{by_key}invalid cipher text length"));
    assert_eq!(
        refused("QUFBQUFBQUFBQUFBQUFBQQ=="),
        format!("{by_key}cipher: message authentication failed")
    );
    assert_eq!(
        Ring::new().open_job(b"!").unwrap_err().to_string(),
        "no keys available in key ring"
    );
    assert_eq!(
        Ring::new().seal_request([0; 12], b"").unwrap_err().to_string(),
        "no keys available in key ring"
    );
}

#[test]
fn what_is_wrong_with_a_pair_of_blobs_is_said_of_the_right_one() {
    let sealed = |plaintext: &str| ring().seal_request([1; 12], plaintext.as_bytes()).unwrap();
    let error = |request: &str, result: &str| {
        let body = ResultBody {
            encrypted_result: result.to_owned(),
            encrypted_request: request.to_owned(),
        };
        ring().open_result(&body).unwrap_err().to_string()
    };
    assert!(
        error("", RESULT).starts_with("error while unsealing the encrypted request: failed to")
    );
    assert_eq!(
        error(&sealed("[]"), RESULT),
        "error while unmarshalling the job request: json: cannot unmarshal array into Go value of \
         type types.Job"
    );
    assert_eq!(
        error(&sealed("{\"type\":\"a\"} x"), RESULT),
        "error while unmarshalling the job request: invalid character 'x' after top-level value"
    );
    assert_eq!(
        error(&sealed("{"), RESULT),
        "error while unmarshalling the job request: unexpected end of JSON input"
    );
    let another = sealed(&JOB.replace("n-1", "n-2"));
    assert_eq!(
        error(&another, RESULT),
        "error while unsealing the job result: failed to decrypt with any key in the ring: failed \
         to decrypt with any key. Errors: key 1: AES decrypt error: cipher: message \
         authentication failed"
    );
}
