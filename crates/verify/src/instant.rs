//! Seconds since 1970 as dates for people, and dates of policies as seconds.

use std::fmt;

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// The seconds at which something holds, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from: u64,
    pub(crate) until: u64,
}

impl Window {
    pub(crate) const ALWAYS: Self = Self { from: 0, until: u64::MAX };

    pub(crate) fn narrow(&mut self, from: u64, until: u64) {
        self.from = self.from.max(from);
        self.until = self.until.min(until);
    }

    pub(crate) fn contains(&self, now: u64) -> bool {
        (self.from..=self.until).contains(&now)
    }
}

/// A time at which something is chosen, and until when the choice stays the same.
pub(crate) struct Moment {
    pub(crate) now: u64,
    /// The last second before anything that was left out is issued.
    pub(crate) until: u64,
}

impl Moment {
    pub(crate) fn new(now: u64) -> Self {
        Self { now, until: u64::MAX }
    }

    /// Whether something is issued by now; else it will be.
    pub(crate) fn has_come(&mut self, issued: u64) -> bool {
        if issued > self.now {
            self.until = self.until.min(issued - 1);
        }
        issued <= self.now
    }
}

/// Seconds since 1970, shown as RFC 3339.
pub(crate) struct At(pub(crate) u64);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = i64::try_from(self.0).ok().and_then(|secs| Timestamp::from_second(secs).ok());
        match time {
            Some(time) => time.fmt(f),
            None => write!(f, "{} s after 1970", self.0),
        }
    }
}

/// Seconds since 1970 of an RFC 3339 time.
pub(crate) fn rfc3339(text: &str) -> Option<u64> {
    u64::try_from(text.parse::<Timestamp>().ok()?.as_second()).ok()
}

/// A day in UTC, written `2026-11-21`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(civil::Date);

impl Day {
    /// A day; none where there is no such day after 1969.
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        civil::Date::new(year, month, day).ok().filter(|date| date.year() >= 1970).map(Self)
    }

    /// Its first second since 1970.
    pub(crate) fn start(self) -> u64 {
        let start = self.0.to_zoned(TimeZone::UTC).map(|start| start.timestamp().as_second());
        start.ok().and_then(|secs| u64::try_from(secs).ok()).unwrap_or(0)
    }

    /// Its last second since 1970.
    pub(crate) fn end(self) -> u64 {
        self.start() + 86_399
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let date = civil::Date::strptime("%Y-%m-%d", &text).ok();
        date.filter(|date| date.year() >= 1970 && text.len() == 10)
            .map(Self)
            .ok_or_else(|| D::Error::custom("a day is written YYYY-MM-DD and is after 1969"))
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Day {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A day in UTC, YYYY-MM-DD.",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_and_bounded() {
        let day: Day = serde_json::from_str("\"2025-07-01\"").unwrap();
        assert_eq!((day.start(), day.end()), (1_751_328_000, 1_751_414_399));
        assert_eq!(serde_json::to_string(&day).unwrap(), "\"2025-07-01\"");
        for wrong in ["2025-02-30", "2025-7-1", "1969-12-31", "2025-07-01T00:00:00Z", ""] {
            assert!(serde_json::from_str::<Day>(&format!("{wrong:?}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_shown_for_people() {
        assert_eq!(At(1_751_328_000).to_string(), "2025-07-01T00:00:00Z");
        assert_eq!(At(u64::MAX).to_string(), "18446744073709551615 s after 1970");
        assert_eq!(rfc3339("2025-07-01T00:00:00Z"), Some(1_751_328_000));
        assert_eq!(rfc3339("1960-07-01T00:00:00Z"), None);
    }
}
