//! Verdicts over evidence, for a person and for machines.

use sealwork_job::Timestamp;
use sealwork_verify::{Claims, Class, Reason, Trusted, Verdict};
use serde_json::{Value, json};

use crate::{
    render,
    ui::{Style, Ui, harmless},
};

/// A verdict as JSON, with the time for which it was given.
pub(crate) fn json(verdict: &Verdict, at: Timestamp) -> Value {
    let mut object = serde_json::to_value(verdict).unwrap_or_default();
    object["at"] = render::instant(at).into();
    object
}

/// What evidence proves, in short, beside a receipt or a result.
pub(crate) fn trusted_json(trusted: &Trusted) -> Value {
    json!({
        "kind": trusted.claims.kind, "class": trusted.class, "advisories": trusted.advisories,
    })
}

/// The same for a person: `tpm, measured`.
pub(crate) fn trusted_words(trusted: &Trusted) -> String {
    let mut words = format!("{}, {}", trusted.claims.kind, trusted.class.as_str());
    if trusted.class == Class::Unprotected {
        words.push_str(", PROVES NOTHING");
    }
    if !trusted.advisories.is_empty() {
        words.push_str(&format!(", allowed advisories {}", trusted.advisories.join(" ")));
    }
    words
}

/// How what evidence proves is shown.
pub(crate) fn style(trusted: &Trusted) -> Style {
    if trusted.class == Class::Unprotected { Style::Warning } else { Style::Good }
}

/// The verdict over evidence as an answer.
pub(crate) fn print(verdict: &Verdict, at: Timestamp, explain: bool, ui: &Ui) {
    let at = render::instant(at);
    match verdict {
        Verdict::Trusted(trusted) => {
            let heading = ui.paint(style(trusted), "evidence trusted");
            ui.line(format!("{heading}  ({}, at {at})", trusted_words(trusted)));
            print_claims(&trusted.claims, ui);
        }
        Verdict::Rejected(rejected) => {
            let heading = ui.paint(Style::Bad, "evidence rejected");
            let count = rejected.reasons.len();
            let reasons = if count == 1 { "reason" } else { "reasons" };
            ui.line(format!("{heading}  ({count} {reasons}, at {at})"));
            if explain {
                explained(&rejected.reasons).iter().for_each(|line| ui.line(line));
                return;
            }
            rejected.reasons.iter().for_each(|reason| ui.line(harmless(&format!("  {reason}"))));
            ui.remark("--explain says where each expectation comes from, and how to mend it");
        }
    }
}

/// Everything about each reason, in lines.
pub(crate) fn explained(reasons: &[Reason]) -> Vec<String> {
    reasons
        .iter()
        .flat_map(|reason| {
            let rows = [
                ("claim", &reason.claim),
                ("expected", &reason.expected),
                ("found", &reason.found),
                ("source", &reason.source),
                ("mend", &reason.mend),
            ];
            let rows = rows.map(|(name, value)| harmless(&format!("    {name:<9} {value}")));
            let heading = format!("  {}: {}", reason.code, reason.code.meaning());
            std::iter::once(heading).chain(rows)
        })
        .collect()
}

fn print_claims(claims: &Claims, ui: &Ui) {
    let is_zero = |value: &sealwork_verify::Hex| value.0.iter().all(|byte| *byte == 0);
    for (name, value) in claims.measurements.iter().filter(|(_, value)| !is_zero(value)) {
        ui.line(format!("  {name:<11} {value}"));
    }
    ui.line(format!("  {:<11} {}", "report data", claims.report_data));
    if let Some(issued) = claims.issued {
        ui.line(format!("  {:<11} {}", "made", render::instant(issued)));
    }
    if claims.debug {
        ui.line(ui.paint(Style::Bad, "  debug       the host can read the memory"));
    }
}
