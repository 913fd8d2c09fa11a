//! Where an opened result goes: files, standard output, and a person's eyes.

use std::path::{Path, PathBuf};

use sealwork_client::{Client, JobHandle, JobResult};
use serde_json::json;

use crate::{
    cli::{FormatArg, OutArgs},
    exit::{CliError, CliResult, Exit},
    files::{PrivateFile, PublicFile},
    render,
    ui::{Style, Ui},
};

/// The places that the arguments name, found usable before the job is sent.
pub(super) struct Places {
    output: Option<(PathBuf, PrivateFile)>,
    receipt: Option<PublicFile>,
    format: FormatArg,
}

impl Places {
    /// Checks that the files can be written, and that none is named twice; `handle` is the file for
    /// the job's handle, if one is written.
    pub(super) fn prepare(args: &OutArgs, handle: Option<&Path>) -> Result<Self, CliError> {
        let named = [args.out.as_deref(), args.receipt.as_deref(), handle];
        let named: Vec<&Path> = named.into_iter().flatten().collect();
        for (index, path) in named.iter().enumerate() {
            if named[..index].contains(path) {
                return Err(CliError::usage(
                    format!("{} is named twice", path.display()),
                    "name another file for --out, --receipt or --handle",
                ));
            }
        }
        let output = match &args.out {
            Some(path) => Some((path.clone(), PrivateFile::prepare(path)?)),
            None => None,
        };
        Ok(Self {
            output,
            receipt: args.receipt.as_deref().map(PublicFile::prepare).transpose()?,
            format: args.format,
        })
    }

    /// Fetches the result. Output that goes to a file goes there as it comes: it may be larger than
    /// the memory.
    pub(super) async fn fetch(
        &mut self,
        client: &Client,
        handle: &JobHandle,
    ) -> Result<JobResult, CliError> {
        Ok(match &mut self.output {
            Some((_, file)) => client.result_into(handle, file).await?,
            None => client.result(handle).await?,
        })
    }

    /// Output to a file or standard output; what else there is to say to standard error. All of it
    /// is tried before the first failure is told.
    pub(super) fn deliver(self, result: &JobResult, ui: &Ui) -> CliResult {
        let text = match self.format {
            FormatArg::Auto => ui.is_interactive() && self.output.is_none(),
            FormatArg::Raw => false,
            FormatArg::Text => true,
        };
        let receipt = format!("{}\n", result.receipt.text);
        let receipt = self.receipt.map_or(Ok(()), |file| file.write(receipt.as_bytes()));
        let (path, output) = match self.output {
            Some((path, file)) if result.is_ok() => (Some(path), file.finish()),
            Some((path, _)) => (Some(path), Ok(())),
            None => (None, Ok(())),
        };
        if ui.json {
            let mut object = render::result_json(result);
            if let (Some(path), Some(members)) = (&path, object.as_object_mut()) {
                members.remove("output");
                members.remove("output_base64");
                members.insert("output_file".to_owned(), json!(path.display().to_string()));
            }
            ui.object(&object);
        } else {
            print(result, text, path.is_none(), ui);
        }
        receipt?;
        output?;
        Ok(if result.is_ok() { Exit::Ok } else { Exit::JobFailed })
    }
}

fn print(result: &JobResult, text: bool, with_output: bool, ui: &Ui) {
    match &result.outcome {
        Ok(output) if with_output && text => render::output(result, output, ui),
        Ok(output) if with_output => ui.bytes(&output.data),
        Ok(_) => {}
        Err(failure) => ui.failure(failure),
    }
    for line in render::remainder(result) {
        if text {
            ui.line(ui.paint(Style::Warning, line));
        } else {
            ui.remark(ui.paint_remark(Style::Warning, line));
        }
    }
    if text {
        ui.line("");
        let evidence = result.evidence.as_ref();
        render::receipt(&result.receipt, render::sealed_to(result), evidence, ui);
    } else if result.is_ok() {
        let (receipt, worker) = (result.receipt.digest, result.receipt.claims.worker);
        let line = format!("receipt verified: {receipt} of worker {worker}");
        ui.remark(ui.paint_remark(Style::Good, line));
    }
}
