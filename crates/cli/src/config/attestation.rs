//! What the settings of attestation must be, beyond what their kinds say: a worker that proves what
//! it is must not be one that anybody could look into.

use std::net::IpAddr;

use sealwork_egress::AllowList;

use super::{error::Problem, registry as r, values::Values};

/// Platforms whose evidence promises something.
const HARDWARE: [&str; 4] = ["tdx", "snp", "nitro", "tpm"];

/// What contradicts the attester that is named.
pub(super) fn problems(values: &Values) -> Vec<Problem> {
    let attester = values.text(&r::ATTESTER).unwrap_or_default();
    let mut problems = Vec::new();
    if HARDWARE.contains(&attester) {
        problems.extend(insecure(values, attester));
    }
    if values.text(&r::TPM_COUNTER_INDEX).is_some() && !matches!(attester, "tpm" | "auto") {
        problems.push(Problem::new(format!(
            "TPM_COUNTER_INDEX needs ATTESTER=tpm, not {attester}: the counter is the TPM's"
        )));
    }
    if values.flag(&r::MARLIN_ATTESTATION) && !matches!(attester, "nitro" | "auto") {
        problems.push(Problem::new(format!(
            "MARLIN_ATTESTATION needs ATTESTER=nitro, not {attester}: Marlin's verifiers read \
             Nitro documents alone"
        )));
    }
    problems
}

/// Settings under which evidence of `kind` would promise more than the worker keeps.
pub(crate) fn insecure(values: &Values, kind: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut refuse = |setting: &str, why: &str| {
        problems.push(Problem::new(format!(
            "{setting} is not allowed with evidence of a platform (ATTESTER={kind}): {why}; or \
             set ATTESTER=none"
        )));
    };
    if values.flag(&r::STANDALONE) {
        let why = "jobs of the Masa routes could be opened outside, and without TLS_CERT the door \
                   speaks plain HTTP: leave STANDALONE out";
        refuse("STANDALONE=true", why);
    }
    if values.flag(&r::ENABLE_PPROF) {
        refuse("ENABLE_PPROF=true", "profiles show what jobs do: leave ENABLE_PPROF out");
    }
    if values.text(&r::API_KEY).is_none() && values.api_keys(&r::API_KEYS).is_empty() {
        let why = "anybody could submit jobs and read /debug: set API_KEYS, for example \
                   API_KEYS=alice=sha256:... with the key's digest";
        refuse("a worker without API_KEY and API_KEYS", why);
    }
    let allowed = values.list(&r::EGRESS_ALLOW);
    for range in allowed.iter().filter(|range| reaches_the_machine(range)) {
        let why = "jobs could reach services of this machine or of its host: leave it out";
        refuse(&format!("{range} in EGRESS_ALLOW"), why);
    }
    problems
}

/// Whether a range has addresses of loopback or of one link, where hosts serve metadata.
fn reaches_the_machine(range: &str) -> bool {
    const LOCAL: [&str; 4] = ["127.0.0.0/8", "169.254.0.0/16", "::1/128", "fe80::/10"];
    let nets = |text: &str| text.parse::<AllowList>().map(|list| list.nets().to_vec());
    let (Ok(range), Ok(local)) = (nets(range), nets(&LOCAL.join(","))) else { return true };
    let overlap = |one: IpAddr, two: IpAddr, len: u8| {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
            IpAddr::V6(address) => address.to_bits(),
        };
        let differing = bits(one) ^ bits(two);
        one.is_ipv4() == two.is_ipv4() && differing.leading_zeros() >= u32::from(len)
    };
    range.iter().any(|one| {
        local.iter().any(|two| {
            overlap(one.network(), two.network(), one.prefix_len().min(two.prefix_len()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_hold_loopback_or_a_link_or_lie_in_them_reach_the_machine() {
        for range in [
            "127.0.0.1/32",
            "127.0.0.0/8",
            "0.0.0.0/0",
            "169.254.169.254/32",
            "168.0.0.0/5",
            "::1/128",
            "::/0",
            "fe80::1/128",
        ] {
            assert!(reaches_the_machine(range), "{range}");
        }
        for range in ["10.0.0.0/8", "192.168.1.0/24", "126.0.0.0/8", "fd00::/8", "::2/128"] {
            assert!(!reaches_the_machine(range), "{range}");
        }
    }
}
