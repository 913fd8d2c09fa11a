//! Responses whose output comes and goes in pieces: the same envelopes as whole ones.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use bytes::Bytes;
use common::*;
use proptest::prelude::*;
use sealwork_job::{Code, Digest, Failure, Outcome, Output};
use sealwork_seal::{
    EnvelopeError, OpenedResponse, RequestSecrets, ResponseHeader, ResponseReader, ResponseWriter,
    SealError, SealedOutcome, Suite, frame::FRAME_LEN, open_response, response_sealer,
    seal_response,
};

const OF: (sealwork_job::JobId, Digest) = (JOB, Digest([9; 32]));
const NONCE: [u8; 32] = [8; 32];

fn outcome(data: Vec<u8>) -> SealedOutcome {
    let media_type = "text/plain".to_owned();
    let output = Output { data: Bytes::from(data), media_type, next_cursor: None };
    SealedOutcome { outcome: Outcome::Output(output), usage: usage(), details: None }
}

fn written(secrets: &RequestSecrets, data: &[u8], piece: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let empty = outcome(Vec::new());
    let mut writer =
        ResponseWriter::begin(secrets, OF, &empty, data.len(), NONCE, &mut out).unwrap();
    let len = writer.envelope_len();
    for piece in data.chunks(piece) {
        writer.push(piece, &mut out).unwrap();
    }
    writer.finish(&mut out).unwrap();
    assert_eq!(out.len(), len);
    out
}

fn read(
    secrets: &RequestSecrets,
    envelope: &[u8],
    piece: usize,
) -> Result<(OpenedResponse, Vec<u8>), EnvelopeError> {
    let (head, rest) = envelope.split_first_chunk::<{ ResponseHeader::LEN }>().unwrap();
    let mut reader = ResponseReader::begin(secrets, head)?;
    let mut data = Vec::new();
    for piece in rest.chunks(piece) {
        reader.push(piece, |output| data.extend_from_slice(output))?;
    }
    let opened = reader.finish(|output| data.extend_from_slice(output))?;
    Ok((opened, data))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn pieces_of_any_size_make_and_open_the_envelope_that_the_whole_makes(
        len in prop_oneof![0_usize..2000, FRAME_LEN - 200..FRAME_LEN + 10, 0..5 * FRAME_LEN],
        written_by in 1_usize..100_000,
        read_by in 1_usize..100_000,
    ) {
        let sealed = World::new().seal(Suite::X25519, None);
        let data: Vec<u8> = (0..len).map(|n| n as u8).collect();
        let whole = outcome(data.clone());
        let expected = seal_response(&sealed.secrets, JOB, OF.1, &whole, NONCE).unwrap();
        let by_pieces = written(&sealed.secrets, &data, written_by.max(1 + len / 500));
        prop_assert!(by_pieces == expected);

        let (opened, output) =
            read(&sealed.secrets, &expected, read_by.max(1 + expected.len() / 500)).unwrap();
        prop_assert!(output == data);
        let OpenedResponse { outcome, usage, details, .. } = opened;
        let rest = SealedOutcome { outcome, usage, details };
        prop_assert_eq!(rest, self::outcome(Vec::new()));
    }
}

#[test]
fn output_of_another_length_than_announced_is_refused() {
    let sealed = World::new().seal(Suite::X25519, None);
    let empty = outcome(Vec::new());
    let begin = |out: &mut Vec<u8>| {
        ResponseWriter::begin(&sealed.secrets, OF, &empty, 10, NONCE, out).unwrap()
    };
    let mut out = Vec::new();
    let mut more = begin(&mut out);
    more.push(&[0; 6], &mut out).unwrap();
    assert!(matches!(more.push(&[0; 5], &mut out), Err(SealError::OutputLength)));
    let mut less = begin(&mut out);
    less.push(&[0; 9], &mut out).unwrap();
    assert!(matches!(less.finish(&mut out), Err(SealError::OutputLength)));
    let too_large =
        ResponseWriter::begin(&sealed.secrets, OF, &empty, 1 << 30, NONCE, &mut Vec::new());
    assert!(matches!(too_large, Err(SealError::TooLarge { .. })));
}

#[test]
fn a_response_that_breaks_off_or_was_changed_does_not_finish() {
    let sealed = World::new().seal(Suite::X25519, None);
    let data = vec![7; 3 * FRAME_LEN];
    let whole = written(&sealed.secrets, &data, 1000);
    assert!(read(&sealed.secrets, &whole, 4096).is_ok());
    for len in [ResponseHeader::LEN, 65_536, 131_072, whole.len() - 1] {
        let error = read(&sealed.secrets, &whole[..len], 4096).unwrap_err();
        let is_cut = matches!(error, EnvelopeError::Truncated { .. } | EnvelopeError::Tampered);
        assert!(is_cut, "{len}: {error}");
    }
    for at in [ResponseHeader::LEN, 70_000, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        let error = read(&sealed.secrets, &changed, 4096).unwrap_err();
        assert_eq!(error, EnvelopeError::Tampered, "{at}");
    }
}

/// Seals `plain` with padding as it is, whatever it says.
fn forged(secrets: &RequestSecrets, plain: &[u8]) -> Vec<u8> {
    let header = ResponseHeader { job: JOB, nonce: NONCE, receipt_digest: OF.1 };
    let (head, mut sealer) = response_sealer(secrets, &header);
    let mut out = head.to_vec();
    let mut padded = plain.to_vec();
    padded.resize(1024 - head.len() - 16, 0);
    sealer.push(&padded, &mut out);
    sealer.finish(&mut out);
    out
}

#[test]
fn only_the_one_encoding_of_an_outcome_is_read() {
    let sealed = World::new().seal(Suite::X25519, None);
    let section = |tag: u8, bytes: &[u8]| {
        [&[tag][..], &u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
    };
    let ok = section(1, br#"{"code":"ok","usage":{}}"#);
    let failed = section(1, br#"{"code":"internal","usage":{}}"#);
    let output = section(2, b"data");
    let mut too_long = section(2, b"data");
    too_long[1] = 0x7f;
    let refused = |parts: &[&[u8]]| {
        let envelope = forged(&sealed.secrets, &parts.concat());
        let by_pieces = read(&sealed.secrets, &envelope, 7).unwrap_err();
        assert_eq!(open_response(&sealed.secrets, &envelope).unwrap_err(), by_pieces);
        assert!(matches!(by_pieces, EnvelopeError::Malformed(_)), "{by_pieces}");
    };
    assert!(
        open_response(&sealed.secrets, &forged(&sealed.secrets, &[&ok[..], &output].concat()))
            .is_ok()
    );
    refused(&[]);
    refused(&[&ok]);
    refused(&[&output]);
    refused(&[&output, &ok]);
    refused(&[&ok, &ok]);
    refused(&[&ok, &output, &output]);
    refused(&[&failed, &output]);
    refused(&[&ok, &section(3, b"x")]);
    refused(&[&ok, &output, &[0, 1]]);
    refused(&[&ok, &too_long]);
    refused(&[&ok, &section(2, &[7; 2000])[..900]]);
    refused(&[&section(1, b"{")]);
}

#[test]
fn a_failure_has_no_output() {
    let sealed = World::new().seal(Suite::X25519, None);
    let failure = Failure::new(Code::Internal, "a text");
    let failed =
        SealedOutcome { outcome: Outcome::Failure(failure), usage: usage(), details: None };
    let envelope = seal_response(&sealed.secrets, JOB, OF.1, &failed, NONCE).unwrap();
    let (opened, output) = read(&sealed.secrets, &envelope, 5).unwrap();
    assert_eq!((opened.outcome, output), (failed.outcome, Vec::new()));
}
