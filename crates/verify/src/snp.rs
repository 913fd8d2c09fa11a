//! SEV-SNP attestation reports, signed by the chip's key (VCEK) or by the cloud's (VLEK).

mod certificate;
mod report;

use std::collections::BTreeMap;

use self::{
    certificate::{Endorser, SnpCertificate},
    report::Report,
};
use crate::{
    Claims, Class, Details, EvidenceKind, Hex, ReasonCode, SnpClaims,
    authenticate::{Authenticated, Request},
    certificate::Certificate,
    chain::{self, Anchors},
    crypto::{Hash, PublicKey, Scheme, fixed_to_der},
};

/// AMD's chains have three links: chip or cloud, product, root.
const CHAIN_LEN: usize = 3;

pub(crate) fn authenticate(request: &Request<'_>) -> Authenticated {
    let report = match Report::parse(request.bytes) {
        Ok(report) => report,
        Err(found) => return Authenticated::malformed(EvidenceKind::Snp, found),
    };
    let mut this = Authenticated::new();
    let Some(leaf) = choose(&report, request) else {
        this.claims = Some(claims(&report, &SnpCertificate::default()));
        this.reasons
            .add(ReasonCode::EndorsementMissing, format!("{} certificate", report.signer()))
            .expected(format!("the {} certificate of this chip and its firmware", report.signer()))
            .found("none in the endorsements")
            .source("AMD's key distribution service")
            .mend("give a bundle with this platform's certificates (`--endorsements FILE`)");
        return this;
    };
    let (leaf, endorser) = leaf;
    let mut claims = claims(&report, &endorser);
    let links = build(leaf, request.endorsements.certificates(), request.now);
    let anchors = Anchors {
        maker: "AMD",
        roots: request.roots,
        revocation: request.endorsements.revocation(),
        endorsed: true,
        now: request.now,
    };
    this.window = chain::check(&links, &anchors, &mut this.reasons);
    claims.root = links.last().map(|root| root.fingerprint.into());
    this.claims = Some(claims);
    check_signature(&report, leaf, &mut this);
    check_chip(&report, &endorser, &mut this);
    this
}

/// The certificate whose chip and firmware fit; where none does, any, so that the reasons say what
/// does not fit.
fn choose<'a>(
    report: &Report,
    request: &'a Request<'_>,
) -> Option<(&'a Certificate, SnpCertificate)> {
    let wanted = if report.by_vlek { Endorser::Vlek } else { Endorser::Vcek };
    let candidates = request.endorsements.certificates().iter().filter_map(|certificate| {
        let endorser = SnpCertificate::read(certificate)?;
        (endorser.endorser == wanted).then_some((certificate, endorser))
    });
    candidates.max_by_key(|(_, endorser)| {
        let chip = report.by_vlek || endorser.is_of_chip(&report.chip_id);
        (chip, endorser.tcb == report.reported_tcb(endorser))
    })
}

/// The chain above a certificate, as far as there are issuers for it.
fn build<'a>(leaf: &'a Certificate, pool: &'a [Certificate], now: u64) -> Vec<&'a Certificate> {
    let mut links = vec![leaf];
    while links.len() < CHAIN_LEN {
        let last = links[links.len() - 1];
        match chain::issuer_of(last, pool, now) {
            Some(issuer) => links.push(issuer),
            None => break,
        }
    }
    links
}

fn check_signature(report: &Report, leaf: &Certificate, this: &mut Authenticated) {
    let key = leaf.public_key();
    let signed = match (&key, fixed_to_der(&report.signature)) {
        (Some(key @ PublicKey::P384(_)), Some(der)) => {
            key.verifies(Scheme::Ecdsa(Hash::Sha384), report.signed(), &der)
        }
        _ => false,
    };
    if !signed {
        this.reasons
            .add(ReasonCode::SignatureInvalid, "signature of the report")
            .expected(format!("by the {} certificate", report.signer()))
            .found("a signature that does not verify")
            .source("the platform's certificate")
            .mend("give the certificate of this chip; otherwise the report was changed");
    }
}

/// What the report says about chip and firmware has to be what AMD has certified: a report's own
/// word is not enough.
fn check_chip(report: &Report, endorser: &SnpCertificate, this: &mut Authenticated) {
    if endorser.endorser == Endorser::Vcek && !endorser.is_of_chip(&report.chip_id) {
        this.reasons
            .add(ReasonCode::ChipMismatch, "chip id")
            .expected(Hex(endorser.chip_id.clone()))
            .found(Hex::from(report.chip_id))
            .source("the VCEK certificate")
            .mend("give the certificate of this chip");
    }
    let reported = report.reported_tcb(endorser);
    if endorser.tcb != reported {
        this.reasons
            .add(ReasonCode::TcbMismatch, "reported TCB")
            .expected(certificate::show(&endorser.tcb))
            .found(certificate::show(&reported))
            .source(format!("the {} certificate", report.signer()))
            .mend("give the certificate that was issued for the platform's present firmware");
    }
}

fn claims(report: &Report, endorser: &SnpCertificate) -> Claims {
    let measurements = BTreeMap::from([
        ("measurement".to_owned(), report.measurement.into()),
        ("host_data".to_owned(), report.host_data.into()),
        ("id_key_digest".to_owned(), report.id_key_digest.into()),
        ("author_key_digest".to_owned(), report.author_key_digest.into()),
        ("family_id".to_owned(), report.family_id.into()),
        ("image_id".to_owned(), report.image_id.into()),
    ]);
    let debug = report.may_debug();
    Claims {
        kind: EvidenceKind::Snp,
        class: if debug { Class::Unprotected } else { Class::Confidential },
        measurements,
        report_data: report.report_data.into(),
        nonce: None,
        debug,
        issued: None,
        root: None,
        details: Details::Snp(SnpClaims {
            report_version: report.version,
            guest_svn: report.guest_svn,
            vmpl: report.vmpl,
            policy: report.policy,
            smt: report.may_use_smt(),
            migratable: report.may_migrate(),
            reported_tcb: report.reported_tcb(endorser),
            current_tcb: endorser.layout.read(&report.current_tcb),
            committed_tcb: endorser.layout.read(&report.committed_tcb),
            launch_tcb: endorser.layout.read(&report.launch_tcb),
            chip_id: report.chip_id.into(),
            signer: report.signer().to_ascii_lowercase(),
        }),
    }
}
