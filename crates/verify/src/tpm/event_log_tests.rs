#![allow(clippy::disallowed_methods, reason = "a test reads its samples")]

use std::{fs, path::Path};

use super::*;

#[path = "../../../egress/tests/common/conformance.rs"]
mod conformance;

fn read(folder: &Path, name: &str) -> EventLog {
    EventLog::parse(&fs::read(folder.join("eventlogs").join(name)).unwrap()).unwrap()
}

fn expected(name: &str, bank: &str) -> Option<BTreeMap<u8, Vec<u8>>> {
    let index = fs::read_to_string(conformance::folder("", 4)?.join("INDEX.md")).unwrap();
    let json = index.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    let pcrs = json[name][bank].as_object().unwrap();
    let value = |value: &serde_json::Value| hex::decode(value.as_str().unwrap()).unwrap();
    Some(pcrs.iter().map(|(pcr, text)| (pcr.parse().unwrap(), value(text))).collect())
}

#[test]
fn logs_replay_to_what_the_machines_had() {
    let Some(folder) = conformance::folder("tpm", 4) else { return };
    let logs = [
        ("rhel8-uefi.bin", 82, true),
        ("ubuntu-2404-amd-sevsnp.bin", 116, false),
        ("arch-linux-workstation.bin", 24, false),
    ];
    for (name, events, secure_boot) in logs {
        let log = read(&folder, name);
        assert_eq!(log.secure_boot(), secure_boot, "{name}");
        assert!(log.events.len() <= events, "{name}");
        let replayed = log.replay_sha256().unwrap();
        for (pcr, value) in expected(name, "sha256").unwrap() {
            assert_eq!(hex::encode(replayed[&pcr]), hex::encode(value), "{name} pcr{pcr}");
        }
    }
    let log = read(&folder, "debian-10.bin");
    assert_eq!(log.events.len(), 25);
    assert!(log.secure_boot());
    assert!(log.replay_sha256().is_none(), "only SHA-1");
    let replayed = log.replay_sha1();
    for (pcr, value) in expected("debian-10.bin", "sha1").unwrap() {
        assert_eq!(hex::encode(replayed[&pcr]), hex::encode(value), "pcr{pcr}");
    }
}

/// A log of the new format with one bank.
fn log(events: &[(u32, u32, &[u8])]) -> Vec<u8> {
    let mut header = SPEC_ID.to_vec();
    header.extend_from_slice(&[0, 0, 0, 0, 0, 2, 0, 2, 1, 0, 0, 0, 0x0b, 0, 32, 0, 0]);
    let mut out = [&[0; 4][..], &3_u32.to_le_bytes(), &[0; 20]].concat();
    out.extend_from_slice(&(header.len() as u32).to_le_bytes());
    out.extend_from_slice(&header);
    for (pcr, kind, data) in events {
        out.extend_from_slice(&pcr.to_le_bytes());
        out.extend_from_slice(&kind.to_le_bytes());
        out.extend_from_slice(&[1, 0, 0, 0, 0x0b, 0]);
        out.extend_from_slice(&Sha256::digest(data));
        out.extend_from_slice(&(data.len() as u32).to_le_bytes());
        out.extend_from_slice(data);
    }
    out
}

fn secure_boot(value: &[u8]) -> Vec<u8> {
    let name: Vec<u8> = "SecureBoot".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let lengths = [10_u64.to_le_bytes(), (value.len() as u64).to_le_bytes()].concat();
    [&GLOBAL_VARIABLE[..], &lengths, &name, value].concat()
}

#[test]
fn the_locality_of_the_start_is_the_first_value_of_pcr_0() {
    let locality = [STARTUP_LOCALITY, &[3]].concat();
    let replayed = EventLog::parse(&log(&[(0, EV_NO_ACTION, &locality), (0, 8, b"x")])).unwrap();
    let mut first = [0; 32];
    first[31] = 3;
    let second: [u8; 32] =
        Sha256::digest([first.as_slice(), &Sha256::digest(b"x")].concat()).into();
    assert_eq!(replayed.replay_sha256().unwrap()[&0], second);
}

/// Windows writes such events, and so do others.
#[test]
fn an_event_that_extends_nothing_may_name_a_pcr_that_there_is_not() {
    let events: &[(u32, u32, &[u8])] = &[(u32::MAX, EV_NO_ACTION, b"x"), (4, 8, b"y")];
    let replayed = EventLog::parse(&log(events)).unwrap().replay_sha256().unwrap();
    assert_eq!(replayed.keys().collect::<Vec<_>>(), [&4]);
    assert!(EventLog::parse(&log(&[(u32::MAX, 8, b"x")])).is_err());
}

#[test]
fn secure_boot_is_on_only_where_its_measured_variable_says_so() {
    let on = secure_boot(&[1]);
    let shows = |events: &[(u32, u32, &[u8])]| EventLog::parse(&log(events)).unwrap().secure_boot();
    let kind = EV_EFI_VARIABLE_DRIVER_CONFIG;
    assert!(shows(&[(7, kind, &on)]));
    assert!(!shows(&[]));
    assert!(!shows(&[(7, kind, &secure_boot(&[0]))]));
    assert!(!shows(&[(7, kind, &secure_boot(&[]))]), "arch-linux-workstation has this");
    assert!(!shows(&[(7, kind, &secure_boot(&[1, 1]))]));
    assert!(!shows(&[(6, kind, &on)]), "another PCR");
    assert!(!shows(&[(7, 8, &on)]), "another event");
    assert!(!shows(&[(7, kind, &on), (7, kind, &secure_boot(&[0]))]), "contradicts itself");
    // Renamed, and what should be there extended behind it.
    assert!(!shows(&[(7, 8, &secure_boot(&[0])), (7, kind, &on)]), "not the first");
    assert!(!shows(&[(7, 4, b"\0\0\0\0"), (7, kind, &on)]), "after the boot");
    assert!(shows(&[(0, 8, b"x"), (7, kind, &on), (7, kind, b"PK"), (7, 4, b"\0\0\0\0")]));
    // In front, and in a bank that nobody quotes.
    let event =
        |sha1, sha256, value| Event { pcr: 7, kind, sha1, sha256, data: secure_boot(value) };
    let digest = |value| Some(Sha256::digest(secure_boot(value)).into());
    let events =
        vec![event(Some(Sha1::digest(&on).into()), None, &[1]), event(None, digest(&[0]), &[0])];
    assert!(!EventLog { events, has_sha256: true, locality: 0 }.secure_boot());
    // The data are not what was measured.
    let mut lying = log(&[(7, kind, &secure_boot(&[0]))]);
    *lying.last_mut().unwrap() = 1;
    assert!(!EventLog::parse(&lying).unwrap().secure_boot());
}

#[test]
fn logs_that_end_early_or_name_other_banks_are_refused() {
    let whole = log(&[(7, 8, b"abc"), (4, 8, b"")]);
    let read = EventLog::parse(&whole).unwrap();
    assert_eq!(read.events.len(), 2);
    let ends: Vec<usize> =
        (1..whole.len()).filter(|len| EventLog::parse(&whole[..*len]).is_ok()).collect();
    assert_eq!(ends.len(), 2, "only between events: {ends:?}");
    let first = whole.len() - 2 * (4 + 4 + 6 + 32 + 4) - 3;
    for (at, value) in [(first, 24), (first + 8, 2), (first + 12, 4)] {
        let mut changed = whole.clone();
        changed[at] = value;
        assert!(EventLog::parse(&changed).is_err(), "{at}");
    }
}
