//! Verdicts over evidence, for a person and for machines.

use sealwork_job::Digest;
use sealwork_verify::{Claims, Class, Reason, Trusted, Verdict};
use serde_json::{Value, json};

use crate::{
    render,
    ui::{Style, Ui, harmless_line},
    verify::judge::Instant,
};

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

/// The verdict over evidence as a command's answer.
pub(crate) struct Answer<'a> {
    pub(crate) verdict: &'a Verdict,
    pub(crate) at: Instant,
    /// The keys that a document says it is about, where nobody has given those that it has to be
    /// about.
    pub(crate) unbound: Option<Digest>,
}

impl Answer<'_> {
    pub(crate) fn json(&self) -> Value {
        let mut object = serde_json::to_value(self.verdict).unwrap_or_default();
        object["at"] = render::instant(self.at.time).into();
        object["at_given"] = self.at.given.into();
        if let Some(digest) = self.unbound {
            object["key_config"] = json!({ "digest": digest, "checked": false });
        }
        object
    }

    pub(crate) fn print(&self, explain: bool, ui: &Ui) {
        let at = self.at.words();
        match self.verdict {
            Verdict::Trusted(trusted) => {
                let heading = ui.paint(style(trusted), "evidence trusted");
                ui.line(format!("{heading}  ({}, {at})", trusted_words(trusted)));
                print_claims(&trusted.claims, ui);
                self.print_unbound(ui);
            }
            Verdict::Rejected(rejected) => {
                let heading = ui.paint(Style::Bad, "evidence rejected");
                let count = rejected.reasons.len();
                let reasons = if count == 1 { "reason" } else { "reasons" };
                ui.line(format!("{heading}  ({count} {reasons}, {at})"));
                if explain {
                    explained(&rejected.reasons).iter().for_each(|line| ui.line(line));
                    return;
                }
                short(&rejected.reasons).iter().for_each(|line| ui.line(format!("  {line}")));
                ui.remark("--explain says where each expectation comes from, and how to mend it");
            }
        }
    }

    fn print_unbound(&self, ui: &Ui) {
        if let Some(digest) = self.unbound {
            let line = format!("  {:<11} not checked: it is about those of key config", "keys");
            ui.line(ui.paint(Style::Warning, line));
            ui.line(format!("  {:<11} {digest}; give that with --key-config", ""));
        }
    }
}

/// Each reason in a line.
pub(crate) fn short(reasons: &[Reason]) -> Vec<String> {
    reasons.iter().map(|reason| harmless_line(&reason.to_string())).collect()
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
            let rows = rows.map(|(name, value)| format!("    {name:<9} {}", harmless_line(value)));
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
