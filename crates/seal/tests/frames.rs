//! Frames: pieces of any size give the same bytes, and no frame can be moved, left out or repeated.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use common::{JOB, Stream, World};
use proptest::prelude::*;
use sealwork_job::{Digest, WorkerId};
use sealwork_seal::{
    EnvelopeError, Header, RequestSecrets, ResponseHeader, Suite,
    frame::{FRAME_LEN, FrameOpener, FrameSealer, SEALED_FRAME_LEN, plaintext_len, sealed_len},
    request_opener, request_sealer, response_opener, response_sealer,
};

const HEADER: ResponseHeader =
    ResponseHeader { job: JOB, nonce: [5; 32], receipt_digest: Digest([6; 32]) };

fn secrets() -> RequestSecrets {
    World::new().seal(Suite::X25519, None).secrets
}

fn plaintext(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 31 + n / 251) as u8).collect()
}

fn seal(mut sealer: FrameSealer, plaintext: &[u8], piece: usize) -> Vec<u8> {
    let mut out = Vec::new();
    plaintext.chunks(piece).for_each(|piece| sealer.push(piece, &mut out));
    sealer.finish(&mut out);
    out
}

fn open(mut opener: FrameOpener, sealed: &[u8], piece: usize) -> Result<Vec<u8>, EnvelopeError> {
    let mut out = Vec::new();
    for piece in sealed.chunks(piece) {
        opener.push(piece, &mut out)?;
    }
    opener.finish(&mut out)?;
    Ok(out)
}

fn sealer(secrets: &RequestSecrets) -> FrameSealer {
    response_sealer(secrets, &HEADER).1
}

fn opener(secrets: &RequestSecrets) -> FrameOpener {
    let bytes = response_sealer(secrets, &HEADER).0;
    response_opener(secrets, &bytes).unwrap().2
}

#[test]
fn a_plaintext_of_three_full_frames_and_a_rest_cannot_be_rearranged() {
    let secrets = secrets();
    let plain = plaintext(3 * FRAME_LEN + 100);
    let sealed = seal(sealer(&secrets), &plain, 10_000);
    let frames: Vec<&[u8]> = sealed.chunks(SEALED_FRAME_LEN).collect();
    let arrange = |order: &[usize]| {
        let sealed: Vec<u8> = order.iter().flat_map(|&n| frames[n].to_vec()).collect();
        open(opener(&secrets), &sealed, 9_999).map(|plain| plain.len())
    };
    let len = |frames: usize| frames * SEALED_FRAME_LEN;
    assert_eq!(arrange(&[0, 1, 2, 3]), Ok(plain.len()));
    assert_eq!(arrange(&[1, 0, 2, 3]), Err(EnvelopeError::Tampered));
    assert_eq!(arrange(&[0, 0, 1, 2, 3]), Err(EnvelopeError::Tampered));
    assert_eq!(arrange(&[0, 2, 3]), Err(EnvelopeError::Tampered));
    assert_eq!(arrange(&[3]), Err(EnvelopeError::Tampered));
    assert_eq!(arrange(&[0, 1, 2]), Err(EnvelopeError::Truncated { len: len(3) }));
    assert_eq!(arrange(&[0]), Err(EnvelopeError::Truncated { len: len(1) }));
    assert_eq!(arrange(&[]), Err(EnvelopeError::Truncated { len: 0 }));
    assert_eq!(arrange(&[0, 1, 2, 3, 3]), Err(EnvelopeError::Tampered));
}

#[test]
fn no_two_frames_share_a_nonce() {
    // Under one key and nonce, equal plaintexts would have equal ciphertexts.
    let plain = vec![0; 300 * 1024];
    let secrets = secrets();
    let response = seal(sealer(&secrets), &plain, FRAME_LEN);
    let world = World::new();
    let pair = world.pair(Suite::X25519);
    let header = secrets.header().unwrap();
    let (_, sealer, _) =
        request_sealer(&mut Stream(3), &header, &pair.public().public, &world.config.digest())
            .unwrap();
    for sealed in [response, seal(sealer, &plain, FRAME_LEN)] {
        let begins: std::collections::BTreeSet<&[u8]> =
            sealed.chunks(SEALED_FRAME_LEN).map(|frame| &frame[..16]).collect();
        assert_eq!(begins.len(), 5);
    }
}

#[test]
fn a_frame_of_one_response_does_not_fit_into_another() {
    let secrets = secrets();
    let sealed = seal(sealer(&secrets), b"text", 4);
    let others = [
        ResponseHeader { nonce: [4; 32], ..HEADER },
        ResponseHeader { receipt_digest: Digest([7; 32]), ..HEADER },
        ResponseHeader { job: sealwork_job::JobId([0; 16]), ..HEADER },
    ];
    for other in others {
        let bytes = response_sealer(&secrets, &other).0;
        let opener = response_opener(&secrets, &bytes).unwrap().2;
        assert_eq!(open(opener, &sealed, 4), Err(EnvelopeError::Tampered));
    }
    assert_eq!(open(opener(&secrets), &sealed, 4).unwrap(), b"text");
}

#[test]
fn a_request_streams_in_both_suites() {
    let world = World::new();
    let digest = world.config.digest();
    for suite in Suite::ALL {
        let pair = world.pair(suite);
        let header = Header {
            suite,
            key_id: pair.id(),
            nonce: [3; 16],
            not_before: 1,
            expiry: 2,
            target: WorkerId::ANY,
        };
        let (begin, sealer, secrets) =
            request_sealer(&mut Stream(3), &header, &pair.public().public, &digest).unwrap();
        let plain = plaintext(150_000);
        let sealed = seal(sealer, &plain, 777);
        let (read, rest, opener, opened) = request_opener(pair, &digest, &begin).unwrap();
        assert_eq!((read, rest.len()), (header, 0));
        assert_eq!(opened.to_bytes(), secrets.to_bytes());
        assert_eq!(open(opener, &sealed, 1001).unwrap(), plain);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn pieces_of_any_size_give_the_same_frames(
        len in prop_oneof![0_usize..200_000, (0_usize..4, 0_usize..3).prop_map(|(n, off)| {
            (n * FRAME_LEN + off).saturating_sub(1)
        })],
        put in 1_usize..100_000,
        take in 1_usize..100_000,
    ) {
        let secrets = secrets();
        let plain = plaintext(len);
        let sealed = seal(sealer(&secrets), &plain, put);
        prop_assert_eq!(&sealed, &seal(sealer(&secrets), &plain, len.max(1)));
        prop_assert_eq!(sealed.len(), sealed_len(len));
        prop_assert_eq!(plaintext_len(sealed.len()), Some(len));
        prop_assert_eq!(open(opener(&secrets), &sealed, take), Ok(plain));
    }

    #[test]
    fn a_cut_is_an_error_wherever_it_is(cut in 0_usize..2 * SEALED_FRAME_LEN + 50) {
        let secrets = secrets();
        let sealed = seal(sealer(&secrets), &plaintext(2 * FRAME_LEN + 34), FRAME_LEN);
        prop_assert_eq!(sealed.len(), 2 * SEALED_FRAME_LEN + 50);
        let error = open(opener(&secrets), &sealed[..cut], 40_000).unwrap_err();
        let short = cut % SEALED_FRAME_LEN < 16;
        let expected =
            if short { EnvelopeError::Truncated { len: cut } } else { EnvelopeError::Tampered };
        prop_assert_eq!(error, expected);
    }

    #[test]
    fn only_possible_lengths_have_a_plaintext(len in 0_usize..10 * SEALED_FRAME_LEN) {
        match plaintext_len(len) {
            Some(plain) => prop_assert_eq!(sealed_len(plain), len),
            // A last frame holds its tag, and is not empty behind other frames.
            None => prop_assert!(len == 0 || len % SEALED_FRAME_LEN <= 16),
        }
    }
}
