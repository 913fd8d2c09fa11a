use super::{
    Freshness, IntelTcbPolicy, Isolation, Kinds, NitroPolicy, Policy, ReferenceValues, SgxPolicy,
    SimulatedPolicy, SnpPolicy, SnpSigner, TdxPolicy, TpmPolicy, validate::VERSION,
};
use crate::{Claims, Details};

impl Policy {
    /// A policy for exactly this evidence, for a person to review: its kind with its measurements
    /// as reference values, everything else strict. `policy init` writes it.
    pub fn from_claims(claims: &Claims) -> Self {
        let references = vec![ReferenceValues { name: None, values: claims.reference_values() }];
        let mut kinds = Kinds::default();
        match &claims.details {
            Details::Sgx(sgx) => {
                kinds.sgx = Some(SgxPolicy {
                    references,
                    isv_prod_id: Some(sgx.isv_prod_id),
                    min_isv_svn: sgx.isv_svn,
                    tcb: IntelTcbPolicy::default(),
                    roots: Vec::new(),
                });
            }
            Details::Tdx(_) => {
                let tcb = IntelTcbPolicy::default();
                kinds.tdx = Some(TdxPolicy { references, tcb, roots: Vec::new() });
            }
            Details::Snp(snp) => {
                kinds.snp = Some(SnpPolicy {
                    references,
                    min_tcb: snp.committed_tcb,
                    min_guest_svn: snp.guest_svn,
                    max_vmpl: snp.vmpl,
                    allow_smt: true,
                    allow_migration: false,
                    signers: vec![if snp.signer == "vlek" {
                        SnpSigner::Vlek
                    } else {
                        SnpSigner::Vcek
                    }],
                    roots: Vec::new(),
                });
            }
            Details::Nitro(_) => {
                kinds.nitro =
                    Some(NitroPolicy { references, require_nonce: false, roots: Vec::new() });
            }
            Details::Tpm(tpm) => {
                kinds.tpm = Some(TpmPolicy {
                    references,
                    attestation_keys: vec![tpm.listed_as().clone()],
                    activated: Vec::new(),
                    roots: Vec::new(),
                    measured_boot: claims.has_measured_boot(),
                    event_log: tpm.secure_boot.is_some(),
                    secure_boot: tpm.secure_boot == Some(true),
                });
            }
            Details::Simulated => {
                kinds.simulated = Some(SimulatedPolicy { references });
            }
        }
        Self {
            version: VERSION,
            name: None,
            class: claims.class,
            allow_debug: false,
            isolation: Isolation::all(),
            freshness: Freshness::default(),
            kinds,
        }
    }
}
