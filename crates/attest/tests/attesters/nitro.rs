//! Nitro enclaves, over a fake of the security module: requests and answers in CBOR, documents by
//! AWS's own types, signed below a root of the test.

use std::{collections::BTreeMap, sync::Arc};

use aws_nitro_enclaves_nsm_api::api::{AttestationDoc, ErrorCode, Request, Response};
use coset::{CborSerializable, CoseSign1Builder, HeaderBuilder, iana};
use p384::{
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    pkcs8::DecodePrivateKey as _,
};
use rcgen::{
    BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P384_SHA384,
};
use sealwork_attest::{Attester, DocumentRequest, NitroAttester, Nsm, NsmDevice};
use sealwork_job::Timestamp;
use sealwork_platform::{Clock, SystemClock};
use sealwork_verify::{
    Class, Endorsements, EvidenceKind, Expectation, Policy, ReasonCode, Verdict, verify,
};
use serde_json::json;
use sha2::Digest as _;

/// Limits of the real module, in bytes.
const MAX_REQUEST: usize = 0x1000;
const MAX_FIELD: usize = 1024;
const MAX_NONCE: usize = 512;

struct FakeModule {
    root: Vec<u8>,
    leaf: Vec<u8>,
    key: SigningKey,
    pcr0: [u8; 48],
    broken: bool,
}

impl std::fmt::Debug for FakeModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakeModule")
    }
}

impl FakeModule {
    fn new() -> Self {
        let key = || KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let (root_key, leaf_key) = (key(), key());
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root = params.self_signed(&root_key).unwrap().der().to_vec();
        let issuer = Issuer::new(params, root_key);
        let mut leaf = CertificateParams::default();
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        Self {
            root,
            leaf: leaf.signed_by(&leaf_key, &issuer).unwrap().der().to_vec(),
            key: p384::SecretKey::from_pkcs8_der(&leaf_key.serialize_der()).unwrap().into(),
            pcr0: [1; 48],
            broken: false,
        }
    }

    /// The bytes of a request to the bytes of an answer, as they cross the device.
    fn exchange(&self, request: &[u8]) -> Vec<u8> {
        let response = match ciborium::from_reader(request) {
            _ if self.broken => Response::Error(ErrorCode::InternalError),
            _ if request.len() > MAX_REQUEST => Response::Error(ErrorCode::InputTooLarge),
            Ok(Request::Attestation { user_data, nonce, public_key }) => {
                let field = |bytes: Option<serde_bytes::ByteBuf>| bytes.map(|b| b.into_vec());
                self.attest(field(user_data), field(nonce), field(public_key))
            }
            Ok(_) => Response::Error(ErrorCode::InvalidOperation),
            Err(_) => Response::Error(ErrorCode::InvalidArgument),
        };
        let mut bytes = Vec::new();
        ciborium::into_writer(&response, &mut bytes).unwrap();
        bytes
    }

    fn attest(
        &self,
        user_data: Option<Vec<u8>>,
        nonce: Option<Vec<u8>>,
        public_key: Option<Vec<u8>>,
    ) -> Response {
        let too_long =
            |field: &Option<Vec<u8>>, max| field.as_ref().is_some_and(|bytes| bytes.len() > max);
        if too_long(&user_data, MAX_FIELD)
            || too_long(&public_key, MAX_FIELD)
            || too_long(&nonce, MAX_NONCE)
        {
            return Response::Error(ErrorCode::InvalidArgument);
        }
        let mut pcrs: BTreeMap<usize, Vec<u8>> = (0..16).map(|n| (n, vec![0; 48])).collect();
        pcrs.insert(0, self.pcr0.to_vec());
        let document = AttestationDoc::new(
            "i-1-enc1".to_owned(),
            aws_nitro_enclaves_nsm_api::api::Digest::SHA384,
            now().0,
            pcrs,
            self.leaf.clone(),
            vec![self.root.clone()],
            user_data,
            nonce,
            public_key,
        );
        let signed = CoseSign1Builder::new()
            .protected(HeaderBuilder::new().algorithm(iana::Algorithm::ES384).build())
            .payload(document.to_binary())
            .create_signature(&[], |bytes| {
                let signature: Signature = self.key.sign(bytes);
                signature.to_bytes().to_vec()
            })
            .build();
        Response::Attestation { document: signed.to_vec().unwrap() }
    }

    fn policy(&self) -> Policy {
        let policy = json!({"version": 1, "kinds": {"nitro": {
            "references": [{"values": {"pcr0": "01".repeat(48)}}],
            "roots": [{
                "name": "a root of the tests",
                "sha256": hex::encode(sha2::Sha256::digest(&self.root)),
            }],
        }}});
        Policy::from_json(policy.to_string().as_bytes()).unwrap()
    }
}

impl Nsm for FakeModule {
    fn process(&self, request: Request) -> Response {
        let mut bytes = Vec::new();
        ciborium::into_writer(&request, &mut bytes).unwrap();
        ciborium::from_reader(self.exchange(&bytes).as_slice()).unwrap()
    }
}

fn now() -> Timestamp {
    SystemClock::new().now()
}

#[test]
fn an_enclave_s_document_is_trusted_as_confidential_and_bound_to_the_statement() {
    let module = Arc::new(FakeModule::new());
    let attester = NitroAttester::new(module.clone());
    assert_eq!((attester.kind(), attester.class()), (EvidenceKind::Nitro, Class::Confidential));
    let statement = crate::common::statement("nitro", 1);
    let evidence = attester.evidence(&statement.digest()).unwrap().evidence;
    let judge = |statement| {
        let expectation = Expectation::challenge(statement);
        verify(&evidence, &expectation, &Endorsements::default(), &module.policy(), now())
    };
    match judge(&statement) {
        Verdict::Trusted(trusted) => assert_eq!(trusted.class, Class::Confidential),
        Verdict::Rejected(rejected) => panic!("{:#?}", rejected.reasons),
    }
    let other = judge(&crate::common::statement("nitro", 2));
    let codes: Vec<_> = other.reasons().iter().map(|reason| reason.code).collect();
    assert_eq!(codes, [ReasonCode::ReportDataMismatch]);
}

#[test]
fn an_enclave_in_debug_mode_is_refused_by_the_verifier() {
    let module = Arc::new(FakeModule { pcr0: [0; 48], ..FakeModule::new() });
    let statement = crate::common::statement("nitro", 1);
    let evidence = NitroAttester::new(module.clone()).evidence(&statement.digest()).unwrap();
    let expectation = Expectation::challenge(&statement);
    let none = Endorsements::default();
    let verdict = verify(&evidence.evidence, &expectation, &none, &module.policy(), now());
    assert!(verdict.reasons().iter().any(|reason| reason.code == ReasonCode::DebugEnabled));
}

#[test]
fn a_document_holds_what_its_asker_wants_and_the_module_s_limits_are_told() {
    let attester = NitroAttester::new(Arc::new(FakeModule::new()));
    let request = DocumentRequest {
        user_data: None,
        nonce: Some(vec![1; 32]),
        public_key: Some(vec![2; 64]),
    };
    let document = attester.document(request).unwrap();
    let parsed = coset::CoseSign1::from_slice(&document).unwrap();
    let payload = AttestationDoc::from_binary(&parsed.payload.unwrap()).unwrap();
    assert_eq!(payload.nonce.unwrap().into_vec(), [1; 32]);
    assert_eq!(payload.public_key.unwrap().into_vec(), [2; 64]);
    assert_eq!(payload.user_data, None);

    let public_key = Some(vec![2; 64]);
    let too_long = |len| Some(vec![3; len]);
    for (request, said) in [
        (DocumentRequest { public_key: too_long(1025), ..DocumentRequest::default() }, "1024"),
        (
            DocumentRequest {
                user_data: too_long(1025),
                public_key: public_key.clone(),
                nonce: None,
            },
            "1024",
        ),
        (DocumentRequest { nonce: too_long(513), public_key, user_data: None }, "512"),
    ] {
        let error = attester.document(request).unwrap_err();
        assert_eq!(error.code(), "attester_question");
        assert!(error.to_string().contains(said), "{error}");
    }
}

/// Whoever could choose the user data of a document without a public key could state what they
/// like: without `could_be_a_statement` and the check of the public key these are made.
#[test]
fn no_document_that_an_asker_chooses_could_pass_for_the_worker_s_own_evidence() {
    let attester = NitroAttester::new(Arc::new(FakeModule::new()));
    let digest = crate::common::statement("nitro", 1).digest().as_bytes().to_vec();
    let padded = |len: usize| [&digest[..], &vec![0; len - 32]].concat();
    let with = |user_data: Vec<u8>, public_key: Option<Vec<u8>>| {
        attester.document(DocumentRequest { user_data: Some(user_data), public_key, nonce: None })
    };
    let key = Some(vec![2; 64]);
    for pretence in [digest[..31].to_vec(), digest.clone(), padded(33), padded(64), padded(1024)] {
        let error = with(pretence, key.clone()).unwrap_err();
        assert_eq!(error.code(), "attester_question", "{error}");
    }
    for no_key in [None, Some(vec![])] {
        assert_eq!(with(vec![1; 8], no_key).unwrap_err().code(), "attester_question");
    }
    let mut more = padded(40);
    more[39] = 1;
    for harmless in [vec![], vec![0; 8], more, vec![1; 100]] {
        with(harmless, key.clone()).unwrap();
    }
}

#[test]
fn a_module_that_fails_or_is_not_there_is_told_by_code() {
    let broken = NitroAttester::new(Arc::new(FakeModule { broken: true, ..FakeModule::new() }));
    let error = broken.evidence(&crate::common::statement("nitro", 1).digest()).unwrap_err();
    assert_eq!(error.code(), "attester_nitro");
    let absent = NsmDevice::open(&crate::common::MemoryFiles::default()).unwrap_err();
    assert_eq!(absent.code(), "attester_missing");
}
