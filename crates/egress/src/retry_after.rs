use std::time::{Duration, UNIX_EPOCH};

use sealwork_job::Timestamp;

/// Reads a `Retry-After` value: seconds, or a date in one of the three forms of HTTP (RFC 9110
/// sections 10.2.3 and 5.6.7). A date that has passed gives zero; `None` for anything else.
pub fn retry_after(value: &[u8], now: Timestamp) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are more time than anybody waits.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX / 1000)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let since_epoch = date.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::default().plus(since_epoch).since(now))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 1994-11-06T08:49:37Z, the example of RFC 9110 section 5.6.7.
    const EXAMPLE: u64 = 784_111_777;

    #[test]
    fn seconds_are_read() {
        let now = Timestamp::default();
        assert_eq!(retry_after(b"120", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after(b" 0 ", now), Some(Duration::ZERO));
        assert!(
            retry_after(b"99999999999999999999999", now).unwrap() > Duration::from_secs(1 << 40)
        );
    }

    #[test]
    fn the_three_date_forms_of_http_are_read() {
        let now = Timestamp::from_secs(EXAMPLE - 90);
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            let wait = retry_after(date.as_bytes(), now);
            assert_eq!(wait, Some(Duration::from_secs(90)), "{date}");
        }
    }

    #[test]
    fn a_date_that_has_passed_means_now() {
        let now = Timestamp::from_secs(EXAMPLE + 1);
        assert_eq!(retry_after(b"Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::ZERO));
    }

    #[test]
    fn anything_else_is_no_answer() {
        for value in ["", "-1", "1.5", "soon", "12 seconds", "+3", "0x10", "\u{663}"] {
            assert_eq!(retry_after(value.as_bytes(), Timestamp::default()), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, now: u64) {
            let _ = retry_after(&bytes, Timestamp(now));
        }
    }
}
