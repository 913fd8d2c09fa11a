//! Programs in the worker's content store, named by their CIDs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use bytes::Bytes;
use sealwork_content::{BlockStore, Cid, ContentError, PinName, ReadLimits, StoreLimits, import};
use sealwork_engine_program::ContentSource;
use sealwork_job::Failure;
use sealwork_platform::{Disk, Environment, RealDisk};
use serde_json::json;

use crate::{
    cli::{ConfigArgs, ProgramAddArgs},
    config::{self, Values, registry as r},
    exit::{CliError, CliResult, Exit},
    files,
    ui::Ui,
};

const DIRECTORY: &str = "content";
/// Worker and command line take the store in turns, each for a moment.
const PATIENCE: (u32, Duration) = (100, Duration::from_millis(50));
/// Programs in memory.
const KEPT: usize = 64;

/// The store of a worker, opened for each program that is not known yet: so `program add` can add
/// another one meanwhile.
pub(super) struct Local {
    disk: Arc<dyn Disk>,
    limits: StoreLimits,
    known: Mutex<HashMap<Cid, Bytes>>,
}

impl Local {
    pub(super) fn new(disk: Arc<dyn Disk>, values: &Values) -> Self {
        Self { disk, limits: limits(values), known: Mutex::default() }
    }
}

impl ContentSource for Local {
    fn read(&self, cid: &str, max_bytes: u64) -> Result<Bytes, Failure> {
        let failed = |error: ContentError| Failure::new(error.code(), error.to_string());
        let cid: Cid = cid.parse().map_err(|error| failed(ContentError::Cid(error)))?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&cid).cloned();
        let program = match known {
            Some(program) => program,
            None => {
                let store = open(&self.disk, self.limits).map_err(failed)?;
                Bytes::from(store.read(cid).map_err(failed)?)
            }
        };
        let size = program.len() as u64;
        if size > max_bytes {
            return Err(failed(ContentError::TooLarge { size, limit: max_bytes }));
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(cid, program.clone());
        Ok(program)
    }

    fn cid_of(&self, program: &[u8]) -> Option<String> {
        Some(import(Bytes::copy_from_slice(program)).root.to_string())
    }
}

fn limits(values: &Values) -> StoreLimits {
    let content =
        ReadLimits { bytes: values.number(&r::PROGRAM_MAX_BYTES), ..ReadLimits::default() };
    StoreLimits { bytes: values.number(&r::CONTENT_STORE_BYTES), content, ..StoreLimits::default() }
}

fn open(disk: &Arc<dyn Disk>, limits: StoreLimits) -> Result<BlockStore, ContentError> {
    let (tries, pause) = PATIENCE;
    for _ in 0..tries {
        match BlockStore::open(Arc::clone(disk), DIRECTORY, limits) {
            Err(ContentError::Locked) => thread::sleep(pause),
            other => return other,
        }
    }
    Err(ContentError::Locked)
}

/// `sealwork program add`.
pub(super) fn add(args: &ProgramAddArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let program = files::read(&args.file)?;
    let file_name = args.file.file_name().and_then(|name| name.to_str());
    let name = args.name.as_deref().or(file_name).unwrap_or("program");
    let name: PinName = name.parse().map_err(failed)?;
    let pin = store(&args.config, environment)?.add(name, program.into()).map_err(failed)?;
    if ui.json {
        ui.object(
            &json!({ "cid": pin.root.to_string(), "name": pin.name.as_str(), "size": pin.size }),
        );
    } else {
        ui.line(pin.root);
    }
    Ok(Exit::Ok)
}

/// `sealwork program list`.
pub(super) fn list(args: &ConfigArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let pins = store(args, environment)?.pins();
    if ui.json {
        let all: Vec<_> = pins
            .iter()
            .map(|pin| json!({ "cid": pin.root.to_string(), "name": pin.name.as_str(), "size": pin.size }))
            .collect();
        ui.object(&all);
    } else {
        for pin in pins {
            ui.line(format!("{}  {:>9}  {}", pin.root, pin.size, pin.name));
        }
    }
    Ok(Exit::Ok)
}

fn store(args: &ConfigArgs, environment: &Environment) -> Result<BlockStore, CliError> {
    let config = config::load(environment, &args.into())?;
    let disk = RealDisk::open_root(&config.data_dir).map_err(|error| {
        CliError::local(
            format!("cannot use the data directory {}: {error}", config.data_dir.display()),
            "name the worker's directory by --data-dir, and run as the worker's user",
        )
    })?;
    open(&(Arc::new(disk) as Arc<dyn Disk>), limits(&config.values)).map_err(failed)
}

fn failed(error: ContentError) -> CliError {
    let code = error.code();
    CliError::new(Exit::Local, code.as_str(), error.to_string(), code.hint())
}
