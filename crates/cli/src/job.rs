//! `sealwork job ...`.

mod signer;
mod spec;

use std::{path::Path, sync::Arc, time::Duration};

use sealwork_client::{JobHandle, JobResult, SealOptions, Status, Suite};
use sealwork_platform::{Clock, Environment, SystemClock};
use serde_json::json;

use crate::{
    cli::{HandleArgs, JobCommand, ResultArgs, RunArgs, SealArgs, SubmitArgs, SuiteArg, WaitArgs},
    connect,
    exit::{CliError, CliResult, Exit},
    files, render,
    ui::{Style, Ui, harmless},
};

/// Long enough for any job, when no time was given.
const FOREVER: Duration = Duration::from_secs(30 * 24 * 3600);

/// Performs one of the job commands.
pub(crate) async fn run(command: &JobCommand, environment: &Environment, ui: &Ui) -> CliResult {
    match command {
        JobCommand::Run(args) => run_job(args, environment, ui).await,
        JobCommand::Submit(args) => submit(args, environment, ui).await,
        JobCommand::Status(args) => status(args, environment, ui).await,
        JobCommand::Wait(args) => wait(args, environment, ui).await,
        JobCommand::Result(args) => result(args, environment, ui).await,
        JobCommand::Cancel(args) => cancel(args, environment, ui).await,
    }
}

async fn run_job(args: &RunArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let client = connect::client(&args.worker, environment)?;
    let spec = spec::build(&args.spec, SystemClock::new().now())?;
    let options = seal_options(&args.seal)?;
    let progress = ui.progress("sealing the job");
    let sealed = client.seal(&spec, &options).await?;
    progress.say("submitting the job");
    let handle = client.submit(&sealed).await?;
    if let Some(path) = &args.handle {
        files::write_new_private(path, &handle.to_json())?;
    }
    ui.remark(ui.paint_remark(Style::Faint, format!("accepted as job {}", handle.job())));
    let patience = patience(args.wait.timeout);
    let waited = client.wait(&handle, patience, |status| progress.say(saying(status))).await;
    if waited.is_err() && args.handle.is_none() {
        ui.remark("without --handle this job's result cannot be fetched later");
    }
    waited?;
    progress.say("opening the result");
    let result = client.result(&handle).await?;
    drop(progress);
    deliver(&result, args.out.out.as_deref(), args.out.receipt.as_deref(), ui)
}

async fn submit(args: &SubmitArgs, environment: &Environment, ui: &Ui) -> CliResult {
    if args.handle.exists() {
        return Err(CliError::usage(
            format!("{} exists already", args.handle.display()),
            "name another file for --handle, or remove this one first",
        ));
    }
    let client = connect::client(&args.worker, environment)?;
    let spec = spec::build(&args.spec, SystemClock::new().now())?;
    let options = seal_options(&args.seal)?;
    let progress = ui.progress("sealing and submitting the job");
    let sealed = client.seal(&spec, &options).await?;
    let handle = client.submit(&sealed).await?;
    drop(progress);
    if let Err(error) = files::write_new_private(&args.handle, &handle.to_json()) {
        // Without the handle nobody could ever open the result.
        let _ = client.cancel(&handle).await;
        return Err(error);
    }
    if ui.json {
        ui.object(&json!({ "job_id": handle.job(), "handle": args.handle }));
    } else {
        ui.line(handle.job());
        ui.remark(format!("next: sealwork job result {}", args.handle.display()));
    }
    Ok(Exit::Ok)
}

async fn status(args: &HandleArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let handle = load(&args.handle)?;
    let client = connect::client_at(Some(handle.base_url()), &args.worker, environment)?;
    print_status(&client.status(&handle).await?, ui);
    Ok(Exit::Ok)
}

async fn wait(args: &WaitArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let handle = load(&args.handle.handle)?;
    let client = connect::client_at(Some(handle.base_url()), &args.handle.worker, environment)?;
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
    let handle = load(&args.handle.handle)?;
    let client = connect::client_at(Some(handle.base_url()), &args.handle.worker, environment)?;
    let progress = ui.progress("waiting");
    let patience = patience(args.wait.timeout);
    client.wait(&handle, patience, |status| progress.say(saying(status))).await?;
    let result = client.result(&handle).await?;
    drop(progress);
    deliver(&result, args.out.out.as_deref(), args.out.receipt.as_deref(), ui)
}

async fn cancel(args: &HandleArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let handle = load(&args.handle)?;
    let client = connect::client_at(Some(handle.base_url()), &args.worker, environment)?;
    print_status(&client.cancel(&handle).await?, ui);
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
    Ok(SealOptions { suite, lifetime, signer, ..SealOptions::default() })
}

fn load(path: &Path) -> Result<JobHandle, CliError> {
    Ok(JobHandle::from_json(files::read_secret(path)?.as_bytes())?)
}

fn patience(timeout: Option<u64>) -> Duration {
    timeout.map_or(FOREVER, Duration::from_secs)
}

fn saying(status: &Status) -> String {
    format!("the job is {}", harmless(&status.state))
}

fn print_status(status: &Status, ui: &Ui) {
    if ui.json {
        ui.object(status);
        return;
    }
    let code = status.code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default();
    ui.line(harmless(&format!("{}{code}", status.state)));
}

/// Output to a file or standard output; what else there is to say to standard error.
fn deliver(result: &JobResult, out: Option<&Path>, receipt: Option<&Path>, ui: &Ui) -> CliResult {
    if let Some(path) = receipt {
        files::write_public(path, format!("{}\n", result.receipt.text).as_bytes())?;
    }
    if let (Some(path), Ok(output)) = (out, &result.outcome) {
        files::write_new_private(path, &output.data)?;
    }
    if ui.json {
        let mut object = render::result_json(result);
        if let (Some(path), Some(members)) = (out, object.as_object_mut()) {
            members.remove("output");
            members.remove("output_base64");
            members.insert("output_file".to_owned(), json!(path));
        }
        ui.object(&object);
    }
    match &result.outcome {
        Ok(output) => {
            if out.is_none() && !ui.json {
                ui.bytes(&output.data);
                if ui.is_interactive() && !output.data.ends_with(b"\n") {
                    ui.line("");
                }
            }
            let claims = &result.receipt.claims;
            ui.remark(ui.paint_remark(
                Style::Good,
                format!("receipt verified: {} of worker {}", result.receipt.digest, claims.worker),
            ));
            Ok(Exit::Ok)
        }
        Err(failure) => {
            let head = ui.paint_remark(Style::Bad, format!("the job failed ({}):", failure.code));
            ui.remark(format!("{head} {}", harmless(&failure.message)));
            if let Some(hint) = failure.hint() {
                ui.remark(format!("  hint: {hint}"));
            }
            Ok(Exit::JobFailed)
        }
    }
}
