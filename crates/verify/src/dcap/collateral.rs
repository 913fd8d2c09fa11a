use dcap_qvl::{
    QeIdentity, QuoteCollateralV3, TcbInfo,
    intel::{PckExtension, parse_pck_extension_with},
    quote::Quote,
};

use super::{backend::Provider, layout::PckChain};
use crate::{
    Hex, ReasonCode,
    authenticate::Request,
    certificate::Certificate,
    instant::{At, Window, rfc3339},
    reason::Reasons,
    revocation::RevocationList,
};

/// ECDSA on P-256: two numbers of 32 bytes.
const SIGNATURE_LEN: usize = 64;

/// Collateral, read in order to say what is wrong with it.
pub(super) struct Collateral<'a> {
    raw: &'a QuoteCollateralV3,
    pub(super) tcb_info: Option<TcbInfo>,
    qe_identity: Option<QeIdentity>,
}

impl<'a> Collateral<'a> {
    pub(super) fn read(raw: &'a QuoteCollateralV3) -> Self {
        Self {
            tcb_info: serde_json::from_str(&raw.tcb_info).ok(),
            qe_identity: serde_json::from_str(&raw.qe_identity).ok(),
            raw,
        }
    }
}

/// The ids of a quote's TCB info and of its quoting enclave's identity.
pub(super) fn tee(quote: &Quote) -> (&'static str, &'static str) {
    if quote.header.is_sgx() { ("SGX", "QE") } else { ("TDX", "TD_QE") }
}

/// What Intel has written into the platform's certificate.
pub(super) fn platform(leaf: &[u8]) -> Option<PckExtension> {
    parse_pck_extension_with::<Provider>(leaf).ok()
}

/// What has to be fetched for a quote.
pub(super) fn wanted(quote: &Quote, chain: &PckChain) -> String {
    let (tee, enclave) = tee(quote);
    let fmspc = platform(chain.leaf()).map(|platform| hex::encode(platform.fmspc));
    let fmspc = fmspc.unwrap_or_else(|| "unknown".to_owned());
    let authority = Certificate::parse(chain.authority());
    let authority = authority.map_or_else(|| "unknown".to_owned(), |known| known.subject());
    format!(
        "TCB info of {tee} for FMSPC {fmspc}, identity of {enclave}, revocation lists of the root and \
         of {authority}"
    )
}

/// Whether the root that the quote brings along is a pinned one.
pub(super) fn check_root(root: [u8; 32], request: &Request<'_>, reasons: &mut Reasons) -> bool {
    let pinned = request.roots.iter().any(|pinned| pinned.sha256.0 == root);
    if !pinned {
        reasons
            .add(ReasonCode::RootUntrusted, "Intel root certificate")
            .expected("the pinned Intel SGX Root CA")
            .found(format!("SHA-256 {}", Hex::from(root)))
            .source("pinned roots, or `roots` of the policy")
            .mend("use evidence of a genuine platform; a root of your own has to be in the policy");
    }
    pinned
}

/// Each dated part of collateral, by name: first and last second.
fn dated(collateral: &Collateral<'_>) -> Vec<(String, Option<(u64, u64)>)> {
    let span = |from: &str, until: &str| Some((rfc3339(from)?, rfc3339(until)?));
    let list = |der: &[u8]| Some(RevocationList::parse(der)?.validity());
    let raw = collateral.raw;
    let mut dated = vec![
        (
            "TCB info".to_owned(),
            collateral.tcb_info.as_ref().and_then(|info| span(&info.issue_date, &info.next_update)),
        ),
        (
            "identity of the quoting enclave".to_owned(),
            collateral.qe_identity.as_ref().and_then(|id| span(&id.issue_date, &id.next_update)),
        ),
        ("revocation list of the root".to_owned(), list(&raw.root_ca_crl)),
        ("revocation list of the PCK authority".to_owned(), list(&raw.pck_crl)),
    ];
    for text in [&raw.tcb_info_issuer_chain, &raw.qe_identity_issuer_chain] {
        for part in pem::parse_many(text).unwrap_or_default() {
            let certificate = Certificate::parse(part.contents());
            let name = certificate.as_ref().map_or_else(String::new, Certificate::subject);
            dated.push((
                format!("certificate {name}"),
                certificate.map(|certificate| certificate.validity()),
            ));
        }
    }
    dated
}

/// Checks the dates of a certificate that the quote brings along.
fn check_certificate(
    certificate: &Certificate,
    now: u64,
    window: &mut Window,
    reasons: &mut Reasons,
) {
    let (from, until) = certificate.validity();
    window.narrow(from, until);
    if (from..=until).contains(&now) {
        return;
    }
    let early = now < from;
    let code =
        if early { ReasonCode::CertificateNotYetValid } else { ReasonCode::CertificateExpired };
    reasons
        .add(code, format!("certificate {}", certificate.subject()))
        .expected(format!("valid from {} until {}", At(from), At(until)))
        .found(format!("the check's time {}", At(now)))
        .source("the certificates of the quote")
        .mend("ask the worker for fresh evidence; check archived evidence at its own time");
}

/// Checks every date, and gives the time in which all hold.
pub(super) fn check_dates(
    collateral: &Collateral<'_>,
    chain: &[Certificate; 3],
    now: u64,
    reasons: &mut Reasons,
) -> Window {
    let mut window = Window::ALWAYS;
    for certificate in chain {
        check_certificate(certificate, now, &mut window, reasons);
    }
    for (part, span) in dated(collateral) {
        let Some((from, until)) = span else {
            reasons
                .add(ReasonCode::CollateralInvalid, part)
                .expected("Intel's format")
                .found("something that cannot be read")
                .source("Intel's provisioning service")
                .mend("fetch the collateral again");
            continue;
        };
        window.narrow(from, until);
        if now < from || now > until {
            let early = now < from;
            let code = if early {
                ReasonCode::CollateralNotYetValid
            } else {
                ReasonCode::CollateralExpired
            };
            reasons
                .add(code, part)
                .expected(format!("valid from {} until {}", At(from), At(until)))
                .found(format!("the check's time {}", At(now)))
                .source("the dates that Intel has signed")
                .mend("fetch the collateral again; check archived evidence at its own time");
        }
    }
    window
}

/// Checks that the collateral is about the quote's platform.
pub(super) fn check_about(
    quote: &Quote,
    chain: &[Certificate; 3],
    collateral: &Collateral<'_>,
    reasons: &mut Reasons,
) {
    let mut compare = |claim: &str, expected: String, found: Option<String>| {
        let Some(found) = found else { return };
        if !expected.eq_ignore_ascii_case(&found) {
            reasons
                .add(ReasonCode::CollateralMismatch, claim)
                .expected(expected)
                .found(found)
                .source("the quote and its certificate")
                .mend("give collateral for this platform's model and TEE");
        }
    };
    let (tee, qe) = tee(quote);
    let tcb_info = collateral.tcb_info.as_ref();
    compare("TEE of the TCB info", tee.to_owned(), tcb_info.map(|info| info.id.clone()));
    let identity = collateral.qe_identity.as_ref().map(|identity| identity.id.clone());
    compare("TEE of the quoting enclave's identity", qe.to_owned(), identity);
    if let Some(platform) = platform(chain[0].der()) {
        let fmspc = hex::encode(platform.fmspc);
        compare("FMSPC of the TCB info", fmspc, tcb_info.map(|info| info.fmspc.clone()));
        let pce_id = hex::encode(platform.pce_id);
        compare("PCE id of the TCB info", pce_id, tcb_info.map(|info| info.pce_id.clone()));
    }
}

/// Whether the revocation lists are those of the quote's authorities, and the signatures
/// have their length: dcap-qvl says neither in words that point to the part.
pub(super) fn check_form(
    chain: &[Certificate; 3],
    collateral: &Collateral<'_>,
    reasons: &mut Reasons,
) -> bool {
    let raw = collateral.raw;
    let mut sound = true;
    for (part, der, authority) in [
        ("issuer of the root's revocation list", &raw.root_ca_crl, &chain[2]),
        ("issuer of the PCK authority's revocation list", &raw.pck_crl, &chain[1]),
    ] {
        // What cannot be read has no dates either, and is refused for that.
        let Some(list) = RevocationList::parse(der).filter(|list| !list.is_of(authority)) else {
            continue;
        };
        sound = false;
        reasons
            .add(ReasonCode::CollateralMismatch, part)
            .expected(authority.subject())
            .found(list.issuer().escape_debug())
            .source("the certificates of the quote")
            .mend(
                "give the revocation list of this platform's authority (Platform or Processor CA)",
            );
    }
    for (part, text) in [
        ("certificates of the TCB info", &raw.tcb_info_issuer_chain),
        ("certificates of the enclave's identity", &raw.qe_identity_issuer_chain),
    ] {
        let parts = pem::parse_many(text).unwrap_or_default();
        let first = parts.first().and_then(|part| Certificate::parse(part.contents()));
        if let Some(authority) = first.filter(|first| first.may_issue(0)) {
            sound = false;
            reasons
                .add(ReasonCode::CollateralInvalid, part)
                .expected("the certificate that signs first, the root last")
                .found(format!("the authority {} first", authority.subject()))
                .source("Intel's provisioning service")
                .mend("fetch the collateral again, and keep the order of its certificates");
        }
    }
    for (part, signature) in [
        ("signature of the TCB info", &raw.tcb_info_signature),
        ("signature of the enclave's identity", &raw.qe_identity_signature),
    ] {
        if signature.len() != SIGNATURE_LEN {
            sound = false;
            reasons
                .add(ReasonCode::CollateralInvalid, part)
                .expected(format!("{SIGNATURE_LEN} bytes"))
                .found(format!("{} bytes", signature.len()))
                .source("Intel's provisioning service")
                .mend("fetch the collateral again, and keep it whole");
        }
    }
    sound
}
