use std::collections::BTreeMap;

use coset::cbor::Value;

use crate::{certificate, cose::read_map};

/// Limits of the NSM's interface (AWS, "Verifying the root of trust").
const MAX_PCRS: usize = 32;
const MAX_CABUNDLE: usize = 8;
const MAX_FIELD: usize = 1024;
const MAX_MODULE_ID: usize = 256;

/// The payload of an attestation document.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) module_id: String,
    /// Milliseconds since 1970.
    pub(super) timestamp: u64,
    pub(super) pcrs: BTreeMap<u8, [u8; 48]>,
    pub(super) certificate: Vec<u8>,
    /// Root first.
    pub(super) cabundle: Vec<Vec<u8>>,
    pub(super) public_key: Option<Vec<u8>>,
    pub(super) user_data: Option<Vec<u8>>,
    pub(super) nonce: Option<Vec<u8>>,
}

impl Document {
    /// Reads the map: each known key at most once and no other one, each value in its bounds.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, &'static str> {
        let mut fields = Fields::default();
        for (key, value) in read_map(payload)? {
            let Value::Text(key) = key else { return Err("a key that is no text") };
            fields.put(&key, value)?;
        }
        if fields.digest.as_deref() != Some("SHA384") {
            return Err("PCRs of another hash than SHA384");
        }
        Ok(Self {
            module_id: fields.module_id.ok_or("no module_id")?,
            timestamp: fields.timestamp.ok_or("no timestamp")?,
            pcrs: fields.pcrs.ok_or("no pcrs")?,
            certificate: fields.certificate.ok_or("no certificate")?,
            cabundle: fields.cabundle.ok_or("no cabundle")?,
            public_key: fields.public_key.flatten(),
            user_data: fields.user_data.flatten(),
            nonce: fields.nonce.flatten(),
        })
    }
}

#[derive(Default)]
struct Fields {
    module_id: Option<String>,
    digest: Option<String>,
    timestamp: Option<u64>,
    pcrs: Option<BTreeMap<u8, [u8; 48]>>,
    certificate: Option<Vec<u8>>,
    cabundle: Option<Vec<Vec<u8>>>,
    public_key: Option<Option<Vec<u8>>>,
    user_data: Option<Option<Vec<u8>>>,
    nonce: Option<Option<Vec<u8>>>,
}

impl Fields {
    fn put(&mut self, key: &str, value: Value) -> Result<(), &'static str> {
        match key {
            "module_id" => once(&mut self.module_id, text(value)?),
            "digest" => once(&mut self.digest, text(value)?),
            "timestamp" => once(&mut self.timestamp, number(&value)?),
            "pcrs" => once(&mut self.pcrs, pcrs(value)?),
            "certificate" => once(&mut self.certificate, bytes(value, certificate::MAX_LEN)?),
            "cabundle" => once(&mut self.cabundle, cabundle(value)?),
            "public_key" => once(&mut self.public_key, optional(value)?),
            "user_data" => once(&mut self.user_data, optional(value)?),
            "nonce" => once(&mut self.nonce, optional(value)?),
            _ => Err("a key that documents do not have"),
        }
    }
}

fn once<T>(field: &mut Option<T>, value: T) -> Result<(), &'static str> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err("a key that occurs twice"),
    }
}

fn text(value: Value) -> Result<String, &'static str> {
    match value {
        Value::Text(text) if (1..=MAX_MODULE_ID).contains(&text.len()) => Ok(text),
        _ => Err("a text that is none, or too long"),
    }
}

fn number(value: &Value) -> Result<u64, &'static str> {
    let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
    number.ok_or("a number that is none")
}

fn bytes(value: Value, max: usize) -> Result<Vec<u8>, &'static str> {
    match value {
        Value::Bytes(bytes) if (1..=max).contains(&bytes.len()) => Ok(bytes),
        _ => Err("bytes that are none, or too many"),
    }
}

fn optional(value: Value) -> Result<Option<Vec<u8>>, &'static str> {
    match value {
        Value::Null => Ok(None),
        Value::Bytes(bytes) if bytes.len() <= MAX_FIELD => Ok(Some(bytes)),
        _ => Err("bytes that are none, or too many"),
    }
}

fn pcrs(value: Value) -> Result<BTreeMap<u8, [u8; 48]>, &'static str> {
    let Value::Map(entries) = value else { return Err("PCRs that are no map") };
    if !(1..=MAX_PCRS).contains(&entries.len()) {
        return Err("no PCRs, or too many");
    }
    let mut pcrs = BTreeMap::new();
    for (index, value) in entries {
        let index = number(&index)?;
        let index = u8::try_from(index).ok().filter(|&index| usize::from(index) < MAX_PCRS);
        let value: [u8; 48] =
            bytes(value, 48)?.try_into().map_err(|_| "a PCR of another length than SHA384")?;
        if pcrs.insert(index.ok_or("a PCR above 31")?, value).is_some() {
            return Err("a PCR that occurs twice");
        }
    }
    Ok(pcrs)
}

fn cabundle(value: Value) -> Result<Vec<Vec<u8>>, &'static str> {
    let Value::Array(items) = value else { return Err("a cabundle that is no list") };
    if !(1..=MAX_CABUNDLE).contains(&items.len()) {
        return Err("an empty cabundle, or one too long");
    }
    items.into_iter().map(|item| bytes(item, certificate::MAX_LEN)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cbor(value: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        coset::cbor::into_writer(value, &mut out).unwrap();
        out
    }

    fn entries() -> Vec<(Value, Value)> {
        let text = |text: &str| Value::Text(text.into());
        vec![
            (text("module_id"), text("i-1")),
            (text("digest"), text("SHA384")),
            (text("timestamp"), 5.into()),
            (text("pcrs"), Value::Map(vec![(0.into(), Value::Bytes(vec![1; 48]))])),
            (text("certificate"), Value::Bytes(vec![1])),
            (text("cabundle"), Value::Array(vec![Value::Bytes(vec![2])])),
            (text("user_data"), Value::Null),
        ]
    }

    fn refused(change: impl FnOnce(&mut Vec<(Value, Value)>)) -> &'static str {
        let mut changed = entries();
        change(&mut changed);
        Document::parse(&cbor(&Value::Map(changed))).unwrap_err()
    }

    #[test]
    fn only_the_map_of_documents_is_read() {
        let document = Document::parse(&cbor(&Value::Map(entries()))).unwrap();
        assert_eq!((document.timestamp, document.user_data), (5, None));

        let twice = |entries: &mut Vec<(Value, Value)>| entries.push(entries[0].clone());
        assert_eq!(refused(twice), "a key that occurs twice");
        let extra = |entries: &mut Vec<(Value, Value)>| {
            entries.push((Value::Text("x".into()), Value::Null))
        };
        assert_eq!(refused(extra), "a key that documents do not have");
        let number = |entries: &mut Vec<(Value, Value)>| entries.push((1.into(), Value::Null));
        assert_eq!(refused(number), "a key that is no text");
        for (missing, _) in entries().iter().enumerate().take(6) {
            refused(|entries| {
                entries.remove(missing);
            });
        }
        let pcr = Value::Bytes(vec![1; 48]);
        let double = Value::Map(vec![(0.into(), pcr.clone()), (0.into(), pcr.clone())]);
        assert_eq!(refused(|entries| entries[3].1 = double), "a PCR that occurs twice");
        let high = Value::Map(vec![(32.into(), pcr)]);
        assert_eq!(refused(|entries| entries[3].1 = high), "a PCR above 31");
        let sha256 = Value::Map(vec![(0.into(), Value::Bytes(vec![1; 32]))]);
        let short = refused(|entries| entries[3].1 = sha256);
        assert_eq!(short, "a PCR of another length than SHA384");
        refused(|entries| entries[1].1 = Value::Text("SHA256".into()));
        refused(|entries| entries[2].1 = Value::Integer((-1).into()));
        refused(|entries| entries[5].1 = Value::Array(vec![Value::Bytes(vec![1]); 9]));
        refused(|entries| entries[6].1 = Value::Bytes(vec![0; 1025]));
    }

    #[test]
    fn numbers_and_lengths_have_one_spelling() {
        let good = cbor(&Value::Map(entries()));
        // The map's head with its length in a byte of its own.
        let long = [&[0xb8, 7], &good[1..]].concat();
        assert!(Document::parse(&long).is_err());
        let endless = [&[0xbf], &good[1..], &[0xff]].concat();
        assert!(Document::parse(&endless).is_ok(), "as enclaves write it");
        assert!(Document::parse(&[&endless[..], &[0xff]].concat()).is_err());
        assert!(Document::parse(&endless[..endless.len() - 1]).is_err());
        // A text in pieces: 0x7f, "i-1", end.
        let text = good.windows(4).position(|window| window == b"\x63i-1").unwrap();
        let pieces = [&good[..text], b"\x7f\x63i-1\xff", &good[text + 4..]].concat();
        assert!(Document::parse(&pieces).is_err());
        assert!(Document::parse(&[&good[..], &[0]].concat()).is_err());
    }
}
