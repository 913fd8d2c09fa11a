//! A boot with Secure Boot on: what a firmware extends, and the log that it writes (TCG PC Client
//! Platform Firmware Profile, 10).

use sha2::{Digest as _, Sha256};

use crate::{common::MemoryFiles, swtpm::SwTpm};

const EV_NO_ACTION: u32 = 3;
const EV_SEPARATOR: u32 = 4;
const EV_S_CRTM_VERSION: u32 = 8;
const EV_EFI_VARIABLE_DRIVER_CONFIG: u32 = 0x8000_0001;
const EV_EFI_BOOT_SERVICES_APPLICATION: u32 = 0x8000_0003;
const SHA256: u16 = 0x000b;
const GLOBAL_VARIABLE: [u8; 16] = [
    0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c,
];

pub(crate) const EVENT_LOG: &str = "/sys/kernel/security/tpm0/binary_bios_measurements";

/// Extends the TPM as a boot of `kernel` does, and shows the log.
pub(crate) fn boot(tpm: &SwTpm, files: &MemoryFiles, kernel: &[u8]) {
    let events: [(u8, u32, Vec<u8>); 4] = [
        (0, EV_S_CRTM_VERSION, b"firmware 1".to_vec()),
        (7, EV_EFI_VARIABLE_DRIVER_CONFIG, secure_boot_on()),
        (4, EV_EFI_BOOT_SERVICES_APPLICATION, kernel.to_vec()),
        (7, EV_SEPARATOR, vec![0; 4]),
    ];
    let mut log = header();
    for (pcr, kind, data) in events {
        let digest: [u8; 32] = Sha256::digest(&data).into();
        tpm.extend(pcr, digest);
        for number in [u32::from(pcr), kind, 1] {
            log.extend_from_slice(&number.to_le_bytes());
        }
        log.extend_from_slice(&SHA256.to_le_bytes());
        log.extend_from_slice(&digest);
        log.extend_from_slice(&(data.len() as u32).to_le_bytes());
        log.extend_from_slice(&data);
    }
    files.set(EVENT_LOG, &log);
}

fn secure_boot_on() -> Vec<u8> {
    let name: Vec<u8> = "SecureBoot".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut data = GLOBAL_VARIABLE.to_vec();
    data.extend_from_slice(&10_u64.to_le_bytes());
    data.extend_from_slice(&1_u64.to_le_bytes());
    data.extend_from_slice(&name);
    data.push(1);
    data
}

/// The first event, in the old format: which digests the others have.
fn header() -> Vec<u8> {
    let mut spec = b"Spec ID Event03\0".to_vec();
    spec.extend_from_slice(&[0, 0, 0, 0, 0, 2, 0, 2]);
    spec.extend_from_slice(&1_u32.to_le_bytes());
    spec.extend_from_slice(&SHA256.to_le_bytes());
    spec.extend_from_slice(&32_u16.to_le_bytes());
    spec.push(0);
    let mut event = 0_u32.to_le_bytes().to_vec();
    event.extend_from_slice(&EV_NO_ACTION.to_le_bytes());
    event.extend_from_slice(&[0; 20]);
    event.extend_from_slice(&(spec.len() as u32).to_le_bytes());
    event.extend_from_slice(&spec);
    event
}
