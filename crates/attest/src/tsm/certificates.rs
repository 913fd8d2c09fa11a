//! The certificates that a SEV-SNP host hands its guest (GHCB specification, "Extended Guest
//! Request"): a table of entries `GUID (16), offset (u32), length (u32)`, little-endian, the last
//! one zero, and the certificates behind it.

use sealwork_verify::Endorsements;

const ENTRY_LEN: usize = 24;
const MAX_ENTRIES: usize = 16;

/// The certificates of a table. The host has filled it in: what cannot be read is left out, and
/// what can is checked with the evidence.
pub(super) fn read(table: &[u8]) -> Endorsements {
    let mut endorsements = Endorsements::default();
    for entry in table.chunks_exact(ENTRY_LEN).take(MAX_ENTRIES) {
        if entry.iter().all(|byte| *byte == 0) {
            break;
        }
        if let Some(certificate) = content(table, entry)
            && let Err(error) = endorsements.add_certificate(certificate)
        {
            tracing::debug!(%error, "the host's table has an entry that is no certificate");
        }
    }
    endorsements
}

fn content<'a>(table: &'a [u8], entry: &[u8]) -> Option<&'a [u8]> {
    let number = |at: usize| -> Option<usize> {
        let bytes = entry.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    let (start, len) = (number(16)?, number(20)?);
    table.get(start..start.checked_add(len)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_table_without_certificates_gives_none() {
        let empty = Endorsements::default().to_json();
        let mut beyond = vec![7; ENTRY_LEN];
        beyond[16..].fill(0xff);
        for table in [vec![], vec![0; 24], vec![0; 4096], vec![1; 23], vec![1; 600], beyond] {
            assert_eq!(read(&table).to_json(), empty);
        }
    }

    proptest! {
        #[test]
        fn any_table_is_read_without_a_panic(
            table in prop::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..600),
        ) {
            read(&table);
        }
    }
}
