//! What the fuzz targets share: repeatable randomness and one worker's keys.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use sealwork_job::{Digest, WorkerId};
use sealwork_seal::{EnvelopeKeyPair, Header, RequestSecrets, Suite, request_sealer};

/// A repeatable stream, so that a crash reproduces.
pub struct Stream(pub u64);

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        Ok(self.0 ^ (self.0 >> 29))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.try_next_u64()?.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Stream {}

/// The key config that envelopes are sealed under.
pub const CONFIG: Digest = Digest([3; 32]);

/// A key pair that is the same in every run.
pub fn pair(suite: Suite) -> EnvelopeKeyPair {
    EnvelopeKeyPair::generate(suite, &mut Stream(1))
}

/// Seals a plaintext of the fuzzer's choice, so that what lies behind the cryptography is reached.
/// `whole` is the length of the envelope.
pub fn seal(pair: &EnvelopeKeyPair, plaintext: &[u8], whole: usize) -> (Vec<u8>, RequestSecrets) {
    let header = Header {
        suite: pair.suite(),
        key_id: pair.id(),
        nonce: [4; 16],
        not_before: 1,
        expiry: 2,
        target: WorkerId::ANY,
    };
    let public = pair.public().public;
    let (mut envelope, mut sealer, secrets) =
        request_sealer(&mut Stream(2), &header, &public, &CONFIG).expect("the key is valid");
    let mut plaintext = plaintext.to_vec();
    plaintext.resize(whole - envelope.len() - 16, 0);
    sealer.push(&plaintext, &mut envelope);
    sealer.finish(&mut envelope);
    (envelope, secrets)
}
