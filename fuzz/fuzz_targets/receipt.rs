#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwork_seal::{ReceiptKey, verify_receipt};

fuzz_target!(|data: &str| {
    let key = ReceiptKey::from_seed(&[1; 32]).public();
    assert!(verify_receipt(data, &key).is_err(), "nobody signed this");
});
