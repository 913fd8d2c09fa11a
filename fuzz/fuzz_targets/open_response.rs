#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwork_fuzz::{pair, seal};
use sealwork_job::{Digest, JobId};
use sealwork_seal::{ResponseHeader, Suite, open_response, response_sealer};

fuzz_target!(|data: &[u8]| {
    let (_, secrets) = seal(&pair(Suite::X25519), &[], 512);
    assert!(open_response(&secrets, data).is_err(), "nobody sealed this");
    if data.len() < 1024 {
        let header =
            ResponseHeader { job: JobId([1; 16]), nonce: [2; 32], receipt_digest: Digest([3; 32]) };
        let (bytes, mut sealer) = response_sealer(&secrets, &header);
        let mut response = bytes.to_vec();
        let mut plaintext = data.to_vec();
        plaintext.resize(2048 - ResponseHeader::LEN - 16, 0);
        sealer.push(&plaintext, &mut response);
        sealer.finish(&mut response);
        let _ = open_response(&secrets, &response);
    }
});
