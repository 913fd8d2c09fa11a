//! Results and receipts for a person.

use std::time::Duration;

use sealwork_client::{JobOutput, JobResult, VerifiedReceipt};
use sealwork_job::{Digest, Timestamp, Usage};
use sealwork_seal::ReceiptClaims;
use sealwork_verify::Trusted;
use serde_json::{Value, json};

use crate::{
    ui::{Style, Ui, code_shown, harmless, harmless_line},
    verdict,
};

/// Longest excerpt of a page's text, in characters.
const EXCERPT: usize = 240;
/// Links shown for a page.
const LINKS: usize = 8;

/// A whole result as JSON: output as JSON where it is that, else in base64.
pub(crate) fn result_json(result: &JobResult) -> Value {
    let mut object = json!({
        "job_id": result.job,
        "code": result.code,
        "usage": result.usage,
        "same_key_config": result.same_key_config,
        "receipt": receipt_json(&result.receipt),
        "evidence": result.evidence.as_ref().map(verdict::trusted_json),
    });
    if let Some(details) = &result.details {
        object["details"] = details.clone();
    }
    match &result.outcome {
        Ok(output) => {
            object["media_type"] = output.media_type.clone().into();
            if let Some(cursor) = &output.next_cursor {
                object["next_cursor"] = cursor.clone().into();
            }
            match serde_json::from_slice::<Value>(&output.data) {
                Ok(value) if output.media_type.starts_with("application/json") => {
                    object["output"] = value;
                }
                _ => {
                    use base64::Engine as _;
                    let text = base64::engine::general_purpose::STANDARD.encode(&*output.data);
                    object["output_base64"] = text.into();
                }
            }
        }
        Err(failure) => object["message"] = failure.message.clone().into(),
    }
    object
}

/// A receipt as JSON: its text, digest and claims.
pub(crate) fn receipt_json(receipt: &VerifiedReceipt) -> Value {
    json!({ "jws": receipt.text, "digest": receipt.digest, "claims": receipt.claims })
}

/// An output and what it took, for a person: the pages of the web engine, other JSON indented, and
/// what else is text as it is.
pub(crate) fn output(result: &JobResult, output: &JobOutput, ui: &Ui) {
    let object = serde_json::from_slice::<Value>(&output.data).ok();
    let pages = match object {
        Some(object) if result.receipt.claims.engine == "web" => {
            web(&object, ui);
            let pages = object["documents"].as_array().map_or(0, Vec::len);
            format!("{pages} {}, ", if pages == 1 { "page" } else { "pages" })
        }
        Some(object) => {
            ui.line(harmless(&serde_json::to_string_pretty(&object).unwrap_or_default()));
            String::new()
        }
        None => {
            ui.line(harmless(&String::from_utf8_lossy(&output.data)));
            String::new()
        }
    };
    if let Some(log) = result.details.as_ref().and_then(|details| details["log"].as_str()) {
        for line in log.lines() {
            ui.line(ui.paint(Style::Faint, format!("log: {}", harmless(line))));
        }
    }
    let usage = &result.usage;
    let program = if usage.fuel == 0 {
        String::new()
    } else {
        format!("fuel {}, {} KiB of memory, ", usage.fuel, usage.peak_memory_bytes >> 10)
    };
    ui.line(format!("{pages}{program}{}", network(usage)));
}

/// What there is to know about a result that is a page, or not whole, a line each: why, and where it
/// goes on.
pub(crate) fn remainder(result: &JobResult) -> Vec<String> {
    let none = Value::Null;
    let details = result.details.as_ref().unwrap_or(&none);
    let (stopped, number) = (&details["stopped"], |name: &str| details[name].as_u64().unwrap_or(0));
    let mut lines = Vec::new();
    if let Some(code) = stopped["code"].as_str() {
        let message = harmless_line(stopped["message"].as_str().unwrap_or_default());
        let again = if stopped["retryable"] == true { "; trying again makes sense" } else { "" };
        let code = code_shown(code);
        lines.push(format!("the result is not complete ({code}): {message}{again}"));
    }
    let unreadable = number("unreadable");
    if unreadable > 0 {
        lines.push(format!("{unreadable} items were left out: their form is not known"));
    }
    for capped in details["capped"].as_array().into_iter().flatten() {
        let argument = harmless_line(capped["argument"].as_str().unwrap_or_default());
        lines.push(format!(
            "{argument} was cut to the worker's limit of {} (asked: {})",
            capped["used"].as_u64().unwrap_or(0),
            capped["asked"].as_u64().unwrap_or(0),
        ));
    }
    let (cursor, what) = match &result.outcome {
        Ok(output) => (output.next_cursor.as_deref(), "it goes on with"),
        Err(_) => {
            (details["resume"].as_str(), "what it found is fetched, without another run, with")
        }
    };
    if let Some(cursor) = cursor {
        lines.push(format!("{what} --arg next_cursor={}", harmless_line(cursor)));
    }
    lines
}

fn network(usage: &Usage) -> String {
    let plural = if usage.egress_requests == 1 { "" } else { "s" };
    format!(
        "{} request{plural}, {} bytes received",
        usage.egress_requests, usage.egress_received_bytes
    )
}

/// What is said beside the key config of a result's receipt.
pub(crate) fn sealed_to(result: &JobResult) -> &'static str {
    if result.same_key_config {
        "the one that the job was sealed to"
    } else {
        "newer than the one that the job was sealed to"
    }
}

/// What the web engine found, readably.
fn web(output: &Value, ui: &Ui) {
    let empty = Vec::new();
    let documents = output["documents"].as_array().unwrap_or(&empty);
    for (index, document) in documents.iter().enumerate() {
        let text = |name: &str| harmless(document[name].as_str().unwrap_or_default());
        let title = harmless_line(&text("title"));
        let title = if title.is_empty() { "(no title)".to_owned() } else { title };
        ui.line(format!("{:>3}. {}", index + 1, ui.paint(Style::Strong, title)));
        let (url, came) = (harmless_line(&text("url")), came(document));
        ui.line(format!("     {}{came}", ui.paint(Style::Faint, url)));
        if let Some(code) = document["error"]["code"].as_str() {
            let message = document["error"]["message"].as_str().unwrap_or_default();
            let line = harmless_line(&format!("{code}: {message}"));
            ui.line(format!("     {}", ui.paint(Style::Warning, line)));
        }
        let excerpt = excerpt(&text("text"));
        for line in wrapped(&excerpt, 88) {
            ui.line(format!("     {line}"));
        }
        let links = link_addresses(&document["links"], origin(&text("url")));
        if !links.is_empty() {
            let shown =
                links.iter().take(LINKS).map(|l| harmless_line(l)).collect::<Vec<_>>().join(" ");
            let more = links.len().saturating_sub(LINKS);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            ui.line(format!("     {}", ui.paint(Style::Faint, format!("links: {shown}{more}"))));
        }
        ui.line("");
    }
}

/// How a page came; nothing where it did not.
fn came(document: &Value) -> String {
    let Some(status) = document["status"].as_u64() else { return String::new() };
    let depth = document["depth"].as_u64();
    let depth = depth.map_or_else(String::new, |depth| format!(", depth {depth}"));
    format!("  (status {status}{depth})")
}

/// What a receipt says, a line for each thing; `key_config` says which key config its own is,
/// `evidence` what the evidence proves that it cites, where that was followed.
pub(crate) fn receipt(
    receipt: &VerifiedReceipt,
    key_config: &str,
    evidence: Option<&Trusted>,
    ui: &Ui,
) {
    let claims = &receipt.claims;
    let took = claims.ended.since(claims.started);
    let heading = ui.paint(Style::Good, "receipt verified");
    ui.line(format!("{heading}  (EdDSA, digest {})", receipt.digest));
    let rows = [
        ("worker", claims.worker.to_string()),
        ("instance", claims.instance.to_string()),
        ("job", claims.job.to_string()),
        ("engine", format!("{}, {}", claims.engine, word(&claims.intake))),
        ("program", claims.program.clone().unwrap_or_default()),
        ("outcome", claims.code.clone()),
        ("started", format!("{}, took {}", instant(claims.started), duration(took))),
        ("sequence", format!("{}, after {}", claims.sequence, claims.previous)),
        ("job digest", salted(claims.job_digest)),
        ("input digest", salted(claims.input_digest)),
        ("output digest", salted(claims.output_digest)),
        ("usage", rounded(&claims.usage)),
        ("key config", format!("{}, {key_config}", claims.key_config)),
        ("isolation", claims.isolation.clone()),
        ("evidence", cited(claims, evidence)),
    ];
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        ui.line(format!("  {name:<13} {}", harmless_line(value)));
    }
}

fn salted(digest: Option<Digest>) -> String {
    digest.map_or_else(String::new, |digest| format!("{digest} (salted)"))
}

/// A receipt's usage: its numbers are rounded up.
fn rounded(usage: &Usage) -> String {
    let fuel = if usage.fuel == 0 { String::new() } else { format!("fuel {}, ", usage.fuel) };
    let (wall, cpu) = (usage.wall_ms, usage.cpu_us.div_ceil(1000));
    format!("at most {wall} ms, {cpu} ms of CPU, {fuel}{}", network(usage))
}

fn cited(claims: &ReceiptClaims, evidence: Option<&Trusted>) -> String {
    let Some(digest) = claims.evidence else { return "none".to_owned() };
    let proves = evidence.map_or_else(|| "not checked".to_owned(), verdict::trusted_words);
    format!("{digest}, {proves}")
}

/// `2026-11-21T00:42:27Z`.
pub(crate) fn instant(at: Timestamp) -> String {
    let at = i64::try_from(at.as_millis())
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map_or_else(|| "(no time)".to_owned(), |at| format!("{at:.0}"))
}

/// The word by which serde names a unit variant.
pub(crate) fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

fn excerpt(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= EXCERPT {
        return words;
    }
    let cut: String = words.chars().take(EXCERPT).collect();
    let cut = cut.rsplit_once(' ').map_or(cut.as_str(), |(head, _)| head);
    format!("{cut} ...")
}

/// Links, those of the page's own origin as paths.
fn link_addresses<'a>(links: &'a Value, origin: &str) -> Vec<&'a str> {
    let items = links.as_array().map(Vec::as_slice).unwrap_or_default();
    let short = |link: &'a str| match link.strip_prefix(origin) {
        Some(path) if path.starts_with('/') => path,
        _ => link,
    };
    items.iter().filter_map(Value::as_str).map(short).collect()
}

/// Scheme, host and port, without the slash after them.
fn origin(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let end = url[after_scheme..].find('/').map_or(url.len(), |at| after_scheme + at);
    &url[..end]
}

/// `7 ms`, `1.5 s`.
pub(crate) fn duration(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_at_a_word_and_wrapped() {
        let text = "word ".repeat(100);
        let excerpt = excerpt(&text);
        assert!(excerpt.ends_with("word ..."));
        assert!(excerpt.chars().count() <= EXCERPT + 4);
        assert!(wrapped(&excerpt, 88).iter().all(|line| line.chars().count() <= 88));
    }

    #[test]
    fn of_how_a_page_came_numbers_are_shown_and_nothing_else() {
        assert_eq!(came(&json!({"status": 200, "depth": 1})), "  (status 200, depth 1)");
        assert_eq!(came(&json!({"status": 200, "depth": "\u{9b}2J"})), "  (status 200)");
        assert_eq!(came(&json!({"status": "\u{9b}2J", "depth": 1})), "");
    }

    #[test]
    fn links_within_a_site_are_shown_as_paths() {
        let links = json!(["http://a:1/", "http://a:1/x?y", "http://a:12/", "https://b/", 5]);
        let shown = link_addresses(&links, origin("http://a:1/page"));
        assert_eq!(shown, ["/", "/x?y", "http://a:12/", "https://b/"]);
        assert_eq!(origin("http://a"), "http://a");
    }

    #[test]
    fn times_are_shown_in_utc_seconds() {
        assert_eq!(instant(Timestamp(1_763_685_747_999)), "2025-11-21T00:42:27Z");
    }
}
