//! The social engines in the real binary, against an upstream on loopback that speaks as theirs do.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing helper fails its test")]
#![allow(clippy::disallowed_methods, reason = "drives the binary and reads what it wrote")]

mod capabilities;
mod cursors;
mod large;
mod partial;
mod readme;
mod refusals;
mod restart;
mod secrets;
mod settings;
#[path = "../support/mod.rs"]
mod support;

use std::{thread, time::Duration};

use sealwork_client::{Client, ClientError, JobResult, SealOptions};
use sealwork_job::JobSpec;
use sealwork_test_upstream::TestUpstream;
use serde_json::{Value, json};
use support::Worker;

/// How long a job may take here.
const PATIENCE: Duration = Duration::from_secs(60);
const POLLS: u32 = 3000;
const PAUSE: Duration = Duration::from_millis(20);

/// A worker, and the upstream that its settings lead to.
struct World {
    upstream: TestUpstream,
    worker: Worker,
}

impl World {
    /// With credentials for everything.
    async fn new() -> Self {
        let upstream = TestUpstream::start().await.unwrap();
        Self::at(upstream, &[])
    }

    /// At an upstream, with settings beside and instead of those that lead to it; an empty one is
    /// as if it was not set.
    fn at(upstream: TestUpstream, variables: &[(&str, &str)]) -> Self {
        let worker = worker(&upstream, tempfile::tempdir().unwrap(), variables);
        Self { upstream, worker }
    }

    /// What a telemetry job gives.
    fn telemetry(&self) -> Value {
        masa(&self.worker, &json!({"type": "telemetry", "arguments": {}})).result.unwrap()
    }
}

fn worker(upstream: &TestUpstream, dir: tempfile::TempDir, more: &[(&str, &str)]) -> Worker {
    let settings = upstream.settings();
    let mut variables: Vec<(&str, &str)> =
        settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.extend(more);
    Worker::start_in(dir, &variables)
}

/// How a job on Masa's routes ended.
struct Ended {
    /// The opened result, or the answer that tells of the failure.
    result: Result<Value, Value>,
    /// The header with the next page's cursor.
    cursor: Option<String>,
    /// The header with the code of what stopped a result that is not complete.
    stopped: Option<String>,
    /// The header with the way that answered.
    way: Option<String>,
}

/// Seals a job on Masa's routes and submits it: the sealed job and its id.
fn submit(worker: &Worker, job: &Value) -> (String, String) {
    let (status, sealed) = worker.http("POST /job/generate", &job.to_string());
    assert_eq!(status, 200, "{sealed}");
    let add = json!({"encrypted_job": sealed}).to_string();
    let (status, added) = worker.http("POST /job/add", &add);
    assert_eq!(status, 200, "{added}");
    let added: Value = serde_json::from_str(&added).unwrap();
    (sealed, added["uid"].as_str().unwrap().to_owned())
}

/// Asks for a job until it has settled.
fn settled(worker: &Worker, sealed: &str, id: &str) -> Ended {
    let path = format!("GET /job/status/{id}");
    for _ in 0..POLLS {
        let (status, head, body) = worker.exchange(&path, "");
        let said = |name| header(&head, name);
        let (cursor, stopped) = (said("sealwork-next-cursor"), said("sealwork-result-stopped"));
        let way = said("sealwork-way");
        match status {
            404 => thread::sleep(PAUSE),
            200 => {
                let both = json!({"encrypted_result": body, "encrypted_request": sealed});
                let (status, opened) = worker.http("POST /job/result", &both.to_string());
                assert_eq!(status, 200, "{opened}");
                let result = Ok(serde_json::from_str(&opened).unwrap());
                return Ended { result, cursor, stopped, way };
            }
            _ => {
                let failed = serde_json::from_str(&body).unwrap();
                return Ended { result: Err(failed), cursor, stopped, way };
            }
        }
    }
    panic!("job {id} does not settle");
}

/// A job on Masa's routes, from its beginning to its end.
fn masa(worker: &Worker, job: &Value) -> Ended {
    let (sealed, id) = submit(worker, job);
    settled(worker, &sealed, &id)
}

fn header(head: &str, name: &str) -> Option<String> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(found.1.trim().to_owned())
}

fn client(worker: &Worker) -> Client {
    Client::builder(worker.url()).unwrap().unattested().build().unwrap()
}

fn spec(engine: &str, arguments: Value) -> JobSpec {
    JobSpec::new(engine.parse().unwrap(), arguments)
}

/// A sealed job on `/v1`, from its beginning to its end.
async fn v1(worker: &Worker, engine: &str, arguments: Value) -> Result<JobResult, ClientError> {
    let (client, spec) = (client(worker), spec(engine, arguments));
    client.run(&spec, &SealOptions::default(), PATIENCE, |_| {}).await
}

/// The output of a job as JSON.
fn output(result: &JobResult) -> Value {
    let output = result.outcome.as_ref().unwrap_or_else(|_| panic!("the job is {}", result.code));
    serde_json::from_slice(&output.data).unwrap()
}
