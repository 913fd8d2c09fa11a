//! How a program's end becomes a job's.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use sealwork_engine::Report;
use sealwork_job::{Code, Failure, Output};
use sealwork_sandbox::{CompileError, End, Ended, RunError};
use serde_json::{Value, json};

use crate::javascript::{self, Head};

/// The media type of what a command writes to standard output.
const BYTES: &str = "application/octet-stream";

/// What a command came to.
pub(crate) fn of_command(ended: Ended) -> Report {
    let details = logged(&ended);
    match ended.end {
        End::Exit(code) => {
            let output =
                Output { data: ended.output, media_type: BYTES.to_owned(), next_cursor: None };
            let details = with(details, "exit_code", code.into());
            Report::output(output, []).with_details(details)
        }
        end => {
            let kept = STANDARD.encode(&ended.output);
            let details = with(details, "output_base64", kept.into());
            Report::failure(failure(end), []).with_details(details)
        }
    }
}

/// What a script came to whose answer may have a body of `most` bytes.
pub(crate) fn of_script(ended: Ended, most: u64) -> Report {
    let details = logged(&ended);
    let handed_out = match ended.end {
        End::Exit(_) => javascript::output(&ended.output),
        // The answer was out; what ran on in the background was stopped.
        End::OutOfTime | End::OutOfFuel => {
            javascript::output(&ended.output).filter(|(head, _)| head.is_response())
        }
        _ => None,
    };
    match handed_out {
        Some((head, body)) if head.is_response() && body.len() as u64 > most => {
            Report::failure(failure(End::OutputTooLarge), []).with_details(details)
        }
        Some((head, body)) if head.is_response() => answered(head, body, details),
        Some((head, _)) => failed(head, details),
        None => {
            let end = match ended.end {
                End::Exit(_) => End::Trap("the JavaScript engine gave no answer".to_owned()),
                other => other,
            };
            Report::failure(failure(end), []).with_details(details)
        }
    }
}

fn answered(head: Head, body: Bytes, details: Value) -> Report {
    let is_type = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("content-type");
    let media_type = head.headers.iter().find(is_type).map(|(_, value)| value.clone());
    let details = with(details, "status", head.status.into());
    let details = with(details, "headers", json!(head.headers));
    let media_type = media_type.unwrap_or_else(|| BYTES.to_owned());
    Report::output(Output { data: body, media_type, next_cursor: None }, []).with_details(details)
}

fn failed(head: Head, details: Value) -> Report {
    let Head { outcome, phase, name, message, stack, line, column, .. } = head;
    let place = match (line, column) {
        (Some(line), Some(column)) => format!(" (main.js:{line}:{column})"),
        _ => String::new(),
    };
    let said = if name.is_empty() { message } else { format!("{name}: {message}") };
    let error = json!({
        "phase": phase, "name": name, "stack": stack, "line": line, "column": column,
    });
    let failure = Failure::new(script_code(&outcome), format!("{said}{place}"));
    Report::failure(failure, []).with_details(with(details, "error", error))
}

fn with(mut details: Value, key: &str, value: Value) -> Value {
    details[key] = value;
    details
}

/// The codes of guests/js/ABI.md.
fn script_code(outcome: &str) -> Code {
    match outcome {
        "js_syntax" | "js_import" => Code::ProgramInvalid,
        "js_uncaught" => Code::ProgramThrew,
        "js_unhandled_rejection" => Code::ProgramRejection,
        "js_out_of_memory" => Code::ProgramOutOfMemory,
        "js_no_fetch_handler" => Code::ProgramNoHandler,
        "js_bad_response" => Code::ProgramBadResponse,
        "js_never_settled" => Code::ProgramNeverSettled,
        _ => Code::ProgramTrapped,
    }
}

fn failure(end: End) -> Failure {
    match end {
        End::Exit(code) => {
            Failure::new(Code::ProgramTrapped, format!("the program ended with {code}"))
        }
        End::OutOfTime | End::Stopped => {
            Failure::new(Code::DeadlineExceeded, "the program ran out of time")
        }
        End::OutOfFuel => Failure::new(Code::ProgramOutOfFuel, "the program used up its fuel"),
        End::OutputTooLarge => {
            Failure::new(Code::OutputTooLarge, "the program wrote more output than it may")
        }
        End::OutOfMemory(bytes) => Failure::new(
            Code::ProgramOutOfMemory,
            format!("the program begins with {bytes} bytes of memory, more than its limit"),
        ),
        End::Trap(why) => Failure::new(Code::ProgramTrapped, format!("the program trapped: {why}")),
        End::Unfit(why) => {
            Failure::new(Code::ProgramInvalid, format!("the program cannot be run: {why}"))
        }
    }
}

/// What came of making a program ready.
pub(crate) fn of_trial(end: End) -> Result<(), Failure> {
    match end {
        End::Exit(_) => Ok(()),
        end => Err(failure(end)),
    }
}

/// A program that was not compiled.
pub(crate) fn of_compile_error(error: &CompileError) -> Failure {
    let code = match error {
        CompileError::Refused(_) => Code::ProgramInvalid,
        CompileError::OutOfTime(_) | CompileError::Crashed(_) => Code::ProgramTooComplex,
        _ => Code::SandboxUnavailable,
    };
    Failure::new(code, error.to_string())
}

/// A program whose process ended first.
pub(crate) fn of_run_error(error: &RunError) -> Failure {
    let code = match error {
        RunError::Lost => Code::ProgramCrashed,
        RunError::Killed | RunError::Stopped => Code::DeadlineExceeded,
        RunError::Unloadable(_) => Code::ProgramInvalid,
        _ => Code::SandboxUnavailable,
    };
    Failure::new(code, error.to_string())
}

/// What the program said: as text, and where that loses something as bytes too.
fn logged(ended: &Ended) -> Value {
    let text = String::from_utf8_lossy(&ended.log);
    let details = json!({ "log": text, "log_bytes": ended.logged });
    match text {
        Cow::Borrowed(_) => details,
        Cow::Owned(_) => with(details, "log_base64", STANDARD.encode(&ended.log).into()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ended(end: End, output: &'static [u8], log: &'static [u8]) -> Ended {
        Ended {
            end,
            output: Bytes::from_static(output),
            log: Bytes::from_static(log),
            logged: log.len() as u64,
            fuel: 1,
            cpu: Duration::ZERO,
            peak_memory: 0,
        }
    }

    #[test]
    fn a_log_that_is_no_text_is_there_as_bytes_too() {
        let details = |log| of_command(ended(End::Exit(0), b"", log)).details.unwrap();
        assert_eq!(details(b"plain")["log_base64"], Value::Null);
        let odd = details(b"a\xff");
        assert_eq!((&odd["log"], &odd["log_base64"]), (&json!("a\u{fffd}"), &json!("Yf8=")));
    }

    #[test]
    fn a_command_that_failed_shows_what_it_wrote_until_then() {
        let report = of_command(ended(End::Trap("unreachable".to_owned()), b"so far", b""));
        assert_eq!(report.result.unwrap_err().code, Code::ProgramTrapped);
        assert_eq!(report.details.unwrap()["output_base64"], STANDARD.encode("so far"));
    }
}
