//! What a policy demands of each kind of evidence.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, MapAccess, Visitor},
};

use crate::{Day, Hex, Root, claims::SnpTcb};

/// A TPM's name: the number of a hash, and a digest by it.
#[cfg(test)]
const NAME_PATTERN: &str =
    "^(000[bB][0-9a-fA-F]{64}|000[cC][0-9a-fA-F]{96}|000[dD][0-9a-fA-F]{128})$";
/// A name, or a SHA-256 digest.
#[cfg(test)]
const KEY_PATTERN: &str =
    "^([0-9a-fA-F]{64}|000[bB][0-9a-fA-F]{64}|000[cC][0-9a-fA-F]{96}|000[dD][0-9a-fA-F]{128})$";

/// A set of reference values: evidence matches the set if it has all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReferenceValues {
    /// What has these values, for people: a release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Measurements by name, for example `mrtd`, `pcr4`.
    #[serde(deserialize_with = "named_once")]
    #[cfg_attr(test, schemars(extend("minProperties" = 1)))]
    pub values: BTreeMap<String, Hex>,
}

/// Reads measurements. A name that comes twice would let its reader see one value and the check
/// another.
fn named_once<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Hex>, D::Error> {
    struct Names;

    impl<'de> Visitor<'de> for Names {
        type Value = BTreeMap<String, Hex>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("measurements by name")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut values = BTreeMap::new();
            while let Some(name) = map.next_key::<String>()? {
                let value = map.next_value()?;
                if values.insert(name.clone(), value).is_some() {
                    return Err(M::Error::custom(format!("measurement {name:?} is named twice")));
                }
            }
            Ok(values)
        }
    }

    from.deserialize_map(Names)
}

/// What Intel's TCB levels have to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct IntelTcbPolicy {
    /// The statuses that are accepted.
    #[serde(default = "IntelTcbPolicy::up_to_date")]
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub statuses: Vec<TcbStatus>,
    /// The oldest date that the platform's TCB level may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_date: Option<Day>,
    /// The lowest evaluation number that collateral may have.
    #[serde(default)]
    pub min_evaluation: u32,
    /// The advisories that may apply, each until a day.
    #[serde(default)]
    pub advisories: Vec<AllowedAdvisory>,
}

impl IntelTcbPolicy {
    fn up_to_date() -> Vec<TcbStatus> {
        vec![TcbStatus::UpToDate]
    }
}

impl Default for IntelTcbPolicy {
    fn default() -> Self {
        Self {
            statuses: Self::up_to_date(),
            min_date: None,
            min_evaluation: 0,
            advisories: Vec::new(),
        }
    }
}

/// A TCB status of Intel's that can be accepted. `Revoked` cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the names are Intel's")]
pub enum TcbStatus {
    UpToDate,
    SWHardeningNeeded,
    ConfigurationNeeded,
    ConfigurationAndSWHardeningNeeded,
    OutOfDate,
    OutOfDateConfigurationNeeded,
    TDRelaunchAdvised,
    TDRelaunchAdvisedConfigurationNeeded,
}

/// A security advisory that may apply for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AllowedAdvisory {
    /// For example `INTEL-SA-00615`.
    pub id: String,
    /// The last day on which it may apply.
    pub until: Day,
    /// Why it does not matter, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What an SGX enclave has to be. Measurements: `mrenclave`, `mrsigner`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SgxPolicy {
    /// One of these sets has to match.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub references: Vec<ReferenceValues>,
    /// The signer's product id; has to be given where a set names `mrsigner` and no `mrenclave`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isv_prod_id: Option<u16>,
    /// The lowest security version of the product.
    #[serde(default)]
    pub min_isv_svn: u16,
    /// The platform's state.
    #[serde(default)]
    pub tcb: IntelTcbPolicy,
    /// The roots instead of Intel's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roots: Vec<Root>,
}

/// What a TDX guest has to be. Measurements: `mrtd`, `rtmr0` to `rtmr3`, `mrconfigid`, `mrowner`,
/// `mrownerconfig`, `mrseam`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TdxPolicy {
    /// One of these sets has to match.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub references: Vec<ReferenceValues>,
    /// The platform's state.
    #[serde(default)]
    pub tcb: IntelTcbPolicy,
    /// The roots instead of Intel's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roots: Vec<Root>,
}

/// What a SEV-SNP guest has to be. Measurements: `measurement`, `host_data`, `id_key_digest`,
/// `author_key_digest`, `family_id`, `image_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SnpPolicy {
    /// One of these sets has to match.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub references: Vec<ReferenceValues>,
    /// The lowest firmware versions, of the reported, the committed and the launch TCB.
    pub min_tcb: SnpTcb,
    /// The lowest security version of the guest.
    #[serde(default)]
    pub min_guest_svn: u32,
    /// The highest VMPL number that may have asked; 0 is the most privileged.
    #[serde(default)]
    #[cfg_attr(test, schemars(range(max = 3)))]
    pub max_vmpl: u32,
    /// Whether other guests may run on sibling threads of a core.
    #[serde(default = "yes")]
    pub allow_smt: bool,
    /// Whether a migration agent may move the guest.
    #[serde(default)]
    pub allow_migration: bool,
    /// Whose signatures are accepted.
    #[serde(default = "SnpSigner::chip")]
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub signers: Vec<SnpSigner>,
    /// The roots instead of AMD's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roots: Vec<Root>,
}

/// Who signs a SEV-SNP report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum SnpSigner {
    /// The chip's own key.
    Vcek,
    /// A key that AMD has given to a cloud.
    Vlek,
}

impl SnpSigner {
    pub(super) fn chip() -> Vec<Self> {
        vec![Self::Vcek]
    }
}

/// What a Nitro enclave has to be. Measurements: `pcr0` to `pcr31`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NitroPolicy {
    /// One of these sets has to match.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub references: Vec<ReferenceValues>,
    /// Whether the document's `nonce` must not be empty.
    #[serde(default)]
    pub require_nonce: bool,
    /// The roots instead of AWS's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roots: Vec<Root>,
}

/// What a machine with a TPM has to have booted. Measurements: `pcr0` to `pcr23`, of the SHA-256
/// bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TpmPolicy {
    /// One of these sets has to match.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub references: Vec<ReferenceValues>,
    /// Attestation keys that are known from elsewhere: the name of a key that is sent as public
    /// area, which covers its attributes; SHA-256 of one that is sent as SubjectPublicKeyInfo.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schemars(extend("items" = {"$ref": "#/$defs/Hex", "pattern": KEY_PATTERN})))]
    pub attestation_keys: Vec<Hex>,
    /// Attestation keys that were proven to live in a TPM, by credential activation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub activated: Vec<ActivatedKey>,
    /// The roots of TPM makers, or of whoever certifies attestation keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roots: Vec<Root>,
    /// Whether the boot PCRs must differ from their initial values.
    #[serde(default = "yes")]
    pub measured_boot: bool,
    /// Whether an event log has to explain the boot PCRs.
    #[serde(default = "yes")]
    pub event_log: bool,
    /// Whether the event log has to show that Secure Boot was on.
    #[serde(default = "yes")]
    pub secure_boot: bool,
}

/// The outcome of a credential activation ([`CredentialChallenge`](crate::CredentialChallenge)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ActivatedKey {
    /// The attestation key's name (TPM 2.0 Library, part 1, 16).
    #[cfg_attr(test, schemars(extend("pattern" = NAME_PATTERN)))]
    pub name: Hex,
    /// SHA-256 of the endorsement key's certificate, or of its public area where it has none.
    #[cfg_attr(test, schemars(extend("minLength" = 64, "maxLength" = 64)))]
    pub endorsement_key: Hex,
    /// The last day on which the outcome counts.
    pub until: Day,
}

/// What simulated evidence has to say. Measurements: `measurement`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SimulatedPolicy {
    /// One of these sets has to match.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub references: Vec<ReferenceValues>,
}

fn yes() -> bool {
    true
}
