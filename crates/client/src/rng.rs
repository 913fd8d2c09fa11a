use std::{convert::Infallible, sync::Arc};

use rand_core::{TryCryptoRng, TryRng};
use sealwork_platform::Entropy;

/// The platform's entropy as the generator that sealing asks for.
#[derive(Debug, Clone)]
pub struct EntropyRng(pub Arc<dyn Entropy>);

impl TryRng for EntropyRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out);
        Ok(())
    }
}

impl TryCryptoRng for EntropyRng {}
