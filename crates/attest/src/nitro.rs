//! Evidence of AWS Nitro enclaves: documents that the Nitro security module signs.

use std::{fmt::Debug, sync::Arc};

use aws_nitro_enclaves_nsm_api::{
    api::{Request, Response},
    driver,
};
use sealwork_job::Digest;
use sealwork_platform::KernelFiles;
use sealwork_verify::{Evidence, EvidenceKind};
use serde_bytes::ByteBuf;

use crate::{AttestError, Attested, Attester};

pub(crate) const DEVICE: &str = "/dev/nsm";

/// What the module takes at most, in bytes.
const MAX_FIELD: usize = 1024;
const MAX_NONCE: usize = 512;
/// A digest of a statement, and the shortest text that could still pass for one when zeros follow.
const STATEMENT_LEN: usize = 32;
const TOO_CLOSE_LEN: usize = 24;

/// The security module: one request, one answer.
pub trait Nsm: Debug + Send + Sync {
    /// Hands over a request.
    fn process(&self, request: Request) -> Response;
}

/// The device of an enclave.
#[derive(Debug)]
pub struct NsmDevice(i32);

impl NsmDevice {
    /// Opens the device.
    ///
    /// # Errors
    /// [`AttestError::Missing`], [`AttestError::Denied`].
    pub fn open(files: &dyn KernelFiles) -> Result<Self, AttestError> {
        if !files.exists(DEVICE) {
            return Err(AttestError::Missing {
                what: "Nitro enclave",
                path: DEVICE.to_owned(),
                hint: "It exists in Nitro enclaves only, with the kernel's driver nsm",
            });
        }
        match driver::nsm_init() {
            descriptor @ 0.. => Ok(Self(descriptor)),
            _ => Err(AttestError::Denied { path: DEVICE.to_owned(), who: "root" }),
        }
    }
}

impl Nsm for NsmDevice {
    fn process(&self, request: Request) -> Response {
        driver::nsm_process_request(self.0, request)
    }
}

impl Drop for NsmDevice {
    fn drop(&mut self) {
        driver::nsm_exit(self.0);
    }
}

/// What a document is to contain, as its asker wants it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentRequest {
    /// `user_data`.
    pub user_data: Option<Vec<u8>>,
    /// `nonce`.
    pub nonce: Option<Vec<u8>>,
    /// `public_key`.
    pub public_key: Option<Vec<u8>>,
}

/// A Nitro enclave.
#[derive(Debug, Clone)]
pub struct NitroAttester {
    module: Arc<dyn Nsm>,
}

impl NitroAttester {
    /// Takes the module.
    pub fn new(module: Arc<dyn Nsm>) -> Self {
        Self { module }
    }

    /// A document of the asker's contents: the COSE bytes. It is never evidence for a statement:
    /// whoever may choose the contents could state what they like.
    ///
    /// # Errors
    /// [`AttestError::Question`] for contents that are too long, for those without a public key,
    /// which the worker's own evidence never has, and for those whose user data could be the digest
    /// of a statement; [`AttestError`].
    pub fn document(&self, request: DocumentRequest) -> Result<Vec<u8>, AttestError> {
        let refused = |why| Err(AttestError::Question(why));
        let DocumentRequest { user_data, nonce, public_key } = &request;
        if public_key.as_ref().is_none_or(Vec::is_empty) {
            return refused("public_key is empty");
        }
        let is_longer =
            |field: &Option<Vec<u8>>, max| field.as_ref().is_some_and(|f| f.len() > max);
        if is_longer(public_key, MAX_FIELD) || is_longer(user_data, MAX_FIELD) {
            return refused("public_key or user_data is longer than 1024 bytes");
        }
        if is_longer(nonce, MAX_NONCE) {
            return refused("nonce is longer than 512 bytes");
        }
        if user_data.as_deref().is_some_and(could_be_a_statement) {
            return refused(
                "user_data is as long as the digest of a statement, which this worker's own \
                 evidence is about: take less than 24 bytes, or more than 32 that matter",
            );
        }
        self.ask(request)
    }

    fn ask(&self, request: DocumentRequest) -> Result<Vec<u8>, AttestError> {
        let DocumentRequest { user_data, nonce, public_key } = request;
        let request = Request::Attestation {
            user_data: user_data.map(ByteBuf::from),
            nonce: nonce.map(ByteBuf::from),
            public_key: public_key.map(ByteBuf::from),
        };
        match self.module.process(request) {
            Response::Attestation { document } if !document.is_empty() => Ok(document),
            Response::Error(code) => Err(AttestError::Nitro(format!("{code:?}"))),
            _ => Err(AttestError::Answer("no document from the Nitro security module")),
        }
    }
}

/// Verifiers compare user data with a digest, padded with zeros.
fn could_be_a_statement(user_data: &[u8]) -> bool {
    let after = user_data.get(STATEMENT_LEN..).unwrap_or_default();
    user_data.len() >= TOO_CLOSE_LEN && after.iter().all(|byte| *byte == 0)
}

impl Attester for NitroAttester {
    fn kind(&self) -> EvidenceKind {
        EvidenceKind::Nitro
    }

    fn evidence(&self, statement: &Digest) -> Result<Attested, AttestError> {
        let user_data = Some(statement.as_bytes().to_vec());
        let document = self.ask(DocumentRequest { user_data, ..DocumentRequest::default() })?;
        Ok(Evidence::new(EvidenceKind::Nitro, document).into())
    }
}
