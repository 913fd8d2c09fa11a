//! What `program run` shows.

use std::io::{self, IsTerminal as _, Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sealwork_engine::Report;
use sealwork_job::{Outcome, Usage};
use serde_json::{Value, json};

use super::refused;
use crate::{
    exit::{CliResult, Exit},
    ui::{Ui, harmless},
};

/// What the program wrote goes where it wrote it; what it took is a remark.
pub(super) fn print(report: Report, is_script: bool, mut usage: Usage, ui: &Ui) -> CliResult {
    let details = report.details.unwrap_or(Value::Null);
    let outcome = match report.result {
        Ok(output) => Outcome::Output(output),
        Err(failure) => Outcome::Failure(failure),
    };
    if let Outcome::Output(output) = &outcome {
        usage.output_bytes = output.data.len() as u64;
    }
    if ui.json {
        let mut object = json!({
            "code": outcome.code(), "program": report.program, "usage": usage, "details": details,
        });
        match &outcome {
            Outcome::Output(output) => {
                object["media_type"] = output.media_type.clone().into();
                object["output_base64"] = STANDARD.encode(&output.data).into();
            }
            Outcome::Failure(failure) => object["message"] = failure.message.clone().into(),
        }
        ui.object(&object);
    } else {
        let err_terminal = io::stderr().is_terminal();
        let written = match &outcome {
            Outcome::Output(output) => output.data.to_vec(),
            Outcome::Failure(_) => bytes(&details["output_base64"]).unwrap_or_default(),
        };
        ui.bytes(&shown(&written, ui.is_interactive()));
        // The log is below the output where both are on one terminal.
        if ui.is_interactive() && !written.is_empty() && !written.ends_with(b"\n") {
            ui.bytes(b"\n");
        }
        let text = || Some(details["log"].as_str()?.as_bytes().to_vec());
        if let Some(log) = bytes(&details["log_base64"]).or_else(text) {
            let _ = io::stderr().lock().write_all(&shown(&log, err_terminal));
        }
        // The standard error of a command is the command's, wherever somebody may read it.
        if err_terminal || is_script {
            ui.remark(spent(&outcome, &usage));
        }
    }
    match outcome {
        Outcome::Output(_) => Ok(Exit::Program(exit_code(&details))),
        Outcome::Failure(failure) => Err(refused(failure)),
    }
}

fn spent(outcome: &Outcome, usage: &Usage) -> String {
    format!(
        "{}: {} ms, {} ms of CPU, fuel {}, {} KiB of memory, {} requests",
        outcome.code(),
        usage.wall_ms,
        usage.cpu_us / 1000,
        usage.fuel,
        usage.peak_memory_bytes >> 10,
        usage.egress_requests,
    )
}

fn bytes(base64: &Value) -> Option<Vec<u8>> {
    STANDARD.decode(base64.as_str()?).ok()
}

/// Verbatim into files and pipes; without what drives a terminal where one shows it.
fn shown(bytes: &[u8], on_terminal: bool) -> Vec<u8> {
    if on_terminal {
        harmless(&String::from_utf8_lossy(bytes)).into_bytes()
    } else {
        bytes.to_vec()
    }
}

/// The program's own; 1 in the place of one that no process can have.
fn exit_code(details: &Value) -> u8 {
    u8::try_from(details["exit_code"].as_i64().unwrap_or(0)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_cannot_drive_the_terminal_and_is_not_changed_elsewhere() {
        let bytes = b"a\x1b]0;title\x07\tb\xff\n";
        assert_eq!(shown(bytes, false), bytes);
        assert_eq!(shown(bytes, true), "a]0;title\tb\u{fffd}\n".as_bytes());
    }

    #[test]
    fn an_exit_code_is_passed_on_and_no_failure_becomes_a_success() {
        for (code, exit) in [(0, 0), (33, 33), (255, 255), (256, 1), (-1, 1)] {
            assert_eq!(exit_code(&json!({ "exit_code": code })), exit, "{code}");
        }
        assert_eq!(exit_code(&Value::Null), 0);
    }
}
