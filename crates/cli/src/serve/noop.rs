//! The engine `noop`, which answers at once: what remains of a measurement is the path itself.

use async_trait::async_trait;
use sealwork_engine::{Context, Engine, Report};
use sealwork_job::{Failure, Output, Rerun};
use serde_json::Value;

/// Takes any arguments and gives back an empty object.
pub(super) struct Noop;

#[async_trait]
impl Engine for Noop {
    fn name(&self) -> &'static str {
        "noop"
    }

    fn capabilities(&self) -> Vec<String> {
        vec!["noop".to_owned()]
    }

    fn admit(&self, _arguments: &Value) -> Result<Rerun, Failure> {
        Ok(Rerun::Idempotent)
    }

    async fn run(&self, _context: &Context, _arguments: Value) -> Report {
        Report::output(Output::json(&b"{}"[..]), [])
    }
}
