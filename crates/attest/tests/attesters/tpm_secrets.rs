//! What a real TPM in software keeps for a worker: the root secret, and a counter.

use std::sync::Arc;

use crate::swtpm::{self, SwTpm};
use sealwork_attest::tpm::{Pcrs, TpmAuth, TpmCounter, TpmRootKeeper};
use sealwork_platform::{
    Anchor, Disk, MonotonicCounter, OsEntropy, RollbackError, RootKeeper, RootSecret,
    RootSecretError, load_or_create_kept_root_secret, sim::SimDisk,
};
use sealwork_seal::tlv;

const INDEX: u32 = 0x0180_5ea1;

fn keeper(tpm: &SwTpm) -> TpmRootKeeper {
    TpmRootKeeper::new(tpm.connect(), Pcrs::new(&[4, 7]).unwrap())
}

fn load(tpm: &SwTpm, disk: &SimDisk) -> Result<RootSecret, RootSecretError> {
    load_or_create_kept_root_secret(&keeper(tpm), disk, &OsEntropy, &["store.redb"])
}

/// What the protector says.
fn kept(error: &RootSecretError) -> String {
    match error {
        RootSecretError::Kept { path: "root.tpm", source } => source
            .downcast_ref::<sealwork_attest::tpm::TpmError>()
            .map(|error| error.code().to_owned())
            .unwrap(),
        other => panic!("{other}"),
    }
}

#[test]
fn the_root_secret_comes_back_after_a_reboot_and_not_after_another_boot() {
    if !swtpm::is_installed() {
        return;
    }
    let (mut tpm, disk) = (SwTpm::start(), SimDisk::new(1));
    tpm.extend(4, [1; 32]);
    let made = load(&tpm, &disk).unwrap();
    assert_eq!(load(&tpm, &disk).unwrap().expose(), made.expose());
    let file = disk.read("root.tpm").unwrap();
    assert!(!file.windows(16).any(|bytes| made.expose().starts_with(bytes)), "in the clear");

    tpm.reboot();
    assert_eq!(kept(&load(&tpm, &disk).unwrap_err()), "tpm_pcrs_changed", "nothing measured");
    tpm.extend(4, [1; 32]);
    assert_eq!(load(&tpm, &disk).unwrap().expose(), made.expose());
    tpm.extend(16, [1; 32]);
    assert_eq!(load(&tpm, &disk).unwrap().expose(), made.expose(), "a PCR that does not matter");

    tpm.extend(7, [1; 32]);
    let error = load(&tpm, &disk).unwrap_err();
    assert_eq!(kept(&error), "tpm_pcrs_changed");
    assert!(error.to_string().contains("PCRs 4,7"), "{error}");
    assert_eq!(disk.read("root.tpm").unwrap(), file, "left as it is");
}

#[test]
fn a_file_of_another_machine_or_with_a_changed_byte_gives_no_secret() {
    if !swtpm::is_installed() {
        return;
    }
    let (tpm, other, disk) = (SwTpm::start(), SwTpm::start(), SimDisk::new(1));
    load(&tpm, &disk).unwrap();
    assert_eq!(kept(&load(&other, &disk).unwrap_err()), "tpm_other");

    let file = disk.read("root.tpm").unwrap();
    let keeper = keeper(&tpm);
    // Spread over all sections; each try is some commands of the TPM.
    for at in (0..file.len()).step_by(7) {
        let mut changed = file.clone();
        changed[at] ^= 1;
        assert!(keeper.recover(&changed).is_err(), "byte {at}");
    }
    for len in [0, 1, 5, file.len() / 2, file.len() - 1] {
        assert!(keeper.recover(&file[..len]).is_err(), "{len} bytes");
    }
    assert!(keeper.recover(&file).is_ok(), "refusals leave nothing behind");
}

/// Somebody who boots another system on the same machine can seal what he likes, for PCRs that he
/// knows. The worker must not take such a secret for its own.
#[test]
fn a_secret_that_another_system_has_sealed_is_not_taken() {
    if !swtpm::is_installed() {
        return;
    }
    let mut tpm = SwTpm::start();
    tpm.extend(4, [1; 32]);
    let genuine = keeper(&tpm).keep(&RootSecret::new([5; 32])).unwrap();
    tpm.reboot();
    tpm.extend(4, [2; 32]);
    let planted = keeper(&tpm).keep(&RootSecret::new([6; 32])).unwrap();
    tpm.reboot();
    tpm.extend(4, [1; 32]);

    // With the genuine policy written over the one in the file, which is there for messages.
    let parts = |file: &[u8]| -> Vec<(u8, Vec<u8>)> {
        let sections = tlv::parse(file, &[1, 2, 3, 4]).unwrap();
        sections.iter().map(|section| (section.tag, section.bytes.to_vec())).collect()
    };
    let (genuine, mut forged) = (parts(&genuine), parts(&planted));
    forged[1] = genuine[1].clone();
    let mut file = Vec::new();
    forged.iter().for_each(|(tag, bytes)| tlv::push(&mut file, *tag, bytes));
    assert_eq!(kept(&keeper(&tpm).recover(&file).unwrap_err()), "tpm_other");
}

#[test]
fn a_counter_counts_over_reboots_and_belongs_to_who_knows_its_secret() {
    if !swtpm::is_installed() {
        return;
    }
    let mut tpm = SwTpm::start();
    let auth = TpmAuth::new([9; 32]);
    let counter = TpmCounter::open(tpm.connect(), INDEX, &auth).unwrap();
    assert_eq!(counter.read().unwrap(), None);
    let first = counter.increment().unwrap();
    assert_eq!(counter.increment().unwrap(), first + 1);
    drop(counter);
    tpm.reboot();
    let counter = TpmCounter::open(tpm.connect(), INDEX, &auth).unwrap();
    assert_eq!(counter.read().unwrap(), Some(first + 1));
    drop(counter);

    let other = TpmCounter::open(tpm.connect(), INDEX, &TpmAuth::new([8; 32])).unwrap_err();
    assert_eq!(other.code(), "tpm_counter_foreign");
    let reserved = TpmCounter::open(tpm.connect(), 0x01c0_0002, &auth).unwrap_err();
    assert_eq!(reserved.code(), "tpm_counter_index");

    // Whoever owns the TPM removes it: the next one starts above.
    remove(&tpm, INDEX);
    let counter = TpmCounter::open(tpm.connect(), INDEX, &auth).unwrap();
    assert_eq!(counter.read().unwrap(), None);
    assert!(counter.increment().unwrap() > first + 1);
    drop(counter);
    // Or puts something in its place that he can write.
    remove(&tpm, INDEX);
    define_ordinary(&tpm, INDEX, &[9; 32]);
    let planted = TpmCounter::open(tpm.connect(), INDEX, &auth).unwrap_err();
    assert_eq!(planted.code(), "tpm_counter_foreign");
}

#[test]
fn a_store_that_was_put_back_is_told_by_the_counter() {
    if !swtpm::is_installed() {
        return;
    }
    let tpm = SwTpm::start();
    let auth = TpmAuth::new([9; 32]);
    let start = |stored: &mut Option<u64>| -> Result<(), RollbackError> {
        let counter = TpmCounter::open(tpm.connect(), INDEX, &auth).unwrap();
        let mut anchor = Anchor::open(Arc::new(counter), *stored)?;
        *stored = Some(anchor.generation());
        anchor.advance(|next| {
            *stored = Some(next);
            Ok::<_, RollbackError>(())
        })?;
        Ok(())
    };
    let mut store = None;
    start(&mut store).unwrap();
    let mut copy = store;
    start(&mut store).unwrap();
    start(&mut store).unwrap();
    assert_eq!(start(&mut copy).unwrap_err().code(), "store_rolled_back");
    assert_eq!(start(&mut None).unwrap_err().code(), "store_removed");
    start(&mut store).unwrap();
}

fn remove(tpm: &SwTpm, index: u32) {
    use tss_esapi::{
        handles::{NvIndexTpmHandle, TpmHandle},
        interface_types::{resource_handles::Provision, session_handles::AuthSession},
    };
    let mut context = tpm.raw();
    let handle = NvIndexTpmHandle::new(index).unwrap();
    let handle = context.tr_from_tpm_public(TpmHandle::NvIndex(handle)).unwrap();
    context
        .execute_with_session(Some(AuthSession::Password), |context| {
            context.nv_undefine_space(Provision::Owner, handle.into())
        })
        .unwrap();
}

fn define_ordinary(tpm: &SwTpm, index: u32, auth: &[u8]) {
    use tss_esapi::{
        attributes::NvIndexAttributesBuilder,
        handles::NvIndexTpmHandle,
        interface_types::{
            algorithm::HashingAlgorithm, resource_handles::Provision, session_handles::AuthSession,
        },
        structures::NvPublicBuilder,
    };
    let attributes = NvIndexAttributesBuilder::new()
        .with_auth_read(true)
        .with_auth_write(true)
        .with_no_da(true)
        .build()
        .unwrap();
    let public = NvPublicBuilder::new()
        .with_nv_index(NvIndexTpmHandle::new(index).unwrap())
        .with_index_name_algorithm(HashingAlgorithm::Sha256)
        .with_index_attributes(attributes)
        .with_data_area_size(8)
        .build()
        .unwrap();
    tpm.raw()
        .execute_with_session(Some(AuthSession::Password), |context| {
            let auth = auth.try_into().unwrap();
            context.nv_define_space(Provision::Owner, Some(auth), public)
        })
        .unwrap();
}
