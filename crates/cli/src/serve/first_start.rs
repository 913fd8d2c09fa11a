//! A data directory at its first start, told apart from one whose store has been lost.

use std::io;

use sealwork_platform::Disk;

/// There from the first start on until the store is made, so that a start that was cut short can
/// be told from a store that was removed.
const MARK: &str = "first-start";
/// The root secret in the clear.
pub(super) const ROOT_SECRET: &str = "root.key";
/// The root secret as a TPM has sealed it.
pub(super) const ROOT_IN_TPM: &str = "root.tpm";
const STORE: &str = "store.redb";

/// What only the root secret opens again: beside it, a missing one is never replaced.
pub(super) const SEALED: [&str; 3] = [STORE, "blobs/", "keys/"];

/// Whether a store may be made in this directory. To be asked before the root secret is made.
///
/// # Errors
/// What the disk says; nothing was written then.
pub(super) fn begin(disk: &dyn Disk) -> io::Result<bool> {
    let files = disk.list("")?;
    let has = |name: &str| files.iter().any(|file| file == name);
    for sealed in SEALED {
        let present = match sealed.strip_suffix('/') {
            Some(directory) => !disk.list(directory)?.is_empty(),
            None => has(sealed),
        };
        if present {
            return Ok(false);
        }
    }
    if !has(MARK) {
        if has(ROOT_SECRET) || has(ROOT_IN_TPM) {
            return Ok(false);
        }
        disk.write_atomic(MARK, b"This worker is being set up.\n")?;
    }
    Ok(true)
}

/// The store is made: from now on a missing one is an error.
///
/// # Errors
/// What the disk says.
pub(super) fn end(disk: &dyn Disk) -> io::Result<()> {
    disk.remove(MARK)
}

#[cfg(test)]
mod tests {
    use sealwork_platform::sim::SimDisk;

    use super::*;

    #[test]
    fn a_start_that_was_cut_short_begins_again_until_the_store_is_made() {
        let disk = SimDisk::new(1);
        assert!(begin(&disk).unwrap());
        disk.write_atomic(ROOT_SECRET, &[7; 32]).unwrap();
        disk.lose_power();
        assert!(begin(&disk).unwrap(), "the secret was made, the store was not");
        disk.write_atomic(STORE, b"store").unwrap();
        end(&disk).unwrap();
        assert_eq!(disk.list("").unwrap(), [ROOT_SECRET, STORE]);
    }

    #[test]
    fn beside_a_root_secret_or_anything_sealed_no_store_is_made_anew() {
        for left in [ROOT_SECRET, ROOT_IN_TPM, "keys/epoch-1", "blobs/1"] {
            let disk = SimDisk::new(1);
            disk.write_atomic(left, b"left").unwrap();
            assert!(!begin(&disk).unwrap(), "{left}");
            assert!(!disk.list("").unwrap().iter().any(|name| name == MARK), "{left}");
        }
    }

    #[test]
    fn a_mark_that_was_left_behind_excuses_no_missing_store_of_a_worker_that_has_keys() {
        let disk = SimDisk::new(1);
        assert!(begin(&disk).unwrap());
        disk.write_atomic("keys/epoch-1", b"sealed").unwrap();
        assert!(!begin(&disk).unwrap());
    }
}
