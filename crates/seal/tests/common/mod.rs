//! Fixed keys and repeatable randomness for the tests of this crate.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use sealwork_job::{Digest, InstanceId, JobId, Timestamp, Usage, WorkerId};
use sealwork_seal::{
    EnvelopeKeyPair, KeyConfig, KeyConfigParams, OpenLimits, PublicEnvelopeKey, ReceiptClaims,
    ReceiptKey, RequestParts, SealOptions, Sealed, Suite, seal_request,
};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const LIMITS: OpenLimits = OpenLimits { max_envelope_bytes: 16 << 20 };
pub(crate) const JOB_JSON: &[u8] =
    br#"{"engine":"web","arguments":{"url":"https://example.com/"}}"#;
pub(crate) const JOB: JobId = JobId([0x11; 16]);

/// Gives out what it is told to and fails when that is used up.
pub(crate) struct Tape(std::collections::VecDeque<u8>);

impl Tape {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(bytes.iter().copied().collect())
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryRng for Tape {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("keys are drawn as bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("keys are drawn as bytes")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.fill_with(|| self.0.pop_front().expect("the tape is used up"));
        Ok(())
    }
}

impl TryCryptoRng for Tape {}

/// A repeatable stream (SplitMix64): good enough to make distinct keys in tests.
pub(crate) struct Stream(pub(crate) u64);

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(z ^ (z >> 31))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.try_next_u64()?.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Stream {}

/// A worker with one key of each suite.
pub(crate) struct World {
    pub(crate) receipt_key: ReceiptKey,
    pub(crate) pairs: Vec<EnvelopeKeyPair>,
    pub(crate) config: KeyConfig,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::seeded(1)
    }

    pub(crate) fn seeded(seed: u64) -> Self {
        let mut rng = Stream(seed);
        let pairs: Vec<_> = [Suite::X25519, Suite::XWing]
            .map(|suite| EnvelopeKeyPair::generate(suite, &mut rng))
            .into();
        let receipt_key = ReceiptKey::from_seed(&[seed as u8; 32]);
        let config = KeyConfig::sign(&receipt_key, params(&receipt_key, &pairs));
        Self { receipt_key, pairs, config }
    }

    pub(crate) fn pair(&self, suite: Suite) -> &EnvelopeKeyPair {
        self.pairs.iter().find(|pair| pair.suite() == suite).unwrap()
    }

    pub(crate) fn key(&self, suite: Suite) -> &PublicEnvelopeKey {
        self.config.pick(suite, Timestamp::from_secs(NOW)).unwrap()
    }

    pub(crate) fn seal(&self, suite: Suite, input: Option<&[u8]>) -> Sealed {
        let request = RequestParts { job_json: JOB_JSON, input };
        let key = self.key(suite);
        seal_request(&mut Stream(7), &self.config, key, &request, &options()).unwrap()
    }
}

pub(crate) fn params(receipt_key: &ReceiptKey, pairs: &[EnvelopeKeyPair]) -> KeyConfigParams {
    let offered = |pair: &EnvelopeKeyPair| PublicEnvelopeKey {
        not_before: NOW - 10,
        not_after: NOW + 86_400,
        ..pair.public()
    };
    KeyConfigParams {
        worker: receipt_key.public().worker_id(),
        instance: InstanceId([0x22; 16]),
        max_lifetime_secs: 3600,
        max_envelope_bytes: 16 << 20,
        isolation: "wasm".to_owned(),
        config_digest: Digest([0x33; 32]),
        evidence: "none".to_owned(),
        keys: pairs.iter().map(offered).collect(),
    }
}

pub(crate) fn options() -> SealOptions<'static> {
    SealOptions { not_before: NOW - 60, expiry: NOW + 600, target: WorkerId::ANY, signer: None }
}

pub(crate) fn claims(key: &ReceiptKey, sequence: u64, previous: Digest) -> ReceiptClaims {
    ReceiptClaims {
        worker: key.public().worker_id(),
        instance: InstanceId([0x22; 16]),
        job: JOB,
        intake: sealwork_job::Intake::Sealed,
        engine: "web".to_owned(),
        program: None,
        job_digest: Some(Digest([0x44; 32])),
        input_digest: None,
        output_digest: Some(Digest([0x55; 32])),
        code: "ok".to_owned(),
        started: Timestamp(NOW * 1000),
        ended: Timestamp(NOW * 1000 + 321),
        usage: usage(),
        isolation: "wasm".to_owned(),
        evidence: None,
        key_config: Digest([0x66; 32]),
        sequence,
        previous,
    }
}

pub(crate) fn usage() -> Usage {
    Usage { wall_ms: 321, egress_requests: 3, egress_received_bytes: 4097, ..Usage::default() }
}
