use std::fmt;

use serde::Serialize;

macro_rules! reason_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal: $meaning:literal,)+) => {
        /// Why evidence is refused. Codes are stable; docs/attestation.md lists them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ReasonCode {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl ReasonCode {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its stable name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// What it means, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }
        }
    };
}

reason_codes! {
    /// Not of the format.
    EvidenceMalformed = "evidence_malformed": "the bytes are not evidence of the stated kind",
    /// Longer than evidence of any kind.
    EvidenceTooLarge = "evidence_too_large": "the evidence is longer than evidence of its kind can be",
    /// Another kind than stated.
    KindMismatch = "kind_mismatch": "the evidence is of another kind than stated",
    /// The policy does not name the kind.
    KindNotAllowed = "kind_not_allowed": "the policy does not name this kind of evidence",
    /// Below the policy's class.
    ClassTooLow = "class_too_low": "the platform promises less than the policy demands",
    /// Debug access is open.
    DebugEnabled = "debug_enabled": "the host can read the memory: the enclave or guest runs in debug mode",
    /// The attester is a simulation.
    Simulated = "simulated": "the evidence is simulated and proves nothing",
    /// Ends at an unknown root.
    RootUntrusted = "root_untrusted": "the certificates do not end at a pinned root",
    /// Certificates do not belong to each other.
    ChainInvalid = "chain_invalid": "the certificates do not form a chain",
    /// After a certificate's end.
    CertificateExpired = "certificate_expired": "a certificate has expired",
    /// Before a certificate's beginning.
    CertificateNotYetValid = "certificate_not_yet_valid": "a certificate is not valid yet",
    /// On a revocation list.
    CertificateRevoked = "certificate_revoked": "a certificate was revoked by its issuer",
    /// Something to check against is missing.
    EndorsementMissing = "endorsement_missing": "certificates or collateral that the check needs were not given",
    /// The platform's signature is wrong.
    SignatureInvalid = "signature_invalid": "the signature over the evidence does not verify",
    /// The quoting enclave is not Intel's.
    QuotingEnclave = "quoting_enclave": "the quoting enclave is not the one that Intel's identity describes",
    /// Collateral is not signed, or not readable.
    CollateralInvalid = "collateral_invalid": "collateral is not signed by its maker or cannot be read",
    /// After the collateral's next update.
    CollateralExpired = "collateral_expired": "a part of the collateral has expired",
    /// Before the collateral's issue date.
    CollateralNotYetValid = "collateral_not_yet_valid": "a part of the collateral is not valid yet",
    /// Collateral of another platform.
    CollateralMismatch = "collateral_mismatch": "the collateral is about another platform than the evidence",
    /// Older than collateral that was seen before.
    CollateralRolledBack = "collateral_rolled_back": "the collateral is older than what was used before",
    /// The platform is below every known level.
    TcbLevelMissing = "tcb_level_missing": "no TCB level of the maker matches this platform",
    /// The level's status is not on the policy's list.
    TcbStatusNotAllowed = "tcb_status_not_allowed": "the platform's TCB status is not one that the policy accepts",
    /// The level was revoked.
    TcbRevoked = "tcb_revoked": "the maker has revoked this TCB level",
    /// Below the policy's minimum.
    TcbTooOld = "tcb_too_old": "the platform's firmware is older than the policy's minimum",
    /// The report and the certificate disagree.
    TcbMismatch = "tcb_mismatch": "the report names other firmware versions than its certificate",
    /// An advisory that the policy does not allow now.
    AdvisoryNotAllowed = "advisory_not_allowed": "a security advisory applies that the policy does not allow at this time",
    /// Signed by another chip's key.
    ChipMismatch = "chip_mismatch": "the certificate belongs to another chip than the report",
    /// Other code than the reference values.
    MeasurementMismatch = "measurement_mismatch": "what was measured is none of the policy's reference values",
    /// Another product of the same signer, or a lower version.
    VersionNotAllowed = "version_not_allowed": "the product or its security version is not the policy's",
    /// Attributes that weaken the isolation.
    AttributesNotAllowed = "attributes_not_allowed": "the guest or enclave runs with attributes that the policy does not allow",
    /// A less privileged level asked for the report.
    VmplNotAllowed = "vmpl_not_allowed": "the report was asked for at a privilege level that the policy does not allow",
    /// Another statement was signed.
    ReportDataMismatch = "report_data_mismatch": "the platform signed other report data than expected",
    /// A field of the statement differs.
    StatementMismatch = "statement_mismatch": "the statement is about something else than expected",
    /// Another nonce, or none.
    NonceMismatch = "nonce_mismatch": "the evidence does not answer the nonce",
    /// Too old.
    EvidenceStale = "evidence_stale": "the evidence is older than the policy allows",
    /// From the future.
    EvidenceFromFuture = "evidence_from_future": "the evidence is dated later than the time of the check",
    /// Neither date nor nonce.
    FreshnessUnknown = "freshness_unknown": "nothing shows when the evidence was made",
    /// The epoch's evidence where an answer to the nonce is demanded.
    EpochEvidenceNotAllowed = "epoch_evidence_not_allowed": "the evidence is that of the worker's epoch, and the policy demands an answer to the nonce",
    /// Jobs are isolated by less than demanded.
    IsolationNotAllowed = "isolation_not_allowed": "the worker isolates jobs in a way that the policy does not accept",
    /// Nothing says whose key signed the quote.
    AttestationKeyUntrusted = "attestation_key_untrusted": "nothing shows that the attestation key lives in a trusted TPM",
    /// The key may sign anything.
    AttestationKeyUnsuitable = "attestation_key_unsuitable": "the attestation key is not restricted to what its TPM says itself",
    /// The values do not add up to the quote.
    PcrMismatch = "pcr_mismatch": "the PCR values do not add up to the quoted digest",
    /// The log does not lead to the values.
    EventLogMismatch = "event_log_mismatch": "the event log does not lead to the quoted PCR values",
    /// No log.
    EventLogMissing = "event_log_missing": "the policy needs an event log and there is none",
    /// The log is not readable.
    EventLogMalformed = "event_log_malformed": "the event log cannot be read",
    /// Another hash than demanded.
    BankNotPresent = "bank_not_present": "the PCR bank that the policy needs is not present",
    /// No boot was measured.
    NothingMeasured = "nothing_measured": "the boot PCRs have their initial values: no boot was measured",
    /// Secure Boot is off or unknown.
    SecureBootOff = "secure_boot_off": "the event log does not show that Secure Boot was on",
    /// The key config is not to be used.
    KeyConfigInvalid = "key_config_invalid": "the key config is not signed by the worker that it names",
    /// The receipt is not to be believed.
    ReceiptInvalid = "receipt_invalid": "the receipt is not signed by the worker's receipt key",
    /// The receipt is about something else.
    ReceiptMismatch = "receipt_mismatch": "the receipt names another key config, boot or evidence",
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ReasonCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One thing that is wrong with evidence, in words for people and a code for machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// What kind of thing.
    pub code: ReasonCode,
    /// The claim that was looked at, for example `rtmr1`.
    pub claim: String,
    /// What it should have been.
    pub expected: String,
    /// What it is. Bytes from outside are shown as hex digits or escaped.
    pub found: String,
    /// Where the expectation comes from.
    pub source: String,
    /// What to do about it.
    pub mend: String,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, claim, expected, found, .. } = self;
        write!(f, "{code}: {claim}: expected {expected}, found {found}")
    }
}

/// Where the checks put what they find: all of it, once each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reasons(Vec<Reason>);

/// A reason that lacks its mend; [`Draft::mend`] files it.
#[must_use]
pub(crate) struct Draft<'a> {
    to: &'a mut Reasons,
    reason: Reason,
}

impl Reasons {
    /// Begins a reason.
    pub(crate) fn add(&mut self, code: ReasonCode, claim: impl Into<String>) -> Draft<'_> {
        let reason = Reason {
            code,
            claim: claim.into(),
            expected: String::new(),
            found: String::new(),
            source: String::new(),
            mend: String::new(),
        };
        Draft { to: self, reason }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Reason> {
        self.0.iter()
    }

    pub(crate) fn extend(&mut self, others: &Self) {
        for reason in &others.0 {
            self.push(reason.clone());
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Reason> {
        self.0
    }

    fn push(&mut self, reason: Reason) {
        if !self.0.contains(&reason) {
            self.0.push(reason);
        }
    }
}

impl Draft<'_> {
    pub(crate) fn expected(mut self, expected: impl fmt::Display) -> Self {
        self.reason.expected = said(&expected);
        self
    }

    pub(crate) fn found(mut self, found: impl fmt::Display) -> Self {
        self.reason.found = said(&found);
        self
    }

    pub(crate) fn source(mut self, source: impl fmt::Display) -> Self {
        self.reason.source = source.to_string();
        self
    }

    /// Says what to do, and files the reason.
    pub(crate) fn mend(mut self, mend: impl fmt::Display) {
        self.reason.mend = mend.to_string();
        self.to.push(self.reason);
    }
}

/// Empty values are said, too.
fn said(value: &impl fmt::Display) -> String {
    let text = value.to_string();
    if text.is_empty() { "nothing".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_plain() {
        let names: BTreeSet<_> = ReasonCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), ReasonCode::ALL.len());
        for name in names {
            assert!(name.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase()), "{name}");
        }
    }

    #[test]
    fn the_documents_table_is_this_one() {
        let document = include_str!("../../../docs/attestation.md");
        let table: Vec<_> = ReasonCode::ALL
            .iter()
            .map(|code| format!("| `{code}` | {} |", code.meaning()))
            .collect();
        assert!(document.contains(&table.join("\n")), "{}", table.join("\n"));
    }
}
