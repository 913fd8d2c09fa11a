//! Policies and evidence, for every command that meets them; `sealwork policy ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sealwork_verify::EvidenceKind;

use super::AccessArgs;

/// What a worker has to show before a job is sealed to it, and receipts have to lead to.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Attestation")]
pub(crate) struct AttestArgs {
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// Demand no evidence: then whoever runs the worker may be able to read the job. No variable
    /// stands for this flag
    #[arg(long, conflicts_with_all = ["policy", "endorsements"])]
    pub(crate) unattested: bool,
}

/// What evidence is judged by.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Attestation")]
pub(crate) struct PolicyArgs {
    /// The policy that evidence has to satisfy, as `policy init` writes one [default:
    /// SEALWORK_POLICY]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Makers' certificates and collateral, beside those that come with evidence: a bundle, Intel's
    /// collateral as JSON, certificates as PEM or DER; may be repeated [default:
    /// SEALWORK_ENDORSEMENTS]
    #[arg(long, value_name = "FILE")]
    pub(crate) endorsements: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one command in a process")]
pub(crate) enum PolicyCommand {
    /// Write a policy that trusts exactly what a worker's evidence says, for review
    Init(PolicyInitArgs),
    /// Check a policy and say what it accepts
    Check {
        /// The policy, or `-` for standard input
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PolicyInitArgs {
    /// A worker's address, or a file with evidence
    #[arg(long, value_name = "URL|FILE")]
    pub(crate) from: String,
    /// Write the policy to this file, which must not exist yet, instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Makers' certificates and collateral, as for `verify evidence`; may be repeated [default:
    /// SEALWORK_ENDORSEMENTS]
    #[arg(long, value_name = "FILE")]
    pub(crate) endorsements: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) raw: RawArgs,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
}

/// A platform's own evidence, which is no document of Sealwork's.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Platform's own evidence")]
pub(crate) struct RawArgs {
    /// The file is a platform's own evidence of this kind: sgx and tdx a quote, snp a report, nitro
    /// a document, tpm a quote's message (TPMS_ATTEST)
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub(crate) kind: Option<EvidenceKind>,
    /// The file holds hex digits
    #[arg(long, requires = "kind")]
    pub(crate) hex: bool,
    #[command(flatten)]
    pub(crate) tpm: TpmArgs,
}

/// The parts of a TPM's quote, as `tpm2_quote` writes them.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "A TPM's quote")]
pub(crate) struct TpmArgs {
    /// The quote's signature (TPMT_SIGNATURE; `tpm2_quote -s`)
    #[arg(long, value_name = "FILE", requires = "kind")]
    pub(crate) tpm_signature: Option<PathBuf>,
    /// The attestation key: PEM, DER, or a public area (TPM2B_PUBLIC or TPMT_PUBLIC): `tpm2_readpublic
    /// -o` in each of its formats
    #[arg(long, value_name = "FILE", requires = "kind")]
    pub(crate) tpm_key: Option<PathBuf>,
    /// The values of the quoted PCRs, ascending, one after the other (`tpm2_quote -o -F values`)
    #[arg(long, value_name = "FILE", requires = "kind")]
    pub(crate) tpm_pcrs: Option<PathBuf>,
    /// The firmware's event log
    #[arg(long, value_name = "FILE", requires = "kind")]
    pub(crate) tpm_event_log: Option<PathBuf>,
}

impl TpmArgs {
    /// Whether a part of a quote is named.
    pub(crate) fn is_any_given(&self) -> bool {
        let parts = [&self.tpm_signature, &self.tpm_key, &self.tpm_pcrs, &self.tpm_event_log];
        parts.iter().any(|part| part.is_some())
    }
}

fn kind(text: &str) -> Result<EvidenceKind, String> {
    EvidenceKind::from_name(text).ok_or_else(|| {
        let names: Vec<_> = EvidenceKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("must be one of {}", names.join(", "))
    })
}
