use std::time::Duration;

use http::{HeaderMap, header};
use sealwork_egress::retry_after;
use sealwork_job::Timestamp;

/// What an answer says about the upstream's rate limit. `x-rate-limit-*` as X sends them,
/// `x-ratelimit-*` as others do, and `Retry-After` (RFC 9110, 10.2.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests per window.
    pub limit: Option<u64>,
    /// Requests left in this window.
    pub remaining: Option<u64>,
    /// When the next window begins.
    pub reset: Option<Timestamp>,
    /// How long the upstream asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl RateLimit {
    /// Reads the headers of an answer that came at `now`.
    pub fn read(headers: &HeaderMap, now: Timestamp) -> Self {
        let number = |names: [&str; 2]| {
            let value = names.iter().find_map(|name| headers.get(*name))?;
            let value = value.to_str().ok()?.trim();
            if is_negative(value) { Some(0) } else { value.parse::<u64>().ok() }
        };
        Self {
            limit: number(["x-rate-limit-limit", "x-ratelimit-limit"]),
            remaining: number(["x-rate-limit-remaining", "x-ratelimit-remaining"]),
            reset: number(["x-rate-limit-reset", "x-ratelimit-reset"]).map(Timestamp::from_secs),
            retry_after: headers.get(header::RETRY_AFTER).and_then(|value| match value.to_str() {
                Ok(text) if is_negative(text.trim()) => Some(Duration::ZERO),
                _ => retry_after(value.as_bytes(), now),
            }),
        }
    }

    /// How long to wait before the next request: `Retry-After` if there is one, else the time to
    /// the next window.
    pub fn wait(&self, now: Timestamp) -> Option<Duration> {
        self.retry_after.or_else(|| self.reset.map(|reset| reset.since(now)))
    }
}

/// A clock that differs makes what has passed negative.
fn is_negative(number: &str) -> bool {
    number.strip_prefix('-').is_some_and(|rest| rest.parse::<u64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn both_spellings_are_read_and_retry_after_goes_first() {
        let now = Timestamp::from_secs(1000);
        let x = headers(&[
            ("x-rate-limit-limit", "450"),
            ("x-rate-limit-remaining", "0"),
            ("x-rate-limit-reset", "1090"),
        ]);
        let rate = RateLimit::read(&x, now);
        assert_eq!((rate.limit, rate.remaining), (Some(450), Some(0)));
        assert_eq!(rate.wait(now), Some(Duration::from_secs(90)));
        let other = headers(&[("x-ratelimit-limit", "60"), ("retry-after", "7")]);
        let rate = RateLimit::read(&other, now);
        assert_eq!((rate.limit, rate.wait(now)), (Some(60), Some(Duration::from_secs(7))));
    }

    #[test]
    fn nonsense_says_nothing() {
        let rate = RateLimit::read(
            &headers(&[("x-rate-limit-reset", "-"), ("retry-after", "soon")]),
            Timestamp::from_secs(1),
        );
        assert_eq!(rate, RateLimit::default());
        assert_eq!(rate.wait(Timestamp::from_secs(1)), None);
    }

    #[test]
    fn what_is_negative_or_past_is_now() {
        let now = Timestamp::from_secs(1000);
        for pair in [
            ("retry-after", "0"),
            ("retry-after", "-5"),
            ("x-rate-limit-reset", "-1"),
            ("x-rate-limit-reset", "998"),
        ] {
            assert_eq!(RateLimit::read(&headers(&[pair]), now).wait(now), Some(Duration::ZERO));
        }
    }
}
