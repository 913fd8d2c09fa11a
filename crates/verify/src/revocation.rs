//! Revocation lists (RFC 5280, 5).

use x509_cert::{
    certificate::Rfc5280,
    crl::CertificateList,
    der::{
        Decode,
        asn1::UintRef,
        oid::db::rfc5280::{
            ID_CE_CRL_NUMBER, ID_CE_DELTA_CRL_INDICATOR, ID_CE_ISSUING_DISTRIBUTION_POINT,
        },
    },
};

use crate::{
    certificate::{Certificate, scheme, signed_part},
    instant::Moment,
};

/// A list that was read; nothing about it is checked yet.
pub(crate) struct RevocationList<'a> {
    der: &'a [u8],
    parsed: CertificateList<Rfc5280>,
}

/// How new a list is: issued by now, its number, its date. The number is big-endian and may be long,
/// so its length comes before it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ListAge {
    is_issued: bool,
    number_len: usize,
    number: Vec<u8>,
    this_update: u64,
}

impl<'a> RevocationList<'a> {
    /// Reads DER, the whole of it.
    pub(crate) fn parse(der: &'a [u8]) -> Option<Self> {
        Some(Self { der, parsed: CertificateList::from_der(der).ok()? })
    }

    /// The issuer's name as text.
    pub(crate) fn issuer(&self) -> String {
        self.parsed.tbs_cert_list.issuer.to_string()
    }

    /// Whether it names an authority as its issuer.
    pub(crate) fn is_of(&self, authority: &Certificate) -> bool {
        authority.has_subject(&self.parsed.tbs_cert_list.issuer)
    }

    /// Whether an authority has signed it.
    pub(crate) fn is_signed_by(&self, authority: &Certificate) -> bool {
        let signed = || {
            let scheme = scheme(&self.parsed.signature_algorithm)?;
            let signature = self.parsed.signature.as_bytes()?;
            let message = self.der.get(signed_part(self.der)?)?;
            Some(authority.public_key()?.verifies(scheme, message, signature))
        };
        signed() == Some(true)
    }

    /// First and last second of its validity, since 1970.
    pub(crate) fn validity(&self) -> (u64, u64) {
        let list = &self.parsed.tbs_cert_list;
        let until = list.next_update.map_or(u64::MAX, |time| time.to_unix_duration().as_secs());
        (list.this_update.to_unix_duration().as_secs(), until)
    }

    /// How new it is.
    pub(crate) fn age(&self, moment: &mut Moment) -> ListAge {
        let extensions = self.parsed.tbs_cert_list.crl_extensions.iter().flatten();
        let mut numbers = extensions.filter(|extension| extension.extn_id == ID_CE_CRL_NUMBER);
        let number =
            numbers.next().and_then(|number| UintRef::from_der(number.extn_value.as_bytes()).ok());
        let number = number.map_or_else(Vec::new, |number| number.as_bytes().to_vec());
        let (this_update, _) = self.validity();
        let is_issued = moment.has_come(this_update);
        ListAge { is_issued, number_len: number.len(), number, this_update }
    }

    /// Whether it was issued after another one of the same authority: by number, and by date where
    /// the numbers are the same. All of Intel's have the number 1.
    pub(crate) fn is_newer_than(&self, other: &Self) -> bool {
        // Of a time at which both are issued.
        let mut moment = Moment::new(u64::MAX);
        self.age(&mut moment) > other.age(&mut moment)
    }

    /// Whether it speaks of all that its authority has issued: not of changes, nor of a part (RFC
    /// 5280, 5.2.4 and 5.2.5).
    pub(crate) fn is_complete(&self) -> bool {
        let mut extensions = self.parsed.tbs_cert_list.crl_extensions.iter().flatten();
        let partial = [ID_CE_DELTA_CRL_INDICATOR, ID_CE_ISSUING_DISTRIBUTION_POINT];
        !extensions.any(|extension| partial.contains(&extension.extn_id))
    }

    /// Whether a certificate of the list's issuer is on it.
    pub(crate) fn names(&self, certificate: &Certificate) -> bool {
        let entries = self.parsed.tbs_cert_list.revoked_certificates.iter().flatten();
        let mut serials = entries.map(|entry| entry.serial_number.as_bytes());
        serials.any(|serial| serial == certificate.serial())
    }
}

/// The first of the highest rank.
pub(crate) fn best<T, R: Ord>(
    parts: impl DoubleEndedIterator<Item = T>,
    rank: impl FnMut(&T) -> R,
) -> Option<T> {
    // Of equals `max_by_key` gives the last.
    parts.rev().max_by_key(rank)
}
