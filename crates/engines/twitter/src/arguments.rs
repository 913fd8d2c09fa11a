use jiff::Timestamp;
use sealwork_job::{Code, Failure};
use sealwork_upstream::{Capped, FieldError, Fields, rfc3339};
use serde_json::Value;
use thiserror::Error;

use crate::{JobType, Operation, Subject, cursor::Cursor};

/// Results of a job that does not say how many.
const DEFAULT_RESULTS: u64 = 10;
/// Longest `query`, in bytes: what X takes from most keys, and what fits into an address when each
/// byte of it is written as three.
const MAX_QUERY: usize = 1024;
/// Longest `next_cursor`, in bytes.
const MAX_CURSOR: usize = 4096;
/// The same of the upstream's part, behind the name of a way.
pub(crate) const MAX_TOKEN: usize = MAX_CURSOR - "credential:".len();
/// Longest `type`: none is as long.
const MAX_TYPE: usize = 1024;
/// Digits of the largest 64-bit number.
const MAX_DIGITS: usize = 20;

/// The arguments of a job of one of the Twitter engines, checked.
///
/// | name | type | meaning |
/// |---|---|---|
/// | `type` | string | the operation, in any case; absent: `searchbyquery`, for `twitter-apify` `getfollowers` |
/// | `query` | string | search text, tweet id, profile or space, as the operation needs it; at most 1,024 bytes |
/// | `max_results` | integer | results at most; absent or 0: 10; more than the operator allows is cut to that, and the result says so |
/// | `count` | integer | the older name of `max_results`, used when that is absent or 0 |
/// | `next_cursor` | string or integer | where to go on: what a result gave as its cursor; the number 0 is the beginning |
/// | `start_time`, `end_time` | string | RFC 3339; the range of a search. Other operations leave them aside |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    /// What to do.
    pub operation: Operation,
    /// To what; empty for operations without a subject.
    pub query: String,
    /// Results at most.
    pub max_results: u64,
    /// What was asked for above the operator's limit.
    pub capped: Vec<Capped>,
    /// Where to go on.
    pub(crate) cursor: Option<Cursor>,
    /// Nothing before this.
    pub start_time: Option<Timestamp>,
    /// Nothing after this.
    pub end_time: Option<Timestamp>,
}

/// Why arguments are refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ArgumentsError {
    /// What is wrong with one argument.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// An operation that the job type does not have.
    #[error(
        "capability '{given}' is not valid for job type '{job_type}'; type must be one of {allowed}"
    )]
    Capability {
        /// What the job asked for.
        given: String,
        /// The job type.
        job_type: &'static str,
        /// What it could ask for.
        allowed: String,
    },
    /// A query that does not fit its operation.
    #[error("query of {operation} must be {expected}")]
    Query {
        /// The operation.
        operation: Operation,
        /// What it takes.
        expected: &'static str,
    },
    /// A time that does not parse.
    #[error("{0} must be a time in the form of RFC 3339, such as 2025-01-31T12:00:00Z")]
    Time(&'static str),
    /// A range that ends before it starts.
    #[error("end_time must be after start_time")]
    TimeOrder,
    /// A cursor of another way.
    #[error("next_cursor comes from {given}, which does not serve {operation} of {job_type}")]
    Cursor {
        /// The way in the cursor.
        given: &'static str,
        /// The operation.
        operation: Operation,
        /// The job type.
        job_type: &'static str,
    },
}

impl From<ArgumentsError> for Failure {
    /// Begins with the text that Masa's workers gave for any bad argument (reference 3.5).
    fn from(error: ArgumentsError) -> Self {
        let before = "error unmarshalling job arguments";
        Self::new(Code::ArgumentsInvalid, format!("{before}: {error}"))
            .in_clear(format!("{before}: {}", error.without_values()))
    }
}

impl ArgumentsError {
    /// The same without anything that the job says.
    fn without_values(&self) -> String {
        match self {
            Self::Field(error) => error.without_values(),
            Self::Capability { allowed, .. } => format!("type must be one of {allowed}"),
            Self::Query { expected, .. } => format!("query must be {expected}"),
            Self::Cursor { job_type, .. } => {
                format!("next_cursor comes from a way that does not serve this type of {job_type}")
            }
            Self::Time(_) | Self::TimeOrder => self.to_string(),
        }
    }
}

impl Arguments {
    /// Checks `arguments` of a job of type `job_type`; more than `most` results are cut to that.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(arguments: &Value, job_type: JobType, most: u64) -> Result<Self, ArgumentsError> {
        let fields = Fields::of(arguments)?;
        fields.only(&KNOWN)?;
        let operation = operation(fields, job_type)?;
        let query = query(fields, operation)?;
        let (max_results, capped) = max_results(fields, most)?;
        let cursor = cursor(arguments, fields, job_type, operation)?;
        let start_time = time(fields, "start_time")?;
        let end_time = time(fields, "end_time")?;
        if let (Some(start), Some(end)) = (start_time, end_time)
            && end <= start
        {
            return Err(ArgumentsError::TimeOrder);
        }
        Ok(Self { operation, query, max_results, capped, cursor, start_time, end_time })
    }
}

const KNOWN: [&str; 7] =
    ["type", "query", "max_results", "count", "next_cursor", "start_time", "end_time"];

fn operation(fields: Fields<'_>, job_type: JobType) -> Result<Operation, ArgumentsError> {
    let Some(given) = fields.text("type", MAX_TYPE)? else {
        return Ok(job_type.default_operation());
    };
    let offered = |operation: &Operation| !job_type.ways(*operation).is_empty();
    Operation::from_name(given).filter(offered).ok_or_else(|| {
        let allowed: Vec<&str> =
            Operation::ALL.iter().filter(|op| offered(op)).map(|op| op.as_str()).collect();
        ArgumentsError::Capability {
            given: given.chars().take(64).collect(),
            job_type: job_type.as_str(),
            allowed: allowed.join(", "),
        }
    })
}

fn query(fields: Fields<'_>, operation: Operation) -> Result<String, ArgumentsError> {
    // Digits may come as the number that they are.
    let number = fields.whole("query").map(|number| number.to_string());
    let given = match &number {
        Some(number) => number,
        None => fields.text("query", MAX_QUERY)?.unwrap_or_default(),
    };
    let name = given.strip_prefix('@').unwrap_or(given);
    let (fits, taken, expected) = match operation.subject() {
        // Sent as written: what the quotes of a phrase mean is the requester's to say.
        Subject::Text => (!given.is_empty(), given, "the text to search for"),
        Subject::TweetId => (is_number(given), given, "the number of a tweet"),
        Subject::Profile => {
            let fits = is_number(given) || is_screen_name(name);
            (fits, name, "the number of a profile, or its screen name")
        }
        Subject::ScreenName => {
            (is_screen_name(name), name, "a screen name: 1 to 20 letters, digits and underscores")
        }
        Subject::SpaceId => (is_space_id(given), given, "the id of a space: letters and digits"),
        Subject::Nothing => (true, "", ""),
    };
    if !fits {
        return Err(ArgumentsError::Query { operation, expected });
    }
    Ok(taken.to_owned())
}

/// Whether it is the number of a tweet or a profile.
pub(crate) fn is_number(text: &str) -> bool {
    (1..=MAX_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_screen_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=20).contains(&text.len()) && text.bytes().all(is_part)
}

fn is_space_id(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn max_results(fields: Fields<'_>, most: u64) -> Result<(u64, Vec<Capped>), ArgumentsError> {
    let (given, count) = (fields.count("max_results")?, fields.count("count")?);
    let mut capped = Vec::new();
    let used = match (given, count) {
        // Without a wish the operator's limit is no cut.
        (0, 0) => DEFAULT_RESULTS.min(most),
        (0, count) => Capped::cap("count", count, most, &mut capped),
        (given, _) => Capped::cap("max_results", given, most, &mut capped),
    };
    Ok((used, capped))
}

fn cursor(
    arguments: &Value,
    fields: Fields<'_>,
    job_type: JobType,
    operation: Operation,
) -> Result<Option<Cursor>, ArgumentsError> {
    const NAME: &str = "next_cursor";
    const CURSOR: &str = "a cursor that a result gave";
    let cursor = match arguments.get(NAME) {
        // The early README calls it a number.
        Some(Value::Number(_)) => match fields.count(NAME)? {
            0 => None,
            // More than a cursor's number can be.
            u64::MAX => return Err(FieldError::Type { name: NAME, expected: CURSOR }.into()),
            number => Cursor::parse(&number.to_string()),
        },
        _ => fields.text(NAME, MAX_CURSOR)?.and_then(Cursor::parse),
    };
    if cursor.as_ref().is_some_and(|cursor| cursor.token.is_empty()) {
        return Err(FieldError::Type { name: NAME, expected: CURSOR }.into());
    }
    match cursor.as_ref().and_then(|cursor| cursor.way) {
        Some(way) if !job_type.ways(operation).contains(&way) => Err(ArgumentsError::Cursor {
            given: way.as_str(),
            operation,
            job_type: job_type.as_str(),
        }),
        _ => Ok(cursor),
    }
}

fn time(fields: Fields<'_>, name: &'static str) -> Result<Option<Timestamp>, ArgumentsError> {
    match fields.text(name, 64)? {
        None => Ok(None),
        Some(text) => rfc3339(text).map(Some).ok_or(ArgumentsError::Time(name)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::Way;

    fn parse(arguments: Value) -> Result<Arguments, ArgumentsError> {
        Arguments::parse(&arguments, JobType::Any, 1000)
    }

    fn message(arguments: Value) -> String {
        Failure::from(parse(arguments).unwrap_err()).message
    }

    #[test]
    fn defaults_are_those_of_the_reference() {
        let arguments = parse(json!({"query": "climate change"})).unwrap();
        assert_eq!(arguments.operation, Operation::SearchByQuery);
        assert_eq!((arguments.max_results, arguments.capped), (10, vec![]));
        assert_eq!(arguments.query, "climate change");
        let apify = JobType::Only(Way::Apify);
        let arguments = Arguments::parse(&json!({"query": "NASA"}), apify, 1000).unwrap();
        assert_eq!(arguments.operation, Operation::GetFollowers);
    }

    #[test]
    fn count_is_the_size_when_max_results_is_absent_or_zero() {
        for (given, size) in [
            (json!({"type": "gethometweets", "count": 30}), 30),
            (json!({"type": "gethometweets", "count": 30, "max_results": 0}), 30),
            (json!({"type": "gethometweets", "count": 30, "max_results": 5}), 5),
            (json!({"type": "gethometweets", "max_results": 7.0}), 7),
        ] {
            assert_eq!(parse(given).unwrap().max_results, size);
        }
    }

    #[test]
    fn too_many_results_are_cut_to_the_cap_and_the_wish_is_kept() {
        for asked in [1001_u64, 1_000_000_000_000_000_000] {
            let arguments =
                parse(json!({"type": "gettweets", "query": "NASA", "max_results": asked})).unwrap();
            assert_eq!(arguments.max_results, 1000);
            let capped = Capped { argument: "max_results", asked, used: 1000 };
            assert_eq!(arguments.capped, [capped]);
        }
        let huge = parse(json!({"query": "x", "max_results": 1e30})).unwrap();
        let capped = Capped { argument: "max_results", asked: u64::MAX, used: 1000 };
        assert_eq!((huge.max_results, huge.capped), (1000, vec![capped]));
    }

    #[test]
    fn a_bad_argument_is_named_with_what_is_allowed() {
        for (given, named) in [
            (json!([]), "must be an object"),
            (
                json!({"type": "getlikes"}),
                "capability 'getlikes' is not valid for job type 'twitter'",
            ),
            (json!({"type": "getlikes"}), "searchbyquery, searchbyfullarchive"),
            (json!({"type": 5}), "type must be a string"),
            (json!({"query": "x", "max_result": 5}), "max_result is no argument"),
            (json!({"query": "x", "max_results": -1}), "max_results must be non-negative, got: -1"),
            (json!({"query": "x", "max_results": "5"}), "max_results must be an integer"),
            (json!({"query": "x", "max_results": 1.5}), "max_results must be an integer"),
            (json!({"query": "x", "count": -3}), "count must be non-negative, got: -3"),
            (json!({"query": " "}), "query of searchbyquery must be the text"),
            (json!({"query": "x".repeat(1025)}), "query must have at most 1024 bytes, has 1025"),
            (json!({"type": "getbyid", "query": "12a"}), "the number of a tweet"),
            (json!({"type": "gettweets", "query": "a b"}), "a screen name"),
            (json!({"type": "getspace", "query": "../x"}), "the id of a space"),
            (json!({"query": "x", "next_cursor": {}}), "next_cursor must be a string"),
            (json!({"query": "x", "start_time": "yesterday"}), "start_time must be a time"),
            (
                json!({"query": "x", "start_time": "2025-01-02T00:00:00Z", "end_time": "2025-01-01T00:00:00Z"}),
                "end_time must be after start_time",
            ),
            (json!({"query": "x", "next_cursor": "apify:e"}), "next_cursor comes from apify"),
            (json!({"query": "x", "next_cursor": "api:"}), "next_cursor must be a cursor"),
            (json!({"query": "x", "next_cursor": 1.5}), "next_cursor must be an integer"),
            (json!({"query": "x", "next_cursor": -1}), "next_cursor must be non-negative"),
        ] {
            let message = message(given);
            assert!(message.starts_with("error unmarshalling job arguments: "), "{message}");
            assert!(message.contains(named), "{message}");
        }
    }

    #[test]
    fn the_number_zero_is_the_beginning_and_others_are_cursors() {
        let cursor =
            |given: Value| parse(json!({"query": "x", "next_cursor": given})).unwrap().cursor;
        for beginning in [json!(0), json!(0.0), json!(-0.0), json!(""), json!(null)] {
            assert_eq!(cursor(beginning.clone()), None, "{beginning}");
        }
        for number in [json!(20), json!(20.0)] {
            assert_eq!(cursor(number).unwrap().token, "20");
        }
    }

    #[test]
    fn each_way_takes_its_own_operations_alone() {
        for (way, allowed) in [(Way::Api, 4), (Way::Apify, 2), (Way::Credential, 16)] {
            let taken = Operation::ALL.into_iter().filter(|operation| {
                let given = json!({"type": operation.as_str(), "query": "1234567890"});
                Arguments::parse(&given, JobType::Only(way), 10).is_ok()
            });
            assert_eq!(taken.count(), allowed, "{way}");
        }
    }

    #[test]
    fn names_may_begin_with_an_at_sign_and_queries_are_kept_as_written() {
        let named = parse(json!({"type": "GetFollowers", "query": "@NASA"})).unwrap();
        assert_eq!(named.query, "NASA");
        let query = r#"from:nasa ("moon base" OR #artemis) -is:retweet"#;
        assert_eq!(parse(json!({"query": query})).unwrap().query, query);
    }

    #[test]
    fn the_readmes_examples_are_taken() {
        for example in [
            json!({"type": "getbyid", "query": "1881258110712492142"}),
            json!({"type": "getprofilebyid", "query": "44196397"}),
            json!({"type": "getprofilebyid", "query": "elonmusk"}),
            json!({"type": "gettrends"}),
            json!({"type": "getfollowers", "query": "NASA", "max_results": 100, "next_cursor": "optional_pagination_cursor"}),
            json!({"type": "searchbyprofile", "query": "NASA_Marshall"}),
            json!({"type": "getbookmarks", "query": "NASA", "next_cursor": 20}),
        ] {
            parse(example).unwrap();
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(kind in ".{0,20}", query in ".{0,40}", cursor in ".{0,40}") {
            let given = json!({"type": kind, "query": query, "next_cursor": cursor});
            let _ = parse(given);
            let _ = parse(json!({"type": "getspace", "query": query}));
        }
    }
}
