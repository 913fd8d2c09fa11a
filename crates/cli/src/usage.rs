//! What the parser of the command line answers by itself: help, the version, wrong usage.

use std::ffi::OsStr;

use clap::error::ErrorKind;
use sealwork_platform::Environment;

use crate::{
    cli::{ColorArg, OutputArgs},
    config::{Problem, registry},
    exit::{CliError, Exit},
    finish,
    ui::Ui,
};

/// Prints help and version on standard output and errors on standard error, as JSON where that was
/// asked for.
pub(crate) fn print(answer: &clap::Error, environment: &Environment) -> Exit {
    let json = asks_for_json(std::env::args_os());
    let ui = Ui::new(OutputArgs { json, quiet: false, color: ColorArg::Auto }, environment);
    if !answer.use_stderr() {
        let text = answer.render();
        let text = if ui.colours_output() { text.ansi().to_string() } else { text.to_string() };
        ui.bytes(text.as_bytes());
        return finish(Ok(Exit::Ok), &ui);
    }
    if json {
        ui.error(&error(answer));
    } else {
        ui.usage(&in_our_form(answer, ui.colours_errors()));
    }
    Exit::Usage
}

/// The parser's own text, with the code behind its first word as in every other error.
fn in_our_form(answer: &clap::Error, coloured: bool) -> String {
    let text = answer.render();
    let text = if coloured { text.ansi().to_string() } else { text.to_string() };
    text.replacen("error:", "error[usage]:", 1)
}

/// Refuses variables for the client's commands that are not text. As if it were not set, an address
/// or a policy would be another than the one that was meant.
pub(crate) fn check_environment(environment: &Environment) -> Result<(), CliError> {
    let ours = registry::AMBIENT.iter().map(|(name, _)| *name);
    let garbled =
        ours.filter(|name| name.starts_with("SEALWORK_")).find(|name| environment.is_garbled(name));
    garbled.map_or(Ok(()), |name| {
        Err(CliError::usage(Problem::garbled(name).to_string(), "set it anew, or unset it"))
    })
}

/// The arguments could not be parsed, so the flag is looked for by hand.
fn asks_for_json(arguments: impl Iterator<Item = impl AsRef<OsStr>>) -> bool {
    let end = |argument: &OsStr| argument == "--";
    arguments.map(|a| a.as_ref().to_owned()).take_while(|a| !end(a)).any(|a| a == "--json")
}

/// The first paragraph says what is wrong, the others what to do.
fn error(answer: &clap::Error) -> CliError {
    if answer.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return CliError::usage("a command is missing", "see: sealwork --help");
    }
    let text = answer.render().to_string();
    let text = text.trim().strip_prefix("error: ").unwrap_or(text.trim()).to_owned();
    let (message, hint) = text.split_once("\n\n").unwrap_or((&text, "see: sealwork --help"));
    CliError::usage(one_line(message), one_line(hint))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn json_is_asked_for_by_its_flag_and_not_by_what_follows_the_end_of_flags() {
        assert!(asks_for_json(["sealwork", "keys", "--json", "nonsense"].iter()));
        assert!(!asks_for_json(["sealwork", "keys", "--", "--json"].iter()));
        assert!(!asks_for_json(["sealwork", "--jsons"].iter()));
    }

    #[test]
    fn wrong_usage_shows_its_code_with_and_without_colours() {
        let wrong = Cli::try_parse_from(["sealwork", "nonsense"]).unwrap_err();
        assert!(in_our_form(&wrong, false).starts_with("error[usage]: unrecognized"));
        let coloured = in_our_form(&wrong, true);
        assert!(coloured.contains("error[usage]:") && coloured.contains('\x1b'), "{coloured:?}");
    }

    #[test]
    fn wrong_usage_becomes_one_line_of_message_and_one_of_hint() {
        let wrong = Cli::try_parse_from(["sealwork", "verify", "receipt", "x"]).unwrap_err();
        let error = error(&wrong);
        let expected = "the following required arguments were not provided: --key-config <FILE>";
        assert_eq!(error.message, expected);
        assert!(error.hint.starts_with("Usage: sealwork verify receipt"), "{}", error.hint);
        assert_eq!((error.exit, error.code.as_str()), (Exit::Usage, "usage"));
    }
}
