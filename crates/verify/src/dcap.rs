//! SGX and TDX quotes (Intel DCAP). dcap-qvl follows the signatures and matches the TCB levels;
//! here is what it leaves open: strict layout, the choice of collateral, every reason by name.

mod backend;
mod choice;
mod collateral;
mod diagnose;
mod layout;
mod memory;

use std::collections::BTreeMap;

use dcap_qvl::{
    QuoteClaims, QuotePolicy,
    quote::{EnclaveReport, Quote, Report, TDReport10},
    verify::QuoteVerifier,
};

use self::{choice::About, collateral::Collateral, layout::PckChain, memory::Signatures};
use crate::{
    Claims, Class, Details, EvidenceKind, Hex, ReasonCode, SgxClaims, TdxClaims,
    authenticate::{Authenticated, Request},
    claims::IntelTcb,
    crypto::sha256,
};

const SGX_DEBUG: u8 = 1 << 1;
/// DEBUG, and the bits that let the host profile the guest (TDX module ABI, TD_ATTRIBUTES).
const TD_UNDER_DEBUG: u8 = 0b0111_0001;
const TD_MIGRATABLE: u8 = 1 << 5;

pub(crate) fn authenticate(kind: EvidenceKind, request: &Request<'_>) -> Authenticated {
    let quote = match layout::parse(request.bytes) {
        Ok(quote) => quote,
        Err(found) => return Authenticated::malformed(kind, found),
    };
    let mut this = Authenticated::new();
    let (found, claims) = match &quote.report {
        Report::SgxEnclave(report) => (EvidenceKind::Sgx, sgx(report)),
        Report::TD10(report) => (EvidenceKind::Tdx, tdx(report, &quote)),
        Report::TD15(report) => (EvidenceKind::Tdx, tdx(&report.base, &quote)),
        Report::TD15Ex(report) => (EvidenceKind::Tdx, tdx(&report.base.base, &quote)),
    };
    if found != kind {
        this.reasons
            .add(ReasonCode::KindMismatch, "TEE type of the quote")
            .expected(kind)
            .found(found)
            .source("the stated kind")
            .mend("state the kind that the platform has");
    }
    this.claims = Some(claims);
    check_quote(&quote, request, &mut this);
    this
}

fn check_quote(quote: &Quote, request: &Request<'_>, this: &mut Authenticated) {
    let Some(chain) = PckChain::of(quote) else { return no_chain(this) };
    let Some(choice) = choice::choose(quote, &chain, request.endorsements, request.now) else {
        this.reasons
            .add(ReasonCode::EndorsementMissing, "collateral of this platform's model")
            .expected(collateral::wanted(quote, &chain))
            .found("none in the endorsements")
            .source("Intel's provisioning service")
            .mend("give a bundle with collateral for this platform (`--endorsements FILE`)");
        return;
    };
    let raw = &*choice.collateral;
    this.window.narrow(0, choice.until);
    let root = sha256(chain.root());
    if let Some(claims) = &mut this.claims {
        claims.root = Some(Hex::from(root));
    }
    let verify = |at: u64| {
        QuoteVerifier::<backend::Provider>::new_with_config(chain.root().to_vec())
            .allow_debug(true)
            .verify_with_policy(request.bytes, raw, at, &QuotePolicy::claims_only(at))
    };
    // dcap-qvl relies on its root, and stops the program at a crooked one.
    let pinned = collateral::check_root(root, request, &mut this.reasons);
    let first = pinned.then(|| verify(request.now));
    if let Some(Ok(verified)) = &first {
        this.window.narrow(verified.latest_issue_date, verified.earliest_expiration_date);
        // dcap-qvl compares the FMSPC alone.
        let pce_id = hex::encode(&verified.platform.pck.pce_id);
        let about = About::read(&raw.tcb_info);
        if this.window.contains(request.now)
            && about.is_some_and(|about| about.pce_id.eq_ignore_ascii_case(&pce_id))
            && let Some(chain) = chain.read()
        {
            memory::note(raw, &chain, Signatures::Checked, this);
            return accept(verified, this);
        }
    }
    // Something is wrong: now everything else that is wrong, too.
    let Some(chain) = chain.read() else { return no_chain(this) };
    let collateral = Collateral::read(raw);
    if pinned {
        memory::note(raw, &chain, Signatures::Unchecked, this);
    }
    let dates = collateral::check_dates(&collateral, &chain, request.now, &mut this.reasons);
    collateral::check_about(quote, &chain, &collateral, &mut this.reasons);
    let sound = collateral::check_form(&chain, &collateral, &mut this.reasons);
    this.window.narrow(dates.from, dates.until);
    let again = if !dates.contains(request.now) {
        // When something has expired, the rest is checked at a time when nothing had.
        Some(dates.from)
    } else if request.now == dates.until {
        // The last second counts (RFC 5280, 4.1.2.5); for dcap-qvl a revocation list ends before it.
        Some(dates.from.max(request.now.saturating_sub(1)))
    } else {
        None
    };
    match again.filter(|_| pinned).map_or(first, |at| Some(verify(at))) {
        Some(Ok(verified)) => accept(&verified, this),
        Some(Err(error)) if sound => {
            diagnose::explain(&error, quote, &chain, &collateral, &mut this.reasons);
        }
        _ => {}
    }
}

fn no_chain(this: &mut Authenticated) {
    this.reasons
        .add(ReasonCode::EvidenceMalformed, "PCK certificates of the quote")
        .expected("PEM: the platform's certificate, its authority, Intel's root")
        .found("something else")
        .source("Intel's quote format, certification data of type 5")
        .mend("have the quote made with its certificate chain inside");
}

/// Takes what dcap-qvl has found.
fn accept(verified: &QuoteClaims, this: &mut Authenticated) {
    let tcb = IntelTcb {
        status: verified.tcb.status.to_string(),
        date: verified.platform.tcb_date_tag,
        advisories: verified.tcb.advisory_ids.clone(),
        evaluation: verified.tcb.eval_data_number,
        fmspc: verified.platform.pck.fmspc.into(),
    };
    match this.claims.as_mut().map(|claims| &mut claims.details) {
        Some(Details::Sgx(sgx)) => sgx.tcb = Some(tcb),
        Some(Details::Tdx(tdx)) => tdx.tcb = Some(tcb),
        _ => {}
    }
}

fn class(debug: bool) -> Class {
    if debug { Class::Unprotected } else { Class::Confidential }
}

fn sgx(report: &EnclaveReport) -> Claims {
    let debug = report.attributes[0] & SGX_DEBUG != 0;
    let measurements = BTreeMap::from([
        ("mrenclave".to_owned(), report.mr_enclave.into()),
        ("mrsigner".to_owned(), report.mr_signer.into()),
    ]);
    Claims {
        kind: EvidenceKind::Sgx,
        class: class(debug),
        measurements,
        report_data: report.report_data.into(),
        nonce: None,
        debug,
        issued: None,
        root: None,
        details: Details::Sgx(SgxClaims {
            isv_prod_id: report.isv_prod_id,
            isv_svn: report.isv_svn,
            attributes: report.attributes.into(),
            tcb: None,
        }),
    }
}

fn tdx(report: &TDReport10, quote: &Quote) -> Claims {
    let debug = report.td_attributes[0] & TD_UNDER_DEBUG != 0;
    let measurements = [
        ("mrtd", report.mr_td),
        ("rtmr0", report.rt_mr0),
        ("rtmr1", report.rt_mr1),
        ("rtmr2", report.rt_mr2),
        ("rtmr3", report.rt_mr3),
        ("mrconfigid", report.mr_config_id),
        ("mrowner", report.mr_owner),
        ("mrownerconfig", report.mr_owner_config),
        ("mrseam", report.mr_seam),
    ];
    Claims {
        kind: EvidenceKind::Tdx,
        class: class(debug),
        measurements: measurements
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect(),
        report_data: report.report_data.into(),
        nonce: None,
        debug,
        issued: None,
        root: None,
        details: Details::Tdx(TdxClaims {
            quote_version: quote.header.version,
            attributes: report.td_attributes.into(),
            xfam: report.xfam.into(),
            migratable: report.td_attributes[3] & TD_MIGRATABLE != 0,
            tcb: None,
        }),
    }
}
