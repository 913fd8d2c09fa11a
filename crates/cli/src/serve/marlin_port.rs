//! The worker as Marlin's attestation server.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sealwork_attest::Opened;
use sealwork_door_http::marlin::{MarlinPort, MarlinQuestion};
use sealwork_job::{Code, Refusal};
use sealwork_platform::RootSecret;
use sealwork_seal::EvmKey;
use sealwork_worker::Worker;

/// Documents of the enclave that the worker runs in.
pub(super) struct MarlinWorker {
    worker: Arc<Worker>,
    #[cfg(feature = "nitro")]
    nitro: Option<Arc<sealwork_attest::NitroAttester>>,
    /// What Marlin's verifiers know an executor by.
    public_key: [u8; 64],
}

impl MarlinWorker {
    #[cfg_attr(
        not(feature = "nitro"),
        expect(unused_variables, reason = "without Nitro there are no documents")
    )]
    pub(super) fn new(worker: &Arc<Worker>, opened: Option<&Opened>, root: &RootSecret) -> Self {
        Self {
            worker: Arc::clone(worker),
            #[cfg(feature = "nitro")]
            nitro: opened.and_then(|opened| opened.nitro.clone()),
            public_key: EvmKey::derive(root.expose()).public(),
        }
    }

    fn elsewhere(&self) -> Refusal {
        let kind = self.worker.key_config();
        let kind = kind.evidence_kind();
        let text = format!("such documents come from Nitro enclaves; evidence here is `{kind}`");
        Refusal::new(Code::EvidenceNone, text)
    }
}

#[async_trait]
impl MarlinPort for MarlinWorker {
    #[cfg(feature = "nitro")]
    async fn document(&self, question: MarlinQuestion) -> Result<Bytes, Refusal> {
        use sealwork_attest::DocumentRequest;
        let nitro = self.nitro.clone().ok_or_else(|| self.elsewhere())?;
        let MarlinQuestion { public_key, user_data, nonce } = question;
        let public_key = Some(public_key.unwrap_or_else(|| self.public_key.to_vec()));
        let request = DocumentRequest { user_data, nonce, public_key };
        self.worker.ask_platform(move || nitro.document(request)).await.map(Bytes::from)
    }

    #[cfg(not(feature = "nitro"))]
    async fn document(&self, _: MarlinQuestion) -> Result<Bytes, Refusal> {
        let _ = self.public_key;
        Err(self.elsewhere())
    }
}
