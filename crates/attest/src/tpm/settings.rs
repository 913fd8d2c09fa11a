use zeroize::Zeroizing;

use super::Pcrs;

/// Which TPM, and what of it.
#[derive(Debug, Clone)]
pub struct TpmSettings {
    /// The way to it, in the words of the TSS: `device:/dev/tpmrm0`, `tabrmd`,
    /// `swtpm:host=127.0.0.1,port=2321`.
    pub address: String,
    /// What quotes cover, of the SHA-256 bank.
    pub pcrs: Pcrs,
    /// What has to be the same for the root secret to be given out.
    pub sealed_to: Pcrs,
    /// The authorisation of the owner hierarchy; most machines have an empty one.
    pub owner: TpmAuth,
    /// The authorisation of the endorsement hierarchy; most machines have an empty one.
    pub endorsement: TpmAuth,
    /// Where the kernel shows the firmware's event log.
    pub event_log: String,
}

impl Default for TpmSettings {
    fn default() -> Self {
        Self {
            address: crate::TPM_ADDRESS.to_owned(),
            pcrs: Pcrs::BOOT,
            sealed_to: Pcrs::BOOT,
            owner: TpmAuth::default(),
            endorsement: TpmAuth::default(),
            event_log: "/sys/kernel/security/tpm0/binary_bios_measurements".to_owned(),
        }
    }
}

/// A secret that a TPM asks for. Shows nothing of itself.
#[derive(Clone, Default)]
pub struct TpmAuth(Zeroizing<Vec<u8>>);

impl TpmAuth {
    /// Takes the bytes over.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for TpmAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TpmAuth(..)")
    }
}
