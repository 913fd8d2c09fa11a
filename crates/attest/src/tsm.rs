//! Evidence of TDX and SEV-SNP guests by configfs-tsm (Linux 6.7 and later,
//! Documentation/ABI/testing/configfs-tsm-report).

mod certificates;
mod report;

use std::sync::{Arc, Mutex, PoisonError};

use sealwork_job::Digest;
use sealwork_platform::{Entropy, KernelFiles};
use sealwork_verify::{Evidence, EvidenceKind};

use crate::{AttestError, Attested, Attester};
use report::Report;

/// Where reports are asked for.
pub(crate) const DIRECTORY: &str = "/sys/kernel/config/tsm/report";

/// A TDX or SEV-SNP guest.
#[derive(Debug)]
pub struct TsmAttester {
    files: Arc<dyn KernelFiles>,
    entropy: Arc<dyn Entropy>,
    kind: EvidenceKind,
    /// The platform serves one request at a time, and refuses others as busy.
    turn: Mutex<()>,
}

impl TsmAttester {
    /// Asks the kernel which platform it is.
    ///
    /// # Errors
    /// [`AttestError`].
    pub fn open(
        files: Arc<dyn KernelFiles>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, AttestError> {
        let provider = Report::create(&*files, &*entropy)?.provider()?;
        let kind = match provider.as_str() {
            "tdx_guest" => EvidenceKind::Tdx,
            "sev_guest" => EvidenceKind::Snp,
            _ => return Err(AttestError::UnknownProvider(provider)),
        };
        Ok(Self { files, entropy, kind, turn: Mutex::new(()) })
    }
}

impl Attester for TsmAttester {
    fn kind(&self) -> EvidenceKind {
        self.kind
    }

    fn evidence(&self, statement: &Digest) -> Result<Attested, AttestError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut data = [0; report::DATA_LEN];
        data[..32].copy_from_slice(statement.as_bytes());
        // An entry of its own: nobody else has a reason to write to it.
        let entry = Report::create(&*self.files, &*self.entropy)?;
        let blobs = entry.request(&data, self.kind.max_len())?;
        if report_data(self.kind, &blobs.report) != Some(data.as_slice()) {
            return Err(AttestError::Answer("a report about other data than was asked for"));
        }
        let endorsements = certificates::read(&blobs.auxiliary);
        Ok(Attested { evidence: Evidence::new(self.kind, blobs.report), endorsements })
    }
}

/// The report data in a TDX quote (version 4 or 5: Intel TDX DCAP Quoting Library API, A.3) or a
/// SEV-SNP report (AMD SEV-SNP ABI, table 23).
fn report_data(kind: EvidenceKind, report: &[u8]) -> Option<&[u8]> {
    let start = match (kind, report.first_chunk()?) {
        (EvidenceKind::Tdx, [4, 0]) => 48 + 520,
        (EvidenceKind::Tdx, [5, 0]) => 48 + 6 + 520,
        (EvidenceKind::Snp, _) => 0x50,
        _ => return None,
    };
    report.get(start..start + report::DATA_LEN)
}

#[cfg(test)]
#[path = "../../egress/tests/common/conformance.rs"]
mod conformance;

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test reads its samples")]
mod tests {
    use super::*;

    /// Samples of real platforms, with the first bytes of their report data.
    #[test]
    fn report_data_is_where_real_platforms_put_it() {
        let cases = [
            (EvidenceKind::Tdx, "dcap/tdx_quote", "9a9d48e7f6799642"),
            (EvidenceKind::Tdx, "dcap/tdx_quote_outdated", "d2142b643598eb5f"),
            (EvidenceKind::Snp, "snp/test-report.bin", "ec6c52d7533cc2c4"),
        ];
        for (kind, name, begin) in cases {
            let (folder, file) = name.split_once('/').unwrap();
            let Some(folder) = conformance::folder(folder, 1) else { continue };
            let report = std::fs::read(folder.join(file)).unwrap();
            let found = report_data(kind, &report).unwrap();
            assert_eq!(hex::encode(&found[..8]), begin, "{name}");
            assert_eq!(found.len(), report::DATA_LEN);
            assert_eq!(report_data(kind, &report[..0x80]), None, "{name}, cut off");
        }
        assert_eq!(report_data(EvidenceKind::Tdx, &[3; 700]), None, "a quote of SGX");
    }
}
