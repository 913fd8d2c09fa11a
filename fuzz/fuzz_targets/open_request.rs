#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwork_fuzz::{CONFIG, pair, seal};
use sealwork_seal::{OpenLimits, Suite, open_request};

const LIMITS: OpenLimits = OpenLimits { max_envelope_bytes: 1 << 20 };

fuzz_target!(|data: &[u8]| {
    for suite in Suite::ALL {
        assert!(open_request(&pair(suite), &CONFIG, data, &LIMITS).is_err(), "nobody sealed this");
    }
    if data.len() < 1024 {
        let pair = pair(Suite::X25519);
        let (envelope, _) = seal(&pair, data, 2048);
        if open_request(&pair, &CONFIG, &envelope, &LIMITS).is_ok() {
            assert_eq!(data.first(), Some(&1), "a job comes first");
        }
    }
});
