use jiff::Timestamp;

/// Digits of a fraction of a second that are kept; further ones are dropped.
const DIGITS: usize = 9;

/// A time in the form of RFC 3339 and in no other: `2025-01-31T12:00:00Z`, with a fraction of any
/// length, and `Z` or an offset such as `+01:00`.
pub fn rfc3339(text: &str) -> Option<Timestamp> {
    const FORM: &[u8; 19] = b"0000-00-00T00:00:00";
    let (seconds, rest) = text.split_at_checked(FORM.len())?;
    let fits = |(given, form): (u8, &u8)| match form {
        b'0' => given.is_ascii_digit(),
        other => given.eq_ignore_ascii_case(other),
    };
    let digits = rest.strip_prefix('.').map(|rest| {
        let len = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest.split_at(len)
    });
    let (fraction, zone) = digits.unwrap_or(("", rest));
    let has_form = seconds.bytes().zip(FORM).all(fits) && is_zone(zone);
    if !has_form || digits.is_some_and(|(digits, _)| digits.is_empty()) {
        return None;
    }
    let fraction = fraction.get(..DIGITS).unwrap_or(fraction);
    let dot = if fraction.is_empty() { "" } else { "." };
    format!("{seconds}{dot}{fraction}{zone}").parse().ok()
}

/// `Z`, or hours and minutes of a day.
fn is_zone(text: &str) -> bool {
    let two = |text: &str, below: u8| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number && text.parse().is_ok_and(|number: u8| number < below)
    };
    let offset = text.strip_prefix(['+', '-']).and_then(|offset| offset.split_once(':'));
    text.eq_ignore_ascii_case("z")
        || offset.is_some_and(|(hours, minutes)| two(hours, 24) && two(minutes, 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_rfc_3339_are_read_and_no_others() {
        for (text, read) in [
            ("2025-01-31T12:00:00Z", "2025-01-31T12:00:00Z"),
            ("2025-01-31t12:00:00z", "2025-01-31T12:00:00Z"),
            ("2025-01-31T12:00:00+01:30", "2025-01-31T10:30:00Z"),
            ("2025-01-31T12:00:00-00:00", "2025-01-31T12:00:00Z"),
            ("2025-01-31T12:00:00.5Z", "2025-01-31T12:00:00.5Z"),
            ("2025-01-31T12:00:00.123456789123Z", "2025-01-31T12:00:00.123456789Z"),
        ] {
            assert_eq!(rfc3339(text).map(|time| time.to_string()).as_deref(), Some(read), "{text}");
        }
        for text in [
            "",
            "20250131T120000Z",
            "2025-01-31 12:00:00Z",
            "2025-01-31T12:00:00",
            "2025-01-31T12:00Z",
            "2025-01-31T12:00:00.Z",
            "2025-01-31T12:00:00Z[Europe/Paris]",
            "-001000-01-31T12:00:00Z",
            "2025-02-30T12:00:00Z",
            "2025-01-31T12:00:00+01",
            "2025-01-31T12:00:00+24:00",
            "2025-01-31T12:00:00 Z",
            "ää25-01-31T12:00:00Z",
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }
}
