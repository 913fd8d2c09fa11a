use serde::{Deserialize, Serialize};

/// What a job may use. Absent fields mean the operator's default; the operator's maximum bounds each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Wall time from start to end, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<u64>,
    /// Bytes of output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
    /// Outgoing requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress_requests: Option<u64>,
    /// Bytes received by outgoing requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress_bytes: Option<u64>,
    /// Memory, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Instructions, in the engine's own unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
}

impl Limits {
    /// Fills absent fields from `default`, then checks each against `max` (absent: no maximum).
    ///
    /// # Errors
    /// The name of the first field that exceeds its maximum, with both numbers.
    pub fn resolve(&self, default: &Self, max: &Self) -> Result<Self, String> {
        Ok(Self {
            wall_ms: bounded("wall_ms", self.wall_ms, default.wall_ms, max.wall_ms)?,
            output_bytes: bounded(
                "output_bytes",
                self.output_bytes,
                default.output_bytes,
                max.output_bytes,
            )?,
            egress_requests: bounded(
                "egress_requests",
                self.egress_requests,
                default.egress_requests,
                max.egress_requests,
            )?,
            egress_bytes: bounded(
                "egress_bytes",
                self.egress_bytes,
                default.egress_bytes,
                max.egress_bytes,
            )?,
            memory_bytes: bounded(
                "memory_bytes",
                self.memory_bytes,
                default.memory_bytes,
                max.memory_bytes,
            )?,
            fuel: bounded("fuel", self.fuel, default.fuel, max.fuel)?,
        })
    }
}

fn bounded(
    name: &str,
    asked: Option<u64>,
    default: Option<u64>,
    max: Option<u64>,
) -> Result<Option<u64>, String> {
    match (asked, max) {
        (Some(0), _) => Err(format!("limits.{name} must be at least 1")),
        (Some(asked), Some(max)) if asked > max => {
            Err(format!("limits.{name} must be at most {max} here"))
        }
        (Some(asked), _) => Ok(Some(asked)),
        (None, Some(max)) => Ok(Some(default.map_or(max, |default| default.min(max)))),
        (None, None) => Ok(default),
    }
}

/// What a job has used.
///
/// Numbers that a reader does not know are skipped, those that a writer did not know are 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Wall time from start to end, in milliseconds.
    pub wall_ms: u64,
    /// CPU time, in microseconds; 0 where the engine does not meter it.
    pub cpu_us: u64,
    /// Outgoing requests.
    pub egress_requests: u64,
    /// Bytes sent by outgoing requests.
    pub egress_sent_bytes: u64,
    /// Bytes received by outgoing requests.
    pub egress_received_bytes: u64,
    /// Bytes of output.
    pub output_bytes: u64,
    /// Highest memory use, in bytes; 0 where not metered.
    pub peak_memory_bytes: u64,
    /// Instructions in the engine's own unit; 0 where not metered.
    pub fuel: u64,
}

impl Usage {
    /// Each number rounded up to a power of two, as receipts show it: exact usage would tell about
    /// the job, and only its requester gets it.
    #[must_use]
    pub fn bucketed(&self) -> Self {
        fn up(n: u64) -> u64 {
            if n == 0 { 0 } else { n.checked_next_power_of_two().unwrap_or(u64::MAX) }
        }
        Self {
            wall_ms: up(self.wall_ms),
            cpu_us: up(self.cpu_us),
            egress_requests: up(self.egress_requests),
            egress_sent_bytes: up(self.egress_sent_bytes),
            egress_received_bytes: up(self.egress_received_bytes),
            output_bytes: up(self.output_bytes),
            peak_memory_bytes: up(self.peak_memory_bytes),
            fuel: up(self.fuel),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_above_the_maximum_is_refused_by_name_and_never_trimmed() {
        let max = Limits { wall_ms: Some(1000), ..Limits::default() };
        let asked = Limits { wall_ms: Some(1001), ..Limits::default() };
        assert_eq!(
            asked.resolve(&Limits::default(), &max),
            Err("limits.wall_ms must be at most 1000 here".to_owned())
        );
    }

    #[test]
    fn an_absent_limit_becomes_the_default_within_the_maximum() {
        let default = Limits { wall_ms: Some(5000), fuel: Some(7), ..Limits::default() };
        let max = Limits { wall_ms: Some(1000), ..Limits::default() };
        let resolved = Limits::default().resolve(&default, &max).unwrap();
        assert_eq!((resolved.wall_ms, resolved.fuel), (Some(1000), Some(7)));
    }

    #[test]
    fn receipts_show_usage_in_powers_of_two() {
        let usage = Usage { wall_ms: 1000, output_bytes: 1025, ..Usage::default() };
        let bucketed = usage.bucketed();
        assert_eq!((bucketed.wall_ms, bucketed.output_bytes, bucketed.fuel), (1024, 2048, 0));
    }
}
