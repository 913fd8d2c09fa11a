//! `sealwork verify ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{AccessArgs, PolicyArgs, RawArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum VerifyCommand {
    /// Check evidence against a policy
    ///
    /// The evidence is a running worker's, asked for with a fresh nonce, or a file's: an evidence
    /// document, or with --kind a platform's own evidence. Exit code 5 when it is rejected.
    Evidence(EvidenceArgs),
    /// Check a receipt, or a chain of receipts
    ///
    /// The input holds one receipt in a line. Several receipts must be consecutive ones of one
    /// worker: each names the digest of the one before. With --evidence and --policy they are
    /// followed to the archived evidence that they cite. Nothing is asked of a worker but with
    /// --from.
    Receipt(ReceiptArgs),
    /// Answer about a Nitro document as Marlin's attestation verifier does
    ///
    /// Checks the document at its own time, up to AWS's root, and prints the JSON answer whose
    /// EIP-712 signature Marlin's contracts accept. Without --key nothing is signed, and `digest` is
    /// what a verifier would sign.
    Marlin(MarlinArgs),
}

#[derive(Debug, Args)]
pub(crate) struct EvidenceArgs {
    /// A file, `-` for standard input, or a worker's address
    #[arg(value_name = "FILE|URL")]
    pub(crate) source: String,
    /// The key config that an evidence document has to be about, as `keys show --out` writes it
    #[arg(long, value_name = "FILE", conflicts_with = "kind")]
    pub(crate) key_config: Option<PathBuf>,
    /// The nonce that was sent, as hex digits: a document's, beside --key-config, or that of a Nitro
    /// enclave's own document
    #[arg(long, value_name = "HEX")]
    pub(crate) nonce: Option<String>,
    /// The report data that a platform's own evidence has to hold, up to 64 bytes as hex digits;
    /// zeros follow
    #[arg(long, value_name = "HEX", requires = "kind", help_heading = "Platform's own evidence")]
    pub(crate) report_data: Option<String>,
    /// Look back: judge as of this time, 2025-07-01T00:00:00Z or in seconds since 1970, with
    /// collateral of then [default: now, with none older than was seen before]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Say for each failure what was expected and found, where the expectation comes from, and how
    /// to mend it
    #[arg(long)]
    pub(crate) explain: bool,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    #[command(flatten)]
    pub(crate) raw: RawArgs,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReceiptArgs {
    /// The receipts, or `-` for standard input
    pub(crate) file: PathBuf,
    /// The worker's key config, as `keys show --out` writes it
    #[arg(long, value_name = "FILE", required_unless_present = "from")]
    pub(crate) key_config: Option<PathBuf>,
    /// The archived evidence that the receipts cite
    #[arg(long, value_name = "FILE", requires = "key_config", conflicts_with = "from")]
    pub(crate) evidence: Option<PathBuf>,
    /// Fetch key configs and archived evidence from the worker at this address
    #[arg(long, value_name = "URL", conflicts_with = "key_config")]
    pub(crate) from: Option<String>,
    /// The time at which evidence is judged, as 2025-07-01T00:00:00Z or in seconds since 1970
    /// [default: its own date, else the end of the job]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
}

#[derive(Debug, Args)]
pub(crate) struct MarlinArgs {
    /// The document, as `/attestation/raw` gives it, or `-` for standard input
    pub(crate) file: PathBuf,
    /// The document is hex digits, as `/attestation/hex` gives them
    #[arg(long)]
    pub(crate) hex: bool,
    /// Which contracts the answer is for
    #[arg(long, value_enum, value_name = "FORM", default_value = "new")]
    pub(crate) form: MarlinForm,
    /// Sign with the verifier's secp256k1 key in this file: 32 bytes, or 64 hex digits
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Demand a root with this P-384 key (X and Y as hex digits) instead of AWS's: for documents of
    /// Marlin's mock, which prove nothing
    #[arg(long, value_name = "HEX")]
    pub(crate) root_key: Option<String>,
    /// Take documents of enclaves in debug mode, whose memory the host can read
    #[arg(long)]
    pub(crate) allow_debug: bool,
}

/// A version of Marlin's contracts, by what they are told.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum MarlinForm {
    /// PCRs and a secp256k1 key
    Old,
    /// Image id, public key and user data
    New,
}
