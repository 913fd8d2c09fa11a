//! What the telemetry engine reports about this worker.

use std::{collections::BTreeMap, sync::Arc};

use sealwork_engine::Engine;
use sealwork_engine_telemetry::{Activity, TelemetrySource};
use sealwork_job::{RequesterId, Timestamp};
use sealwork_platform::{Clock, Platform, RootSecret};
use sealwork_worker::{StatsHandle, StatsSnapshot, masa_worker_id};

use crate::config::{Values, registry as r};

/// A worker's telemetry: its counters, and what does not change while it runs.
pub(super) struct Source {
    clock: Arc<dyn Clock>,
    stats: StatsHandle,
    boot_time: Timestamp,
    worker_id: String,
    engines: Vec<Arc<dyn Engine>>,
    worker_version: String,
    application_version: String,
}

impl Source {
    /// Telemetry of the worker that offers `engines`, and telemetry itself.
    pub(super) fn new(
        values: &Values,
        platform: &Platform,
        root: &RootSecret,
        stats: &StatsHandle,
        engines: &[Arc<dyn Engine>],
    ) -> Self {
        Self {
            clock: Arc::clone(&platform.clock),
            stats: stats.clone(),
            boot_time: platform.clock.now(),
            worker_id: masa_worker_id(root),
            engines: engines.to_vec(),
            worker_version: values.text(&r::WORKER_VERSION).unwrap_or_default().to_owned(),
            application_version: values
                .text(&r::VERSION)
                .unwrap_or(concat!("v", env!("CARGO_PKG_VERSION")))
                .to_owned(),
        }
    }
}

impl TelemetrySource for Source {
    fn boot_time(&self) -> Timestamp {
        self.boot_time
    }

    fn current_time(&self) -> Timestamp {
        self.clock.now()
    }

    fn worker_id(&self) -> String {
        self.worker_id.clone()
    }

    fn activity(&self, reader: &RequesterId) -> Activity {
        let StatsSnapshot { counters, last_operation } = self.stats.snapshot(reader);
        Activity { stats: counters, last_operation_time: last_operation }
    }

    fn reported_capabilities(&self) -> BTreeMap<String, Vec<String>> {
        let mut capabilities: BTreeMap<_, _> = self
            .engines
            .iter()
            .map(|engine| (engine.name().to_owned(), engine.capabilities()))
            .filter(|(_, operations)| !operations.is_empty())
            .collect();
        capabilities.insert("telemetry".to_owned(), vec!["telemetry".to_owned()]);
        capabilities
    }

    fn worker_version(&self) -> String {
        self.worker_version.clone()
    }

    fn application_version(&self) -> String {
        self.application_version.clone()
    }
}
