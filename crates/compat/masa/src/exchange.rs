//! Jobs and results under a ring, with the errors that the routes answer (reference 1.4).

use zeroize::Zeroizing;

use crate::{DecodeError, IV_LEN, MasaJob, ResultBody, Ring, RingError};

/// Why a sealed job does not open: what follows `Error while decrypting job: `.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenJobError {
    /// It does not unseal.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// It unseals to something that is no job.
    #[error(transparent)]
    Job(#[from] DecodeError),
}

/// Why a sealed result does not open: what `/job/result` answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenResultError {
    /// The job does not unseal.
    #[error("error while unsealing the encrypted request: {0}")]
    Request(RingError),
    /// The job unseals to something that is no job.
    #[error("error while unmarshalling the job request: {0}")]
    Job(DecodeError),
    /// The result does not unseal, or is another job's.
    #[error("error while unsealing the job result: {0}")]
    Result(RingError),
}

impl Ring {
    /// Seals a job that [`MasaJob::stamp`] has made ready. `iv` must be random.
    ///
    /// # Errors
    /// [`RingError::Empty`].
    pub fn seal_job(&self, iv: [u8; IV_LEN], job: &MasaJob) -> Result<String, RingError> {
        self.seal_request(iv, &Zeroizing::new(job.to_json()))
    }

    /// Opens a sealed job.
    ///
    /// # Errors
    /// [`OpenJobError`].
    pub fn open_job(&self, blob: &[u8]) -> Result<MasaJob, OpenJobError> {
        Ok(MasaJob::from_json(&self.unseal_request(blob)?)?)
    }

    /// Opens a sealed result with the sealed job that it belongs to: all of `/job/result`.
    ///
    /// # Errors
    /// [`OpenResultError`].
    pub fn open_result(&self, body: &ResultBody) -> Result<Zeroizing<Vec<u8>>, OpenResultError> {
        let request = self
            .unseal_request(body.encrypted_request.as_bytes())
            .map_err(OpenResultError::Request)?;
        let job = MasaJob::from_json(&request).map_err(OpenResultError::Job)?;
        self.unseal_result(&job.quote, body.encrypted_result.as_bytes())
            .map_err(OpenResultError::Result)
    }
}
