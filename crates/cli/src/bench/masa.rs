use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use hyper::StatusCode;
use sealwork_client::Client;
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};

use super::{
    Figures, fault,
    load::{Connection, micros_since, on_own_thread, per_second},
    warm_worker,
};
use crate::{child::Options, exit::CliError, ui::Ui};

/// Requests per second to the two Masa routes that do cryptography and nothing else.
pub(super) async fn run(seconds: u64, connections: u32, ui: &Ui) -> Result<Figures, CliError> {
    let progress = ui.progress("starting a worker");
    let worker = warm_worker(&Options::default()).await?;
    let generate = json!({ "type": "telemetry", "arguments": {} }).to_string();
    let result = opened_result_request(&worker.url()).await?;

    let mut figures =
        Figures::new(format!("Masa routes, {connections} connections, {seconds} s each"));
    let time = Duration::from_secs(seconds);
    for (path, body, names) in [
        ("/job/generate", generate, ["generate", "generate p50", "generate p99", "generate max"]),
        ("/job/result", result, ["result", "result p50", "result p99", "result max"]),
    ] {
        progress.say(format!("sending to {path}"));
        let (address, body) = (worker.address(), Bytes::from(body));
        let (micros, took) =
            on_own_thread(move || hammer(address, path, body, connections, time)).await?;
        figures.add(names[0], per_second(micros.len(), took), "requests/s");
        figures.add_latencies([names[1], names[2], names[3]], micros);
    }
    figures.add_worker(&worker);
    drop(progress);
    worker.stop().await?;
    Ok(figures)
}

/// The body of a `/job/result` request for a telemetry job that this has run.
async fn opened_result_request(url: &str) -> Result<String, CliError> {
    let client = Client::builder(url)?.build()?;
    let masa = client.masa();
    let request = masa.generate("telemetry", &json!({})).await?;
    let job = masa.add(&request).await?;
    let result = masa.status(job).await?.ok_or_else(|| fault("telemetry was not done at once"))?;
    masa.result(&result, &request).await?;
    Ok(json!({ "encrypted_result": result, "encrypted_request": request }).to_string())
}

async fn hammer(
    address: SocketAddr,
    path: &'static str,
    body: Bytes,
    connections: u32,
    time: Duration,
) -> Result<(Vec<u32>, Duration), String> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let body = body.clone();
        tasks.spawn(async move {
            let mut connection = Connection::open(address).await.map_err(|e| e.to_string())?;
            let mut micros = Vec::new();
            while start.elapsed() < time {
                let sent = Instant::now();
                match connection.post(path, "application/json", body.clone()).await? {
                    (StatusCode::OK, _) => micros.push(micros_since(sent)),
                    (status, _) => return Err(format!("{path} answered {status}")),
                }
            }
            Ok(micros)
        });
    }
    let mut all = Vec::new();
    while let Some(done) = tasks.join_next().await {
        all.extend(done.map_err(|e| e.to_string())??);
    }
    Ok((all, start.elapsed()))
}
