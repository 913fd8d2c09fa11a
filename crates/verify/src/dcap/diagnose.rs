//! What dcap-qvl found wrong, as reasons. It stops at the first thing and says so in words, which
//! are pinned by the tests of this crate; words that are not known here are refused all the same.

use std::fmt::Write as _;

use dcap_qvl::{
    SvnComponent, SvnShortfall,
    quote::{Quote, Report},
};

use super::collateral::{Collateral, platform};
use crate::{ReasonCode, certificate::Certificate, reason::Reasons};

/// Phrases of dcap-qvl 0.7, the more particular ones first.
const PHRASES: &[(&str, ReasonCode, &str)] = &[
    ("No matching TCB level found", ReasonCode::TcbLevelMissing, "TCB level"),
    ("TDX module TCB levels", ReasonCode::TcbLevelMissing, "TCB level of the TDX module"),
    ("No TDX module identity", ReasonCode::TcbLevelMissing, "TCB level of the TDX module"),
    ("below minimum required", ReasonCode::TcbLevelMissing, "TCB level of the quoting enclave"),
    ("No matching QE TCB level", ReasonCode::TcbLevelMissing, "TCB level of the quoting enclave"),
    ("TCB status is invalid: Revoked", ReasonCode::TcbRevoked, "TCB level"),
    ("Unrecognized TCB status", ReasonCode::TcbStatusNotAllowed, "TCB status"),
    ("CertRevoked", ReasonCode::CertificateRevoked, "certificates of platform and collateral"),
    ("Fmspc mismatch", ReasonCode::CollateralMismatch, "FMSPC of the TCB info"),
    ("TCB info in the collateral", ReasonCode::CollateralMismatch, "TEE of the TCB info"),
    (
        "Unsupported QE Identity id/version",
        ReasonCode::CollateralMismatch,
        "TEE of the quoting enclave's identity",
    ),
    ("ISV enclave report signature", ReasonCode::SignatureInvalid, "signature of the quote"),
    ("for qe_report", ReasonCode::SignatureInvalid, "signature over the quoting enclave's report"),
    ("QE report hash mismatch", ReasonCode::SignatureInvalid, "attestation key of the quote"),
    ("Invalid QE auth data length", ReasonCode::EvidenceMalformed, "authentication data"),
    ("QE report validation failed", ReasonCode::QuotingEnclave, "quoting enclave"),
    ("TDX module", ReasonCode::QuotingEnclave, "TDX module"),
    ("QE MRSIGNER", ReasonCode::QuotingEnclave, "signer of the quoting enclave"),
    ("QE ISVPRODID", ReasonCode::QuotingEnclave, "product of the quoting enclave"),
    ("QE MISCSELECT", ReasonCode::QuotingEnclave, "quoting enclave"),
    ("QE ATTRIBUTES", ReasonCode::QuotingEnclave, "quoting enclave"),
    ("QE vendor", ReasonCode::QuotingEnclave, "vendor of the quoting enclave"),
    ("Debug mode is enabled", ReasonCode::QuotingEnclave, "quoting enclave"),
    ("TD migration", ReasonCode::AttributesNotAllowed, "TD attributes: migration"),
    ("SEPT_VE_DISABLE", ReasonCode::AttributesNotAllowed, "TD attributes: SEPT_VE_DISABLE"),
    ("SERVTD_EXT", ReasonCode::AttributesNotAllowed, "TD attributes: service TD"),
    ("MR service TD", ReasonCode::AttributesNotAllowed, "service TD"),
    ("Reserved bits", ReasonCode::AttributesNotAllowed, "TD attributes: reserved bits"),
    ("for tcb_info", ReasonCode::CollateralInvalid, "signature of the TCB info"),
    ("for qe_identity", ReasonCode::CollateralInvalid, "signature of the enclave's identity"),
    ("CRL", ReasonCode::CollateralInvalid, "revocation lists"),
    ("Crl", ReasonCode::CollateralInvalid, "revocation lists"),
    ("TCB Info", ReasonCode::CollateralInvalid, "TCB info"),
    ("TcbInfo", ReasonCode::CollateralInvalid, "TCB info"),
    ("TCBInfo", ReasonCode::CollateralInvalid, "TCB info"),
    ("QE Identity", ReasonCode::CollateralInvalid, "identity of the quoting enclave"),
    ("QeIdentity", ReasonCode::CollateralInvalid, "identity of the quoting enclave"),
    ("certificate", ReasonCode::ChainInvalid, "certificates of platform and collateral"),
    ("root ca", ReasonCode::RootUntrusted, "Intel root certificate"),
];

pub(super) fn explain(
    error: &anyhow::Error,
    quote: &Quote,
    chain: &[Certificate; 3],
    collateral: &Collateral<'_>,
    reasons: &mut Reasons,
) {
    let text = format!("{error:#}");
    let known = PHRASES.iter().find(|(phrase, ..)| text.contains(phrase));
    let &(_, code, claim) = known.unwrap_or(&("", ReasonCode::EvidenceMalformed, "quote"));
    let shortfall = (code == ReasonCode::TcbLevelMissing)
        .then(|| shortfall(quote, chain, collateral))
        .flatten();
    let (expected, found) = match shortfall {
        Some((needs, has)) => (needs, has),
        None => ("a quote that Intel's rules accept".to_owned(), text.escape_debug().to_string()),
    };
    reasons
        .add(code, claim)
        .expected(expected)
        .found(found)
        .source("Intel's collateral")
        .mend(mend(code));
}

fn mend(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::TcbLevelMissing => {
            "the platform has to update its firmware: no policy can allow an unknown level"
        }
        ReasonCode::TcbRevoked | ReasonCode::CertificateRevoked => {
            "do not use this platform: its maker no longer vouches for it"
        }
        ReasonCode::CollateralInvalid | ReasonCode::CollateralMismatch => {
            "fetch the collateral of this platform again"
        }
        ReasonCode::AttributesNotAllowed => "start the guest without what weakens its isolation",
        _ => "do not use this evidence: it was changed, or its platform is not genuine",
    }
}

/// What the lowest known level needs, and what the platform has.
fn shortfall(
    quote: &Quote,
    chain: &[Certificate; 3],
    collateral: &Collateral<'_>,
) -> Option<(String, String)> {
    let platform = platform(chain[0].der())?;
    let svn = match &quote.report {
        Report::SgxEnclave(_) => None,
        report => Some(&report.as_td10()?.tee_tcb_svn),
    };
    let levels = &collateral.tcb_info.as_ref()?.tcb_levels;
    let lacking = levels
        .iter()
        .filter_map(|level| level.shortfalls(&platform.cpu_svn, platform.pce_svn, svn).ok())
        .min_by_key(Vec::len)?;
    let (mut needs, mut has) = (String::new(), String::new());
    for SvnShortfall { component, have, needs: need } in lacking {
        let name = match component {
            SvnComponent::Sgx(n) => format!("SGX component {}", u16::from(n) + 1),
            SvnComponent::Tdx(n) => format!("TDX component {}", u16::from(n) + 1),
            SvnComponent::PceSvn => "PCE".to_owned(),
            SvnComponent::TdxModuleIsvSvn => "TDX module".to_owned(),
        };
        let comma = if needs.is_empty() { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = write!(needs, "{comma}{name} at least {need}");
        let _ = write!(has, "{comma}{name} at {have}");
    }
    (!needs.is_empty()).then_some((needs, has))
}
