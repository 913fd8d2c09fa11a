//! `sealwork job ...`.

mod places;
mod signer;
mod spec;

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use sealwork_client::{Client, ClientError, JobHandle, SealOptions, SealedJob, Status, Suite};
use sealwork_job::Code;
use sealwork_platform::{Clock, Environment, SystemClock};
use serde_json::json;

use self::places::Places;
use crate::{
    cli::{
        AttestArgs, HandleArgs, JobCommand, KeptReceiptArgs, ResultArgs, RunArgs, SealArgs,
        SendArgs, SpecArgs, SubmitArgs, SuiteArg, WaitArgs,
    },
    connect,
    exit::{CliError, CliResult, Exit},
    files::{self, PrivateFile, PublicFile},
    render,
    ui::{Style, Ui, harmless_line},
    verdict, watermark,
};

/// Long enough for any job, when no time was given.
const FOREVER: Duration = Duration::from_secs(30 * 24 * 3600);

const UNATTESTED: &str =
    "unattested: whoever runs the worker may be able to read this job and its result";

/// Performs one of the job commands.
pub(crate) async fn run(command: &JobCommand, environment: &Environment, ui: &Ui) -> CliResult {
    match command {
        JobCommand::Run(args) => run_job(args, environment, ui).await,
        JobCommand::Submit(args) => submit(args, environment, ui).await,
        JobCommand::Status(args) => status(args, environment, ui).await,
        JobCommand::Wait(args) => wait(args, environment, ui).await,
        JobCommand::Result(args) => result(args, environment, ui).await,
        JobCommand::Cancel(args) => cancel(args, environment, ui).await,
        JobCommand::Receipt(args) => receipt(args, environment, ui).await,
    }
}

async fn run_job(args: &RunArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let mut places = Places::prepare(&args.out, args.handle.as_deref())?;
    let handle_file = args.handle.as_deref().map(PrivateFile::prepare).transpose()?;
    let progress = ui.progress("sealing the job");
    let (client, sealed) = seal(&args.send, environment, ui).await?;
    progress.say("submitting the job");
    let handle = client.submit(&sealed).await.map_err(|error| refused(error, &args.send.spec))?;
    if let Some(file) = handle_file {
        keep(file, &handle, &client).await?;
    }
    ui.remark(ui.paint_remark(Style::Faint, accepted(args, &handle)));
    progress.say("waiting for the result");
    let left = |error: CliError| left_behind(error, &handle, args.handle.as_deref());
    let patience = patience(args.wait.timeout);
    let waited = client.wait(&handle, patience, |status| progress.say(saying(status))).await;
    waited.map_err(|error| left(error.into()))?;
    progress.say("opening the result");
    let result = places.fetch(&client, &handle).await.map_err(left)?;
    drop(progress);
    places.deliver(&result, ui)
}

/// A worker's refusal; of arguments that were read as numbers it is said how they are given as text.
fn refused(error: ClientError, spec: &SpecArgs) -> CliError {
    let error = CliError::from(error);
    let number = spec.arg.iter().find(|(_, value)| value.parse::<f64>().is_ok());
    match number {
        Some((name, value)) if error.code == Code::ArgumentsInvalid.as_str() => {
            let hint = format!("{}; {value} as text: --arg '{name}=\"{value}\"'", error.hint);
            CliError { hint, ..error }
        }
        _ => error,
    }
}

fn accepted(args: &RunArgs, handle: &JobHandle) -> String {
    let job = handle.job();
    match args.handle {
        Some(_) => format!("accepted as job {job}"),
        None => {
            format!("accepted as job {job}; without --handle its result is for this command alone")
        }
    }
}

/// An error of a command that gives up on a job which the worker has accepted: how to come back to
/// the job, where it goes on.
fn left_behind(error: CliError, handle: &JobHandle, file: Option<&Path>) -> CliError {
    let job = handle.job();
    let error = CliError { job: Some(job), ..error };
    let next = match file {
        Some(path) => format!("fetch the result later: sealwork job result {}", path.display()),
        None => format!(
            "the job goes on, but its result can be opened with a handle only, and none was \
             written: next time give --handle FILE. Its receipt: sealwork job receipt {job}"
        ),
    };
    match error.exit {
        Exit::StillRunning => CliError { hint: next, ..error },
        Exit::Connection => CliError {
            message: format!("{}; the worker has accepted job {job}", error.message),
            hint: format!("{}; {next}", error.hint),
            ..error
        },
        _ => error,
    }
}

/// Everything that can be wrong with the arguments shows before anything is sent.
async fn seal(
    args: &SendArgs,
    environment: &Environment,
    ui: &Ui,
) -> Result<(Client, SealedJob), CliError> {
    let client = connect::client(&args.worker, &args.attest, environment)?;
    let spec = spec::build(&args.spec, SystemClock::new().now())?;
    let options = seal_options(&args.seal)?;
    let recipient = client.recipient().await?;
    watermark::keep(&client, environment, ui);
    match recipient.evidence() {
        Some(trusted) => {
            let line = format!("evidence trusted: {}", verdict::trusted_words(trusted));
            ui.remark(ui.paint_remark(verdict::style(trusted), line));
        }
        None => ui.remark(ui.paint_remark(Style::Warning, UNATTESTED)),
    }
    let sealed = client.seal(&spec, &options).await?;
    Ok((client, sealed))
}

/// Writes the handle. When that fails the job is cancelled: nobody could ever open its result.
async fn keep(file: PrivateFile, handle: &JobHandle, client: &Client) -> Result<(), CliError> {
    let kept = file.write(&handle.to_json());
    if kept.is_err() {
        let _ = client.cancel(handle).await;
    }
    kept
}

async fn submit(args: &SubmitArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let handle_file = PrivateFile::prepare(&args.handle)?;
    let progress = ui.progress("sealing and submitting the job");
    let (client, sealed) = seal(&args.send, environment, ui).await?;
    let handle = client.submit(&sealed).await.map_err(|error| refused(error, &args.send.spec))?;
    drop(progress);
    keep(handle_file, &handle, &client).await?;
    if ui.json {
        ui.object(&json!({ "job_id": handle.job(), "handle": args.handle.display().to_string() }));
    } else {
        ui.line(handle.job());
        ui.remark(format!("next: sealwork job result {}", args.handle.display()));
    }
    Ok(Exit::Ok)
}

async fn status(args: &HandleArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let (handle, client) = followed(args, None, environment)?;
    print_status(&client.status(&handle).await?, ui);
    Ok(Exit::Ok)
}

async fn wait(args: &WaitArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let (handle, client) = followed(&args.handle, None, environment)?;
    let progress = ui.progress("waiting");
    let patience = patience(args.wait.timeout);
    let status = client.wait(&handle, patience, |status| progress.say(saying(status))).await?;
    drop(progress);
    print_status(&status, ui);
    Ok(match status.code.as_deref() {
        Some("ok") | None => Exit::Ok,
        Some(_) => Exit::JobFailed,
    })
}

async fn result(args: &ResultArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let mut places = Places::prepare(&args.out, None)?;
    let (handle, client) = followed(&args.handle, Some(&args.attest), environment)?;
    let progress = ui.progress("waiting");
    let patience = patience(args.wait.timeout);
    client.wait(&handle, patience, |status| progress.say(saying(status))).await?;
    let result = places.fetch(&client, &handle).await?;
    watermark::keep(&client, environment, ui);
    drop(progress);
    if result.evidence.is_none() && result.receipt.claims.evidence.is_some() {
        let remark = "the receipt's evidence was not checked: no policy says what it has to show";
        ui.remark(ui.paint_remark(Style::Warning, remark));
    }
    places.deliver(&result, ui)
}

async fn cancel(args: &HandleArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let (handle, client) = followed(args, None, environment)?;
    let status = client.cancel(&handle).await?;
    print_status(&status, ui);
    if !status.is_settled() {
        ui.remark("the worker stops it; it settles as cancelled, with a receipt");
    }
    Ok(Exit::Ok)
}

async fn receipt(args: &KeptReceiptArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let file = args.out.as_deref().map(PublicFile::prepare).transpose()?;
    let client = connect::client(&args.worker, &args.attest, environment)?;
    let config = client.key_config().await?;
    watermark::keep(&client, environment, ui);
    let receipt = match (args.job, args.sequence) {
        (Some(job), _) => client.receipt_of(job).await?,
        (None, sequence) => client.receipt_at(sequence.unwrap_or_default()).await?,
    };
    let evidence = client.receipt_evidence(&receipt).await?;
    let written = file.map_or(Ok(()), |f| f.write(format!("{}\n", receipt.text).as_bytes()));
    let same = receipt.claims.key_config == config.digest();
    if ui.json {
        let mut object = render::receipt_json(&receipt);
        object["verified"] = true.into();
        object["same_key_config"] = same.into();
        object["evidence"] = json!(evidence.as_ref().map(verdict::trusted_json));
        ui.object(&object);
    } else {
        let note = if same { "the worker's current one" } else { "not the worker's current one" };
        render::receipt(&receipt, note, evidence.as_ref(), ui);
    }
    written?;
    Ok(Exit::Ok)
}

fn seal_options(args: &SealArgs) -> Result<SealOptions, CliError> {
    let suite = match args.suite {
        SuiteArg::Auto => None,
        SuiteArg::XWing => Some(Suite::XWing),
        SuiteArg::X25519 => Some(Suite::X25519),
    };
    let signer = args.sign_with.as_deref().map(signer::load).transpose()?.map(Arc::new);
    let lifetime = Duration::from_secs(args.expires);
    let input = args.input.as_deref().map(files::given).transpose()?.map(Bytes::from);
    Ok(SealOptions { suite, lifetime, signer, input, ..SealOptions::default() })
}

/// A job that was submitted before, and the worker that has it.
fn followed(
    args: &HandleArgs,
    attest: Option<&AttestArgs>,
    environment: &Environment,
) -> Result<(JobHandle, Client), CliError> {
    let handle = JobHandle::from_json(files::read_secret(&args.handle)?.as_bytes())?;
    let client = connect::client_at(Some(handle.base_url()), &args.worker, attest, environment)?;
    Ok((handle, client))
}

fn patience(timeout: Option<u64>) -> Duration {
    timeout.map_or(FOREVER, Duration::from_secs)
}

fn saying(status: &Status) -> String {
    format!("the job is {}", harmless_line(&status.state))
}

fn print_status(status: &Status, ui: &Ui) {
    if ui.json {
        ui.object(status);
        return;
    }
    let code = status.code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default();
    ui.line(harmless_line(&format!("{}{code}", status.state)));
}
