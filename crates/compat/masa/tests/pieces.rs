//! Results that are sealed and opened in pieces are those that are sealed and opened in one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io;

use proptest::prelude::*;
use sealwork_compat_masa::{MasaJob, OpenPiecesError, OpenedPieces, ResultBody, Ring, TextPieces};
use zeroize::Zeroizing;

type Piece = io::Result<Zeroizing<Vec<u8>>>;
type Opened = Result<OpenedPieces<std::vec::IntoIter<Piece>>, OpenPiecesError>;

fn ring() -> Ring {
    Ring::from_keys([b"0123456789abcdef0123456789abcdef", b"fedcba9876543210fedcba9876543210"])
}

fn older() -> Ring {
    Ring::from_keys([b"fedcba9876543210fedcba9876543210"])
}

/// A sealed job, and its nonce.
fn request(ring: &Ring) -> (String, String) {
    let mut job = MasaJob { job_type: "reddit".to_owned(), ..MasaJob::default() };
    job.stamp("worker", [7; 32], None);
    (ring.seal_job([1; 12], &job).unwrap(), job.quote)
}

fn open(request: &str, text: &str, piece: usize) -> Opened {
    ring().open_result_pieces(request.as_bytes(), || {
        let pieces = text.as_bytes().chunks(piece).map(|it| Ok(Zeroizing::new(it.to_vec())));
        Ok(pieces.collect::<Vec<Piece>>().into_iter())
    })
}

proptest! {
    #[test]
    fn both_ways_seal_to_the_same_text_and_open_each_others(
        data in prop::collection::vec(any::<u8>(), 0..300),
        size in 1_usize..70,
        iv: [u8; 12],
        is_older: bool,
    ) {
        let sealing = if is_older { older() } else { ring() };
        let (request, nonce) = request(&sealing);
        let whole = sealing.seal_result(iv, &nonce, &data).unwrap();

        let mut sealer = sealing.result_sealer(iv, &nonce).unwrap();
        let mut blob: Vec<io::Result<Vec<u8>>> = vec![Ok(sealer.iv().to_vec())];
        for piece in data.chunks(size) {
            let mut piece = piece.to_vec();
            sealer.seal(&mut piece);
            blob.push(Ok(piece));
        }
        blob.push(Ok(sealer.finish().to_vec()));
        let text: String = TextPieces::of(blob.into_iter()).map(Result::unwrap).collect();
        prop_assert_eq!(&text, &whole);
        let len = TextPieces::<()>::len_of(data.len() as u64 + 28);
        prop_assert_eq!(text.len() as u64, len);

        let opened = open(&request, &whole, size).unwrap();
        prop_assert_eq!(opened.len(), data.len() as u64);
        let opened: Vec<u8> = opened.flat_map(|piece| piece.unwrap().to_vec()).collect();
        prop_assert_eq!(opened, data);
    }

    #[test]
    fn what_does_not_open_in_one_does_not_in_pieces_and_in_the_same_words(
        data in prop::collection::vec(any::<u8>(), 0..60),
        size in 1_usize..40,
        at: prop::sample::Index,
        with in "[A-Za-z0-9+/=!]",
        cut: bool,
    ) {
        let (request, nonce) = request(&ring());
        let mut text = ring().seal_result([3; 12], &nonce, &data).unwrap();
        let at = at.index(text.len());
        if cut {
            text.truncate(at);
        } else {
            text.replace_range(at..=at, &with);
        }
        let body = ResultBody { encrypted_result: text.clone(), encrypted_request: request.clone() };
        let pieces = open(&request, &text, size).map(|opened| {
            opened.flat_map(|piece| piece.unwrap().to_vec()).collect::<Vec<u8>>()
        });
        match (ring().open_result(&body), pieces) {
            (Ok(whole), Ok(pieces)) => prop_assert_eq!(&*whole, &pieces),
            (Err(whole), Err(pieces)) => {
                let words = |error: String| error.split(" at input byte").next().map(str::to_owned);
                prop_assert_eq!(words(whole.to_string()), words(pieces.to_string()));
            }
            (whole, pieces) => prop_assert!(false, "{whole:?} and {pieces:?}"),
        }
    }
}
