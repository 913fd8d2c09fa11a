use crate::{
    ReasonCode, SgxClaims,
    claims::IntelTcb,
    instant::At,
    policy::{IntelTcbPolicy, SgxPolicy, TcbStatus},
    reason::Reasons,
};

pub(super) fn check_product(sgx: &SgxClaims, rules: &SgxPolicy, reasons: &mut Reasons) {
    if let Some(product) = rules.isv_prod_id
        && product != sgx.isv_prod_id
    {
        reasons
            .add(ReasonCode::VersionNotAllowed, "isv_prod_id")
            .expected(product)
            .found(sgx.isv_prod_id)
            .source("`kinds.sgx.isv_prod_id` of the policy")
            .mend("use a worker that runs this product");
    }
    if sgx.isv_svn < rules.min_isv_svn {
        reasons
            .add(ReasonCode::VersionNotAllowed, "isv_svn")
            .expected(format!("at least {}", rules.min_isv_svn))
            .found(sgx.isv_svn)
            .source("`kinds.sgx.min_isv_svn` of the policy")
            .mend("use a worker that runs a newer release");
    }
}

/// The status of Intel's name; none for `Revoked` and for whatever may come.
fn status(name: &str) -> Option<TcbStatus> {
    serde_json::from_value(name.into()).ok()
}

/// Judges the platform's state, and gives the advisories that apply and are allowed.
pub(super) fn check_tcb(
    tcb: Option<&IntelTcb>,
    rules: &IntelTcbPolicy,
    now: u64,
    reasons: &mut Reasons,
) -> Vec<String> {
    // Without it the check did not get so far, and a reason says why.
    let Some(tcb) = tcb else { return Vec::new() };
    if !status(&tcb.status).is_some_and(|status| rules.statuses.contains(&status)) {
        let allowed: Vec<_> = rules.statuses.iter().map(|status| format!("{status:?}")).collect();
        reasons
            .add(ReasonCode::TcbStatusNotAllowed, "TCB status")
            .expected(format!("one of: {}", allowed.join(", ")))
            .found(&tcb.status)
            .source("`tcb.statuses` of the policy")
            .mend("the operator has to update the platform, or review what the status means");
    }
    if let Some(day) = rules.min_date
        && tcb.date < day.start()
    {
        reasons
            .add(ReasonCode::TcbTooOld, "date of the TCB level")
            .expected(format!("not before {day}"))
            .found(At(tcb.date))
            .source("`tcb.min_date` of the policy")
            .mend("the operator has to update the platform");
    }
    if tcb.evaluation < rules.min_evaluation {
        reasons
            .add(ReasonCode::CollateralRolledBack, "evaluation number of the collateral")
            .expected(format!("at least {}", rules.min_evaluation))
            .found(tcb.evaluation)
            .source("`tcb.min_evaluation` of the policy")
            .mend("fetch the newest collateral");
    }
    check_advisories(tcb, rules, now, reasons)
}

fn check_advisories(
    tcb: &IntelTcb,
    rules: &IntelTcbPolicy,
    now: u64,
    reasons: &mut Reasons,
) -> Vec<String> {
    let mut allowed = Vec::new();
    for id in &tcb.advisories {
        let rule =
            rules.advisories.iter().filter(|rule| rule.id == *id).max_by_key(|rule| rule.until);
        match rule {
            Some(rule) if now <= rule.until.end() => allowed.push(id.clone()),
            rule => {
                let expected = match rule {
                    Some(rule) => format!("allowed until {}", rule.until),
                    None => "none that the policy does not name".to_owned(),
                };
                reasons
                    .add(ReasonCode::AdvisoryNotAllowed, format!("advisory {id}"))
                    .expected(expected)
                    .found(format!("it applies at {}", At(now)))
                    .source("`tcb.advisories` of the policy")
                    .mend("read the advisory; allow it until a day if it does not matter to you");
            }
        }
    }
    allowed
}
