use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use sealwork_job::Digest;
use sealwork_platform::{Clock, Entropy, KernelFiles};
use sealwork_verify::EvidenceKind;

use crate::{AttestError, Attester, Pace, TsmAttester, tsm};

/// Which attester an operator wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// No evidence.
    None,
    /// The first of [`present`] that answers; no evidence where none does. Never a simulation.
    Auto,
    /// This one, or an error.
    Kind(EvidenceKind),
}

/// A name that is none of [`Choice`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no attester: use none, auto, tdx, snp, nitro, tpm or simulated")]
pub struct UnknownChoice(String);

impl FromStr for Choice {
    type Err = UnknownChoice;

    fn from_str(name: &str) -> Result<Self, UnknownChoice> {
        match name {
            "none" => Ok(Self::None),
            "auto" => Ok(Self::Auto),
            name => EvidenceKind::from_name(name)
                .filter(|kind| *kind != EvidenceKind::Sgx)
                .map(Self::Kind)
                .ok_or_else(|| UnknownChoice(name.to_owned())),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Auto => f.write_str("auto"),
            Self::Kind(kind) => kind.fmt(f),
        }
    }
}

/// What attesters reach of the machine.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Where platforms show themselves.
    pub files: Arc<dyn KernelFiles>,
    /// For names that nobody else uses.
    pub entropy: Arc<dyn Entropy>,
    /// For how long evidence takes.
    pub clock: Arc<dyn Clock>,
}

/// What the kinds need to know.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The TPM and what of it is quoted.
    #[cfg(feature = "tpm")]
    pub tpm: crate::tpm::TpmSettings,
    /// What a simulation claims to be.
    #[cfg(feature = "sim")]
    pub simulated_measurement: [u8; 32],
}

/// An attester that has made evidence.
#[derive(Debug, Clone)]
pub struct Opened {
    /// It.
    pub attester: Arc<dyn Attester>,
    /// How long evidence took, at best.
    pub trial: Duration,
    /// The same, where it is a TPM's: for enrolments, and for what else the TPM keeps.
    #[cfg(feature = "tpm")]
    pub tpm: Option<Arc<crate::tpm::TpmAttester>>,
    /// The same, where it is a Nitro enclave's: for documents of other contents.
    #[cfg(feature = "nitro")]
    pub nitro: Option<Arc<crate::NitroAttester>>,
}

impl Opened {
    /// Whether it can answer every asker.
    pub fn pace(&self) -> Pace {
        Pace::of(self.trial)
    }
}

/// The way to a TPM where no other is named, in the words of the TSS.
pub const TPM_ADDRESS: &str = "device:/dev/tpmrm0";

/// The platforms that this machine shows, the strongest first. Whether they answer is not tried;
/// nor can it be seen whether a TPM is there that `tpm_address` names and that is no device.
pub fn present(files: &dyn KernelFiles, tpm_address: &str) -> Vec<EvidenceKind> {
    let mut kinds = Vec::new();
    if files.exists("/dev/nsm") {
        kinds.push(EvidenceKind::Nitro);
    }
    if files.exists(tsm::DIRECTORY) {
        let snp = files.exists("/dev/sev-guest");
        kinds.push(if snp { EvidenceKind::Snp } else { EvidenceKind::Tdx });
    }
    if tpm_address.strip_prefix("device:").is_none_or(|device| files.exists(device)) {
        kinds.push(EvidenceKind::Tpm);
    }
    kinds
}

/// Opens the attester of a choice, and tries it.
///
/// # Errors
/// [`AttestError`], for a kind that was chosen by name.
pub fn open(
    choice: Choice,
    machine: &Machine,
    options: &Options,
) -> Result<Option<Opened>, AttestError> {
    match choice {
        Choice::None => Ok(None),
        Choice::Kind(kind) => open_kind(kind, machine, options).map(Some),
        Choice::Auto => {
            #[cfg(feature = "tpm")]
            let tpm_address = options.tpm.address.as_str();
            #[cfg(not(feature = "tpm"))]
            let tpm_address = TPM_ADDRESS;
            for kind in present(&*machine.files, tpm_address) {
                match open_kind(kind, machine, options) {
                    Ok(opened) => return Ok(Some(opened)),
                    Err(error) => {
                        let code = error.code();
                        tracing::warn!(%kind, code, %error, "this machine's attester is not used");
                    }
                }
            }
            Ok(None)
        }
    }
}

#[cfg_attr(
    not(any(feature = "tpm", feature = "sim")),
    expect(unused_variables, reason = "options are those of features")
)]
fn open_kind(
    kind: EvidenceKind,
    machine: &Machine,
    options: &Options,
) -> Result<Opened, AttestError> {
    match kind {
        EvidenceKind::Tdx | EvidenceKind::Snp => {
            let (files, entropy) = (machine.files.clone(), machine.entropy.clone());
            let attester = TsmAttester::open(files, entropy)?;
            let found = attester.kind();
            if found != kind {
                return Err(AttestError::Other { chosen: kind, found });
            }
            tried(Arc::new(attester), machine)
        }
        #[cfg(feature = "nitro")]
        EvidenceKind::Nitro => {
            let device = crate::NsmDevice::open(&*machine.files)?;
            let attester = Arc::new(crate::NitroAttester::new(Arc::new(device)));
            Ok(Opened { nitro: Some(attester.clone()), ..tried(attester, machine)? })
        }
        #[cfg(feature = "tpm")]
        EvidenceKind::Tpm => {
            let (settings, files) = (&options.tpm, machine.files.clone());
            let tpm = Arc::new(crate::tpm::Tpm::connect(settings, &*files)?);
            let attester = Arc::new(crate::tpm::TpmAttester::open(tpm, settings, files)?);
            Ok(Opened { tpm: Some(attester.clone()), ..tried(attester, machine)? })
        }
        #[cfg(feature = "sim")]
        EvidenceKind::Simulated => {
            let measurement = options.simulated_measurement;
            tried(Arc::new(crate::SimulatedAttester::new(measurement)), machine)
        }
        kind => Err(AttestError::NotBuilt(kind)),
    }
}

/// How often a platform is tried that seems slow: the machine may have been busy.
const TRIALS: u32 = 3;

/// Makes evidence, so that what is wrong shows at the start, and says how long it took at best.
fn tried(attester: Arc<dyn Attester>, machine: &Machine) -> Result<Opened, AttestError> {
    let mut trial = Duration::MAX;
    for _ in 0..TRIALS {
        let before = machine.clock.monotonic();
        attester.evidence(&Digest([0; 32]))?;
        trial = trial.min(machine.clock.monotonic().saturating_sub(before));
        if Pace::of(trial) == Pace::PerNonce {
            break;
        }
    }
    Ok(Opened {
        attester,
        trial,
        #[cfg(feature = "tpm")]
        tpm: None,
        #[cfg(feature = "nitro")]
        nitro: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_read_back_as_they_are_written() {
        for name in ["none", "auto", "tdx", "snp", "nitro", "tpm", "simulated"] {
            assert_eq!(name.parse::<Choice>().unwrap().to_string(), name);
        }
        for bad in ["", "sgx", "sim", "TPM", "tpm "] {
            assert!(bad.parse::<Choice>().is_err(), "{bad}");
        }
    }

    /// A machine that has these paths and nothing else.
    #[derive(Debug)]
    struct Paths(&'static [&'static str]);

    impl KernelFiles for Paths {
        fn exists(&self, path: &str) -> bool {
            self.0.contains(&path)
        }

        fn read(&self, _: &str, _: usize) -> std::io::Result<Vec<u8>> {
            unreachable!()
        }

        fn write(&self, _: &str, _: &[u8]) -> std::io::Result<()> {
            unreachable!()
        }

        fn create_directory(&self, _: &str) -> std::io::Result<()> {
            unreachable!()
        }

        fn remove_directory(&self, _: &str) -> std::io::Result<()> {
            unreachable!()
        }
    }

    #[test]
    fn a_tpm_is_looked_for_where_its_address_says_after_stronger_platforms() {
        use EvidenceKind::{Nitro, Snp, Tdx, Tpm};
        const GUEST: &[&str] = &[tsm::DIRECTORY];
        const WITH_NITRO: &[&str] = &[tsm::DIRECTORY, "/dev/sev-guest", "/dev/nsm"];
        let swtpm = "swtpm:host=127.0.0.1,port=2321";
        for (paths, address, kinds) in [
            (&[][..], TPM_ADDRESS, &[][..]),
            (&["/dev/tpmrm0"], TPM_ADDRESS, &[Tpm]),
            (&["/dev/tpmrm0"], "device:/dev/tpmrm1", &[]),
            (&["/dev/tpmrm1"], "device:/dev/tpmrm1", &[Tpm]),
            (&[], swtpm, &[Tpm]),
            (GUEST, "tabrmd", &[Tdx, Tpm]),
            (WITH_NITRO, TPM_ADDRESS, &[Nitro, Snp]),
        ] {
            assert_eq!(present(&Paths(paths), address), kinds, "{paths:?} {address}");
        }
    }
}
