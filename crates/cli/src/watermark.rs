//! The highest numbers of collateral that were seen, kept in the user's state directory: whoever
//! brings back older collateral brings back a time when a weakness was not known.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use sealwork_client::{Client, Watermark};
use sealwork_platform::Environment;

use crate::{
    exit::CliError,
    files,
    ui::{Style, Ui},
};

const FILE: &str = "watermark.json";

/// What was seen before; nothing where there is no state directory.
pub(crate) fn load(environment: &Environment) -> Result<Watermark, CliError> {
    match directory(environment) {
        Some(directory) => read(&directory.join(FILE)),
        None => Ok(Watermark::default()),
    }
}

/// Keeps what a client has seen. That it cannot is told and is no error: the evidence was checked.
pub(crate) fn keep(client: &Client, environment: &Environment, ui: &Ui) {
    if let Some(seen) = client.watermark() {
        keep_seen(&seen, environment, ui);
    }
}

/// Keeps what was seen, as [`keep`] does.
pub(crate) fn keep_seen(seen: &Watermark, environment: &Environment, ui: &Ui) {
    if *seen == Watermark::default() {
        return;
    }
    let kept = match directory(environment) {
        Some(directory) => raise(&directory, seen).map_err(|e| e.to_string()),
        None => Err("neither XDG_STATE_HOME nor HOME is set".to_owned()),
    };
    if let Err(why) = kept {
        let warning = format!(
            "warning: what was seen of collateral cannot be kept ({why}): older collateral would \
             be taken next time"
        );
        ui.remark(ui.paint_remark(Style::Warning, warning));
    }
}

/// Numbers only go up, also where two commands end at the same time.
fn raise(directory: &Path, seen: &Watermark) -> Result<(), Box<dyn std::error::Error>> {
    fs::create_dir_all(directory)?;
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(directory.join("watermark.lock"))?;
    lock.lock()?;
    let path = directory.join(FILE);
    let kept = read(&path).map_err(|e| e.message)?;
    let mut highest = kept.clone();
    highest.merge(seen);
    if highest == kept {
        return Ok(());
    }
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(&serde_json::to_vec(&highest)?)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn read(path: &Path) -> Result<Watermark, CliError> {
    if let Err(e) = path.symlink_metadata()
        && e.kind() == io::ErrorKind::NotFound
    {
        return Ok(Watermark::default());
    }
    serde_json::from_slice(&files::read(path)?).map_err(|_| {
        CliError::local(
            format!("{} does not hold the numbers that were seen of collateral", path.display()),
            "restore it, or remove it to begin anew",
        )
    })
}

fn directory(environment: &Environment) -> Option<PathBuf> {
    let state = environment
        .absolute_path("XDG_STATE_HOME")
        .or_else(|| Some(environment.absolute_path("HOME")?.join(".local/state")));
    Some(state?.join("sealwork"))
}
