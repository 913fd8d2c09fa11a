//! Which of several collaterals counts. Intel signs each part for itself, so the newest of each is
//! taken wherever it comes from: whoever sends a quote cannot leave out the revocation list that its
//! reader has. Among parts of the same age the first counts, and the reader's own come first. For
//! archived evidence the newest is the newest of its time.

use std::borrow::Cow;

use dcap_qvl::{QuoteCollateralV3, quote::Quote};
use serde::Deserialize;

use super::{collateral, layout::PckChain};
use crate::{
    Endorsements,
    certificate::Certificate,
    instant::{Moment, rfc3339},
    revocation::{ListAge, RevocationList, best},
};

/// As much of a TCB info, or of an enclave's identity, as the choice needs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct About {
    pub(super) id: String,
    #[serde(default)]
    pub(super) fmspc: String,
    #[serde(default)]
    pub(super) pce_id: String,
    issue_date: String,
    next_update: String,
    #[serde(default)]
    pub(super) tcb_evaluation_data_number: u32,
}

impl About {
    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// How new it is: issued by now, its number, still valid.
    fn age(&self, moment: &mut Moment) -> (bool, u32, bool) {
        let is_issued = rfc3339(&self.issue_date).is_some_and(|issued| moment.has_come(issued));
        let is_valid = rfc3339(&self.next_update).is_some_and(|until| moment.now <= until);
        (is_issued, self.tcb_evaluation_data_number, is_valid)
    }
}

/// What was chosen.
pub(super) struct Choice<'a> {
    pub(super) collateral: Cow<'a, QuoteCollateralV3>,
    /// The last second of it: then something newer is issued.
    pub(super) until: u64,
}

/// The newest collateral about this platform; where a part of it is missing, another, so that the
/// reasons say what does not fit.
pub(super) fn choose<'a>(
    quote: &Quote,
    chain: &PckChain,
    endorsements: &'a Endorsements,
    now: u64,
) -> Option<Choice<'a>> {
    let all = || endorsements.collateral().iter();
    let (first, others) = endorsements.collateral().split_first()?;
    if others.is_empty() && endorsements.revocation().is_empty() {
        return Some(Choice { collateral: Cow::Borrowed(&first.0), until: u64::MAX });
    }
    let mut moment = Moment::new(now);
    let model = collateral::platform(chain.leaf()).map(|platform| hex::encode(platform.fmspc));
    let (tee, enclave) = collateral::tee(quote);
    let tcb_info = best(all(), |held| {
        let about = About::read(&held.0.tcb_info)?;
        let is_of_model =
            model.as_ref().is_some_and(|model| about.fmspc.eq_ignore_ascii_case(model));
        Some((is_of_model, about.id == tee, about.age(&mut moment)))
    })?;
    let identity = best(all(), |held| {
        let about = About::read(&held.0.qe_identity)?;
        Some((about.id == enclave, about.age(&mut moment)))
    })?;
    let root = Certificate::parse(chain.root());
    let authority = Certificate::parse(chain.authority());
    let others = || endorsements.revocation().iter();
    let root_lists = all().map(|held| &held.0.root_ca_crl).chain(others());
    let root_list = best(root_lists, |der| rank(der, root.as_ref()?, &mut moment))?;
    let pck_lists = all().map(|held| &held.0.pck_crl).chain(others());
    let pck_list = best(pck_lists, |der| rank(der, authority.as_ref()?, &mut moment))?;
    let collateral = QuoteCollateralV3 {
        root_ca_crl: root_list.clone(),
        pck_crl: pck_list.clone(),
        pck_crl_issuer_chain: first.0.pck_crl_issuer_chain.clone(),
        tcb_info_issuer_chain: tcb_info.0.tcb_info_issuer_chain.clone(),
        tcb_info: tcb_info.0.tcb_info.clone(),
        tcb_info_signature: tcb_info.0.tcb_info_signature.clone(),
        qe_identity_issuer_chain: identity.0.qe_identity_issuer_chain.clone(),
        qe_identity: identity.0.qe_identity.clone(),
        qe_identity_signature: identity.0.qe_identity_signature.clone(),
        pck_certificate_chain: None,
    };
    Some(Choice { collateral: Cow::Owned(collateral), until: moment.until })
}

/// A revocation list's rank for an authority: whether it is the authority's, and how new it is.
fn rank(der: &[u8], authority: &Certificate, moment: &mut Moment) -> Option<(bool, ListAge)> {
    let list = RevocationList::parse(der)?;
    Some((list.is_of(authority), list.age(moment)))
}
