use crate::{
    Claims, Details, Hex, Provenance, ReasonCode, TpmClaims,
    authenticate::Authenticated,
    policy::{Policy, TpmPolicy},
    reason::Reasons,
};

/// Why the attestation key is believed; a reason where it is not.
pub(super) fn check_key(
    claims: &mut Claims,
    evidence: &Authenticated,
    policy: &Policy,
    now: u64,
    reasons: &mut Reasons,
) {
    let Details::Tpm(tpm) = &mut claims.details else { return };
    let Some(rules) = &policy.kinds.tpm else { return };
    let vouchers = &evidence.vouchers;
    let listed = rules.attestation_keys.contains(tpm.listed_as());
    // A certificate speaks of the key alone: it does not vouch for what a public area says besides.
    let alone = tpm.attestation_key_name.is_none();
    let certified = alone && vouchers.certificate.as_ref().is_some_and(Reasons::is_empty);
    let endorsed = vouchers.endorsement_key.as_ref().filter(|(_, wrong)| wrong.is_empty());
    let activated = endorsed.is_some_and(|(endorsement_key, _)| {
        rules.activated.iter().any(|entry| {
            Some(&entry.name) == tpm.attestation_key_name.as_ref()
                && entry.endorsement_key.0 == endorsement_key
                && now <= entry.until.end()
        })
    });
    tpm.provenance = match (activated, certified, listed) {
        (true, ..) => Provenance::Activated,
        (_, true, _) => Provenance::Certified,
        (.., true) => Provenance::Listed,
        _ => Provenance::None,
    };
    if tpm.provenance == Provenance::None {
        let found = match &tpm.attestation_key_name {
            Some(name) => format!("a key with the name {name}"),
            None => format!("a key with SHA-256 {}", tpm.attestation_key),
        };
        let entry = tpm.attestation_key_name.as_ref().and_then(|name| {
            let named = rules.activated.iter().filter(|entry| entry.name == *name);
            named.max_by_key(|entry| entry.until)
        });
        let (expected, found, mend) = match (entry, &vouchers.endorsement_key) {
            (None, _) => (
                "certified, activated beside an endorsement key, or listed".to_owned(),
                found,
                if alone {
                    "have the worker send the key as its public area, enrol the machine, and add the \
                     entry to the policy; or list the key"
                } else {
                    "activate a credential (`sealwork enrol`), then add the entry to the policy; a \
                     certified key has to be sent as SubjectPublicKeyInfo"
                },
            ),
            (Some(entry), _) if now > entry.until.end() => (
                format!("an entry in `activated` that counts; its last day was {}", entry.until),
                found,
                "activate a credential anew (`sealwork enrol`), and renew the entry",
            ),
            (Some(entry), Some((key, _))) if entry.endorsement_key.0 != key => (
                format!("beside the endorsement key {} of the entry", entry.endorsement_key),
                format!("the endorsement key {}", Hex::from(*key)),
                "find out why the machine has another TPM; then activate a credential anew",
            ),
            (Some(entry), None) => (
                format!("beside the endorsement key {} of the entry", entry.endorsement_key),
                "no endorsement key that can be read".to_owned(),
                "have the worker send its endorsement key, or the key's certificate",
            ),
            (Some(_), Some(_)) => (
                "an endorsement key whose certificate leads to one of `roots`".to_owned(),
                format!("{found}, activated; the certificate does not"),
                "mend what is said of the certificate",
            ),
        };
        reasons
            .add(ReasonCode::AttestationKeyUntrusted, "attestation key")
            .expected(expected)
            .found(found)
            .source("`roots`, `activated` and `attestation_keys` of `kinds.tpm` of the policy")
            .mend(mend);
        let wrong = vouchers.endorsement_key.as_ref().map(|(_, wrong)| wrong);
        for wrong in vouchers.certificate.iter().chain(wrong) {
            reasons.extend(wrong);
        }
    }
}

pub(super) fn check_boot(
    claims: &Claims,
    tpm: &TpmClaims,
    rules: &TpmPolicy,
    reasons: &mut Reasons,
) {
    if rules.measured_boot && !claims.has_measured_boot() {
        reasons
            .add(ReasonCode::NothingMeasured, "pcr0 to pcr7")
            .expected("values that a boot leaves")
            .found("initial values, or not quoted")
            .source("`kinds.tpm.measured_boot` of the policy")
            .mend("use a machine whose firmware measures its boot, and quote these PCRs");
    }
    if rules.event_log && tpm.secure_boot.is_none() {
        reasons
            .add(ReasonCode::EventLogMissing, "event log")
            .expected("the firmware's log")
            .found("none that can be read")
            .source("`kinds.tpm.event_log` of the policy")
            .mend("have the worker send its event log");
    }
    if rules.secure_boot && tpm.secure_boot != Some(true) {
        reasons
            .add(ReasonCode::SecureBootOff, "Secure Boot")
            .expected("on")
            .found(match tpm.secure_boot {
                Some(_) => "off, or not measured",
                None => "unknown",
            })
            .source("`kinds.tpm.secure_boot` of the policy")
            .mend("switch Secure Boot on in the firmware, or do without it knowingly");
    }
}
