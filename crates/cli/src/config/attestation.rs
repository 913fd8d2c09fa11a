//! What the settings of attestation must be, beyond what their kinds say: a worker that proves what
//! it is must not be one that anybody could look into.

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
    for range in allowed.iter().filter(|range| !is_private(range)) {
        let why = "jobs could reach services of this machine or of its host, such as its metadata: \
                   name private ranges alone (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, \
                   100.64.0.0/10, fc00::/7) and none that holds a cloud's metadata address";
        refuse(&format!("{range} in EGRESS_ALLOW"), why);
    }
    problems
}

/// Networks of an operator's own. Whatever else needs leave leads to the machine, to its link, or
/// nowhere: `0.0.0.0` and `::` are the machine as `127.0.0.1` is, and addresses within addresses
/// (IPv4-mapped, NAT64) may hold any of them.
const PRIVATE: [&str; 5] =
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

/// Where clouds serve a machine's metadata within those: Alibaba, AWS, Oracle, Scaleway, Google.
const METADATA: [&str; 5] =
    ["100.100.100.200", "fd00:ec2::254", "fd00:c1::a9fe:a9fe", "fd00:42::42", "fd20:ce::254"];

/// Whether a range lies in a private network and holds no metadata.
fn is_private(range: &str) -> bool {
    let nets = |text: &str| text.parse::<AllowList>();
    let (Ok(range), Ok(private)) = (nets(range), nets(&PRIVATE.join(","))) else { return false };
    let mut metadata = METADATA.iter().filter_map(|address| address.parse().ok());
    range.nets().iter().all(|net| private.nets().iter().any(|all| all.contains(net)))
        && !metadata.any(|address| range.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_evidence_only_private_ranges_without_metadata_are_opened() {
        for range in [
            "127.0.0.1/32",
            "127.0.0.0/8",
            "0.0.0.0/32",
            "0.0.0.0/8",
            "0.0.0.0/0",
            "169.254.169.254/32",
            "168.0.0.0/5",
            "8.8.8.8",
            "::/128",
            "::1/128",
            "::/0",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "fe80::1/128",
            "fc00::/7",
            "fd00::/8",
            "fd00:ec2::254",
            "100.64.0.0/10",
            "100.100.100.200",
            "10.0.0.0/7",
            "nonsense",
        ] {
            assert!(!is_private(range), "{range}");
        }
        for range in [
            "10.0.0.0/8",
            "172.20.0.0/16",
            "192.168.1.0/24",
            "100.64.0.0/16",
            "fd12:3456::/32",
            "10.1.2.3",
        ] {
            assert!(is_private(range), "{range}");
        }
        assert!(METADATA.iter().all(|address| address.parse::<std::net::IpAddr>().is_ok()));
    }
}
