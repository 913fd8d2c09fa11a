use std::{fmt, str::FromStr};

use tss_esapi::{
    interface_types::algorithm::HashingAlgorithm,
    structures::{PcrSelectionList, PcrSlot},
};

use super::TpmError;

/// A set of platform configuration registers, 0 to 23, of the SHA-256 bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pcrs(u32);

impl Pcrs {
    /// What was booted: firmware (0, 2), boot loader or unified kernel image (4), Secure Boot (7),
    /// kernel, initrd and command line (8, 9, 12), and shim's keys (14). Not 11, which systemd
    /// extends while the machine starts.
    pub const BOOT: Self = Self(0b0101_0011_1001_0101);
    /// How many a TPM answers about at once.
    pub(super) const PER_READ: usize = 8;

    /// The set of these numbers; none when one is above 23 or there is none.
    pub fn new(numbers: &[u8]) -> Option<Self> {
        let bits = numbers
            .iter()
            .try_fold(0, |bits, number| (*number < 24).then(|| bits | 1_u32 << number))?;
        (bits != 0).then_some(Self(bits))
    }

    /// Its numbers, ascending.
    pub fn numbers(self) -> Vec<u8> {
        (0..24).filter(|number| self.0 >> number & 1 == 1).collect()
    }

    pub(super) fn selection(self) -> Result<PcrSelectionList, TpmError> {
        select(&self.numbers())
    }
}

/// The selection of some registers.
pub(super) fn select(numbers: &[u8]) -> Result<PcrSelectionList, TpmError> {
    let slots: Result<Vec<_>, _> =
        numbers.iter().map(|number| PcrSlot::try_from(1_u32 << number)).collect();
    slots
        .and_then(|slots| {
            PcrSelectionList::builder().with_selection(HashingAlgorithm::Sha256, &slots).build()
        })
        .map_err(TpmError::of(super::TpmTask::ReadPcrs))
}

/// Text that is no set of registers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no list of PCRs: write numbers from 0 to 23 with commas, such as 0,2,4,7")]
pub struct NoPcrs(String);

impl FromStr for Pcrs {
    type Err = NoPcrs;

    fn from_str(text: &str) -> Result<Self, NoPcrs> {
        let numbers: Result<Vec<u8>, _> =
            text.split(',').map(|number| number.trim().parse()).collect();
        numbers.ok().and_then(|numbers| Self::new(&numbers)).ok_or_else(|| NoPcrs(text.to_owned()))
    }
}

impl fmt::Display for Pcrs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, number) in self.numbers().into_iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{number}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_read_back_as_they_are_written() {
        assert_eq!(Pcrs::BOOT.to_string(), "0,2,4,7,8,9,12,14");
        assert_eq!("7, 0,7".parse(), Ok(Pcrs::new(&[0, 7]).unwrap()));
        assert_eq!(Pcrs::BOOT.to_string().parse(), Ok(Pcrs::BOOT));
        for bad in ["", "24", "-1", "a", "0,,1", "0-7", "256"] {
            assert!(bad.parse::<Pcrs>().is_err(), "{bad}");
        }
    }
}
