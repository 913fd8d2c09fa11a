//! `verify evidence` on the public samples of the conformance data, with the index's verdicts.
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]
#![allow(clippy::disallowed_methods, reason = "tests read their samples")]

#[path = "../../egress/tests/common/conformance.rs"]
mod conformance;
mod support;

use std::{fs, path::Path};

use conformance::folder;
use serde_json::{Value, json};
use support::sealwork;
use tempfile::TempDir;

/// Verdict and reasons of one run, and its exit code checked.
#[track_caller]
fn verdict(dir: &Path, args: &[&str]) -> Vec<String> {
    let ran = sealwork(dir, &[&["verify", "evidence", "--json"], args].concat());
    let answer = ran.json();
    let trusted = answer["verdict"] == "trusted";
    assert_eq!(ran.code, if trusted { 0 } else { 5 }, "{ran:?}");
    let reasons = answer["reasons"].as_array().cloned().unwrap_or_default();
    let mut codes: Vec<_> =
        reasons.iter().map(|reason| reason["code"].as_str().unwrap().to_owned()).collect();
    codes.dedup();
    assert_eq!(trusted, codes.is_empty(), "{ran:?}");
    codes
}

fn policy(dir: &TempDir, name: &str, class: &str, kind: &str, rules: &Value) -> String {
    let policy = json!({"version": 1, "class": class, "kinds": {kind: rules}});
    let file = dir.path().join(name);
    support::write(&file, policy.to_string().as_bytes());
    file.to_str().unwrap().to_owned()
}

fn references(values: &Value) -> Value {
    json!({"references": [{"values": values}]})
}

#[test]
fn nitro_documents_get_the_verdicts_of_the_index() {
    let Some(samples) = folder("nitro", 3) else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| samples.join(name).to_str().unwrap().to_owned();
    let check = |sample: &str, policy: &str, report_data: &str, at: &str| {
        let args = [sample, "--kind", "nitro", "--policy", policy, "--report-data", report_data];
        verdict(dir.path(), &[&args[..], &["--at", at]].concat())
    };

    let valid = references(&json!({
        "pcr0": "f4d48b81a460c9916d1e685119074bf24660afd3e34fae9fca0a0d28d9d5599936332687e6f66fc890ac8cf150142d8b",
    }));
    let valid = policy(&dir, "valid", "confidential", "nitro", &valid);
    let sample = file("valid-attestation-doc-bytes");
    assert_eq!(check(&sample, &valid, "", "2022-10-13T08:58:02Z"), [""; 0]);
    assert_eq!(check(&sample, &valid, "", "1665651482"), [""; 0], "seconds since 1970");
    assert_eq!(check(&sample, &valid, "00ff", "1665651482"), ["report_data_mismatch"]);
    let late = check(&sample, &valid, "", "1665662400");
    assert_eq!(late[0], "certificate_expired", "{late:?}");

    let greeting = hex::encode("hello, world!");
    let zeros = references(&json!({"pcr0": "00".repeat(48)}));
    let debug = policy(&dir, "debug", "confidential", "nitro", &zeros);
    let sample = file("debug-mode-attestation-doc-bytes");
    let at = "2022-10-12T13:50:06Z";
    assert_eq!(check(&sample, &debug, &greeting, at), ["debug_enabled", "class_too_low"]);
    let allowed = json!({
        "version": 1, "class": "unprotected", "allow_debug": true, "kinds": {"nitro": zeros},
    });
    support::write(&dir.path().join("allowed"), allowed.to_string().as_bytes());
    assert_eq!(check(&sample, "allowed", &greeting, at), [""; 0]);

    let framed = references(&json!({
        "pcr0": "5cb702954321826d7939d6da829a940d787fcf32357beb8eae1ddf33c28c17d36f3ac3ba6828fdf7edeed02889702da6",
    }));
    let framed = policy(&dir, "framed", "confidential", "nitro", &framed);
    let sample = file("nitro_attestation.bin");
    let at = "2025-12-25T13:15:37Z";
    assert_eq!(check(&sample, &framed, "", at), ["evidence_malformed"]);
    support::write(&dir.path().join("unframed"), &fs::read(&sample).unwrap()[4..4531]);
    assert_eq!(check("unframed", &framed, "", at), [""; 0]);
}

#[test]
fn intel_quotes_get_the_verdicts_of_the_index() {
    let Some(samples) = folder("dcap", 3) else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| samples.join(name).to_str().unwrap().to_owned();
    let check = |kind: &str, sample: &str, collateral: &str, policy: &str, data: &str, at: &str| {
        let (sample, collateral) = (file(sample), file(collateral));
        verdict(
            dir.path(),
            &[
                &sample,
                "--kind",
                kind,
                "--endorsements",
                &collateral,
                "--policy",
                policy,
                "--report-data",
                data,
                "--at",
                at,
            ],
        )
    };
    let mut rules = references(&json!({
        "mrenclave": "33d8736db756ed4997e04ba358d27833188f1932ff7b1d156904d3f560452fbb",
    }));
    let strict = policy(&dir, "strict", "confidential", "sgx", &rules);
    rules["tcb"] = json!({
        "statuses": ["ConfigurationAndSWHardeningNeeded"],
        "advisories": [
            {"id": "INTEL-SA-00289", "until": "2025-12-31"},
            {"id": "INTEL-SA-00615", "until": "2025-12-31"},
        ],
    });
    let lenient = policy(&dir, "lenient", "confidential", "sgx", &rules);
    let (quote, own, greeting) =
        ("sgx_quote", "sgx_quote_collateral.json", hex::encode("Hello, world!"));
    let at = "2025-07-01T00:00:00Z";
    assert_eq!(check("sgx", quote, own, &lenient, &greeting, at), [""; 0]);
    assert_eq!(
        check("sgx", quote, own, &strict, &greeting, at),
        ["tcb_status_not_allowed", "advisory_not_allowed"]
    );
    let late = check("sgx", quote, own, &lenient, &greeting, "1752919279");
    assert_eq!(late, ["collateral_expired"]);
    let early = check("sgx", quote, own, &lenient, &greeting, "1750330570");
    assert_eq!(early, ["collateral_not_yet_valid"]);

    let tdx = references(&json!({
        "mrtd": "91eb2b44d141d4ece09f0c75c2c53d247a3c68edd7fafe8a3520c942a604a407de03ae6dc5f87f27428b2538873118b7",
    }));
    let tdx = policy(&dir, "tdx", "confidential", "tdx", &tdx);
    let (quote, other, data) = (
        "tdx_quote",
        "tdx_quote_collateral.json",
        "9a9d48e7f6799642d3d1b34e1e5e1742d4bb02dd6ddd551862c1211d35c304f9eca3efdbb481601c163cf52493d6e44aed55d51ec39b7e518fadb92c2b523f20",
    );
    assert_eq!(check("tdx", quote, other, &tdx, data, at), [""; 0]);
    assert_eq!(check("tdx", quote, own, &tdx, data, at), ["collateral_mismatch"]);
    assert_eq!(check("sgx", "sgx_quote", other, &lenient, &greeting, at), ["collateral_mismatch"]);

    let outdated = json!({
        "references": [{"values": {"mrtd": "273828c46252fcbdd8ad2dd907130222b03466d52a2911d70c1a5950895d6bd1ae451d382d5a9b1b4c0ed0e5ae9a3dbd"}}],
        "tcb": {"statuses": ["UpToDate", "OutOfDate"]},
    });
    let outdated = policy(&dir, "outdated", "confidential", "tdx", &outdated);
    let data = "d2142b643598eb5fae2bc8529dd79a558b29f868ccbb6531cb28dab9dce47728";
    let (quote, own) = ("tdx_quote_outdated", "tdx_quote_outdated_collateral.json");
    let codes = check("tdx", quote, own, &outdated, data, "2026-03-01T00:00:00Z");
    assert_eq!(codes, ["tcb_level_missing"]);
}

#[test]
fn snp_reports_get_the_verdicts_of_the_index() {
    let Some(samples) = folder("snp", 7) else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| samples.join(name).to_str().unwrap().to_owned();
    let chain = file("cert_chain_milan");
    let check = |report: (&str, &str, &[&str]), vcek: &str| {
        let (name, data, form) = report;
        let rules = json!({
            "references": [{"values": {"measurement": if form.is_empty() {
                "a1f3930413247bb38cfc171579ea3c12d5fe4901f0c792f63fd75d98f1ef827c23500644e0e692e6be917f9050d3d38c"
            } else {
                "7a1e5c266c0108dbc9bb94fa926951320940915d0aafb42464bd88b579ea158d3e1a0dc39b2c60bd95b9c480cd81841f"
            }}}],
            "min_tcb": {"boot_loader": 3, "tee": 0, "snp": 8, "microcode": 115},
        });
        let policy = policy(&dir, name, "confidential", "snp", &rules);
        let (sample, vcek) = (file(name), file(vcek));
        let args = [
            &sample,
            "--kind",
            "snp",
            "--policy",
            &policy,
            "--report-data",
            data,
            "--at",
            "1700000000",
            "--endorsements",
            &chain,
            "--endorsements",
            &vcek,
        ];
        verdict(dir.path(), &[&args[..], form].concat())
    };
    let hex = (
        "report_milan.hex",
        "d447b55d197491bfe15cf298f9de9986b7a7c4be2468b4f6e2d53b71d7c645810b0f2cdfca0040433be063fc1a8293f0f3f8dae7b79fecb3d1cd82bd6a93ebfd",
        &["--hex"][..],
    );
    let bin = (
        "test-report.bin",
        "ec6c52d7533cc2c4f45be7849cf112ab82b2009fe7bd43e71ed08c14400ad7e2",
        &[][..],
    );
    assert_eq!(check(hex, "vcek_milan.der"), [""; 0]);
    assert_eq!(check(bin, "test-vcek.der"), [""; 0]);
    for (report, vcek) in [(hex, "test-vcek.der"), (bin, "vcek_milan.der")] {
        assert_eq!(check(report, vcek), ["signature_invalid", "chip_mismatch"], "{vcek}");
    }
    for vcek in ["test-vcek-invalid-legacy.der", "test-vcek-invalid-new.der"] {
        for report in [hex, bin] {
            assert_eq!(check(report, vcek)[0], "chain_invalid", "{vcek}");
        }
    }
}

#[test]
fn a_tpm_quote_gets_the_verdicts_of_the_index() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let Some(samples) = folder("tpm", 2) else { return };
    let dir = tempfile::tempdir().unwrap();
    let json: Value =
        serde_json::from_slice(&fs::read(samples.join("tpm_evidence.json")).unwrap()).unwrap();
    let base64 = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
    let write = |name: &str, bytes: &[u8]| support::write(&dir.path().join(name), bytes);
    let quote = &json["tpm_quote"];
    write("quote.msg", &base64(&quote["message"]));
    write("quote.sig", &base64(&quote["signature"]));
    write("ak.der", &base64(&json["ak_public"]));
    let pcrs = quote["pcrs"].as_array().unwrap().iter();
    let pcrs: Vec<u8> = pcrs.flat_map(|pcr| hex::decode(pcr.as_str().unwrap()).unwrap()).collect();
    write("quote.pcrs", &pcrs);

    let nonce = "a04182b506878d4f29b91ee606a71a0d3361ccf1b22db20c98adcaa537bea393ef0e41a18b3569ab678f1497fbc5c120";
    let check = |rules: &Value, nonce: &str| {
        let policy = policy(&dir, "policy", "measured", "tpm", rules);
        let args = [
            "quote.msg",
            "--kind",
            "tpm",
            "--tpm-signature",
            "quote.sig",
            "--tpm-key",
            "ak.der",
            "--tpm-pcrs",
            "quote.pcrs",
            "--policy",
            &policy,
            "--report-data",
            nonce,
        ];
        verdict(dir.path(), &args)
    };
    let mut rules = references(&json!({"pcr4": "00".repeat(32)}));
    for demand in ["measured_boot", "event_log", "secure_boot"] {
        rules[demand] = false.into();
    }
    assert_eq!(check(&rules, nonce), ["attestation_key_untrusted"]);
    rules["attestation_keys"] =
        json!(["a517f03ffdaee469aef1a19569547e330726335d0461c3ef6383409c6295679e"]);
    assert_eq!(check(&rules, nonce), [""; 0]);
    assert_eq!(check(&rules, "07"), ["report_data_mismatch"]);
    rules["references"][0]["values"]["pcr4"] = "01".repeat(32).into();
    rules["measured_boot"] = true.into();
    let mut unmeasured = check(&rules, nonce);
    unmeasured.sort();
    assert_eq!(unmeasured, ["measurement_mismatch", "nothing_measured"]);
}

#[test]
fn a_policy_that_was_made_from_a_sample_trusts_it_and_no_other() {
    let (Some(nitro), Some(dcap), Some(snp)) =
        (folder("nitro", 3), folder("dcap", 3), folder("snp", 7))
    else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let name = |folder: &Path, name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (valid, tdx) = (name(&nitro, "valid-attestation-doc-bytes"), name(&dcap, "tdx_quote"));
    let report = name(&snp, "report_milan.hex");
    let collateral = name(&dcap, "tdx_quote_collateral.json");
    let (chain, vcek) = (name(&snp, "cert_chain_milan"), name(&snp, "vcek_milan.der"));
    let samples: [(&str, &[&str], &str, &str); 3] = [
        (&valid, &["--kind", "nitro"], "", "1665651482"),
        (
            &tdx,
            &["--kind", "tdx", "--endorsements", &collateral],
            "9a9d48e7f6799642d3d1b34e1e5e1742d4bb02dd6ddd551862c1211d35c304f9eca3efdbb481601c163cf52493d6e44aed55d51ec39b7e518fadb92c2b523f20",
            "1751328000",
        ),
        (
            &report,
            &["--kind", "snp", "--hex", "--endorsements", &chain, "--endorsements", &vcek],
            "d447b55d197491bfe15cf298f9de9986b7a7c4be2468b4f6e2d53b71d7c645810b0f2cdfca0040433be063fc1a8293f0f3f8dae7b79fecb3d1cd82bd6a93ebfd",
            "1700000000",
        ),
    ];
    for (n, (sample, form, _, _)) in samples.iter().enumerate() {
        let made = format!("made-{n}");
        let init = [&["policy", "init", "--from", sample, "--out", &made], *form].concat();
        let ran = sealwork(dir.path(), &init);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.err.contains("compare them with those published"), "{ran:?}");
        assert_eq!(sealwork(dir.path(), &["policy", "check", &made]).code, 0);
    }
    // A review says what Intel says, when its collateral is there.
    let (outdated, collateral) =
        (name(&dcap, "tdx_quote_outdated"), name(&dcap, "tdx_quote_outdated_collateral.json"));
    let init = ["policy", "init", "--from", &outdated, "--kind", "tdx", "--endorsements"];
    let reviewed = sealwork(dir.path(), &[&init[..], &[&collateral]].concat());
    assert!(reviewed.err.contains("kinds.tdx.tcb.statuses"), "{reviewed:?}");
    assert!(reviewed.err.contains("tcb_level_missing"), "{reviewed:?}");
    for (n, (sample, form, data, at)) in samples.iter().enumerate() {
        for made in 0..samples.len() {
            let policy = format!("made-{made}");
            let args = [sample, "--policy", &policy, "--report-data", data, "--at", at];
            let codes = verdict(dir.path(), &[&args[..], form].concat());
            let expected: &[&str] = if made == n { &[] } else { &["kind_not_allowed"] };
            assert_eq!(codes, expected, "{sample} under the policy of sample {made}");
        }
    }
}
