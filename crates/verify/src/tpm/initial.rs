//! What a PCR holds where nothing in particular was measured.

use crate::crypto::sha256;

/// What firmware extends into every PCR that it uses, whatever it has measured (EV_SEPARATOR in the
/// TCG PC Client Platform Firmware Profile): without error, in two forms, and after one.
const SEPARATORS: [[u8; 4]; 3] = [[0; 4], [0xff; 4], [1, 0, 0, 0]];

/// Whether a PCR identifies what an owner boots: firmware measures into 4 what it starts, and a dynamic
/// launch into those from 17 on. The firmware (0, 2) and who may sign (7, 14) are the same on other
/// people's machines; into others go settings and names (1, 3, 5, 6, 12, 15), whoever runs may reset 16
/// and 23, and what was started extends 8 to 11 and 13 by whatever it likes: these count beside 4 alone.
pub(crate) fn identifies_code(pcr: u8) -> bool {
    matches!(pcr, 4 | 17..=22)
}

/// Whether a value of the SHA-256 bank shows no measurement: what a PCR starts with (zeros, which may
/// end in a locality, or ones), or a separator and nothing else, which is the same on all machines.
pub(crate) fn is_initial(value: &[u8]) -> bool {
    let Some((locality, rest)) = value.split_last() else { return true };
    let all = |byte: u8| rest.iter().all(|&found| found == byte);
    let separated = |data: &[u8; 4]| value == sha256(&[&[0; 32][..], &sha256(data)].concat());
    (all(0) && *locality <= 4)
        || (all(0xff) && *locality == 0xff)
        || SEPARATORS.iter().any(separated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_every_machine_has_are_initial() {
        let separator = "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969";
        let mut locality = [0; 32];
        locality[31] = 3;
        for value in
            [vec![0; 32], vec![0xff; 32], locality.to_vec(), hex::decode(separator).unwrap()]
        {
            assert!(is_initial(&value), "{}", hex::encode(value));
        }
        assert!(!is_initial(&sha256(b"measured")));
    }
}
