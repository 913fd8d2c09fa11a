//! Chains of certificates: from the one that signed evidence to a pinned root.

use crate::{
    ReasonCode, Root,
    certificate::Certificate,
    claims::Hex,
    instant::{At, Moment, Window},
    reason::Reasons,
    revocation::{RevocationList, best},
};

/// What a chain is checked against.
pub(crate) struct Anchors<'a> {
    /// Whose chain, for people: `AMD`, `AWS Nitro`.
    pub(crate) maker: &'a str,
    /// The certificates at which it may end.
    pub(crate) roots: &'a [Root],
    /// Revocation lists (DER) that may speak of it.
    pub(crate) revocation: &'a [Vec<u8>],
    /// Whether the authorities come out of the endorsements; else out of the evidence.
    pub(crate) endorsed: bool,
    /// Seconds since 1970.
    pub(crate) now: u64,
}

/// Who issued a certificate, in a pool. Makers issue certificates of the same name anew: of several,
/// one whose key fits; of those, one that is valid at the time of the check.
pub(crate) fn issuer_of<'a>(
    subject: &Certificate,
    pool: &'a [Certificate],
    now: u64,
) -> Option<&'a Certificate> {
    let named: Vec<_> = pool
        .iter()
        .filter(|issuer| subject.names_issuer(issuer) && issuer.fingerprint != subject.fingerprint)
        .collect();
    let signs =
        |issuer: &&&Certificate| issuer.public_key().is_some_and(|key| subject.is_signed_by(&key));
    match named.as_slice() {
        [] | [_] => named.first().copied(),
        several => {
            let fitting: Vec<_> = several.iter().filter(signs).copied().collect();
            let is_valid = |issuer: &&&Certificate| {
                let (from, until) = issuer.validity();
                (from..=until).contains(&now)
            };
            fitting.iter().find(is_valid).or(fitting.first()).or(several.first()).copied()
        }
    }
}

/// Checks a chain, leaf first, root last: names, signatures, authority, validity, revocation, and
/// that the root is a pinned one. The root's own signature needs no check: it is pinned whole.
pub(crate) fn check(
    chain: &[&Certificate],
    anchors: &Anchors<'_>,
    reasons: &mut Reasons,
) -> Window {
    let mut window = Window::ALWAYS;
    let Anchors { maker, roots, .. } = anchors;
    let Some(root) = chain.last() else { return window };
    if !roots.iter().any(|pinned| pinned.sha256.0 == root.fingerprint) {
        check_end(root, anchors, reasons);
    }
    for certificate in chain {
        let (from, until) = certificate.validity();
        window.narrow(from, until);
        check_validity(certificate, anchors, reasons);
        if certificate.has_unknown_critical() {
            broken(
                reasons,
                maker,
                certificate,
                "only extensions that are understood",
                "another critical one",
            );
        }
    }
    for (below, link) in chain.windows(2).enumerate() {
        let [subject, issuer] = link else { continue };
        if !subject.names_issuer(issuer) {
            broken(
                reasons,
                maker,
                subject,
                "issued by the next certificate",
                "another issuer's name",
            );
        }
        if !issuer.may_issue(below) {
            broken(
                reasons,
                maker,
                issuer,
                "an authority that may issue this",
                "no authority, or too far up",
            );
        }
        if !issuer.public_key().is_some_and(|key| subject.is_signed_by(&key)) {
            broken(
                reasons,
                maker,
                subject,
                "signed by the next certificate",
                "a signature that does not verify",
            );
        }
    }
    for (below, authority) in chain.iter().enumerate() {
        check_revocation(authority, &chain[..below], anchors, &mut window, reasons);
    }
    window
}

/// What is wrong with a chain that does not end at a pinned root: it is not whole, or of a stranger.
fn check_end(last: &Certificate, anchors: &Anchors<'_>, reasons: &mut Reasons) {
    let Anchors { maker, roots, endorsed, .. } = anchors;
    if *endorsed && !roots.is_empty() && !last.names_issuer(last) {
        reasons
            .add(ReasonCode::EndorsementMissing, format!("{maker} certificate {}", last.issuer()))
            .expected(format!("the certificate that issued {}", last.subject()))
            .found("none in the endorsements")
            .source("the maker's certificates, up to its root")
            .mend("give a bundle with the maker's authorities, too (`--endorsements FILE`)");
        return;
    }
    let names: Vec<_> = roots.iter().map(|root| root.name.as_str()).collect();
    if names.is_empty() {
        reasons
            .add(ReasonCode::RootUntrusted, format!("{maker} root certificate"))
            .expected("a root that the policy names; it names none")
            .found(format!("a chain up to {} ({})", last.subject(), Hex::from(last.fingerprint)))
            .source("`roots` of the policy")
            .mend(
                "name the maker's root in `roots` of the policy, and give the certificates up to it \
                 (`--endorsements FILE`)",
            );
        return;
    }
    reasons
        .add(ReasonCode::RootUntrusted, format!("{maker} root certificate"))
        .expected(format!("one of: {}", names.join(", ")))
        .found(format!("SHA-256 {} ({})", Hex::from(last.fingerprint), last.subject()))
        .source("pinned roots, or `roots` of the policy")
        .mend("use evidence of a genuine platform; a root of your own has to be in the policy");
}

fn broken(reasons: &mut Reasons, maker: &str, at: &Certificate, expected: &str, found: &str) {
    reasons
        .add(ReasonCode::ChainInvalid, format!("{maker} certificate {}", at.subject()))
        .expected(expected)
        .found(found)
        .source("RFC 5280")
        .mend("give the certificates that belong to this platform, unchanged");
}

fn check_validity(certificate: &Certificate, anchors: &Anchors<'_>, reasons: &mut Reasons) {
    let (from, until) = certificate.validity();
    let (code, expected) = if anchors.now < from {
        (ReasonCode::CertificateNotYetValid, format!("valid from {}", At(from)))
    } else if anchors.now > until {
        (ReasonCode::CertificateExpired, format!("valid until {}", At(until)))
    } else {
        return;
    };
    reasons
        .add(code, format!("{} certificate {}", anchors.maker, certificate.subject()))
        .expected(expected)
        .found(format!("the check's time {}", At(anchors.now)))
        .source("the certificate's validity")
        .mend("ask the worker for fresh evidence; for archived evidence check at its own time");
}

/// Of an authority's lists the newest counts that is complete and issued, and whatever lists of changes
/// or of a part add to it; others than its own are of other chains.
fn check_revocation(
    authority: &Certificate,
    below: &[&Certificate],
    anchors: &Anchors<'_>,
    window: &mut Window,
    reasons: &mut Reasons,
) {
    let mut moment = Moment::new(anchors.now);
    let lists = anchors.revocation.iter().filter_map(|der| RevocationList::parse(der));
    let (complete, partial): (Vec<_>, Vec<_>) =
        lists.filter(|list| list.is_of(authority)).partition(RevocationList::is_complete);
    let claim = format!("{} revocation list of {}", anchors.maker, authority.subject());
    let additions = if complete.is_empty() { &[][..] } else { &partial };
    for list in additions.iter().filter(|list| list.is_signed_by(authority)) {
        if moment.has_come(list.validity().0) {
            refuse_listed(list, authority, below, &claim, reasons);
        }
    }
    let full = if complete.is_empty() { &partial } else { &complete };
    let newest = best(full.iter(), |list| list.age(&mut moment));
    window.narrow(0, moment.until);
    // For archived evidence: a list of later days says nothing about its time.
    let Some(list) = newest.filter(|list| list.validity().0 <= anchors.now) else { return };
    if !list.is_signed_by(authority) {
        reasons
            .add(ReasonCode::CollateralInvalid, claim)
            .expected("signed by the authority that it names")
            .found("a signature that does not verify")
            .source("RFC 5280")
            .mend("fetch the revocation list again");
        return;
    }
    let (from, until) = list.validity();
    window.narrow(from, until);
    if anchors.now > until {
        reasons
            .add(ReasonCode::CollateralExpired, claim.clone())
            .expected(format!("valid from {} until {}", At(from), At(until)))
            .found(format!("the check's time {}", At(anchors.now)))
            .source("the list's own dates")
            .mend("fetch the revocation list again");
    }
    refuse_listed(list, authority, below, &claim, reasons);
}

fn refuse_listed(
    list: &RevocationList<'_>,
    authority: &Certificate,
    below: &[&Certificate],
    claim: &str,
    reasons: &mut Reasons,
) {
    for certificate in below {
        if certificate.names_issuer(authority) && list.names(certificate) {
            reasons
                .add(ReasonCode::CertificateRevoked, claim)
                .expected(format!("{} is not on it", certificate.subject()))
                .found(format!("its serial number {}", Hex::from(certificate.serial())))
                .source("the maker's revocation list")
                .mend("do not use this platform: its maker no longer vouches for it");
        }
    }
}
