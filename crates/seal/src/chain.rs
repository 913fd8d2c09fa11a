use sealwork_job::Digest;

use crate::{ReceiptClaims, ReceiptError, ReceiptPublicKey, receipt_digest, verify_receipt};

/// A place in a chain of receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainLink {
    /// The receipt's number.
    pub sequence: u64,
    /// The receipt's digest, which the next one names.
    pub digest: Digest,
}

/// Checks one worker's receipts in order: signatures, numbers without gaps, each naming the one
/// before. It may begin anywhere, because workers keep only so many receipts.
#[derive(Debug)]
pub struct Chain<'a> {
    key: &'a ReceiptPublicKey,
    last: Option<ChainLink>,
}

impl<'a> Chain<'a> {
    /// A chain that begins with whichever receipt comes first.
    pub fn new(key: &'a ReceiptPublicKey) -> Self {
        Self { key, last: None }
    }

    /// A chain that goes on after a link that is known already.
    pub fn after(key: &'a ReceiptPublicKey, last: ChainLink) -> Self {
        Self { key, last: Some(last) }
    }

    /// Checks the next receipt.
    ///
    /// # Errors
    /// [`ReceiptError`]; the chain stays where it was.
    pub fn push(&mut self, jws: &str) -> Result<ReceiptClaims, ReceiptError> {
        let claims = verify_receipt(jws, self.key)?;
        let sequence = claims.sequence;
        if let Some(last) = self.last {
            if last.sequence.checked_add(1) != Some(sequence) {
                return Err(ReceiptError::Sequence { previous: last.sequence, got: sequence });
            }
            if claims.previous != last.digest {
                return Err(ReceiptError::Link { sequence });
            }
        }
        self.last = Some(ChainLink { sequence, digest: receipt_digest(jws) });
        Ok(claims)
    }

    /// The last receipt that was checked.
    pub fn last(&self) -> Option<ChainLink> {
        self.last
    }
}

/// Checks receipts of one worker in order, and gives their claims.
///
/// # Errors
/// [`ReceiptError`] of the first receipt that does not fit.
pub fn verify_chain<'a>(
    receipts: impl IntoIterator<Item = &'a str>,
    key: &ReceiptPublicKey,
) -> Result<Vec<ReceiptClaims>, ReceiptError> {
    let mut chain = Chain::new(key);
    receipts.into_iter().map(|jws| chain.push(jws)).collect()
}
