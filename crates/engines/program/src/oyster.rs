//! Marlin Oyster's error codes (reference oyster.md 4.4, 5.4).

use bytes::Bytes;
use sealwork_engine::Report;
use sealwork_job::{Code, Failure, Output};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How strictly Oyster's ways are kept to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// As its executor: whatever answered is 0, also a script that threw, whose output is
    /// `Internal Server Error`; an unhandled rejection beside an answer is only logged; 20,480 bytes
    /// of output are the most.
    Strict,
    /// A script that threw has no output, and the code 3.
    Truthful,
}

/// What Oyster's runtime answers when user code throws.
const INTERNAL_SERVER_ERROR: &[u8] = b"Internal Server Error";
/// The longest output that its executor sends.
const MOST_OUTPUT: usize = 20_480;

/// What Oyster's contract is told of a job's outcome, `ok` or a failure's code; `None` when its
/// executor would send nothing at all.
pub fn error_code(code: &str, mode: Mode) -> Option<u8> {
    let Ok(code) = code.parse::<Code>() else { return (code == "ok").then_some(0) };
    match code {
        Code::ContentUnknown => Some(1),
        Code::ContentInvalid | Code::ContentTooLarge => Some(2),
        Code::ProgramInvalid | Code::ProgramTooComplex => Some(3),
        Code::DeadlineExceeded | Code::ProgramOutOfFuel | Code::ExpiredInQueue => Some(4),
        Code::OutputTooLarge => Some(5),
        code if is_users(code) => match mode {
            Mode::Strict => Some(0),
            Mode::Truthful => Some(3),
        },
        _ => None,
    }
}

/// Whether a script ran, and failed by its own doing.
fn is_users(code: Code) -> bool {
    matches!(
        code,
        Code::ProgramThrew
            | Code::ProgramRejection
            | Code::ProgramNoHandler
            | Code::ProgramBadResponse
            | Code::ProgramNeverSettled
            | Code::ProgramTrapped
    )
}

/// Of a script that failed before it could be asked: its runtime ends, and the executor tells syntax
/// errors alone, which it finds by their name.
fn of_start(details: &Value) -> Option<u8> {
    (details["error"]["name"] == "SyntaxError").then_some(3)
}

/// The report as Oyster would tell it: with `oyster_error_code` among its details, null where its
/// executor would send nothing, and in strict mode with the answer of its runtime in the place of a
/// failure of the script's own.
pub(crate) fn told(mut report: Report, mode: Mode) -> Report {
    let is_strict = mode == Mode::Strict;
    if is_strict && report.result.as_ref().is_ok_and(|output| output.data.len() > MOST_OUTPUT) {
        let text = format!("Oyster takes at most {MOST_OUTPUT} bytes of output");
        report.result = Err(Failure::new(Code::OutputTooLarge, text));
    }
    let code = report.result.as_ref().map_or_else(|failure| failure.code.as_str(), |_| "ok");
    let mut details = report.details.take().unwrap_or_else(|| json!({}));
    let did_not_start = is_strict && details["error"]["phase"] == "start";
    let error_code = if did_not_start { of_start(&details) } else { error_code(code, mode) };
    details["oyster_error_code"] = error_code.map_or(Value::Null, Value::from);
    if let Err(failure) = &report.result
        && is_strict
        && !did_not_start
        && is_users(failure.code)
    {
        details["status"] = 500.into();
        details["failure"] = json!({ "code": failure.code.as_str(), "message": failure.message });
        report.result = Ok(Output {
            data: Bytes::from_static(INTERNAL_SERVER_ERROR),
            media_type: "text/plain".to_owned(),
            next_cursor: None,
        });
    }
    report.with_details(details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_of_a_program_has_its_code_or_none() {
        for (code, strict, truthful) in [
            ("ok", Some(0), Some(0)),
            ("content_unknown", Some(1), Some(1)),
            ("content_invalid", Some(2), Some(2)),
            ("program_invalid", Some(3), Some(3)),
            ("deadline_exceeded", Some(4), Some(4)),
            ("output_too_large", Some(5), Some(5)),
            ("program_threw", Some(0), Some(3)),
            ("program_no_handler", Some(0), Some(3)),
            ("sandbox_unavailable", None, None),
            ("program_crashed", None, None),
            ("no_such_code", None, None),
        ] {
            assert_eq!(error_code(code, Mode::Strict), strict, "{code}");
            assert_eq!(error_code(code, Mode::Truthful), truthful, "{code}");
        }
    }

    #[test]
    fn strictly_told_a_script_that_threw_has_answered() {
        let threw = || {
            let failure = Failure::new(Code::ProgramThrew, "Error: no");
            Report::failure(failure, []).with_details(json!({ "log": "x" }))
        };
        let strict = told(threw(), Mode::Strict);
        assert_eq!(strict.result.unwrap().data, INTERNAL_SERVER_ERROR);
        let details = strict.details.unwrap();
        assert_eq!((&details["oyster_error_code"], &details["status"]), (&json!(0), &json!(500)));
        assert_eq!(details["failure"]["message"], "Error: no");
        assert_eq!(details["log"], "x", "what else there was stays");
        let truthful = told(threw(), Mode::Truthful);
        assert_eq!(truthful.result.unwrap_err().code, Code::ProgramThrew);
        assert_eq!(truthful.details.unwrap()["oyster_error_code"], 3);
    }

    #[test]
    fn strictly_told_a_script_that_does_not_start_has_no_code_but_for_syntax_errors() {
        for (code, name, strict, truthful) in [
            (Code::ProgramInvalid, "SyntaxError", json!(3), json!(3)),
            (Code::ProgramInvalid, "TypeError", Value::Null, json!(3)),
            (Code::ProgramThrew, "Error", Value::Null, json!(3)),
        ] {
            for (mode, expected) in [(Mode::Strict, strict), (Mode::Truthful, truthful)] {
                let error = json!({ "error": { "phase": "start", "name": name } });
                let failed = Report::failure(Failure::new(code, ""), []).with_details(error);
                let told = told(failed, mode);
                assert_eq!(told.result.unwrap_err().code, code, "it has not answered");
                assert_eq!(told.details.unwrap()["oyster_error_code"], expected, "{name} {mode:?}");
            }
        }
    }

    #[test]
    fn strictly_told_an_output_is_20480_bytes_long_at_most() {
        let answered = |len, mode| {
            let data = Bytes::from(vec![b'x'; len]);
            let output = Output { data, media_type: String::new(), next_cursor: None };
            let report = told(Report::output(output, []), mode);
            let code = report.details.unwrap()["oyster_error_code"].clone();
            (code, report.result.map_err(|failure| failure.code).map(|output| output.data.len()))
        };
        assert_eq!(answered(20_480, Mode::Strict), (json!(0), Ok(20_480)));
        assert_eq!(answered(20_481, Mode::Strict), (json!(5), Err(Code::OutputTooLarge)));
        assert_eq!(answered(20_481, Mode::Truthful), (json!(0), Ok(20_481)));
    }

    #[test]
    fn strictly_told_a_limit_stays_a_failure_and_a_crash_has_no_code() {
        let failed = |code| told(Report::failure(Failure::new(code, ""), []), Mode::Strict);
        let late = failed(Code::DeadlineExceeded);
        assert_eq!(late.result.unwrap_err().code, Code::DeadlineExceeded);
        assert_eq!(late.details.unwrap()["oyster_error_code"], 4);
        assert_eq!(failed(Code::ProgramCrashed).details.unwrap()["oyster_error_code"], Value::Null);
    }
}
