//! Completions and man pages, from the same definitions as the command line itself.

use std::{fs, path::Path};

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::{
    cli::{Cli, CompletionsArgs, ManArgs},
    exit::{CliError, CliResult, Exit},
    files,
    ui::Ui,
};

/// Prints a completion script.
pub(crate) fn completions(args: &CompletionsArgs, ui: &Ui) -> CliResult {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sealwork", &mut script);
    ui.bytes(&script);
    Ok(Exit::Ok)
}

/// Prints the main page, or writes all pages to a directory.
pub(crate) fn man(args: &ManArgs, ui: &Ui) -> CliResult {
    let mut command = Cli::command();
    command.build();
    let Some(dir) = &args.dir else {
        ui.bytes(&render(&command)?);
        return Ok(Exit::Ok);
    };
    fs::create_dir_all(dir).map_err(|e| {
        CliError::local(format!("cannot make {}: {e}", dir.display()), "name another directory")
    })?;
    let written = write_pages(&command, dir)?;
    ui.remark(format!("{written} pages in {}", dir.display()));
    Ok(Exit::Ok)
}

/// One page for the command and each visible command below it, `sealwork-job-run.1` and so on.
fn write_pages(command: &Command, dir: &Path) -> Result<usize, CliError> {
    let page = command.get_display_name().unwrap_or_else(|| command.get_name());
    files::write_public(&dir.join(format!("{page}.1")), &render(command)?)?;
    let below = command.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help");
    below.map(|c| write_pages(c, dir)).try_fold(1, |sum, n| Ok(sum + n?))
}

fn render(command: &Command) -> Result<Vec<u8>, CliError> {
    let mut page = Vec::new();
    Man::new(command.clone())
        .render(&mut page)
        .map_err(|e| CliError::local(format!("cannot write the manual: {e}"), "report this"))?;
    Ok(page)
}
