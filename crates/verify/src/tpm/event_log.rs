//! Event logs of firmware (TCG PC Client Platform Firmware Profile, 10).

use std::collections::BTreeMap;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::reader::Reader;

const SHA1: u16 = 0x0004;
const SHA256: u16 = 0x000b;
const EV_NO_ACTION: u32 = 3;
const EV_EFI_VARIABLE_DRIVER_CONFIG: u32 = 0x8000_0001;
const SPEC_ID: &[u8] = b"Spec ID Event03\0";
const STARTUP_LOCALITY: &[u8] = b"StartupLocality\0";
/// EFI_GLOBAL_VARIABLE, as its bytes lie in a log.
const GLOBAL_VARIABLE: [u8; 16] = [
    0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c,
];
const MAX_EVENTS: usize = 8192;
const MAX_BANKS: usize = 8;
const MAX_PCR: u8 = 23;

/// Whether a firmware's log has to explain a PCR: those of the firmware, of the boot loaders, and
/// of shim. Others are extended after the log was closed, too.
pub(super) fn explains(pcr: u8) -> bool {
    pcr <= 9 || pcr == 14
}

/// A log that was read.
#[derive(Debug)]
pub(super) struct EventLog {
    events: Vec<Event>,
    has_sha256: bool,
    /// The locality that started the TPM: the initial value of PCR 0.
    locality: u8,
}

#[derive(Debug)]
struct Event {
    pcr: u8,
    kind: u32,
    sha1: Option<[u8; 20]>,
    sha256: Option<[u8; 32]>,
    data: Vec<u8>,
}

impl EventLog {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut reader = Reader::new(bytes);
        let first = parse_old(&mut reader).ok_or("a log whose first event is cut off")?;
        let banks = if first.kind == EV_NO_ACTION && first.data.starts_with(SPEC_ID) {
            Some(parse_banks(&first.data).ok_or("a log whose header cannot be read")?)
        } else {
            None
        };
        let mut log = Self { events: Vec::new(), has_sha256: false, locality: 0 };
        log.has_sha256 = banks.as_ref().is_some_and(|banks| banks.contains(&(SHA256, 32)));
        log.take(first);
        while !reader.is_empty() {
            if log.events.len() == MAX_EVENTS {
                return Err("a log of more than 8192 events");
            }
            let event = match &banks {
                Some(banks) => parse_new(&mut reader, banks),
                None => parse_old(&mut reader),
            };
            log.take(event.ok_or("a log with an event that cannot be read")?);
        }
        Ok(log)
    }

    fn take(&mut self, event: Event) {
        if event.kind != EV_NO_ACTION {
            self.events.push(event);
        } else if let Some([locality]) = event.data.strip_prefix(STARTUP_LOCALITY) {
            self.locality = *locality;
        }
    }

    /// The values that PCRs of the SHA-256 bank have after these events; none where the log has
    /// no such bank.
    pub(super) fn replay_sha256(&self) -> Option<BTreeMap<u8, [u8; 32]>> {
        let digests = |event: &Event| event.sha256;
        self.has_sha256.then(|| self.replay(digests, |pcr| Sha256::digest(pcr).into()))
    }

    /// The same of the SHA-1 bank, which is for tests: nothing is believed because of it.
    #[cfg(test)]
    fn replay_sha1(&self) -> BTreeMap<u8, [u8; 20]> {
        self.replay(|event| event.sha1, |pcr| Sha1::digest(pcr).into())
    }

    fn replay<const N: usize>(
        &self,
        digest: impl Fn(&Event) -> Option<[u8; N]>,
        hash: impl Fn(&[u8]) -> [u8; N],
    ) -> BTreeMap<u8, [u8; N]> {
        let mut pcrs = BTreeMap::new();
        for event in &self.events {
            let pcr = pcrs.entry(event.pcr).or_insert_with(|| {
                let mut initial = [0; N];
                if event.pcr == 0 {
                    initial[N - 1] = self.locality;
                }
                initial
            });
            if let Some(digest) = digest(event) {
                *pcr = hash(&[*pcr, digest].concat());
            }
        }
        pcrs
    }

    /// Whether the log shows that Secure Boot was on: the variable `SecureBoot`, with the value 1, is
    /// the first that was measured into PCR 7, as the profile demands (3.3.4.8), and never measured
    /// with another one.
    ///
    /// Only digests and their order are measured, not what an event calls itself. So whoever holds a
    /// system that booted without Secure Boot can extend PCR 7 by the digest that he would like to
    /// have there, and rename the true event; but he cannot be the first any more.
    pub(super) fn secure_boot(&self) -> bool {
        let mut measured = self.events.iter().filter(|event| event.pcr == 7 && self.counts(event));
        let is_on = |event: &Event| {
            let value = global_variable(&event.data, "SecureBoot")?;
            Some(value == [1] && self.is_what_it_says(event))
        };
        let first = measured.next().filter(|event| event.kind == EV_EFI_VARIABLE_DRIVER_CONFIG);
        first.and_then(is_on) == Some(true) && measured.filter_map(is_on).all(|on| on)
    }

    /// Whether the event moved a PCR of the bank that counts.
    fn counts(&self, event: &Event) -> bool {
        if self.has_sha256 { event.sha256.is_some() } else { event.sha1.is_some() }
    }

    /// Whether the digest in the bank that counts is that of the data.
    fn is_what_it_says(&self, event: &Event) -> bool {
        if self.has_sha256 {
            event.sha256 == Some(Sha256::digest(&event.data).into())
        } else {
            event.sha1 == Some(Sha1::digest(&event.data).into())
        }
    }
}

/// The value of a global EFI variable, if the data are about it (`UEFI_VARIABLE_DATA`).
fn global_variable<'a>(data: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut reader = Reader::new(data);
    let guid: [u8; 16] = reader.array()?;
    let name_len = usize::try_from(reader.u64_le()?).ok()?;
    let value_len = usize::try_from(reader.u64_le()?).ok()?;
    let found = reader.take(name_len.checked_mul(2)?)?;
    let value = reader.take(value_len)?;
    let wanted: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    (guid == GLOBAL_VARIABLE && found == wanted && reader.is_empty()).then_some(value)
}

/// `TCG_PCR_EVENT`: one SHA-1 digest.
fn parse_old(reader: &mut Reader<'_>) -> Option<Event> {
    let (pcr, kind) = parse_head(reader)?;
    let sha1 = reader.array()?;
    let len = usize::try_from(reader.u32_le()?).ok()?;
    Some(Event { pcr, kind, sha1: Some(sha1), sha256: None, data: reader.take(len)?.to_vec() })
}

/// `TCG_PCR_EVENT2`: one digest for each bank.
fn parse_new(reader: &mut Reader<'_>, banks: &[(u16, u16)]) -> Option<Event> {
    let (pcr, kind) = parse_head(reader)?;
    let count = usize::try_from(reader.u32_le()?).ok()?;
    if count > banks.len() {
        return None;
    }
    let (mut sha1, mut sha256) = (None, None);
    for _ in 0..count {
        let bank = reader.u16_le()?;
        let (_, len) = banks.iter().find(|(known, _)| *known == bank)?;
        let digest = reader.take((*len).into())?;
        let twice = match bank {
            SHA1 => sha1.replace(digest.try_into().ok()?).is_some(),
            SHA256 => sha256.replace(digest.try_into().ok()?).is_some(),
            _ => false,
        };
        if twice {
            return None;
        }
    }
    let len = usize::try_from(reader.u32_le()?).ok()?;
    Some(Event { pcr, kind, sha1, sha256, data: reader.take(len)?.to_vec() })
}

/// PCR and type of an event. What is never extended (EV_NO_ACTION) may name a PCR that there is not:
/// Windows writes 0xffffffff.
fn parse_head(reader: &mut Reader<'_>) -> Option<(u8, u32)> {
    let (pcr, kind) = (reader.u32_le()?, reader.u32_le()?);
    let pcr = if kind == EV_NO_ACTION { 0 } else { pcr };
    Some((u8::try_from(pcr).ok().filter(|pcr| *pcr <= MAX_PCR)?, kind))
}

/// The banks of a log, with the length of their digests (`TCG_EfiSpecIDEvent`).
fn parse_banks(data: &[u8]) -> Option<Vec<(u16, u16)>> {
    let mut reader = Reader::new(data.get(SPEC_ID.len()..)?);
    // Platform class, version of the specification, size of a number.
    reader.take(8)?;
    let count = usize::try_from(reader.u32_le()?).ok()?;
    if !(1..=MAX_BANKS).contains(&count) {
        return None;
    }
    (0..count).map(|_| Some((reader.u16_le()?, reader.u16_le()?))).collect()
}

#[cfg(test)]
#[path = "event_log_tests.rs"]
mod tests;
