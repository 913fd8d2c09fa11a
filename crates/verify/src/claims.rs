use std::collections::BTreeMap;

use sealwork_job::Timestamp;
use serde::Serialize;

use crate::{Class, EvidenceKind, tpm::is_initial};

/// What evidence says, read from its bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Claims {
    /// Its kind.
    pub kind: EvidenceKind,
    /// What a platform of this kind promises, debug access considered.
    pub class: Class,
    /// What was measured: names as in policies, values in lower-case hex digits.
    pub measurements: BTreeMap<String, Hex>,
    /// What the attester had signed: 64 bytes, or fewer where a platform takes any length.
    pub report_data: Hex,
    /// The platform's own nonce field (Nitro).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Hex>,
    /// Whether the host may debug.
    pub debug: bool,
    /// When the platform says that it was made, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued: Option<Timestamp>,
    /// The root at which its certificates end, SHA-256 of the DER.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Hex>,
    /// What only this kind says.
    #[serde(flatten)]
    pub details: Details,
}

impl Claims {
    /// Whether firmware has measured itself and what it has started (TPM): one of PCR 0 and PCR 4 is
    /// quoted, and none that is quoted has an initial value.
    pub(crate) fn has_measured_boot(&self) -> bool {
        let quoted = ["pcr0", "pcr4"].map(|pcr| self.measurements.get(pcr));
        quoted.iter().any(Option::is_some)
            && quoted.into_iter().flatten().all(|value| !is_initial(&value.0))
    }

    /// The measurements that identify what was started, for a policy.
    pub(crate) fn reference_values(&self) -> BTreeMap<String, Hex> {
        let identifies = |name: &str| match self.kind {
            EvidenceKind::Sgx => name == "mrenclave",
            EvidenceKind::Tdx => name == "mrtd" || name.starts_with("rtmr"),
            EvidenceKind::Snp | EvidenceKind::Simulated => name == "measurement",
            EvidenceKind::Nitro => matches!(name, "pcr0" | "pcr1" | "pcr2"),
            EvidenceKind::Tpm => true,
        };
        let chosen = self.measurements.iter().filter(|(name, _)| identifies(name));
        chosen.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// What only one kind of evidence says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Details {
    /// SGX.
    Sgx(SgxClaims),
    /// TDX.
    Tdx(TdxClaims),
    /// SEV-SNP.
    Snp(SnpClaims),
    /// AWS Nitro.
    Nitro(NitroClaims),
    /// TPM 2.0.
    Tpm(TpmClaims),
    /// Simulated: there is nothing more to say.
    Simulated,
}

/// What Intel says about a platform, from signed collateral.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IntelTcb {
    /// `UpToDate`, `SWHardeningNeeded` and so on.
    pub status: String,
    /// The level's date, in seconds since 1970.
    pub date: u64,
    /// The advisories that apply.
    pub advisories: Vec<String>,
    /// The collateral's evaluation number.
    pub evaluation: u32,
    /// The platform's model.
    pub fmspc: Hex,
}

/// What an SGX quote says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SgxClaims {
    /// Product id of the signer.
    pub isv_prod_id: u16,
    /// Security version of the product.
    pub isv_svn: u16,
    /// Attributes and XFRM.
    pub attributes: Hex,
    /// What Intel says; absent where the check did not get so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcb: Option<IntelTcb>,
}

/// What a TDX quote says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TdxClaims {
    /// 4 or 5.
    pub quote_version: u16,
    /// TD attributes.
    pub attributes: Hex,
    /// Extended features.
    pub xfam: Hex,
    /// Whether the TD can be migrated to another host.
    pub migratable: bool,
    /// What Intel says; absent where the check did not get so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcb: Option<IntelTcb>,
}

/// Versions of a SEV-SNP platform's firmware.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SnpTcb {
    /// Boot loader.
    pub boot_loader: u8,
    /// Secure processor.
    pub tee: u8,
    /// SNP firmware.
    pub snp: u8,
    /// Microcode.
    pub microcode: u8,
    /// FMC, which Turin has.
    #[serde(default)]
    pub fmc: u8,
}

/// What a SEV-SNP report says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SnpClaims {
    /// Version of the report's format.
    pub report_version: u32,
    /// Security version of the guest.
    pub guest_svn: u32,
    /// The privilege level that asked.
    pub vmpl: u32,
    /// The guest's policy bits.
    pub policy: u64,
    /// Whether siblings of a core may run other guests.
    pub smt: bool,
    /// Whether a migration agent may move the guest.
    pub migratable: bool,
    /// The versions that the certificate covers.
    pub reported_tcb: SnpTcb,
    /// The versions that run.
    pub current_tcb: SnpTcb,
    /// The versions below which the platform can no longer go.
    pub committed_tcb: SnpTcb,
    /// The versions that ran when the guest was launched, or came here.
    pub launch_tcb: SnpTcb,
    /// The chip.
    pub chip_id: Hex,
    /// Who signed: `vcek` (the chip) or `vlek` (the cloud's key).
    pub signer: String,
}

/// What a Nitro document says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NitroClaims {
    /// Instance and enclave.
    pub module_id: String,
    /// The document's `public_key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<Hex>,
}

/// What a TPM quote says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TpmClaims {
    /// SHA-256 of the attestation key as it was sent: of its SubjectPublicKeyInfo or of its public
    /// area.
    pub attestation_key: Hex,
    /// The attestation key's name, where its public area was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attestation_key_name: Option<Hex>,
    /// Why the attestation key is believed to be a TPM's.
    pub provenance: Provenance,
    /// The PCR bank.
    pub bank: String,
    /// The quoted PCRs.
    pub pcrs: Vec<u8>,
    /// Milliseconds since the TPM's clock began.
    pub clock: u64,
    /// How often the TPM was reset.
    pub resets: u32,
    /// How often it was restarted since.
    pub restarts: u32,
    /// Version of the TPM's firmware, as the maker counts.
    pub firmware: u64,
    /// Whether the event log shows Secure Boot on; absent without a log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secure_boot: Option<bool>,
}

impl TpmClaims {
    /// How a policy lists the attestation key: by its name, which covers its attributes; by its
    /// digest where it was sent without them.
    pub(crate) fn listed_as(&self) -> &Hex {
        self.attestation_key_name.as_ref().unwrap_or(&self.attestation_key)
    }
}

/// Why an attestation key is believed to be a TPM's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provenance {
    /// Nothing says so.
    None,
    /// The policy lists the key itself; whether it is in hardware, only the lister knows.
    Listed,
    /// A certificate for the key, from a root that the policy names.
    Certified,
    /// The key was proven to live beside an endorsement key (credential activation), whose
    /// certificate ends at a root that the policy names.
    Activated,
}

/// Bytes, shown as lower-case hex digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hex(pub Vec<u8>);

impl Hex {
    /// Whether there is nothing but zeros.
    pub(crate) fn is_zero(&self) -> bool {
        self.0.iter().all(|&byte| byte == 0)
    }
}

impl std::fmt::Display for Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl std::fmt::Debug for Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl From<&[u8]> for Hex {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Hex {
    fn from(bytes: [u8; N]) -> Self {
        Self(bytes.to_vec())
    }
}

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::decode(text)
            .map(Self)
            .map_err(|_| serde::de::Error::custom("not hex digits, two for a byte, without 0x"))
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Hex {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Hex".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "Bytes as hex digits.",
            "pattern": "^([0-9a-fA-F]{2})*$",
        })
    }
}
