use super::read;
use crate::{
    Claims, Endorsements, Evidence, EvidenceKind, Hex, Rejected, Root, authenticate::authenticate,
    certificate::Certificate, crypto::PublicKey,
};

/// The root at which a document's certificates have to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NitroRoot {
    /// The pinned one, AWS's.
    Aws,
    /// Whatever certificate has this P-384 key: X and Y, 48 bytes each.
    Key([u8; 96]),
}

/// What a document says of itself before anything is checked.
#[derive(Default)]
struct OwnWords {
    /// Seconds since 1970.
    made: u64,
    root: Option<Certificate>,
}

impl OwnWords {
    fn of(bytes: &[u8]) -> Self {
        if bytes.len() > EvidenceKind::Nitro.max_len() {
            return Self::default();
        }
        let Ok((_, document)) = read(bytes) else { return Self::default() };
        Self {
            made: document.timestamp / 1000,
            root: document.cabundle.first().and_then(|der| Certificate::parse(der)),
        }
    }

    /// The root that it brings along, if that has the key.
    fn root_with(&self, key: &[u8; 96]) -> Option<&Certificate> {
        self.root.as_ref().filter(|root| match root.public_key() {
            Some(PublicKey::P384(point)) => point.split_first() == Some((&4, key.as_slice())),
            _ => false,
        })
    }
}

/// Follows the signatures of an attestation document to a root, every certificate at the time at
/// which the document was made, and gives what it says.
///
/// Nothing of that is judged: not its age, its measurements, debug mode. This is for verifiers that
/// have rules of their own and state them; [`verify`](crate::verify) is for policies.
///
/// # Errors
/// [`Rejected`] with everything that is wrong with format, certificates and signatures.
pub fn authenticate_nitro(document: &[u8], root: &NitroRoot) -> Result<Claims, Rejected> {
    let own = OwnWords::of(document);
    let roots = match root {
        NitroRoot::Aws => Vec::new(),
        NitroRoot::Key(key) => vec![Root {
            name: format!("a certificate with the key {}", Hex::from(*key)),
            sha256: Hex(own.root_with(key).map_or_else(Vec::new, |root| root.fingerprint.into())),
        }],
    };
    let evidence = Evidence::new(EvidenceKind::Nitro, document);
    let outcome = authenticate(&evidence, &Endorsements::default(), &roots, own.made);
    match outcome.claims {
        Some(claims) if outcome.reasons.is_empty() => Ok(claims),
        claims => {
            Err(Rejected { reasons: outcome.reasons.into_vec(), claims: claims.map(Box::new) })
        }
    }
}
