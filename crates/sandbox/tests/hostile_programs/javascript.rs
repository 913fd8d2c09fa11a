//! The samples in JavaScript.

use bytes::Bytes;
use sealwork_sandbox::{Artefact, End, Ended, Form};
use serde_json::{Value, json};

use crate::{
    arena::{NOW_MS, Trial},
    common, samples,
};

/// The heap of each script. The sandbox's own limit is above it.
const HEAP: u64 = 24 << 20;

const FAMILIES: [(&str, &str); 11] = [
    ("loops", include_str!("javascript/loops.js")),
    ("regexps", include_str!("javascript/regexps.js")),
    ("recursion", include_str!("javascript/recursion.js")),
    ("allocation", include_str!("javascript/allocation.js")),
    ("promises", include_str!("javascript/promises.js")),
    ("output", include_str!("javascript/output.js")),
    ("tampering", include_str!("javascript/tampering.js")),
    ("traps", include_str!("javascript/traps.js")),
    ("data", include_str!("javascript/data.js")),
    ("scheduling", include_str!("javascript/scheduling.js")),
    ("fetches", include_str!("javascript/fetches.js")),
];

pub(crate) async fn trials() -> Vec<Trial> {
    let engine = engine().await;
    let read = |(family, file): (&str, &str)| samples::read(family, "//// ", file);
    let trial = |sample: samples::Sample| Trial {
        name: sample.name,
        ends: sample.ends,
        fuel: sample.fuel,
        program: Ok(engine.clone()),
        form: Form::Reactor { input: job(&module(&sample.text)) },
        end: end_of,
    };
    FAMILIES.into_iter().flat_map(read).map(trial).collect()
}

/// The JavaScript engine, compiled.
pub(crate) async fn engine() -> Artefact {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guests/js/js.wasm");
    #[allow(clippy::disallowed_methods, reason = "the repository's own module")]
    let module = std::fs::read(path).expect("guests/js/js.wasm");
    common::compiler().compile("share", module.into()).await.expect("it compiles")
}

/// A sample is a module, or the body of its handler.
fn module(text: &str) -> String {
    if text.contains("export default") {
        return text.to_owned();
    }
    format!("export default {{ async fetch(request, env, ctx) {{ {text} }} }};")
}

/// What the engine reads (guests/js/ABI.md).
pub(crate) fn job(source: &str) -> Bytes {
    let body = r#"{"num":1}"#;
    let head = json!({
        "source_len": source.len(), "secret_len": Value::Null, "body_len": body.len(),
        "memory_bytes": HEAP,
        "request": { "method": "POST", "url": "http://localhost/", "headers": [] },
        "env": { "id": "job", "requester": "requester", "deadline_ms": NOW_MS + 60_000 },
    });
    let head = head.to_string();
    let mut input = u32::try_from(head.len()).unwrap().to_le_bytes().to_vec();
    input.extend_from_slice(head.as_bytes());
    input.extend_from_slice(source.as_bytes());
    input.extend_from_slice(body.as_bytes());
    input.into()
}

/// Head and body of what the engine handed out.
pub(crate) fn outcome(output: &[u8]) -> Option<(Value, &[u8])> {
    let (len, rest) = output.split_first_chunk::<4>()?;
    let (head, body) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    Some((serde_json::from_slice(head).ok()?, body))
}

fn end_of(ended: &Ended) -> String {
    let outcome = outcome(&ended.output);
    match (&ended.end, outcome) {
        (End::Exit(_), Some((head, body))) => {
            let name = head["name"].as_str().unwrap_or_default();
            let name = name.chars().take(40).collect::<String>();
            match head["outcome"].as_str().unwrap_or_default() {
                "response" if head["body_len"] == body.len() => "ok".to_owned(),
                "response" => "an answer that is cut".to_owned(),
                "js_uncaught" => format!("threw {name}"),
                "js_unhandled_rejection" => "rejection".to_owned(),
                "js_syntax" | "js_import" => "syntax".to_owned(),
                "js_out_of_memory" => "memory".to_owned(),
                "js_bad_response" => "bad".to_owned(),
                "js_never_settled" => "never".to_owned(),
                other => other.to_owned(),
            }
        }
        (End::Exit(code), None) => format!("no outcome, exit {code}"),
        (End::OutOfTime, _) => "time".to_owned(),
        (End::OutOfFuel, _) => "fuel".to_owned(),
        (End::OutputTooLarge, _) => "output".to_owned(),
        (end, _) => format!("{end:?}"),
    }
}
