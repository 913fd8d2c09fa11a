//! Times as X sends them and as results carry them.

use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::Offset,
};
use serde::{Serialize, Serializer};

/// What Go writes for a time that was never set: the reference's results carry it.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// A moment of a result, in the form of RFC 3339.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Option<Timestamp>);

impl Moment {
    /// From `Sat Dec 14 04:35:55 +0000 2013`: X writes no other offset.
    pub(crate) fn from_web(text: &str) -> Self {
        Self(web_time(text))
    }

    /// From RFC 3339.
    pub(crate) fn from_api(text: &str) -> Self {
        Self(text.parse().ok())
    }

    /// From milliseconds since 1970; zero is no moment.
    pub(crate) fn from_millis(millis: u64) -> Self {
        let millis = i64::try_from(millis).ok().filter(|millis| *millis > 0);
        Self(millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()))
    }

    /// Seconds since 1970; 0 when there is no moment.
    pub(crate) fn unix(self) -> i64 {
        self.0.map_or(0, |time| time.as_second())
    }

    /// Itself, or nothing: for fields that are `null` without a moment.
    pub(crate) fn or_null(self) -> Option<Self> {
        self.0.map(|_| self)
    }
}

/// By place, as there is one with each tweet: a format string costs ten times as much.
fn web_time(text: &str) -> Option<Timestamp> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i8>().ok();
    let month = MONTHS.find(text.get(4..7)?).filter(|at| at % 3 == 0)?;
    let year: i16 = text.get(26..30)?.parse().ok()?;
    let date = Date::new(year, i8::try_from(month / 3 + 1).ok()?, number(8, 10)?).ok()?;
    let time = Time::new(number(11, 13)?, number(14, 16)?, number(17, 19)?, 0).ok()?;
    let is_whole = text.len() == 30 && text.get(19..26) == Some(" +0000 ");
    Offset::UTC.to_timestamp(date.to_datetime(time)).ok().filter(|_| is_whole)
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(time) => serializer.collect_str(&time),
            None => serializer.serialize_str(NEVER),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(moment: Moment) -> String {
        serde_json::to_value(moment).unwrap().as_str().unwrap().to_owned()
    }

    #[test]
    fn the_forms_of_web_and_api_give_the_same_text() {
        let web = Moment::from_web("Fri Oct 07 22:43:19 +0000 2022");
        assert_eq!(written(web), "2022-10-07T22:43:19Z");
        assert_eq!(written(Moment::from_api("2022-10-07T22:43:19.000Z")), written(web));
        assert_eq!(written(Moment::from_millis(1_665_182_599_000)), written(web));
        assert_eq!(web.unix(), 1_665_182_599);
    }

    #[test]
    fn no_time_is_what_go_writes_for_none() {
        for text in [
            "",
            "Fri Oct 07 22:43:19 +0100 2022",
            "Fri Oxt 07 22:43:19 +0000 2022",
            "Fri anF 07 22:43:19 +0000 2022",
            "Fri Oct 32 22:43:19 +0000 2022",
            "Fri Oct 07 22:43:19 +0000 2022Z",
            "Fri Öct 07 22:43:19 +0000 2022",
        ] {
            assert_eq!(Moment::from_web(text).0, None, "{text}");
        }
        for moment in [Moment::from_web("soon"), Moment::from_api(""), Moment::from_millis(0)] {
            assert_eq!(written(moment), NEVER);
            assert_eq!((moment.unix(), moment.or_null()), (0, None));
        }
    }
}
