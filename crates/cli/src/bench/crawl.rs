use std::{fmt::Write, time::Duration};

use sealwork_client::{Client, SealOptions};
use sealwork_job::{JobSpec, Limits};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Figures, fault, warm_worker};
use crate::{
    child::Options,
    exit::CliError,
    loopback::{Page, Site},
    proc,
    ui::Ui,
};

/// Pages are a tree in which each has this many below it, and links back up.
const BRANCHES: u32 = 10;
const PARAGRAPHS: u32 = 12;
const PATIENCE: Duration = Duration::from_secs(1800);

/// One crawl of a site of `pages` linked pages.
pub(super) async fn run(pages: u32, ui: &Ui) -> Result<Figures, CliError> {
    let progress = ui.progress("starting a site and a worker");
    let site = Site::serve(([127, 0, 0, 1], 0).into(), move |path| page(path, pages))
        .await
        .map_err(fault)?;
    let options = Options::default()
        .with_loopback()
        .with("JOB_TIMEOUT_SECONDS", PATIENCE.as_secs().to_string())
        .with("WEB_MAX_PAGES", pages.to_string())
        .with("JOB_OUTPUT_BYTES", "1023MiB")
        .with("JOB_MAX_OUTPUT_BYTES", "1023MiB");
    let worker = warm_worker(&options).await?;
    let pid = worker.pid().ok_or_else(|| fault("the worker has ended"))?;
    let client = Client::builder(&worker.url())?.unattested().build()?;

    progress.say(format!("crawling {pages} pages"));
    let arguments = json!({ "url": site.url(), "max_depth": 64, "max_pages": pages });
    let mut spec = JobSpec::new("web".parse().map_err(fault)?, arguments);
    spec.limits = Limits {
        egress_requests: Some(u64::from(pages) * 2 + 100),
        egress_bytes: Some(u64::from(pages) * 64 * 1024),
        output_bytes: Some(1023 << 20),
        ..Limits::default()
    };
    let cpu_before = proc::cpu_ms(pid).unwrap_or(0);
    let start = Instant::now();
    let result = client.run(&spec, &SealOptions::default(), PATIENCE, |_| ()).await?;
    let took = start.elapsed().as_secs_f64();
    let cpu = proc::cpu_ms(pid).unwrap_or(0).saturating_sub(cpu_before);
    drop(progress);

    let output = match &result.outcome {
        Ok(output) => output,
        Err(failure) => return Err(fault(format!("{}: {}", failure.code, failure.message))),
    };
    let object: Value = serde_json::from_slice(&output.data).map_err(fault)?;
    let fetched = object["documents"].as_array().map_or(0, Vec::len);
    #[allow(clippy::cast_precision_loss, reason = "figures to be read")]
    let (fetched, cpu, bytes) = (fetched as f64, cpu as f64, output.data.len() as u64);
    let mut figures = Figures::new(format!("crawl of one local site of {pages} pages"));
    figures.add("pages", fetched, "pages");
    figures.add("took", took, "s");
    figures.add("rate", fetched / took, "pages/s");
    figures.add("worker CPU", cpu / fetched.max(1.0), "ms/page");
    figures.add("result", super::mebibytes(bytes), "MiB");
    figures.add_worker(&worker);
    worker.stop().await?;
    Ok(figures)
}

/// Page `/N`: a few kilobytes of prose with links to its children, its parent and the first page.
fn page(path: &str, pages: u32) -> Page {
    let number = match path.trim_start_matches('/') {
        "" => 0,
        text => match text.parse::<u32>() {
            Ok(number) if number < pages => number,
            _ => return Page::not_found(),
        },
    };
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><title>Page {number}</title>\
         <meta name=\"description\" content=\"Page {number} of {pages}\"></head><body>\
         <nav><a href=\"/\">First</a> <a href=\"/{}\">Up</a></nav><main><article>\
         <h1>Page {number}</h1>",
        number.saturating_sub(1) / BRANCHES
    );
    for paragraph in 0..PARAGRAPHS {
        // Writing to a String cannot fail.
        let _ = write!(
            html,
            "<p>This is paragraph {paragraph} of page {number}. It says little, but it says it in \
             whole sentences with <em>emphasis</em> here and there, so that a reader, or a parser, \
             has something to do. Every page of this site has about as much text as a short \
             article, and no two pages are alike.</p>"
        );
    }
    html.push_str("</article></main><ul>");
    let first = number.saturating_mul(BRANCHES).saturating_add(1);
    for child in first..first.saturating_add(BRANCHES).min(pages) {
        let _ = write!(html, "<li><a href=\"/{child}\">Page {child}</a></li>");
    }
    html.push_str("</ul></body></html>");
    Page::html(html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_of_the_site_is_linked_from_another() {
        let pages = 357;
        let mut seen = vec![false; pages as usize];
        seen[0] = true;
        for number in 0..pages {
            let body = page(&format!("/{number}"), pages).body;
            for rest in String::from_utf8_lossy(&body).split("href=\"/").skip(1) {
                if let Some(child) = rest.split('"').next().and_then(|t| t.parse::<usize>().ok()) {
                    seen[child] = true;
                }
            }
        }
        assert!(seen.iter().all(|seen| *seen));
        assert_eq!(page("/357", pages).status, 404);
    }
}
