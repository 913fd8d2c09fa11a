//! The relying party's library: whether a worker runs where and what it says it runs.
//!
//! Everything here is a function of its arguments: no I/O, no clock, no randomness of its own, so
//! that it builds for a browser as it does for a server.
//!
//! * [`Evidence`] is what a platform has signed; nothing about it is believed.
//! * [`Endorsements`] are what makers say about their platforms: certificates, collateral.
//! * [`Policy`] is what the relying party demands.
//! * [`verify`] gives a [`Verdict`]: trusted with a class, or every [`Reason`] why not.
//! * [`verify_worker`] and [`verify_receipt_evidence`] go on to key configs and receipts.
//!
//! Verdicts by sample, kind and reason are in `docs/attestation.md`.
#![forbid(unsafe_code)]

mod appraise;
mod authenticate;
mod certificate;
mod chain;
mod claims;
pub mod cose;
mod crypto;
mod dcap;
mod document;
mod endorsements;
mod evidence;
mod instant;
mod nitro;
mod policy;
mod reason;
mod receipt;
mod revocation;
mod roots;
mod simulated;
mod snp;
mod tpm;
mod verdict;
mod verifier;
mod watermark;
mod worker;

pub use appraise::{Age, Expectation};
pub use claims::{
    Claims, Details, Hex, IntelTcb, NitroClaims, Provenance, SgxClaims, SnpClaims, SnpTcb,
    TdxClaims, TpmClaims,
};
pub use document::{DocumentError, EvidenceDocument, MAX_DOCUMENT_LEN};
pub use endorsements::{DcapCollateral, Endorsements, EndorsementsError, MAX_BUNDLE_LEN};
pub use evidence::{Evidence, EvidenceKind};
pub use instant::Day;
pub use nitro::{NitroRoot, authenticate_nitro};
pub use policy::{
    ActivatedKey, AllowedAdvisory, Doubt, Draft, Freshness, IntelTcbPolicy, Isolation, Kinds,
    NitroPolicy, POLICY_SCHEMA, Policy, PolicyError, ReferenceValues, SgxPolicy, SimulatedPolicy,
    SnpPolicy, SnpSigner, TcbStatus, TdxPolicy, TpmPolicy, draft,
};
pub use reason::{Reason, ReasonCode};
pub use receipt::{VerifiedReceipt, verify_receipt_evidence};
pub use roots::{Root, pinned_roots};
#[cfg(feature = "sim")]
pub use simulated::simulate;
pub use tpm::{AttestationKey, CredentialChallenge, CredentialError, EndorsementKey, TpmEvidence};
pub use verdict::{Class, Rejected, Trusted, Verdict};
pub use verifier::{Verifier, inspect, verify};
pub use watermark::Watermark;
pub use worker::{Question, verify_document, verify_worker};
