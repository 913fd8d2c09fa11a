//! A TPM quote, by the index of the conformance data. The event logs are replayed beside their
//! parser (src/tpm/event_log_tests.rs) and under quotes of the tests' own (`made`).

use sealwork_verify::{Class, Details, Provenance};
use serde_json::json;

use crate::{samples, support::expect};

#[test]
fn the_quote_is_trusted_where_its_key_is_listed_and_no_boot_is_demanded() {
    let Some(case) = samples::tpm() else { return };
    let trusted = case.trusted();
    assert_eq!(trusted.class, Class::Measured);
    let Details::Tpm(tpm) = trusted.claims.details else { panic!("{:?}", trusted.claims) };
    assert_eq!((tpm.provenance, tpm.bank.as_str()), (Provenance::Listed, "sha256"));
    assert_eq!(tpm.pcrs, (0..24).collect::<Vec<_>>());
    assert_eq!((tpm.clock, tpm.resets, tpm.restarts), (1_913_548_331, 2, 0));
    assert_eq!(tpm.firmware, 0x2019_1023_0016_3636);
}

#[test]
fn a_key_that_nobody_vouches_for_is_refused() {
    let Some(case) = samples::tpm() else { return };
    let unlisted = case.policy("/kinds/tpm/attestation_keys", json!([]));
    assert_eq!(unlisted.codes(), ["attestation_key_untrusted"]);
}

#[test]
fn a_policy_that_demands_a_measured_boot_refuses_initial_values() {
    let Some(case) = samples::tpm() else { return };
    let booted = case.policy("/kinds/tpm/references/0/values/pcr4", json!("04".repeat(32)));
    assert_eq!(booted.codes(), ["measurement_mismatch"]);
    let measured = booted.policy("/kinds/tpm/measured_boot", json!(true));
    assert_eq!(measured.codes(), ["measurement_mismatch", "nothing_measured"]);
    let logged = case.policy("/kinds/tpm/event_log", json!(true));
    assert_eq!(logged.codes(), ["event_log_missing"]);
    let secure = case.policy("/kinds/tpm/secure_boot", json!(true));
    assert_eq!(secure.codes(), ["secure_boot_off"]);
}

#[test]
fn a_tpm_is_never_confidential() {
    let Some(case) = samples::tpm() else { return };
    let only_measured = case.with(|case| {
        case.policy = serde_json::json!({"version": 1, "kinds": {"nitro": {"references": [
            {"values": {"pcr0": "01".repeat(48)}}
        ]}}});
    });
    let codes = only_measured.codes();
    assert!(codes.contains(&"class_too_low") && codes.contains(&"kind_not_allowed"), "{codes:?}");
}

#[test]
fn the_nonce_is_compared_after_padding_and_whole() {
    let Some(case) = samples::tpm() else { return };
    let nonce = hex::encode(case.expectation.report_data);
    let other =
        |report_data: &str| case.with(|case| case.expectation = expect(report_data)).codes();
    assert_eq!(other(&nonce), [""; 0]);
    assert_eq!(other(&nonce[..94]), ["report_data_mismatch"], "a prefix");
    assert_eq!(other(&format!("{}01", &nonce[..96])), ["report_data_mismatch"], "more");
    assert_eq!(other("00"), ["report_data_mismatch"]);
}
