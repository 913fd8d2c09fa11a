use std::{convert::Infallible, fmt::Debug};

/// Random bytes good enough for keys.
pub trait Entropy: Debug + Send + Sync {
    /// Fills `out`.
    fn fill(&self, out: &mut [u8]);
}

impl dyn Entropy + '_ {
    /// An array of random bytes.
    pub fn array<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[allow(clippy::disallowed_methods, reason = "the owner of randomness")]
    fn fill(&self, out: &mut [u8]) {
        // Without randomness no key is safe: there is nothing sensible to go on with.
        #[allow(clippy::expect_used, reason = "a kernel without getrandom cannot run a worker")]
        getrandom::fill(out).expect("the operating system gives random bytes");
    }
}

/// [`Entropy`] as the random number generator that cryptographic crates ask for.
#[derive(Debug, Clone, Copy)]
pub struct EntropyRng<'a>(pub &'a dyn Entropy);

impl rand_core::TryRng for EntropyRng<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.0.array()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.0.array()))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for EntropyRng<'_> {}
