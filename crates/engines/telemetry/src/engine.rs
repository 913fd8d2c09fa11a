use std::sync::Arc;

use async_trait::async_trait;
use sealwork_engine::{Context, Engine, Report};
use sealwork_job::{Code, Failure, Output, Rerun};
use serde_json::Value;

use crate::{Telemetry, TelemetrySource};

/// The engine `telemetry`. Takes no arguments but an optional `type` of `telemetry`; others are
/// ignored, as Masa's workers do. Moves no counter: asking changes nothing.
pub struct TelemetryEngine {
    source: Arc<dyn TelemetrySource>,
}

impl TelemetryEngine {
    /// An engine that reports what `source` says.
    pub fn new(source: Arc<dyn TelemetrySource>) -> Self {
        Self { source }
    }
}

impl std::fmt::Debug for TelemetryEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TelemetryEngine").finish_non_exhaustive()
    }
}

#[async_trait]
impl Engine for TelemetryEngine {
    fn name(&self) -> &'static str {
        "telemetry"
    }

    fn capabilities(&self) -> Vec<String> {
        vec!["telemetry".to_owned()]
    }

    fn admit(&self, arguments: &Value) -> Result<Rerun, Failure> {
        let refuse = |text| Err(Failure::new(Code::ArgumentsInvalid, text));
        match arguments {
            Value::Null => Ok(Rerun::Idempotent),
            Value::Object(fields) => match fields.get("type") {
                None | Some(Value::Null) => Ok(Rerun::Idempotent),
                Some(Value::String(name))
                    if name.is_empty() || name.eq_ignore_ascii_case("telemetry") =>
                {
                    Ok(Rerun::Idempotent)
                }
                Some(_) => refuse("Invalid arguments: type must be telemetry or absent"),
            },
            _ => refuse("Invalid arguments: arguments must be an object"),
        }
    }

    async fn run(&self, context: &Context, arguments: Value) -> Report {
        if let Err(failure) = self.admit(&arguments) {
            return Report::failure(failure, []);
        }
        match serde_json::to_vec(&Telemetry::of(self.source.as_ref(), &context.requester)) {
            Ok(json) => Report::output(Output::json(json), []),
            Err(_) => {
                let text = "the telemetry could not be encoded";
                Report::failure(Failure::new(Code::Internal, text), [])
            }
        }
    }

    fn is_instant(&self) -> bool {
        true
    }
}
