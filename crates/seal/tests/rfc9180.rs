//! The HPKE library that envelopes stand on agrees with RFC 9180 and with X-Wing's vectors.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
#[path = "../../egress/tests/common/conformance.rs"]
mod conformance;

use common::Tape;
use hkdf::{Hkdf, HkdfExtract};
use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable,
    aead::{Aead, AesGcm128, AesGcm256, ChaCha20Poly1305},
    danger::streaming_enc::{AeadKey, AeadNonce, ExporterSecret, create_sender_context},
    kdf::{HkdfSha256, Kdf, KdfShake256},
    kem::{DhP256HkdfSha256, X25519HkdfSha256, XWing},
    setup_receiver, setup_sender_with_rng,
};
use serde::Deserialize;
use sha2::Sha256;

#[derive(Deserialize)]
struct Vector {
    mode: u8,
    kem_id: u16,
    kdf_id: u16,
    aead_id: u16,
    info: Hex,
    #[serde(rename = "ikmR")]
    ikm_r: Hex,
    #[serde(rename = "ikmE")]
    ikm_e: Hex,
    #[serde(rename = "ikmS", default)]
    ikm_s: Hex,
    #[serde(rename = "skRm")]
    sk_r: Hex,
    #[serde(rename = "pkRm")]
    pk_r: Hex,
    #[serde(rename = "skSm", default)]
    sk_s: Hex,
    #[serde(rename = "pkSm", default)]
    pk_s: Hex,
    #[serde(rename = "skEm", default)]
    sk_e: Hex,
    #[serde(rename = "pkEm", default)]
    pk_e: Hex,
    enc: Hex,
    shared_secret: Hex,
    #[serde(default)]
    key_schedule_context: Hex,
    #[serde(default)]
    secret: Hex,
    key: Hex,
    base_nonce: Hex,
    exporter_secret: Hex,
    encryptions: Vec<Encryption>,
    exports: Vec<Export>,
}

#[derive(Deserialize)]
struct Encryption {
    seq: Option<u64>,
    aad: Hex,
    pt: Hex,
    ct: Hex,
    nonce: Hex,
}

#[derive(Deserialize)]
struct Export {
    exporter_context: Hex,
    #[serde(rename = "L")]
    len: usize,
    exported_value: Hex,
}

#[derive(Default, PartialEq, Debug)]
struct Hex(Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

#[test]
fn rfc_9180_vectors_hold() {
    let Some(vectors) = load("rfc9180-filtered.json", 12) else { return };
    let encryptions: usize = vectors.iter().map(run).sum();
    assert_eq!((vectors.len(), encryptions), (12, 60));
}

#[test]
fn x_wing_vectors_hold() {
    let Some(vectors) = load("test-vectors-go-8aa8a04.json", 2) else { return };
    let encryptions: usize = vectors.iter().map(run).sum();
    assert_eq!((vectors.len(), encryptions), (2, 20));
}

fn run(vector: &Vector) -> usize {
    match (vector.kem_id, vector.kdf_id, vector.aead_id) {
        (0x10, 1, 1) => check::<DhP256HkdfSha256, HkdfSha256, AesGcm128>(vector),
        (0x10, 1, 2) => check::<DhP256HkdfSha256, HkdfSha256, AesGcm256>(vector),
        (0x10, 1, 3) => check::<DhP256HkdfSha256, HkdfSha256, ChaCha20Poly1305>(vector),
        (0x20, 1, 1) => check::<X25519HkdfSha256, HkdfSha256, AesGcm128>(vector),
        (0x20, 1, 2) => check::<X25519HkdfSha256, HkdfSha256, AesGcm256>(vector),
        (0x20, 1, 3) => check::<X25519HkdfSha256, HkdfSha256, ChaCha20Poly1305>(vector),
        (0x647a, 1, 3) => check::<XWing, HkdfSha256, ChaCha20Poly1305>(vector),
        (0x647a, 0x11, 3) => check::<XWing, KdfShake256, ChaCha20Poly1305>(vector),
        suite => panic!("no such suite is expected: {suite:?}"),
    }
}

fn check<K: Kem, F: Kdf, A: Aead>(vector: &Vector) -> usize {
    let (sk_r, pk_r) = K::derive_keypair(&vector.ikm_r.0);
    assert_eq!(sk_r.to_bytes().as_slice(), private(vector, &vector.sk_r));
    assert_eq!(pk_r.to_bytes().as_slice(), vector.pk_r.0);
    assert_eq!(K::sk_to_pk(&sk_r).to_bytes().as_slice(), vector.pk_r.0);
    if !vector.sk_e.0.is_empty() {
        let (sk_e, pk_e) = K::derive_keypair(&vector.ikm_e.0);
        assert_eq!(sk_e.to_bytes().as_slice(), private(vector, &vector.sk_e));
        assert_eq!(pk_e.to_bytes().as_slice(), vector.pk_e.0);
    }
    let sender = (vector.mode == 2).then(|| {
        let (sk_s, pk_s) = K::derive_keypair(&vector.ikm_s.0);
        assert_eq!(sk_s.to_bytes().as_slice(), private(vector, &vector.sk_s));
        assert_eq!(pk_s.to_bytes().as_slice(), vector.pk_s.0);
        (sk_s, pk_s)
    });

    let pair = sender.as_ref().map(|(sk, pk)| (sk, pk));
    let (shared, enc) = K::encap_with_rng(&pk_r, pair, &mut Tape::new(&vector.ikm_e.0)).unwrap();
    assert_eq!(enc.to_bytes().as_slice(), vector.enc.0);
    assert_eq!(shared.0.as_slice(), vector.shared_secret.0);
    let enc = K::EncappedKey::from_bytes(&vector.enc.0).unwrap();
    let shared = K::decap(&sk_r, pair.map(|(_, pk)| pk), &enc).unwrap();
    assert_eq!(shared.0.as_slice(), vector.shared_secret.0);
    if vector.kdf_id == 1 {
        check_key_schedule(vector);
    }

    let (mode_s, mode_r) = match &sender {
        None => (OpModeS::Base, OpModeR::Base),
        Some((sk, pk)) => (OpModeS::Auth((sk.clone(), pk.clone())), OpModeR::Auth(pk.clone())),
    };
    let (_, mut sender) = setup_sender_with_rng::<A, F, K>(
        &mode_s,
        &pk_r,
        &vector.info.0,
        &mut Tape::new(&vector.ikm_e.0),
    )
    .unwrap();
    let mut receiver = setup_receiver::<A, F, K>(&mode_r, &sk_r, &enc, &vector.info.0).unwrap();
    // A context of the vector's own keys must act like the one that was set up.
    let mut given = given_context::<K, F, A>(vector);

    let mut next = 0;
    for (n, e) in vector.encryptions.iter().enumerate() {
        let sequence = e.seq.unwrap_or(n as u64);
        for _ in next..sequence {
            let filler = sender.seal(b"filler", b"").unwrap();
            given.seal(b"filler", b"").unwrap();
            receiver.open(&filler, b"").unwrap();
        }
        let counter = u128::from(sequence).to_be_bytes();
        let nonce = vector.base_nonce.0.iter().zip(&counter[4..]).map(|(a, b)| a ^ b);
        assert!(nonce.eq(e.nonce.0.iter().copied()));
        assert_eq!(sender.seal(&e.pt.0, &e.aad.0).unwrap(), e.ct.0);
        assert_eq!(given.seal(&e.pt.0, &e.aad.0).unwrap(), e.ct.0);
        assert_eq!(receiver.open(&e.ct.0, &e.aad.0).unwrap(), e.pt.0);
        next = sequence + 1;
    }
    for e in &vector.exports {
        let mut values = [vec![0; e.len], vec![0; e.len], vec![0; e.len]];
        sender.export(&e.exporter_context.0, &mut values[0]).unwrap();
        receiver.export(&e.exporter_context.0, &mut values[1]).unwrap();
        given.export(&e.exporter_context.0, &mut values[2]).unwrap();
        assert!(values.iter().all(|value| *value == e.exported_value.0));
    }
    vector.encryptions.len()
}

/// A private key as the library holds it: X25519 scalars are clamped (RFC 7748 section 5) before
/// use, which the vectors leave to the one who uses them.
fn private(vector: &Vector, key: &Hex) -> Vec<u8> {
    let mut key = key.0.clone();
    if vector.kem_id == 0x20 {
        key[0] &= 0xf8;
        key[31] = key[31] & 0x7f | 0x40;
    }
    key
}

fn given_context<K: Kem, F: Kdf, A: Aead>(vector: &Vector) -> hpke::aead::AeadCtxS<A, F, K> {
    let mut key = AeadKey::<A>::default();
    let mut nonce = AeadNonce::<A>::default();
    let mut exporter = ExporterSecret::<F>::default();
    key.0.copy_from_slice(&vector.key.0);
    nonce.0.copy_from_slice(&vector.base_nonce.0);
    exporter.0.copy_from_slice(&vector.exporter_secret.0);
    create_sender_context(&key, nonce, exporter)
}

/// RFC 9180 section 5.1, computed anew.
fn check_key_schedule(vector: &Vector) {
    let mut suite = b"HPKE".to_vec();
    for id in [vector.kem_id, vector.kdf_id, vector.aead_id] {
        suite.extend_from_slice(&id.to_be_bytes());
    }
    let extract = |salt: &[u8], label: &[u8], ikm: &[u8]| {
        let mut hkdf = HkdfExtract::<Sha256>::new(Some(salt));
        [b"HPKE-v1", &suite[..], label, ikm].iter().for_each(|part| hkdf.input_ikm(part));
        hkdf.finalize().0
    };
    let context = [
        &[vector.mode][..],
        &extract(b"", b"psk_id_hash", b""),
        &extract(b"", b"info_hash", &vector.info.0),
    ]
    .concat();
    let secret = extract(&vector.shared_secret.0, b"secret", b"");
    let expand = |label: &[u8], len: usize| {
        let mut out = vec![0; len];
        let len = u16::try_from(len).unwrap().to_be_bytes();
        let info = [&len[..], b"HPKE-v1", &suite, label, &context].concat();
        Hkdf::<Sha256>::from_prk(&secret).unwrap().expand(&info, &mut out).unwrap();
        out
    };
    if !vector.secret.0.is_empty() {
        assert_eq!(context, vector.key_schedule_context.0);
        assert_eq!(secret.as_slice(), vector.secret.0);
    }
    assert_eq!(expand(b"key", vector.key.0.len()), vector.key.0);
    assert_eq!(expand(b"base_nonce", 12), vector.base_nonce.0);
    assert_eq!(expand(b"exp", 32), vector.exporter_secret.0);
}

#[allow(clippy::disallowed_methods, reason = "test data comes from outside of the repository")]
fn load(file: &str, cases: usize) -> Option<Vec<Vector>> {
    let json = std::fs::read(conformance::folder("hpke", cases)?.join(file)).unwrap();
    Some(serde_json::from_slice(&json).unwrap())
}
