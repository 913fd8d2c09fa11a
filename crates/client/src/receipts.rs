//! Receipts that a worker keeps, also when the results that they belong to are gone.

use sealwork_job::JobId;
use sealwork_seal::{Chain, receipt_digest};
use serde::Deserialize;

use crate::{Client, ClientError, VerifiedReceipt, VerifyError, http::Call, result::same};

/// A thousand receipts are smaller.
const MAX_PAGE: usize = 64 << 20;

/// What `GET /v1/receipts` answers; other members are not needed.
#[derive(Deserialize)]
struct Receipts {
    receipts: Vec<Kept>,
}

#[derive(Deserialize)]
struct Kept {
    receipt: String,
}

impl Client {
    /// The receipt of a job, its signature checked with the worker's key config.
    ///
    /// # Errors
    /// Network errors and refusals, `job_unknown` among them when it is not kept;
    /// [`ClientError::Verification`] when it is not what it should be.
    pub async fn receipt_of(&self, job: JobId) -> Result<VerifiedReceipt, ClientError> {
        let receipt = self.verified(&self.receipt_text(job).await?).await?;
        same("the job's id in the receipt", &job, &receipt.claims.job)?;
        Ok(receipt)
    }

    /// The receipt with this number in the worker's chain, checked as [`Self::receipt_of`] does.
    ///
    /// # Errors
    /// As [`Self::receipt_of`].
    pub async fn receipt_at(&self, sequence: u64) -> Result<VerifiedReceipt, ClientError> {
        let text = self.text(&format!("v1/receipts/{sequence}")).await?;
        let receipt = self.verified(&text).await?;
        same("the receipt's number", &sequence, &receipt.claims.sequence)?;
        Ok(receipt)
    }

    /// Up to `limit` (1 to 1000) of the kept receipts in the order of the worker's chain, from the
    /// number `from` on; those before the oldest that is kept are left out. Signatures are checked,
    /// and that each receipt names the one before it.
    ///
    /// # Errors
    /// Network errors and refusals; [`ClientError::Verification`] for a receipt that is not what it
    /// should be, or a chain that is broken.
    pub async fn receipts(
        &self,
        from: u64,
        limit: u16,
    ) -> Result<Vec<VerifiedReceipt>, ClientError> {
        let path = format!("v1/receipts?from={from}&limit={limit}");
        let call = Call { max_answer: MAX_PAGE, ..Call::get(&path) };
        let page: Receipts = self.inner.http.json(&call).await?;
        let config = self.key_config().await?;
        let mut chain = Chain::new(&config.receipt_key);
        page.receipts
            .into_iter()
            .map(|Kept { receipt: text }| {
                let claims = chain.push(&text).map_err(VerifyError::from)?;
                same("the worker in the receipt", &config.worker, &claims.worker)?;
                Ok(VerifiedReceipt { digest: receipt_digest(&text), text, claims })
            })
            .collect()
    }

    /// The job's receipt as the worker keeps it, not checked.
    pub(crate) async fn receipt_text(&self, job: JobId) -> Result<String, ClientError> {
        self.text(&format!("v1/jobs/{job}/receipt")).await
    }

    async fn verified(&self, text: &str) -> Result<VerifiedReceipt, ClientError> {
        let config = self.key_config().await?;
        let receipt =
            VerifiedReceipt::verify(text, &config.receipt_key).map_err(VerifyError::from)?;
        same("the worker in the receipt", &config.worker, &receipt.claims.worker)?;
        Ok(receipt)
    }

    async fn text(&self, path: &str) -> Result<String, ClientError> {
        let answer = self.inner.http.call(&Call::get(path)).await?;
        String::from_utf8(answer.body.into())
            .map(|text| text.trim().to_owned())
            .map_err(|_| self.inner.http.protocol("the receipt is not text"))
    }
}
