//! Marlin Oyster's error codes (reference oyster.md 4.4).

use sealwork_job::Code;

/// How strictly Oyster's codes are kept to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As its executor: whatever answered is 0, an uncaught error with the body
    /// `Internal Server Error` included.
    Strict,
    /// An uncaught error has no output, and the code for it.
    Truthful,
}

/// The body that Oyster's runtime answers with when user code throws.
pub const INTERNAL_SERVER_ERROR: &[u8] = b"Internal Server Error";

/// What Oyster's contract is told of a program's outcome; `None` when its executor would send
/// nothing at all.
pub fn error_code(code: &str, mode: Mode) -> Option<u8> {
    let Ok(code) = code.parse::<Code>() else { return (code == "ok").then_some(0) };
    match code {
        Code::ContentUnknown => Some(1),
        Code::ContentInvalid | Code::ContentTooLarge => Some(2),
        Code::ProgramInvalid | Code::ProgramTooComplex => Some(3),
        Code::DeadlineExceeded | Code::ProgramOutOfFuel | Code::ExpiredInQueue => Some(4),
        Code::OutputTooLarge => Some(5),
        Code::ProgramThrew
        | Code::ProgramRejection
        | Code::ProgramNoHandler
        | Code::ProgramBadResponse
        | Code::ProgramNeverSettled
        | Code::ProgramTrapped => match mode {
            Mode::Strict => Some(0),
            Mode::Truthful => Some(3),
        },
        _ => None,
    }
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
}
