//! From Masa's job types, of every generation, to this worker's engines (reference 7).

use sealwork_job::{Code, EngineName, Failure, JobSpec, MAX_ARGUMENT_DEPTH};
use serde_json::{Map, Value};

use crate::MasaJob;

/// How a job type is served.
struct Alias {
    engine: &'static str,
    family: Family,
}

/// Which arguments mean what.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Telemetry,
    /// The crawler of the early workers: takes a URL without a scheme, and fails quietly.
    OldWeb,
    Web,
    Tiktok,
    Reddit,
    /// With the operation that is meant when none is named.
    Twitter(&'static str),
    /// This worker's own type: no Masa worker has it, and its arguments are the engine's.
    Program,
}

fn alias(job_type: &str) -> Option<Alias> {
    let (engine, family) = match job_type {
        "telemetry" => ("telemetry", Family::Telemetry),
        "web" => ("web", Family::Web),
        "web-scraper" | "webscraper" => ("web", Family::OldWeb),
        "tiktok" | "tiktok-transcription" => ("tiktok", Family::Tiktok),
        "reddit" => ("reddit", Family::Reddit),
        "twitter" | "twitter-scraper" => ("twitter", Family::Twitter("searchbyquery")),
        "twitter-credential" | "twitter-credential-scraper" => {
            ("twitter-credential", Family::Twitter("searchbyquery"))
        }
        "twitter-api" | "twitter-api-scraper" => ("twitter-api", Family::Twitter("searchbyquery")),
        "program" => ("program", Family::Program),
        "twitter-apify" => ("twitter-apify", Family::Twitter("getfollowers")),
        _ => return None,
    };
    Some(Alias { engine, family })
}

/// What a Masa job asks of which engine, with old names and arguments brought to the current ones.
///
/// # Errors
/// [`unknown_job_type`] for a type that no generation of Masa has; [`Code::JobMalformed`] for
/// arguments nested too deep.
pub fn to_spec(job: &MasaJob) -> Result<JobSpec, Failure> {
    let Some(Alias { engine, family }) = alias(&job.job_type) else {
        return Err(unknown_job_type(&job.job_type));
    };
    let engine: EngineName = engine.parse().map_err(Failure::from)?;
    let mut arguments = job.arguments.clone().unwrap_or_default();
    if arguments.values().any(|value| depth_exceeds(value, MAX_ARGUMENT_DEPTH - 1)) {
        let message = format!("arguments must be nested at most {MAX_ARGUMENT_DEPTH} deep");
        return Err(Failure::new(Code::JobMalformed, message));
    }
    match family {
        Family::Telemetry => arguments.clear(),
        Family::Web => web(&mut arguments, false),
        Family::OldWeb => web(&mut arguments, true),
        Family::Tiktok => {
            operation(&mut arguments, "transcription");
            let known: &[&str] = match arguments.get("type").and_then(Value::as_str) {
                Some("searchbyquery") => &TIKTOK_QUERY,
                Some("searchbytrending") => &TIKTOK_TRENDING,
                _ => &TIKTOK_TRANSCRIPTION,
            };
            keep(&mut arguments, known);
            cursor(&mut arguments);
        }
        Family::Reddit => {
            keep(&mut arguments, &REDDIT);
            operation(&mut arguments, "scrapeurls");
            cursor(&mut arguments);
        }
        Family::Twitter(default) => {
            keep(&mut arguments, &TWITTER);
            operation(&mut arguments, default);
            cursor(&mut arguments);
            count_as_size(&mut arguments);
        }
        Family::Program => {}
    }
    Ok(JobSpec::new(engine, Value::Object(arguments)))
}

/// The failure of a job whose type nothing here serves: Masa's text.
pub fn unknown_job_type(job_type: &str) -> Failure {
    Failure::new(Code::EngineUnknown, format!("unknown job type: {job_type}"))
}

/// What the web engine takes of what Masa's clients send; they may send anything beside it, as
/// Masa's workers ignore what they do not know.
const WEB: [&str; 8] =
    ["type", "url", "depth", "max_depth", "max_pages", "selector", "same_origin", "respect_robots"];

/// The same for the engines of Twitter.
const TWITTER: [&str; 7] =
    ["type", "query", "max_results", "count", "next_cursor", "start_time", "end_time"];

const REDDIT: [&str; 14] = [
    "type",
    "urls",
    "queries",
    "sort",
    "include_nsfw",
    "skip_posts",
    "after",
    "max_items",
    "max_results",
    "max_posts",
    "max_comments",
    "max_communities",
    "max_users",
    "next_cursor",
];
const TIKTOK_TRANSCRIPTION: [&str; 3] = ["type", "video_url", "language"];
const TIKTOK_QUERY: [&str; 6] =
    ["type", "search", "start_urls", "max_items", "end_page", "next_cursor"];
const TIKTOK_TRENDING: [&str; 6] =
    ["type", "country_code", "sort_by", "period", "max_items", "next_cursor"];

/// What the late README's examples have where a cursor belongs. It is none: they are first pages.
const NO_CURSOR: &str = "optional_pagination_cursor";

fn keep(arguments: &mut Map<String, Value>, known: &[&str]) {
    arguments.retain(|name, _| known.contains(&name.as_str()));
}

/// The engine knows `depth` and its lower bound itself.
fn web(arguments: &mut Map<String, Value>, old: bool) {
    keep(arguments, &WEB);
    operation(arguments, "scraper");
    if old {
        arguments.insert("legacy".to_owned(), Value::Bool(true));
    }
}

/// Names the operation in lower case, under its current name, or `default` when none is named.
fn operation(arguments: &mut Map<String, Value>, default: &str) {
    let named = match arguments.get("type") {
        None | Some(Value::Null) => default.to_owned(),
        Some(Value::String(name)) if name.is_empty() => default.to_owned(),
        Some(Value::String(name)) => match name.to_lowercase().as_str() {
            "web-scraper" | "webscraper" => "scraper".to_owned(),
            "tiktok-transcription" => "transcription".to_owned(),
            "searchfollowers" => "getfollowers".to_owned(),
            other => other.to_owned(),
        },
        // Not a name: the engine says so.
        Some(_) => return,
    };
    arguments.insert("type".to_owned(), Value::String(named));
}

/// The early README calls the cursor a number: 0 is the beginning. A number that can be no cursor is
/// left for the engine to refuse.
fn cursor(arguments: &mut Map<String, Value>) {
    match arguments.get_mut("next_cursor") {
        Some(Value::String(cursor)) if cursor == NO_CURSOR => {
            arguments.remove("next_cursor");
        }
        Some(cursor) if cursor.as_f64() == Some(0.0) => {
            arguments.remove("next_cursor");
        }
        Some(cursor) if cursor.is_u64() => *cursor = Value::String(cursor.to_string()),
        _ => {}
    }
}

/// `count` is the size when `max_results` is not given.
fn count_as_size(arguments: &mut Map<String, Value>) {
    let Some(count) = arguments.remove("count") else { return };
    let given = arguments
        .get("max_results")
        .is_some_and(|size| !size.is_null() && size.as_f64() != Some(0.0));
    if !given {
        arguments.insert("max_results".to_owned(), count);
    }
}

/// Whether a value is nested more than `limit` deep.
fn depth_exceeds(value: &Value, limit: usize) -> bool {
    let Some(inner) = limit.checked_sub(1) else {
        return value.is_array() || value.is_object();
    };
    match value {
        Value::Array(items) => items.iter().any(|item| depth_exceeds(item, inner)),
        Value::Object(members) => members.values().any(|member| depth_exceeds(member, inner)),
        _ => false,
    }
}
