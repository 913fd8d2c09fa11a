//! `sealwork verify marlin`.

use sealwork_compat_oyster::{
    Attested, NewStatement, OldStatement, OysterError, Rules, VerifierKey, read_hex,
};
use sealwork_verify::NitroRoot;
use serde_json::{Value, json};

use crate::{
    cli::{MarlinArgs, MarlinForm},
    exit::{CliError, CliResult, Exit},
    files,
    ui::Ui,
};

pub(super) fn run(args: &MarlinArgs, ui: &Ui) -> CliResult {
    let rules = rules(args)?;
    let key = args.key.as_deref().map(files::read_secret_bytes).transpose()?;
    let key = key.map(|file| VerifierKey::read(&file)).transpose().map_err(|error| {
        CliError::usage(format!("--key: {error}"), "give the file secp256k1.sec of the verifier")
    })?;
    let mut document = files::read(&args.file)?;
    if args.hex {
        document = read_hex(&document).map_err(refused)?;
    }
    let attested = Attested::from_document(&document, &rules).map_err(refused)?;
    let answer = match args.form {
        MarlinForm::Old => {
            let statement = OldStatement::new(&attested).map_err(refused)?;
            match &key {
                Some(key) => json!(statement.sign(key)),
                None => unsigned(json!(statement), &statement.digest()),
            }
        }
        MarlinForm::New => {
            let statement = NewStatement::new(&attested);
            match &key {
                Some(key) => json!(statement.sign(key)),
                None => unsigned(json!(statement), &statement.digest()),
            }
        }
    };
    ui.object(&answer);
    Ok(Exit::Ok)
}

fn rules(args: &MarlinArgs) -> Result<Rules, CliError> {
    let root = match &args.root_key {
        None => NitroRoot::Aws,
        Some(digits) => {
            let key = hex::decode(digits).ok().and_then(|key| key.try_into().ok());
            NitroRoot::Key(key.ok_or_else(|| {
                CliError::usage(
                    "--root-key is no P-384 key",
                    "give X and Y of the root's public key, 192 hex digits without 0x",
                )
            })?)
        }
    };
    Ok(Rules { root, allow_debug: args.allow_debug })
}

/// What an answer would say, and the digest that a verifier signs.
fn unsigned(mut statement: Value, digest: &[u8; 32]) -> Value {
    statement["digest"] = hex::encode(digest).into();
    statement
}

fn refused(error: OysterError) -> CliError {
    let exit = match error {
        OysterError::Hex => Exit::Usage,
        _ => Exit::Verification,
    };
    CliError::new(exit, error.code(), error.to_string(), error.hint())
}
