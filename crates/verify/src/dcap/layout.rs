//! The one layout of a quote. dcap-qvl does not look at what is between and behind the parts that
//! it uses; here every byte has its place.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use dcap_qvl::quote::{AuthData, Quote};

use crate::certificate::Certificate;

const HEADER_LEN: usize = 48;
/// TDX modules answer in a buffer of a fixed size, and some guests hand all of it over: zeros up to
/// this many bytes. SGX has no such buffer.
const MAX_PADDING: usize = 8 << 10;
const PEM_LINE: usize = 64;
/// Certification data: the PCK certificate chain.
const PCK_CHAIN: u16 = 5;
/// Certification data: the quoting enclave's report, around other certification data.
const QE_REPORT: u16 = 6;
/// Signature and attestation key.
const SIGNATURE_AND_KEY: usize = 128;
/// Report of the quoting enclave, and its signature.
const QE_REPORT_AND_SIGNATURE: usize = 384 + 64;

/// Reads a quote of version 3, 4 or 5. Its own length says where it ends; behind that is nothing, or,
/// for TDX, nothing but zeros.
pub(super) fn parse(bytes: &[u8]) -> Result<Quote, &'static str> {
    let signed = match read_u16(bytes, 0) {
        Some(3) => HEADER_LEN + 384,
        Some(4) if bytes.get(4) == Some(&0) => return Err("an SGX quote of version 4"),
        Some(4) => HEADER_LEN + 584,
        Some(5) => HEADER_LEN + 6 + read_u32(bytes, HEADER_LEN + 2).ok_or("a part of a quote")?,
        _ => return Err("no quote of version 3, 4 or 5"),
    };
    let rest = bytes.get(signed..).ok_or("a part of a quote")?;
    let (signature, padding) = counted(rest, 0).ok_or("a part of a quote")?;
    let version_3 = read_u16(bytes, 0) == Some(3);
    let max_padding = if version_3 { 0 } else { MAX_PADDING };
    if padding.len() > max_padding || padding.iter().any(|&byte| byte != 0) {
        return Err("bytes behind the quote");
    }
    check_signature(signature, version_3)?;
    Quote::parse(bytes).map_err(|_| "a quote whose parts do not fit")
}

/// Every byte of the signature section has its place.
fn check_signature(section: &[u8], version_3: bool) -> Result<(), &'static str> {
    let inner = if version_3 {
        section.get(SIGNATURE_AND_KEY..)
    } else {
        let (kind, content) = certification(section, SIGNATURE_AND_KEY)
            .ok_or("a signature section whose parts do not fit")?;
        if kind != QE_REPORT {
            return Err("certification data of an unknown type");
        }
        Some(content)
    };
    let auth = inner
        .and_then(|inner| inner.get(QE_REPORT_AND_SIGNATURE..))
        .ok_or("a signature section whose parts do not fit")?;
    let auth_len = read_u16(auth, 0).ok_or("a signature section whose parts do not fit")?;
    let (kind, _) = certification(auth, 2 + usize::from(auth_len))
        .ok_or("a signature section whose parts do not fit")?;
    if kind != PCK_CHAIN {
        return Err("a quote without its certificate chain");
    }
    Ok(())
}

/// Certification data at `at` that fills the rest: type and content.
fn certification(bytes: &[u8], at: usize) -> Option<(u16, &[u8])> {
    let kind = read_u16(bytes, at)?;
    let (content, rest) = counted(bytes, at.checked_add(2)?)?;
    rest.is_empty().then_some((kind, content))
}

/// A field with its length before it (u32), and what follows.
fn counted(bytes: &[u8], at: usize) -> Option<(&[u8], &[u8])> {
    let len = read_u32(bytes, at)?;
    bytes.get(at.checked_add(4)?..)?.split_at_checked(len)
}

fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes([field[0], field[1]]))
}

fn read_u32(bytes: &[u8], at: usize) -> Option<usize> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes([field[0], field[1], field[2], field[3]])).ok()
}

/// The platform's certificates as they are in the quote, DER: leaf, authority, root.
pub(super) struct PckChain([Vec<u8>; 3]);

impl PckChain {
    /// Takes them out of a quote. The text has to be the one PEM of them, line ends aside.
    pub(super) fn of(quote: &Quote) -> Option<Self> {
        let data = match &quote.auth_data {
            AuthData::V3(auth) => &auth.certification_data.body.data,
            AuthData::V4(auth) => &auth.qe_report_data.certification_data.body.data,
        };
        let text = std::str::from_utf8(data).ok()?.trim_end_matches(['\0', '\n', '\r']);
        let mut lines = text.lines();
        let chain = [next_pem(&mut lines)?, next_pem(&mut lines)?, next_pem(&mut lines)?];
        lines.next().is_none().then_some(Self(chain))
    }

    pub(super) fn leaf(&self) -> &[u8] {
        &self.0[0]
    }

    pub(super) fn authority(&self) -> &[u8] {
        &self.0[1]
    }

    pub(super) fn root(&self) -> &[u8] {
        &self.0[2]
    }

    /// Reads them, in order to say what is wrong with them.
    pub(super) fn read(&self) -> Option<[Certificate; 3]> {
        let [leaf, authority, root] = &self.0;
        Some([Certificate::parse(leaf)?, Certificate::parse(authority)?, Certificate::parse(root)?])
    }
}

/// One certificate of a PEM text: lines of 64 digits and a last one of at most as many.
fn next_pem<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Option<Vec<u8>> {
    if lines.next()? != "-----BEGIN CERTIFICATE-----" {
        return None;
    }
    let mut digits = String::new();
    let mut last = PEM_LINE;
    loop {
        match lines.next()? {
            "-----END CERTIFICATE-----" => return STANDARD.decode(digits).ok(),
            line if last == PEM_LINE && (1..=PEM_LINE).contains(&line.len()) => {
                digits.push_str(line);
                last = line.len();
            }
            _ => return None,
        }
    }
}
