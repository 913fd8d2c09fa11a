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

/// What a document is to contain, as its asker wants it. Each at most 1 KiB (the module's limit
/// for `public_key` and `user_data` is 1 KiB, for `nonce` 512 bytes).
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

    /// A document of the asker's contents: the COSE bytes.
    ///
    /// # Errors
    /// [`AttestError`].
    pub fn document(&self, request: DocumentRequest) -> Result<Vec<u8>, AttestError> {
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

impl Attester for NitroAttester {
    fn kind(&self) -> EvidenceKind {
        EvidenceKind::Nitro
    }

    fn evidence(&self, statement: &Digest) -> Result<Attested, AttestError> {
        let user_data = Some(statement.as_bytes().to_vec());
        let document =
            self.document(DocumentRequest { user_data, ..DocumentRequest::default() })?;
        Ok(Evidence::new(EvidenceKind::Nitro, document).into())
    }
}
