//! Programs in the worker's content store, named by their CIDs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use bytes::Bytes;
use sealwork_content::{BlockStore, Cid, ContentError, PinName, ReadLimits, StoreLimits, import};
use sealwork_engine_program::ContentSource;
use sealwork_job::Failure;
use sealwork_platform::{Disk, Environment, RealDisk};
use serde_json::json;
use tokio::time::Instant;

use crate::{
    cli::{ConfigArgs, ProgramAddArgs, ProgramRemoveArgs},
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
/// How long they are given out without a look at the store.
const FRESH: Duration = Duration::from_secs(10);

/// The store of a worker, opened for each program that is not known yet: so `program add` can add
/// another one meanwhile.
pub(super) struct Local {
    disk: Arc<dyn Disk>,
    limits: StoreLimits,
    known: Mutex<HashMap<Cid, Known>>,
}

/// A program that was read, and when: a removed one is not given out for long.
struct Known {
    program: Bytes,
    read: Instant,
}

impl Local {
    pub(super) fn new(disk: Arc<dyn Disk>, values: &Values) -> Self {
        Self { disk, limits: limits(values), known: Mutex::default() }
    }

    fn known(&self, cid: &Cid) -> Option<Bytes> {
        let known = self.lock();
        let found = known.get(cid).filter(|known| known.read.elapsed() < FRESH)?;
        Some(found.program.clone())
    }

    fn keep(&self, cid: Cid, program: Bytes) {
        let mut known = self.lock();
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(cid, Known { program, read: Instant::now() });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Cid, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ContentSource for Local {
    fn read(&self, cid: &str, max_bytes: u64) -> Result<Bytes, Failure> {
        let failed = |error: ContentError| Failure::new(error.code(), error.to_string());
        let cid: Cid = cid.parse().map_err(|error| failed(ContentError::Cid(error)))?;
        let program = match self.known(&cid) {
            Some(program) => program,
            None => {
                let store = open(&self.disk, self.limits).map_err(failed)?;
                let program = Bytes::from(store.read(cid).map_err(failed)?);
                self.keep(cid, program.clone());
                program
            }
        };
        let size = program.len() as u64;
        if size > max_bytes {
            return Err(failed(ContentError::TooLarge { size, limit: max_bytes }));
        }
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

/// `sealwork program remove`. By its CID, a program that was added under several names goes under
/// all of them.
pub(super) fn remove(args: &ProgramRemoveArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let store = store(&args.config, environment)?;
    let pins = store.pins();
    let named = pins.iter().find(|pin| pin.name.as_str() == args.program);
    let (cid, names) = match (named, args.program.parse::<Cid>()) {
        (Some(pin), _) => (Some(pin.root), vec![pin.name.clone()]),
        (None, Ok(cid)) => {
            let same = pins.iter().filter(|pin| pin.root == cid);
            (Some(cid), same.map(|pin| pin.name.clone()).collect())
        }
        // A name that is not listed may have a record that is damaged, and goes all the same.
        (None, Err(_)) => (None, vec![args.program.parse::<PinName>().map_err(failed)?]),
    };
    if let (Some(cid), []) = (cid, &names[..]) {
        return Err(failed(ContentError::Unknown(cid)));
    }
    let mut freed = 0;
    for name in &names {
        freed += store.remove(name).map_err(failed)?.bytes;
    }
    if ui.json {
        let names: Vec<_> = names.iter().map(PinName::as_str).collect();
        ui.object(
            &json!({ "cid": cid.map(|cid| cid.to_string()), "names": names, "freed_bytes": freed }),
        );
    } else {
        for name in &names {
            ui.line(format!("removed {name}"));
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
