#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwork_engine_web::{Arguments, WebConfig};

fuzz_target!(|data: &[u8]| {
    if let Ok(value) = serde_json::from_slice(data) {
        let _ = Arguments::parse(&value, &WebConfig::default());
    }
});
