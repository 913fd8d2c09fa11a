//! The certificates at which chains may end, by SHA-256 of their DER.

use serde::{Deserialize, Serialize};

use crate::{EvidenceKind, Hex};

/// A pinned root certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// What people call it.
    pub name: String,
    /// SHA-256 of the certificate's DER.
    #[cfg_attr(test, schemars(extend("minLength" = 64, "maxLength" = 64)))]
    pub sha256: Hex,
}

const INTEL: [(&str, &str); 1] =
    [("Intel SGX Root CA", "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3")];
const AMD: [(&str, &str); 3] = [
    ("AMD ARK-Milan", "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd"),
    ("AMD ARK-Genoa", "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1"),
    ("AMD ARK-Turin", "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a"),
];
const AWS: [(&str, &str); 1] = [(
    "AWS Nitro Enclaves Root G1",
    "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b",
)];

/// The roots that are pinned for a kind. TPMs have many makers: a policy names theirs.
pub fn pinned_roots(kind: EvidenceKind) -> Vec<Root> {
    let pinned: &[(&str, &str)] = match kind {
        EvidenceKind::Sgx | EvidenceKind::Tdx => &INTEL,
        EvidenceKind::Snp => &AMD,
        EvidenceKind::Nitro => &AWS,
        EvidenceKind::Tpm | EvidenceKind::Simulated => &[],
    };
    pinned
        .iter()
        .map(|(name, digits)| Root {
            name: (*name).to_owned(),
            sha256: Hex(hex::decode(digits).unwrap_or_default()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pinned_roots_are_sha_256_digests() {
        for kind in EvidenceKind::ALL {
            assert!(pinned_roots(kind).iter().all(|root| root.sha256.0.len() == 32), "{kind}");
        }
    }
}
