//! The ring under hostile blobs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use sealwork_compat_masa::{ResultBody, Ring};

fn ring() -> Ring {
    Ring::from_keys([&[1; 32], &[2; 32]])
}

proptest! {
    #[test]
    fn no_blob_makes_a_ring_panic(blob: Vec<u8>, text in "[A-Za-z0-9+/=\r\n]{0,80}") {
        let _ = ring().open_job(&blob);
        let _ = ring().open_job(text.as_bytes());
        let _ = ring().unseal_result("n", &blob);
        let body = ResultBody { encrypted_result: text.clone(), encrypted_request: text };
        let _ = ring().open_result(&body);
    }

    #[test]
    fn what_is_sealed_opens_with_every_nonce(iv: [u8; 12], nonce: String, data: Vec<u8>) {
        let sealed = ring().seal_result(iv, &nonce, &data).unwrap();
        prop_assert_eq!(&*ring().unseal_result(&nonce, sealed.as_bytes()).unwrap(), &data);
        let other = nonce + "x";
        prop_assert!(ring().unseal_result(&other, sealed.as_bytes()).is_err());
    }

    #[test]
    fn a_flipped_bit_never_opens(data: Vec<u8>, at: proptest::sample::Index, bit in 0u8..8) {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let sealed = ring().seal_request([3; 12], &data).unwrap();
        let mut raw = STANDARD.decode(STANDARD.decode(sealed).unwrap()).unwrap();
        let at = at.index(raw.len());
        raw[at] ^= 1 << bit;
        let tampered = STANDARD.encode(STANDARD.encode(raw));
        prop_assert!(ring().unseal_request(tampered.as_bytes()).is_err());
    }
}

#[test]
fn nothing_of_the_keys_shows_in_debug() {
    assert_eq!(format!("{:?}", ring()), "Ring(2 keys)");
}
