//! The format's version, the key check, and the rule by which old stores become new ones.

use redb::{Database, ReadableDatabase, ReadableTable};

use crate::{
    OpenError, StoreError,
    record::{Head, open_record, seal_record},
    sealing::{Place, Sealer},
    tables::{META, SETTLED_ROW, Tables},
};

/// The format that this version writes, and the newest that it reads.
///
/// A change that an older version would misread raises it by one and adds a step to
/// `MIGRATIONS`; a store file of the old format goes to `tests/data`, where a test opens it.
pub const FORMAT: u32 = 3;

type Migration = fn(&mut Tables<'_>, &Sealer) -> Result<(), StoreError>;

/// Step `n` makes a store of format `n + 1` one of format `n + 2`. All steps that a store needs
/// run in one transaction: it is of its old format until it is of the newest.
const MIGRATIONS: [Migration; FORMAT as usize - 1] = [name_the_jobs_of_receipts, rewrite_nothing];

const FORMAT_KEY: &str = "format";
const CHECK_KEY: &str = "check";
const HEAD_KEY: &str = "head";
const CHECK_TEXT: &str = "sealwork store";

fn meta(key: &[u8]) -> [&[u8]; 1] {
    [key]
}

/// Fills a new, empty database.
pub(crate) fn initialise(database: &Database, sealer: &Sealer) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    let mut tables = Tables::open(&transaction)?;
    tables.meta.insert(FORMAT_KEY, FORMAT.to_le_bytes().as_slice())?;
    let key = meta(CHECK_KEY.as_bytes());
    let check = sealer.seal(Place { table: "meta", key: &key }, CHECK_TEXT.as_bytes());
    tables.meta.insert(CHECK_KEY, check.as_slice())?;
    write_head(&mut tables, sealer, &Head::new())?;
    drop(tables);
    transaction.commit()?;
    Ok(())
}

/// Checks that the database is a store that this version and this key can read, brings it to the
/// newest format, and reads its head.
pub(crate) fn take_over(database: &Database, sealer: &Sealer) -> Result<Head, OpenError> {
    let found = check(database, sealer)?;
    if found < FORMAT {
        migrate(database, sealer, found)?;
        tracing::info!(from = found, to = FORMAT, "the store was brought to a newer format");
    }
    Ok(read_head(database, sealer)?)
}

fn check(database: &Database, sealer: &Sealer) -> Result<u32, OpenError> {
    let meta_table = database.begin_read().map_err(redb::Error::from)?.open_table(META).map_err(
        |e| match e {
            redb::TableError::Storage(e) => OpenError::from(redb::Error::from(e)),
            other => OpenError::damaged(format!("it is a redb file, but no store: {other}")),
        },
    )?;
    let value = |key| meta_table.get(key).map_err(|e| OpenError::from(redb::Error::from(e)));
    let found = value(FORMAT_KEY)?
        .and_then(|format| Some(u32::from_le_bytes(format.value().try_into().ok()?)))
        .filter(|format| *format > 0)
        .ok_or_else(|| OpenError::damaged("its format is not stated"))?;
    // Before the key: a newer format may check the key in another way.
    if found > FORMAT {
        return Err(OpenError::NewerFormat { found, supported: FORMAT });
    }
    let sealed = value(CHECK_KEY)?.ok_or_else(|| OpenError::damaged("its key check is missing"))?;
    let key = meta(CHECK_KEY.as_bytes());
    sealer
        .open(Place { table: "meta", key: &key }, sealed.value())
        .filter(|text| text == CHECK_TEXT.as_bytes())
        .ok_or(OpenError::WrongKey)?;
    Ok(found)
}

fn migrate(database: &Database, sealer: &Sealer, from: u32) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    let mut tables = Tables::open(&transaction)?;
    for step in MIGRATIONS.iter().skip(from as usize - 1) {
        step(&mut tables, sealer)?;
    }
    tables.meta.insert(FORMAT_KEY, FORMAT.to_le_bytes().as_slice())?;
    drop(tables);
    transaction.commit()?;
    Ok(())
}

/// Format 3 seals new files in pieces; files of format 2 are told apart by their names.
#[allow(clippy::unnecessary_wraps, reason = "a migration")]
fn rewrite_nothing(_: &mut Tables<'_>, _: &Sealer) -> Result<(), StoreError> {
    Ok(())
}

/// From 1 to 2: receipts are found by their jobs after the results are gone. Receipts whose
/// results had gone before keep their numbers only.
fn name_the_jobs_of_receipts(tables: &mut Tables<'_>, _: &Sealer) -> Result<(), StoreError> {
    for row in tables.jobs.iter()? {
        let (job, at) = row?;
        if let (SETTLED_ROW, sequence) = at.value() {
            tables.receipt_jobs.insert(sequence, job.value())?;
        }
    }
    Ok(())
}

pub(crate) fn read_head(database: &Database, sealer: &Sealer) -> Result<Head, StoreError> {
    let meta_table = database.begin_read()?.open_table(META)?;
    let sealed = meta_table.get(HEAD_KEY)?.ok_or_else(|| StoreError::damaged("meta"))?;
    let key = meta(HEAD_KEY.as_bytes());
    open_record(sealer, Place { table: "meta", key: &key }, sealed.value())
}

pub(crate) fn write_head(
    tables: &mut Tables<'_>,
    sealer: &Sealer,
    head: &Head,
) -> Result<(), StoreError> {
    let key = meta(HEAD_KEY.as_bytes());
    let sealed = seal_record(sealer, Place { table: "meta", key: &key }, head)?;
    tables.meta.insert(HEAD_KEY, sealed.as_slice())?;
    Ok(())
}
