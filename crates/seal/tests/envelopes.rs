//! Request and response envelopes: what goes in comes out, and nothing else opens.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use bytes::Bytes;
use common::{JOB, JOB_JSON, LIMITS, NOW, Stream, World, options, usage};
use proptest::prelude::*;
use sealwork_job::{Code, Digest, Failure, Outcome, Output, WorkerId};
use sealwork_seal::{
    EnvelopeError, Header, KeyConfigError, OpenLimits, RequestParts, RequestSecrets,
    ResponseHeader, SealError, SealOptions, Sealed, SealedOutcome, Suite, open_request,
    open_response, padding::is_padded_len, seal_request, seal_response,
};

const BORDERS: [usize; 12] =
    [0, 1, 300, 511, 65_000, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 200 << 10];

fn open(world: &World, suite: Suite, envelope: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    open_request(world.pair(suite), &world.config.digest(), envelope, &LIMITS)
        .map(|opened| opened.input.map(|input| input.to_vec()).unwrap_or_default())
}

fn outcome(data: Vec<u8>) -> SealedOutcome {
    let output = Output {
        data: Bytes::from(data),
        media_type: "text/plain".to_owned(),
        next_cursor: Some("page-2".to_owned()),
    };
    SealedOutcome {
        outcome: Outcome::Output(output),
        usage: usage(),
        details: Some(serde_json::json!({ "log": "a line" })),
    }
}

fn respond(sealed: &Sealed, len: usize) -> Vec<u8> {
    let outcome = outcome(vec![0x5a; len]);
    seal_response(&sealed.secrets, JOB, Digest([9; 32]), &outcome, [8; 32]).unwrap()
}

#[test]
fn requests_of_all_sizes_around_the_frame_borders_open_to_what_was_sealed() {
    let world = World::new();
    for suite in Suite::ALL {
        for len in BORDERS {
            let input: Vec<u8> = (0..len).map(|n| n as u8).collect();
            let sealed = world.seal(suite, Some(&input));
            assert!(is_padded_len(sealed.envelope.len()), "{len}");
            let digest = world.config.digest();
            let opened =
                open_request(world.pair(suite), &digest, &sealed.envelope, &LIMITS).unwrap();
            assert_eq!(*opened.job_json, JOB_JSON);
            assert_eq!(opened.input.unwrap().as_slice(), input);
            assert_eq!(opened.signer, None);
            assert_eq!(opened.header, Header::parse(&sealed.envelope).unwrap());
            assert_eq!(opened.secrets.to_bytes(), sealed.secrets.to_bytes());
        }
    }
}

#[test]
fn responses_of_all_sizes_around_the_frame_borders_open_to_what_was_sealed() {
    let world = World::new();
    for suite in Suite::ALL {
        let sealed = world.seal(suite, None);
        for len in BORDERS {
            let response = respond(&sealed, len);
            assert!(is_padded_len(response.len()), "{len}");
            let opened = open_response(&sealed.secrets, &response).unwrap();
            let expected = outcome(vec![0x5a; len]);
            assert_eq!((opened.outcome, opened.usage), (expected.outcome, expected.usage));
            assert_eq!((opened.job, opened.receipt_digest), (JOB, Digest([9; 32])));
        }
    }
}

#[test]
fn a_failure_travels_with_its_code_and_message() {
    let sealed = World::new().seal(Suite::X25519, None);
    let failure = Failure::new(Code::HostNotFound, "no such host: example.invalid");
    let outcome =
        SealedOutcome { outcome: Outcome::Failure(failure), usage: usage(), details: None };
    let response = seal_response(&sealed.secrets, JOB, Digest([9; 32]), &outcome, [8; 32]).unwrap();
    assert_eq!(open_response(&sealed.secrets, &response).unwrap().outcome, outcome.outcome);
}

#[test]
fn an_absent_input_and_an_empty_one_differ() {
    let world = World::new();
    let digest = world.config.digest();
    for input in [None, Some(&b""[..])] {
        let sealed = world.seal(Suite::X25519, input);
        let opened =
            open_request(world.pair(Suite::X25519), &digest, &sealed.envelope, &LIMITS).unwrap();
        assert_eq!(opened.input.as_ref().map(|input| input.as_slice()), input);
    }
}

#[test]
fn each_byte_of_a_request_matters() {
    let world = World::new();
    for suite in Suite::ALL {
        let sealed = world.seal(suite, None);
        for at in 0..sealed.envelope.len() {
            let mut changed = sealed.envelope.clone();
            changed[at] ^= 1 << (at % 8);
            let error = open(&world, suite, &changed).unwrap_err();
            let expected = match at {
                0..4 => matches!(error, EnvelopeError::Malformed(_)),
                4 => matches!(error, EnvelopeError::Version(_)),
                5 => matches!(error, EnvelopeError::Suite(_)),
                6..8 => matches!(error, EnvelopeError::Malformed(_)),
                8..16 => error == EnvelopeError::KeyUnknown,
                // Which error depends on whether the expiry is still after the not-before time.
                32..48 => matches!(error, EnvelopeError::Malformed(_) | EnvelopeError::Tampered),
                _ => error == EnvelopeError::Tampered,
            };
            assert!(expected, "{suite} byte {at}: {error:?}");
        }
    }
}

#[test]
fn each_byte_of_a_response_matters() {
    let world = World::new();
    for suite in Suite::ALL {
        let sealed = world.seal(suite, None);
        let response = respond(&sealed, 100);
        for at in 0..response.len() {
            let mut changed = response.clone();
            changed[at] ^= 1 << (at % 8);
            let error = open_response(&sealed.secrets, &changed).unwrap_err();
            let expected = match at {
                0..4 | 6..8 => matches!(error, EnvelopeError::Malformed(_)),
                4 => matches!(error, EnvelopeError::Version(_)),
                5 => matches!(error, EnvelopeError::Suite(_)),
                _ => error == EnvelopeError::Tampered,
            };
            assert!(expected, "{suite} byte {at}: {error:?}");
        }
    }
}

#[test]
fn a_prefix_is_truncated_unless_it_happens_to_have_a_padded_length() {
    let world = World::new();
    let sealed = world.seal(Suite::X25519, Some(&[7; 3000]));
    let response = respond(&sealed, 3000);
    assert_eq!((sealed.envelope.len(), response.len()), (4096, 4096));
    for len in 1..4096 {
        let request = open(&world, Suite::X25519, &sealed.envelope[..len]).unwrap_err();
        let response = open_response(&sealed.secrets, &response[..len]).unwrap_err();
        for error in [request, response] {
            if is_padded_len(len) {
                assert_eq!(error, EnvelopeError::Tampered, "{len}");
            } else {
                assert_eq!(error, EnvelopeError::Truncated { len }, "{len}");
            }
        }
    }
    assert!(matches!(open(&world, Suite::X25519, &[]), Err(EnvelopeError::Malformed(_))));
}

#[test]
fn bytes_added_at_the_end_are_noticed() {
    let world = World::new();
    let sealed = world.seal(Suite::X25519, None);
    let mut longer = sealed.envelope.clone();
    longer.push(0);
    let len = longer.len();
    assert_eq!(open(&world, Suite::X25519, &longer), Err(EnvelopeError::Truncated { len }));
    longer.resize(1024, 0);
    assert_eq!(open(&world, Suite::X25519, &longer), Err(EnvelopeError::Tampered));
}

#[test]
fn another_key_config_another_key_and_another_suite_do_not_open() {
    let (world, other) = (World::new(), World::seeded(2));
    let sealed = world.seal(Suite::X25519, None);
    let digest = world.config.digest();
    let attempt = |pair, digest: &Digest| open_request(pair, digest, &sealed.envelope, &LIMITS);
    let own = world.pair(Suite::X25519);
    assert!(attempt(own, &digest).is_ok());
    assert_eq!(attempt(own, &other.config.digest()).unwrap_err(), EnvelopeError::Tampered);
    assert_eq!(attempt(other.pair(Suite::X25519), &digest).unwrap_err(), EnvelopeError::KeyUnknown);
    assert_eq!(attempt(world.pair(Suite::XWing), &digest).unwrap_err(), EnvelopeError::Suite(1));

    // An envelope that claims to be for a key for which it is not sealed.
    let mut forged = sealed.envelope.clone();
    forged[8..16].copy_from_slice(&other.pair(Suite::X25519).id().0);
    let error = open_request(other.pair(Suite::X25519), &digest, &forged, &LIMITS).unwrap_err();
    assert_eq!(error, EnvelopeError::Tampered);
}

#[test]
fn a_response_opens_only_with_its_own_requests_secrets() {
    let world = World::new();
    let sealed = world.seal(Suite::X25519, None);
    let request = RequestParts { job_json: JOB_JSON, input: None };
    let key = world.key(Suite::X25519);
    let other =
        seal_request(&mut Stream(8), &world.config, key, &request, &options()).unwrap().secrets;
    let error = open_response(&other, &respond(&sealed, 10)).unwrap_err();
    assert_eq!(error, EnvelopeError::Tampered);
    let post_quantum = world.seal(Suite::XWing, None).secrets;
    let error = open_response(&post_quantum, &respond(&sealed, 10)).unwrap_err();
    assert_eq!(error, EnvelopeError::Suite(1));
    assert!(open_response(&sealed.secrets, &sealed.envelope).is_err());
}

#[test]
fn low_order_encapsulated_keys_are_refused() {
    let world = World::new();
    let mut envelope = world.seal(Suite::X25519, None).envelope;
    for point in [[0; 32], {
        let mut one = [0; 32];
        one[0] = 1;
        one
    }] {
        envelope[Header::LEN..Header::LEN + 32].copy_from_slice(&point);
        assert_eq!(open(&world, Suite::X25519, &envelope), Err(EnvelopeError::Tampered));
    }
}

#[test]
fn lengths_above_the_limit_are_refused_before_anything_is_opened() {
    let world = World::new();
    let sealed = world.seal(Suite::X25519, Some(&[0; 5000]));
    let limits = OpenLimits { max_envelope_bytes: 4096 };
    let digest = world.config.digest();
    let error = open_request(world.pair(Suite::X25519), &digest, &sealed.envelope, &limits);
    assert_eq!(error.unwrap_err(), EnvelopeError::TooLarge { len: 8192, max: 4096 });
}

#[test]
fn requests_that_the_worker_would_refuse_are_not_sealed() {
    let world = World::new();
    let key = world.key(Suite::X25519);
    let seal = |options: SealOptions<'_>, len: usize| {
        let input = vec![0; len];
        let request = RequestParts { job_json: JOB_JSON, input: Some(&input) };
        seal_request(&mut Stream(7), &world.config, key, &request, &options).map(|_| ())
    };
    let backwards = SealOptions { expiry: NOW, not_before: NOW, ..options() };
    assert_eq!(seal(backwards, 0), Err(SealError::Validity));
    let long = SealOptions { expiry: NOW + 3601, not_before: NOW, ..options() };
    assert_eq!(seal(long, 0), Err(SealError::Lifetime { asked: 3601, max: 3600 }));
    assert_eq!(seal(options(), 16 << 20), Err(SealError::TooLarge { max: 16 << 20 }));
    assert_eq!(seal(options(), 15 << 20), Ok(()));

    let request = RequestParts { job_json: JOB_JSON, input: None };
    let other = World::seeded(2);
    let foreign = other.key(Suite::X25519);
    let error =
        seal_request(&mut Stream(7), &world.config, foreign, &request, &options()).unwrap_err();
    assert_eq!(error, SealError::KeyNotOffered);
}

#[test]
fn nothing_is_sealed_to_a_key_config_that_was_changed() {
    let mut world = World::new();
    world.config.max_lifetime_secs += 1;
    let request = RequestParts { job_json: JOB_JSON, input: None };
    let key = world.key(Suite::X25519);
    let error = seal_request(&mut Stream(7), &world.config, key, &request, &options()).unwrap_err();
    assert_eq!(error, SealError::KeyConfig(KeyConfigError::Signature));
}

#[test]
fn the_clear_header_reads_back_and_names_its_worker() {
    let world = World::new();
    let target = WorkerId([0xab; 32]);
    let request = RequestParts { job_json: JOB_JSON, input: None };
    let options = SealOptions { target, ..options() };
    let key = world.key(Suite::XWing);
    let sealed = seal_request(&mut Stream(7), &world.config, key, &request, &options).unwrap();
    let header = Header::parse(&sealed.envelope).unwrap();
    assert_eq!(header.target, target);
    assert_eq!((header.not_before, header.expiry), (NOW - 60, NOW + 600));
    assert_eq!(header.key_id, key.id);
    assert_eq!(header.to_bytes(), sealed.envelope[..Header::LEN]);
}

#[test]
fn secrets_survive_being_kept_and_damage_to_them_is_noticed() {
    let world = World::new();
    for suite in Suite::ALL {
        let sealed = world.seal(suite, None);
        let bytes = sealed.secrets.to_bytes();
        let kept = RequestSecrets::from_bytes(&bytes).unwrap();
        assert!(open_response(&kept, &respond(&sealed, 10)).is_ok());
        for len in 0..bytes.len() {
            assert!(RequestSecrets::from_bytes(&bytes[..len]).is_err(), "{len}");
        }
        let mut longer = bytes.to_vec();
        longer.push(0);
        assert!(RequestSecrets::from_bytes(&longer).is_err());
        let mut later = bytes.to_vec();
        later[0] = 2;
        let error = RequestSecrets::from_bytes(&later).unwrap_err();
        assert_eq!(error, EnvelopeError::Version(2));
    }
}

#[test]
fn debug_output_shows_no_secret() {
    let world = World::new();
    let sealed = world.seal(Suite::X25519, None);
    let token = hex::encode(sealed.secrets.token());
    let opened =
        open_request(world.pair(Suite::X25519), &world.config.digest(), &sealed.envelope, &LIMITS)
            .unwrap();
    for text in [format!("{:?}", sealed.secrets), format!("{opened:?}")] {
        assert!(!text.contains(&token) && !text.contains("example.com"), "{text}");
    }
    assert_eq!(format!("{:?}", sealed.secrets), "RequestSecrets");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_input_opens_to_itself_and_hides_its_exact_length(
        len in 0_usize..200 << 10, byte in any::<u8>(),
    ) {
        let world = World::new();
        let input = vec![byte; len];
        let sealed = world.seal(Suite::X25519, Some(&input));
        prop_assert!(is_padded_len(sealed.envelope.len()));
        prop_assert_eq!(open(&world, Suite::X25519, &sealed.envelope), Ok(input));
    }

    #[test]
    fn any_flipped_bit_behind_the_header_is_noticed(at in any::<prop::sample::Index>(), bit in 0..8) {
        let world = World::new();
        let mut envelope = world.seal(Suite::X25519, Some(&[1; 150_000])).envelope;
        let at = Header::LEN + at.index(envelope.len() - Header::LEN);
        envelope[at] ^= 1_u8 << bit;
        prop_assert_eq!(open(&world, Suite::X25519, &envelope), Err(EnvelopeError::Tampered));
    }

    #[test]
    fn arbitrary_bytes_never_open_and_never_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..2048), keep in 0_usize..90,
    ) {
        let world = World::new();
        let sealed = world.seal(Suite::X25519, None);
        for whole in [sealed.envelope.clone(), respond(&sealed, 10)] {
            let keep = keep.min(bytes.len());
            bytes[..keep].copy_from_slice(&whole[..keep]);
            prop_assert!(open(&world, Suite::X25519, &bytes).is_err());
            prop_assert!(open_response(&sealed.secrets, &bytes).is_err());
            let _ = (Header::parse(&bytes), ResponseHeader::parse(&bytes));
            let _ = RequestSecrets::from_bytes(&bytes);
        }
    }
}
