#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwork_seal::{Header, RequestSecrets, ResponseHeader};

fuzz_target!(|data: &[u8]| {
    if let Ok(header) = Header::parse(data) {
        assert_eq!(header.to_bytes(), data[..Header::LEN]);
    }
    let _ = ResponseHeader::parse(data);
    if let Ok(secrets) = RequestSecrets::from_bytes(data) {
        assert_eq!(secrets.to_bytes().as_slice(), data);
    }
});
