//! What collateral says that must not be forgotten, whatever the evidence came to: how new it is, and
//! whom it revokes. Collateral that shows a platform to be weak is the very one that whoever runs the
//! platform leaves out the next time.

use dcap_qvl::QuoteCollateralV3;

use super::choice::About;
use crate::{
    Hex,
    authenticate::Authenticated,
    certificate::Certificate,
    crypto::{Hash, Scheme, fixed_to_der},
    revocation::RevocationList,
};

/// Whether dcap-qvl has checked the signatures of collateral; of evidence that it refuses it does not
/// say how far it came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Signatures {
    Checked,
    Unchecked,
}

/// Notes numbers and lists that Intel has signed, as the root of the quote's certificates, which is a
/// pinned one, shows.
pub(super) fn note(
    raw: &QuoteCollateralV3,
    [_, authority, root]: &[Certificate; 3],
    signatures: Signatures,
    this: &mut Authenticated,
) {
    let checked = signatures == Signatures::Checked;
    let maker = format!("intel/{}", Hex::from(&root.fingerprint[..8]));
    let signed = |text: &str, chain: &str, signature: &[u8]| {
        checked || is_signed(text, chain, signature, root)
    };
    if let Some(about) = About::read(&raw.tcb_info)
        && signed(&raw.tcb_info, &raw.tcb_info_issuer_chain, &raw.tcb_info_signature)
    {
        let name = format!("{maker}/{}/{}/tcb-info", about.id, about.fmspc).to_lowercase();
        this.marks.insert(name, about.tcb_evaluation_data_number.into());
    }
    if let Some(about) = About::read(&raw.qe_identity)
        && signed(&raw.qe_identity, &raw.qe_identity_issuer_chain, &raw.qe_identity_signature)
    {
        let name = format!("{maker}/{}/identity", about.id).to_lowercase();
        this.marks.insert(name, about.tcb_evaluation_data_number.into());
    }
    for (der, issuer) in [(&raw.root_ca_crl, root), (&raw.pck_crl, authority)] {
        let is_genuine = |list: RevocationList<'_>| {
            list.is_of(issuer) && is_below(issuer, root) && list.is_signed_by(issuer)
        };
        if checked || RevocationList::parse(der).is_some_and(is_genuine) {
            this.lists.insert(Hex::from(issuer.fingerprint), der.clone());
        }
    }
}

fn is_below(authority: &Certificate, root: &Certificate) -> bool {
    let is_issued = || {
        authority.names_issuer(root)
            && root.public_key().is_some_and(|key| authority.is_signed_by(&key))
    };
    authority.fingerprint == root.fingerprint || is_issued()
}

/// Whether a text is signed by a certificate that the root has issued.
fn is_signed(text: &str, chain: &str, signature: &[u8], root: &Certificate) -> bool {
    let parts = pem::parse_many(chain).unwrap_or_default();
    let signer = parts.first().and_then(|part| Certificate::parse(part.contents()));
    let Some((signer, signature)) = signer.zip(fixed_to_der(signature)) else { return false };
    is_below(&signer, root)
        && signer.public_key().is_some_and(|key| {
            key.verifies(Scheme::Ecdsa(Hash::Sha256), text.as_bytes(), &signature)
        })
}
