#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwork_seal::tlv::parse;

fuzz_target!(|data: &[u8]| {
    if let Ok(sections) = parse(data, &[1, 2, 3]) {
        let mut again = Vec::new();
        for section in sections {
            again.push(section.tag);
            again.extend_from_slice(&(section.bytes.len() as u32).to_be_bytes());
            again.extend_from_slice(section.bytes);
        }
        again.resize(data.len(), 0);
        assert_eq!(again, data, "sections have one encoding");
    }
});
