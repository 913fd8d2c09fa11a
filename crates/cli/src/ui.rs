//! Standard output for answers, standard error for everything else.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
    sync::{Arc, OnceLock},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sealwork_client::JobFailure;
use sealwork_platform::Environment;
use serde::Serialize;
use serde_json::json;

use crate::{
    cli::{ColorArg, OutputArgs},
    exit::{CliError, Exit},
    verdict,
};

/// Where and how to print.
#[derive(Debug, Clone)]
pub(crate) struct Ui {
    /// One JSON object instead of text.
    pub(crate) json: bool,
    quiet: bool,
    out_terminal: bool,
    err_terminal: bool,
    color_out: bool,
    color_err: bool,
    /// The first failed write to standard output; nothing is written after it.
    failed: Arc<OnceLock<io::Error>>,
}

/// A few styles suffice.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Style {
    Strong,
    Faint,
    Good,
    Warning,
    Bad,
}

impl Ui {
    /// As the arguments, the environment and the terminals say.
    pub(crate) fn new(args: OutputArgs, environment: &Environment) -> Self {
        let out_terminal = io::stdout().is_terminal();
        let err_terminal = io::stderr().is_terminal();
        let wanted = |terminal| match args.color {
            ColorArg::Always => true,
            ColorArg::Never => false,
            ColorArg::Auto => {
                let no_color = environment.var("NO_COLOR").is_some_and(|value| !value.is_empty());
                terminal && !no_color && environment.var("TERM") != Some("dumb")
            }
        };
        Self {
            json: args.json,
            quiet: args.quiet,
            out_terminal,
            err_terminal,
            color_out: wanted(out_terminal) && !args.json,
            color_err: wanted(err_terminal) && !args.json,
            failed: Arc::default(),
        }
    }

    /// Whether somebody looks at standard output.
    pub(crate) fn is_interactive(&self) -> bool {
        self.out_terminal
    }

    /// Whether standard output may have colours.
    pub(crate) fn colours_output(&self) -> bool {
        self.color_out
    }

    /// Whether standard error may have colours.
    pub(crate) fn colours_errors(&self) -> bool {
        self.color_err
    }

    /// A line of the answer.
    pub(crate) fn line(&self, text: impl Display) {
        self.bytes(format!("{text}\n").as_bytes());
    }

    /// Bytes of the answer. Whether they were written shows in [`Self::unwritten`], so that a
    /// command ends in order whatever becomes of its output.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        if self.failed.get().is_some() {
            return;
        }
        let mut out = io::stdout().lock();
        if let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) {
            let _ = self.failed.set(error);
        }
    }

    /// Why the answer could not be written whole. A reader that has gone away has all that it
    /// wanted.
    pub(crate) fn unwritten(&self) -> Option<CliError> {
        let error = self.failed.get().filter(|e| e.kind() != io::ErrorKind::BrokenPipe)?;
        Some(CliError::new(
            Exit::Local,
            "output_unwritable",
            format!("cannot write to standard output: {error}"),
            "send the output where there is room for it",
        ))
    }

    /// The answer as JSON.
    pub(crate) fn object(&self, value: &impl Serialize) {
        let text = if self.out_terminal {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        self.line(escaped(&text.unwrap_or_default()));
    }

    /// A remark for a person: on standard error, never when quiet or with `--json`.
    pub(crate) fn remark(&self, text: impl Display) {
        if !self.quiet && !self.json {
            self.print_err(&format!("{text}"));
        }
    }

    /// Why a job failed: on standard error, also when quiet. With `--json` the answer has it.
    pub(crate) fn failure(&self, failure: &JobFailure) {
        if self.json {
            return;
        }
        let head = format!("the job failed ({}):", code_shown(&failure.code));
        let head = paint(self.color_err, Style::Bad, head);
        self.print_err(&format!("{head} {}", indented(&failure.message)));
        if let Some(hint) = failure.hint() {
            self.print_err(&format!("  hint: {hint}"));
        }
    }

    /// An error, always printed.
    pub(crate) fn error(&self, error: &CliError) {
        if self.json {
            let mut object = json!({ "error": {
                "code": error.code, "message": error.message, "hint": error.hint,
                "exit": error.exit.number(),
            }});
            if let Some(job) = error.job {
                object["error"]["job_id"] = json!(job);
            }
            if !error.reasons.is_empty() {
                object["error"]["reasons"] = json!(error.reasons);
            }
            self.print_err(&escaped(&object.to_string()));
        } else {
            let head = format!("error[{}]:", code_shown(&error.code));
            let head = paint(self.color_err, Style::Bad, head);
            let lines = verdict::explained(&error.reasons);
            let reasons: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let (message, hint) = (indented(&error.message), indented(&error.hint));
            self.print_err(&format!("{head} {message}\n{reasons}  hint: {hint}"));
        }
    }

    /// What the parser of the command line says of wrong usage.
    pub(crate) fn usage(&self, text: &str) {
        self.print_err(text.trim_end_matches('\n'));
    }

    /// Colours text for standard output.
    pub(crate) fn paint(&self, style: Style, text: impl Display) -> String {
        paint(self.color_out, style, text)
    }

    /// Colours text for standard error.
    pub(crate) fn paint_remark(&self, style: Style, text: impl Display) -> String {
        paint(self.color_err, style, text)
    }

    /// A spinner with a text on a terminal; nothing elsewhere.
    pub(crate) fn progress(&self, text: impl Into<String>) -> Progress {
        let shown = self.err_terminal && !self.quiet && !self.json;
        let target =
            if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_message(text.into());
        if shown {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Progress(bar)
    }

    fn print_err(&self, text: &str) {
        // Nobody is left to tell when standard error is gone.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}

/// Shows that something goes on, until it is dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// What goes on now.
    pub(crate) fn say(&self, text: impl Into<String>) {
        self.0.set_message(text.into());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Makes text from outside harmless on a terminal: no control characters but line breaks and tabs,
/// and nothing that turns the direction of what follows.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().filter(|c| !drives_a_terminal(*c) || matches!(c, '\n' | '\t')).collect()
}

/// The same for what has to stay on its line, so that none of it looks like a line of ours.
pub(crate) fn harmless_line(text: &str) -> String {
    harmless(text).replace(['\n', '\t', '\u{2028}', '\u{2029}'], " ")
}

/// The same for words of several lines: those after the first are set in.
fn indented(text: &str) -> String {
    harmless(text).replace('\n', "\n    ")
}

/// A worker's code as it is shown: whatever has not the form of one is none.
pub(crate) fn code_shown(code: &str) -> &str {
    const LONGEST: usize = 64;
    let is_plain = |byte: u8| byte == b'_' || byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_code = (1..=LONGEST).contains(&code.len()) && code.bytes().all(is_plain);
    if is_code { code } else { "unreadable_code" }
}

/// JSON whose strings hold no character that a terminal would act on: serde escapes only those
/// below the space.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if drives_a_terminal(character) && character != '\n' {
            // None of these is beyond the first plane.
            out.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    out
}

/// Control characters, and the ones by which text is written from right to left.
fn drives_a_terminal(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn paint(on: bool, style: Style, text: impl Display) -> String {
    if !on {
        return text.to_string();
    }
    let code = match style {
        Style::Strong => 1,
        Style::Faint => 2,
        Style::Good => 32,
        Style::Warning => 33,
        Style::Bad => 31,
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_drive_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\r\nc\u{9b}d"), "a[2Jb\ncd");
    }

    #[test]
    fn a_code_that_is_none_is_not_shown() {
        for code in ["queue_full", "http_503", &"a".repeat(64)] {
            assert_eq!(code_shown(code), code);
        }
        for text in ["", "A", "a b", "a\u{1b}[2K", "ok\nevidence trusted", "é", &"a".repeat(65)] {
            assert_eq!(code_shown(text), "unreadable_code", "{text:?}");
        }
    }

    #[test]
    fn one_line_stays_one_line_and_runs_in_one_direction() {
        assert_eq!(harmless_line("a\nb\tc\u{2028}d"), "a b c d");
        assert_eq!(harmless("a\u{202e}b\u{2066}c"), "abc");
        assert_eq!(indented("a\nb"), "a\n    b");
    }

    #[test]
    fn json_reads_the_same_and_drives_no_terminal() {
        let value = json!({ "text": "\u{9b}2J\u{1b}\u{7f}\u{202e}é\n" });
        let text = escaped(&serde_json::to_string_pretty(&value).unwrap());
        assert!(text.chars().all(|c| c == '\n' || !drives_a_terminal(c)), "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn colours_are_escapes_only_where_wanted() {
        assert_eq!(paint(false, Style::Bad, "x"), "x");
        assert_eq!(paint(true, Style::Bad, "x"), "\u{1b}[31mx\u{1b}[0m");
    }
}
