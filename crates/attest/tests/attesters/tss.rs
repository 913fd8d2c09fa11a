//! The TSS's way to the TPM of a test.

use std::sync::Arc;

use sealwork_attest::tpm::{Tpm, TpmSettings};
use tss_esapi::{Context, TctiNameConf};

use crate::{common::MemoryFiles, swtpm::SwTpm};

impl SwTpm {
    pub(crate) fn settings(&self) -> TpmSettings {
        TpmSettings { address: self.address(), ..TpmSettings::default() }
    }

    pub(crate) fn connect(&self) -> Arc<Tpm> {
        Arc::new(Tpm::connect(&self.settings(), &MemoryFiles::default()).unwrap())
    }

    /// A connection past the code under test.
    pub(crate) fn raw(&self) -> Context {
        Context::new(self.address().parse::<TctiNameConf>().unwrap()).unwrap()
    }
}
