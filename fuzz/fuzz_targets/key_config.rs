#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwork_seal::KeyConfig;

fuzz_target!(|data: &[u8]| {
    if let Ok(config) = KeyConfig::from_json(data) {
        let _ = config.verify();
        let again = KeyConfig::from_json(&config.to_json()).expect("what was read is written");
        assert_eq!((again.digest(), &again), (config.digest(), &config));
    }
});
