use crate::{
    Claims, ReasonCode, SnpClaims,
    claims::SnpTcb,
    policy::{NitroPolicy, SnpPolicy, SnpSigner},
    reason::Reasons,
};

pub(super) fn check_snp(snp: &SnpClaims, rules: &SnpPolicy, reasons: &mut Reasons) {
    let update = "the operator has to update the platform's firmware";
    // Firmware can be updated under a running guest, whose memory the old one may have let out.
    let restart = "the operator has to start the guest anew, under the firmware of today";
    for (which, tcb, mend) in [
        ("reported", &snp.reported_tcb, update),
        ("committed", &snp.committed_tcb, update),
        ("launch", &snp.launch_tcb, restart),
    ] {
        check_versions(which, tcb, &rules.min_tcb, mend, reasons);
    }
    if snp.guest_svn < rules.min_guest_svn {
        reasons
            .add(ReasonCode::VersionNotAllowed, "guest_svn")
            .expected(format!("at least {}", rules.min_guest_svn))
            .found(snp.guest_svn)
            .source("`kinds.snp.min_guest_svn` of the policy")
            .mend("use a worker that runs a newer release");
    }
    if snp.vmpl > rules.max_vmpl {
        reasons
            .add(ReasonCode::VmplNotAllowed, "vmpl")
            .expected(format!("at most {}", rules.max_vmpl))
            .found(snp.vmpl)
            .source("`kinds.snp.max_vmpl` of the policy")
            .mend("ask for the report at a more privileged level");
    }
    let signer = if snp.signer == "vlek" { SnpSigner::Vlek } else { SnpSigner::Vcek };
    if !rules.signers.contains(&signer) {
        reasons
            .add(ReasonCode::AttributesNotAllowed, "signer of the report")
            .expected(format!("one of: {:?}", rules.signers).to_lowercase())
            .found(&snp.signer)
            .source("`kinds.snp.signers` of the policy")
            .mend("accept `vlek` if you trust the cloud with its key");
    }
    let mut allow = |claim: &str, set: bool, allowed: bool, field: &str| {
        if set && !allowed {
            reasons
                .add(ReasonCode::AttributesNotAllowed, claim)
                .expected("off")
                .found("on")
                .source(format!("`kinds.snp.{field}` of the policy"))
                .mend("start the guest with a stricter guest policy");
        }
    };
    allow("migration", snp.migratable, rules.allow_migration, "allow_migration");
    allow("simultaneous multithreading", snp.smt, rules.allow_smt, "allow_smt");
}

fn check_versions(
    which: &str,
    found: &SnpTcb,
    min: &SnpTcb,
    mend: &'static str,
    reasons: &mut Reasons,
) {
    let parts = [
        ("boot loader", found.boot_loader, min.boot_loader),
        ("TEE", found.tee, min.tee),
        ("SNP", found.snp, min.snp),
        ("microcode", found.microcode, min.microcode),
        ("FMC", found.fmc, min.fmc),
    ];
    for (part, found, min) in parts.into_iter().filter(|(_, found, min)| found < min) {
        reasons
            .add(ReasonCode::TcbTooOld, format!("{part} of the {which} TCB"))
            .expected(format!("at least {min}"))
            .found(found)
            .source("`kinds.snp.min_tcb` of the policy")
            .mend(mend);
    }
}

pub(super) fn check_nitro(claims: &Claims, rules: &NitroPolicy, reasons: &mut Reasons) {
    let empty = claims.nonce.as_ref().is_none_or(|nonce| nonce.0.is_empty());
    if rules.require_nonce && empty {
        reasons
            .add(ReasonCode::NonceMismatch, "nonce")
            .expected("not empty")
            .found("none")
            .source("`kinds.nitro.require_nonce` of the policy")
            .mend("ask for a document with a nonce");
    }
}
