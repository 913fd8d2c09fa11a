//! What a client reads.

use sealwork_client::{Capabilities, JobHandle, Status};
use sealwork_seal::{KeyConfig, ReceiptKey, verify_receipt};

/// A worker's key config.
pub fn key_config(data: &[u8]) {
    if let Ok(config) = KeyConfig::from_json(data) {
        let _ = config.verify();
        let again = KeyConfig::from_json(&config.to_json()).expect("what was read is written");
        assert_eq!((again.digest(), &again), (config.digest(), &config));
    }
}

/// A receipt.
pub fn receipt(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let key = ReceiptKey::from_seed(&[1; 32]).public();
    assert!(verify_receipt(text, &key).is_err(), "nobody signed this");
}

/// A worker's answers about itself and a job.
pub fn client_wire(data: &[u8]) {
    if let Ok(status) = serde_json::from_slice::<Status>(data) {
        let _ = status.is_settled();
        let again = serde_json::to_vec(&status).expect("what was read is written");
        let again: Status = serde_json::from_slice(&again).expect("and read again");
        assert_eq!(again, status);
    }
    let _ = serde_json::from_slice::<Capabilities>(data);
}

/// A job's handle as a client kept it.
pub fn client_handle(data: &[u8]) {
    if let Ok(handle) = JobHandle::from_json(data) {
        assert!(JobHandle::from_json(&handle.to_json()).is_ok(), "what was read is written");
    }
}
