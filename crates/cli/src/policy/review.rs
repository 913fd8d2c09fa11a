//! What a person has to look at in a policy: JSON has no room for comments.

use sealwork_verify::{Claims, Class, Details, Draft, EvidenceKind, Policy, Provenance, TpmPolicy};

use crate::ui::harmless_line;

/// What has to be decided about a policy that was made from a worker's own claims.
pub(super) fn of(draft: &Draft) -> Vec<String> {
    let Draft { policy, claims, doubts } = draft;
    let kind = claims.kind;
    let mut lines = vec![format!(
        "`kinds.{kind}.references`: the values that the worker reports; compare them with those \
         published for the release that you trust"
    )];
    lines.push(match claims.class {
        Class::Confidential => {
            "`class` confidential: the host cannot read memory, says the platform".to_owned()
        }
        Class::Measured => "`class` measured: what was booted is known; whoever holds the machine \
            may read its memory"
            .to_owned(),
        Class::Unprotected => "`class` unprotected: this evidence promises nothing; do not send \
            what somebody may not read"
            .to_owned(),
    });
    lines.extend(of_kind(claims));
    lines.extend(policy.kinds.tpm.as_ref().and_then(boot_not_demanded));
    lines.extend(doubts.iter().map(ToString::to_string));
    let isolation: Vec<_> = policy.isolation.iter().map(|isolation| isolation.as_str()).collect();
    lines.push(format!("`isolation` {}: how the worker keeps jobs apart", isolation.join(", ")));
    if policy.freshness.epoch_evidence {
        lines.push(
            "`freshness.epoch_evidence`: this platform is too slow to answer each nonce; its \
             evidence is as old as its keys"
                .to_owned(),
        );
    }
    lines
}

fn of_kind(claims: &Claims) -> Option<String> {
    let text = match &claims.details {
        Details::Simulated => return None,
        Details::Sgx(_) | Details::Tdx(_) => {
            "`tcb`: up-to-date platforms alone; `min_date` and `min_evaluation` can demand more"
        }
        Details::Snp(_) => {
            "`kinds.snp.min_tcb`: this chip's committed firmware; compare it with AMD's bulletins. \
             `host_data` and `id_key_digest` can be demanded too"
        }
        Details::Nitro(_) => {
            "`kinds.nitro.references`: pcr0 to pcr2 name the image; add pcr8 for its signer"
        }
        Details::Tpm(tpm) if tpm.provenance == Provenance::None => {
            "`kinds.tpm.attestation_keys`: this very key, on the worker's word; find out that it \
             lives in a TPM: by credential activation (`sealwork enrol`, `activated`) or by its \
             certificate (`roots`)"
        }
        Details::Tpm(_) => "`kinds.tpm`: drop PCRs that change with each boot or update",
    };
    Some(text.to_owned())
}

/// What a TPM's policy does not demand, because the worker did not show it.
fn boot_not_demanded(tpm: &TpmPolicy) -> Option<String> {
    let demands = [
        ("measured_boot", tpm.measured_boot, "nothing was measured at boot"),
        ("event_log", tpm.event_log, "no event log explains the PCRs"),
        ("secure_boot", tpm.secure_boot, "nothing shows that Secure Boot was on"),
    ];
    let missing = demands.into_iter().filter(|(_, demanded, _)| !demanded);
    let missing: Vec<_> = missing.map(|(name, _, why)| format!("`{name}` ({why})")).collect();
    (!missing.is_empty()).then(|| format!("not demanded: {}", missing.join(", ")))
}

/// What a policy accepts, in rows.
pub(super) fn accepts(policy: &Policy) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some(name) = &policy.name {
        rows.push(("name", harmless_line(name)));
    }
    let class = match policy.class {
        Class::Confidential => "confidential: the host cannot read memory",
        Class::Measured => "measured or better: the host may read memory",
        Class::Unprotected => "unprotected: NOTHING IS PROMISED",
    };
    rows.push(("class", class.to_owned()));
    if policy.allow_debug {
        rows.push(("debug", "allowed: THE HOST MAY READ MEMORY".to_owned()));
    }
    let isolation: Vec<_> = policy.isolation.iter().map(|isolation| isolation.as_str()).collect();
    rows.push(("isolation", isolation.join(", ")));
    let epoch = if policy.freshness.epoch_evidence { ", or that of the epoch" } else { "" };
    let age = policy.freshness.max_age_seconds;
    rows.push(("freshness", format!("an answer to a nonce, dated {age} s ago at most{epoch}")));
    for kind in EvidenceKind::ALL {
        for set in policy.kinds.references(kind).unwrap_or_default() {
            let names: Vec<_> = set.values.keys().map(String::as_str).collect();
            let label = set.name.as_deref().map_or_else(String::new, |name| format!(" ({name})"));
            rows.push(("accepts", harmless_line(&format!("{kind}{label}: {}", names.join(", ")))));
        }
    }
    rows
}
