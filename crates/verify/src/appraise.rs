//! The judgement: what evidence says, against what a policy demands. Every check is made, so that
//! all reasons come at once.

mod intel;
mod platform;
mod tpm;

use sealwork_seal::Statement;

use crate::{
    Claims, Class, Details, EvidenceKind, Policy, ReasonCode, Rejected, Trusted, Verdict,
    Watermark, authenticate::Authenticated, claims::Hex, instant::At, reason::Reasons,
};

/// Clocks of platforms may be ahead of the verifier's by so much, in seconds.
const CLOCK_SKEW: u64 = 60;

/// What evidence has to have signed, and how its age is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// What the platform has to have signed as report data. Shorter report data count as if they
    /// were padded with zeros.
    pub report_data: [u8; 64],
    /// What the platform's own nonce field has to hold, where it has one (Nitro).
    pub nonce: Option<Vec<u8>>,
    /// How its age is judged.
    pub age: Age,
}

/// How the age of evidence is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// The report data, or the nonce, answer something that the verifier has just made up.
    Challenged,
    /// The platform's own date has to be new. Most platforms have none, and are refused.
    Dated,
    /// It was archived: its age does not matter, it is checked at a time of its own.
    Archived,
}

impl Expectation {
    /// The statement, with a nonce of this session.
    pub fn challenge(statement: &Statement) -> Self {
        Self { report_data: statement.report_data(), nonce: None, age: Age::Challenged }
    }

    /// The statement, with no nonce.
    pub fn archived(statement: &Statement) -> Self {
        Self { report_data: statement.report_data(), nonce: None, age: Age::Archived }
    }
}

/// What else a judgement needs.
pub(crate) struct Circumstances<'a> {
    pub(crate) expectation: &'a Expectation,
    pub(crate) watermark: Option<&'a Watermark>,
    pub(crate) sequence: u64,
    /// Seconds since 1970.
    pub(crate) now: u64,
}

pub(crate) fn appraise(
    kind: EvidenceKind,
    evidence: &Authenticated,
    policy: &Policy,
    circumstances: &Circumstances<'_>,
) -> Verdict {
    let mut reasons = evidence.reasons.clone();
    let mut advisories = Vec::new();
    let mut claims = evidence.claims.clone();
    check_kind(kind, policy, &mut reasons);
    check_watermark(evidence, circumstances, &mut reasons);
    if let Some(claims) = &mut claims {
        tpm::check_key(claims, evidence, policy, circumstances.now, &mut reasons);
        check_class(claims, policy, &mut reasons);
        check_binding(claims, circumstances, &mut reasons);
        check_age(claims, policy, circumstances, &mut reasons);
        check_measurements(claims, policy, &mut reasons);
        advisories = check_details(claims, policy, circumstances.now, &mut reasons);
    }
    match claims {
        Some(claims) if reasons.is_empty() => {
            let claims = Box::new(claims);
            Verdict::Trusted(Trusted { class: claims.class, advisories, claims })
        }
        claims => Verdict::Rejected(Rejected {
            reasons: reasons.into_vec(),
            claims: claims.map(Box::new),
        }),
    }
}

/// What only one kind has, and the advisories that apply and are allowed. A kind that the policy
/// does not name is refused already.
fn check_details(claims: &Claims, policy: &Policy, now: u64, reasons: &mut Reasons) -> Vec<String> {
    let kinds = &policy.kinds;
    match &claims.details {
        Details::Sgx(sgx) => {
            if let Some(rules) = &kinds.sgx {
                intel::check_product(sgx, rules, reasons);
                return intel::check_tcb(sgx.tcb.as_ref(), &rules.tcb, now, reasons);
            }
        }
        Details::Tdx(tdx) => {
            if let Some(rules) = &kinds.tdx {
                return intel::check_tcb(tdx.tcb.as_ref(), &rules.tcb, now, reasons);
            }
        }
        Details::Snp(snp) => {
            kinds.snp.iter().for_each(|rules| platform::check_snp(snp, rules, reasons));
        }
        Details::Nitro(_) => {
            kinds.nitro.iter().for_each(|rules| platform::check_nitro(claims, rules, reasons));
        }
        Details::Tpm(tpm) => {
            kinds.tpm.iter().for_each(|rules| tpm::check_boot(claims, tpm, rules, reasons));
        }
        Details::Simulated => {}
    }
    Vec::new()
}

fn check_kind(kind: EvidenceKind, policy: &Policy, reasons: &mut Reasons) {
    if policy.kinds.references(kind).is_some() {
        return;
    }
    let allowed: Vec<_> = EvidenceKind::ALL
        .into_iter()
        .filter(|kind| policy.kinds.references(*kind).is_some())
        .map(EvidenceKind::as_str)
        .collect();
    let simulated = kind == EvidenceKind::Simulated;
    let code = if simulated { ReasonCode::Simulated } else { ReasonCode::KindNotAllowed };
    reasons
        .add(code, "kind of evidence")
        .expected(format!("one of: {}", allowed.join(", ")))
        .found(kind)
        .source("`kinds` of the policy")
        .mend(if simulated {
            "use a worker on a real platform; simulated evidence is for demonstrations"
        } else {
            "use a worker on such a platform, or add this kind with its reference values"
        });
}

fn check_watermark(
    evidence: &Authenticated,
    circumstances: &Circumstances<'_>,
    reasons: &mut Reasons,
) {
    let Some(watermark) = circumstances.watermark else { return };
    // Without a numbered bundle there is none that could be an older one. Whose endorsements these
    // are decides that, not the worker; collateral with numbers of its own is compared all the same.
    let bundle =
        (circumstances.sequence > 0).then_some((Watermark::BUNDLE, circumstances.sequence));
    let marks = evidence.marks.iter().map(|(name, mark)| (name.as_str(), *mark));
    for (name, mark) in marks.chain(bundle) {
        let seen = watermark.mark(name);
        if mark < seen {
            reasons
                .add(ReasonCode::CollateralRolledBack, name)
                .expected(format!("at least {seen}"))
                .found(mark)
                .source("what was used before")
                .mend("fetch the newest collateral");
        }
    }
}

fn check_class(claims: &Claims, policy: &Policy, reasons: &mut Reasons) {
    if claims.debug && !policy.allow_debug {
        reasons
            .add(ReasonCode::DebugEnabled, "debug")
            .expected("off")
            .found("on")
            .source("the platform's attributes")
            .mend("use a worker that was started without debug mode");
    }
    if claims.class < policy.class {
        reasons
            .add(ReasonCode::ClassTooLow, "class")
            .expected(policy.class.as_str())
            .found(claims.class.as_str())
            .source("`class` of the policy")
            .mend(match claims.class {
                Class::Measured => {
                    "a TPM shows what booted, not that memory is private: accept \
                                    `measured` if that is enough"
                }
                _ => "use a worker on a platform that keeps its memory private",
            });
    }
}

/// Zeros at the end do not count: platforms pad to sizes of their own.
fn padded(bytes: &[u8]) -> Option<[u8; 64]> {
    let (used, rest) = bytes.split_at(bytes.len().min(64));
    let mut out = [0; 64];
    out[..used.len()].copy_from_slice(used);
    rest.iter().all(|&byte| byte == 0).then_some(out)
}

fn check_binding(claims: &Claims, circumstances: &Circumstances<'_>, reasons: &mut Reasons) {
    let expectation = circumstances.expectation;
    if padded(&claims.report_data.0) != Some(expectation.report_data) {
        reasons
            .add(ReasonCode::ReportDataMismatch, "report data")
            .expected(Hex::from(expectation.report_data))
            .found(&claims.report_data)
            .source("the statement: nonce, keys, configuration, boot")
            .mend("ask the worker for evidence with this nonce; otherwise it is somebody else's");
    }
    if let Some(nonce) = &expectation.nonce
        && claims.nonce.as_ref().map(|nonce| &nonce.0) != Some(nonce)
    {
        let found = claims.nonce.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
        reasons
            .add(ReasonCode::NonceMismatch, "nonce")
            .expected(Hex(nonce.clone()))
            .found(found)
            .source("the verifier")
            .mend("ask the worker for evidence with this nonce");
    }
}

fn check_age(
    claims: &Claims,
    policy: &Policy,
    circumstances: &Circumstances<'_>,
    reasons: &mut Reasons,
) {
    let now = circumstances.now;
    let age = circumstances.expectation.age;
    let Some(issued) = claims.issued.map(sealwork_job::Timestamp::as_secs) else {
        if age == Age::Dated {
            reasons
                .add(ReasonCode::FreshnessUnknown, "age")
                .expected("an answer to a nonce")
                .found("evidence without date or nonce")
                .source("`freshness` of the policy")
                .mend(
                    "ask the worker for evidence with a nonce of your own; for the evidence of its \
                     epoch give the key config, too",
                );
        }
        return;
    };
    let max = policy.freshness.max_age_seconds;
    if issued > now.saturating_add(CLOCK_SKEW) {
        reasons
            .add(ReasonCode::EvidenceFromFuture, "date of the evidence")
            .expected(format!("not after {}", At(now)))
            .found(At(issued))
            .source("the verifier's clock")
            .mend("set the clock right");
    } else if age != Age::Archived && now.saturating_sub(issued) > max {
        reasons
            .add(ReasonCode::EvidenceStale, "date of the evidence")
            .expected(format!("at most {max} s before {}", At(now)))
            .found(At(issued))
            .source("`freshness.max_age_seconds` of the policy")
            .mend("ask the worker for new evidence");
    }
}

/// One set of reference values has to match whole; the reasons are about the one that is nearest.
fn check_measurements(claims: &Claims, policy: &Policy, reasons: &mut Reasons) {
    let Some(sets) = policy.kinds.references(claims.kind) else { return };
    let differs = |name: &String, value: &Hex| claims.measurements.get(name) != Some(value);
    let wrong = |set: &crate::ReferenceValues| {
        set.values.iter().filter(|(name, value)| differs(name, value)).count()
    };
    let Some(nearest) = sets.iter().min_by_key(|set| wrong(set)) else { return };
    let set = nearest.name.as_deref().unwrap_or("without a name");
    for (name, value) in nearest.values.iter().filter(|(name, value)| differs(name, value)) {
        let found = claims.measurements.get(name);
        reasons
            .add(ReasonCode::MeasurementMismatch, name)
            .expected(value)
            .found(found.map_or_else(|| "no such value".to_owned(), ToString::to_string))
            .source(format!("`kinds.{}.references` of the policy, set {set}", claims.kind))
            .mend("use a worker that runs a release you trust; add its values after review");
    }
}
