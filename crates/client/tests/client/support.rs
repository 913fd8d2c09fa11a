use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use sealwork_client::{Attestation, Client, ClientBuilder, RetryPolicy};
use sealwork_job::{
    Digest, InstanceId, Intake, JobId, Outcome, Output, Timestamp, Usage, WorkerId,
};
use sealwork_platform::{Clock, EntropyRng, Listener, OsEntropy, Stream, SystemClock, TcpAcceptor};
use sealwork_seal::{
    EnvelopeKeyPair, Header, KeyConfig, KeyConfigParams, OpenLimits, Opened, PublicEnvelopeKey,
    Purpose, ReceiptClaims, ReceiptKey, SealedOutcome, Statement, Suite, open_request,
    receipt_digest, salted_digest, seal_response,
};
use sealwork_verify::EvidenceDocument;
use serde_json::Value;
use tokio_rustls::TlsAcceptor;

use crate::attester::{Attester, document, policy, simulated_policy};

/// What the worker answers instead of what it would.
pub(crate) struct Scripted {
    pub(crate) path: &'static str,
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) retry_after: Option<&'static str>,
}

type Forge<T> = Mutex<Option<Box<dyn Fn(&mut T) + Send>>>;

/// The worker's keys and memory.
pub(crate) struct State {
    pub(crate) receipt_key: ReceiptKey,
    /// Signs receipts in place of the right key.
    pub(crate) wrong_key: Mutex<Option<ReceiptKey>>,
    pairs: Mutex<Vec<EnvelopeKeyPair>>,
    config: Mutex<KeyConfig>,
    jobs: Mutex<HashMap<JobId, Opened>>,
    pub(crate) script: Mutex<VecDeque<Scripted>>,
    /// Changes the receipt before it is signed.
    pub(crate) forge: Forge<ReceiptClaims>,
    attester: Mutex<Attester>,
    /// Changes what the platform is made to sign.
    pub(crate) restate: Forge<Statement>,
    /// Changes evidence after it was made; archived evidence, too.
    pub(crate) tamper: Forge<EvidenceDocument>,
    /// The nonces that evidence was asked for with.
    pub(crate) nonces: Mutex<Vec<Vec<u8>>>,
    /// Key configs and epoch evidence of all boots and epochs.
    archive: Mutex<Vec<(KeyConfig, EvidenceDocument)>>,
    instance: Mutex<InstanceId>,
    /// When every job ends.
    pub(crate) born: Timestamp,
    /// Every request: method, path, body.
    pub(crate) seen: Mutex<Vec<(Method, String, Bytes)>>,
    /// The paths of the requests that came with an API key.
    pub(crate) keys_shown_to: Mutex<Vec<String>>,
    /// Jobs stay in this state instead of settling.
    pub(crate) stuck_in: Mutex<Option<&'static str>>,
    pub(crate) outcome: Mutex<Outcome>,
    /// What `/v1/receipts` shows.
    pub(crate) receipts: Mutex<Vec<String>>,
}

/// A worker that does the cryptography for real and the rest by script.
pub(crate) struct FakeWorker {
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for FakeWorker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeWorker {
    pub(crate) async fn start() -> Self {
        Self::start_with(None).await
    }

    pub(crate) async fn start_with(tls: Option<TlsAcceptor>) -> Self {
        let acceptor = TcpAcceptor::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = acceptor.local_addr().unwrap();
        let state = Arc::new(State::new());
        let served = Arc::clone(&state);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = acceptor.accept().await.unwrap();
                let (state, tls) = (Arc::clone(&served), tls.clone());
                tokio::spawn(async move {
                    let stream: Box<dyn Stream> = match tls {
                        None => stream,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => Box::new(stream),
                            Err(_) => return,
                        },
                    };
                    let service = service_fn(move |request| {
                        let state = Arc::clone(&state);
                        async move { Ok::<_, Infallible>(state.answer(request).await) }
                    });
                    let io = TokioIo::new(stream);
                    let _ = http1::Builder::new().serve_connection(io, service).await;
                });
            }
        });
        Self { address, state, task }
    }

    /// A client that trusts the simulation.
    pub(crate) fn builder(&self) -> ClientBuilder {
        self.builder_under(&simulated_policy())
    }

    pub(crate) fn builder_under(&self, demands: &Value) -> ClientBuilder {
        self.undecided_builder().attestation(Attestation::new(policy(demands)))
    }

    /// A client that nobody has told what to demand.
    pub(crate) fn undecided_builder(&self) -> ClientBuilder {
        let quick = RetryPolicy {
            attempts: 3,
            first: std::time::Duration::from_millis(1),
            ..RetryPolicy::default()
        };
        Client::builder(&format!("http://{}", self.address)).unwrap().retry(quick)
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    pub(crate) fn answer_once(&self, path: &'static str, status: u16, body: &str) {
        self.script(Scripted { path, status, body: body.to_owned(), retry_after: Some("0") });
    }

    pub(crate) fn script(&self, scripted: Scripted) {
        self.state.script.lock().unwrap().push_back(scripted);
    }

    pub(crate) fn requests_to(&self, path: &str) -> usize {
        self.state.seen.lock().unwrap().iter().filter(|(_, seen, _)| seen == path).count()
    }
}

impl State {
    fn new() -> Self {
        let receipt_key = ReceiptKey::from_seed(&[7; 32]);
        let pairs = fresh_pairs();
        let instance = InstanceId([1; 16]);
        let attester = Attester::simulated();
        let config = config(&receipt_key, &pairs, instance, attester.kind);
        let epoch = document(&attester, &config, Purpose::Epoch, vec![], None);
        Self {
            receipt_key,
            archive: Mutex::new(vec![(config.clone(), epoch)]),
            attester: Mutex::new(attester),
            restate: Mutex::default(),
            tamper: Mutex::default(),
            nonces: Mutex::default(),
            instance: Mutex::new(instance),
            born: SystemClock::new().now(),
            wrong_key: Mutex::default(),
            pairs: Mutex::new(pairs),
            config: Mutex::new(config),
            jobs: Mutex::default(),
            script: Mutex::default(),
            forge: Mutex::default(),
            seen: Mutex::default(),
            keys_shown_to: Mutex::default(),
            stuck_in: Mutex::default(),
            receipts: Mutex::default(),
            outcome: Mutex::new(Outcome::Output(Output::json(&br#"{"answer":42}"#[..]))),
        }
    }

    pub(crate) fn worker(&self) -> WorkerId {
        self.receipt_key.public().worker_id()
    }

    /// New keys; what was sealed to the old ones does not open any more.
    pub(crate) fn rotate(&self) {
        *self.pairs.lock().unwrap() = fresh_pairs();
        self.publish();
    }

    /// Another boot with the same keys.
    pub(crate) fn restart(&self) {
        self.instance.lock().unwrap().0[0] += 1;
        self.publish();
    }

    pub(crate) fn instance(&self) -> InstanceId {
        *self.instance.lock().unwrap()
    }

    /// The key config as it stands.
    pub(crate) fn key_config(&self) -> String {
        String::from_utf8(self.config.lock().unwrap().to_json()).unwrap()
    }

    /// From now on its evidence comes from elsewhere.
    pub(crate) fn attest_with(&self, attester: Attester) {
        *self.attester.lock().unwrap() = attester;
        self.publish();
    }

    /// Signs the key config anew, and archives evidence about it.
    fn publish(&self) {
        let attester = self.attester.lock().unwrap();
        let instance = *self.instance.lock().unwrap();
        let config =
            config(&self.receipt_key, &self.pairs.lock().unwrap(), instance, attester.kind);
        let epoch = document(&attester, &config, Purpose::Epoch, vec![], None);
        self.archive.lock().unwrap().push((config.clone(), epoch));
        *self.config.lock().unwrap() = config;
    }

    /// Evidence for a nonce; without one that of the epoch.
    pub(crate) fn evidence(&self, nonce: Option<Vec<u8>>) -> EvidenceDocument {
        let attester = self.attester.lock().unwrap();
        let config = self.config.lock().unwrap();
        let purpose = if nonce.is_some() { Purpose::Session } else { Purpose::Epoch };
        let restate = self.restate.lock().unwrap();
        let restate = restate.as_deref();
        document(&attester, &config, purpose, nonce.unwrap_or_default(), restate)
    }

    fn show(&self, mut document: EvidenceDocument) -> Response<Full<Bytes>> {
        if let Some(tamper) = &*self.tamper.lock().unwrap() {
            tamper(&mut document);
        }
        ok(document.to_json())
    }

    fn show_evidence(&self, query: Option<&str>) -> Response<Full<Bytes>> {
        if self.attester.lock().unwrap().kind == "none" {
            return problem(404, "evidence_none");
        }
        let nonce = query.and_then(|query| query.strip_prefix("nonce="));
        let nonce = nonce.map(|nonce| hex::decode(nonce).unwrap());
        self.nonces.lock().unwrap().extend(nonce.clone());
        self.show(self.evidence(nonce))
    }

    fn show_archived(&self, digest: &str) -> Response<Full<Bytes>> {
        let archive = self.archive.lock().unwrap();
        let found = archive.iter().find(|(_, epoch)| epoch.digest().to_string() == digest);
        found
            .map_or_else(|| problem(404, "evidence_unknown"), |(_, epoch)| self.show(epoch.clone()))
    }

    fn show_key_config(&self, digest: &str, query: Option<&str>) -> Response<Full<Bytes>> {
        let archive = self.archive.lock().unwrap();
        let found = archive.iter().find(|(config, _)| {
            let instance = format!("instance={}", config.instance);
            config.digest().to_string() == digest && query == Some(&instance)
        });
        found.map_or_else(|| problem(404, "not_found"), |(config, _)| ok(config.to_json()))
    }

    /// A job's result and receipt.
    pub(crate) fn settled(&self, job: JobId) -> (Vec<u8>, String) {
        let (receipt, sealed) = self.settle(job, &self.jobs.lock().unwrap()[&job]);
        (sealed, receipt)
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let path = parts.uri.path().to_owned();
        if parts.headers.contains_key("authorization") {
            self.keys_shown_to.lock().unwrap().push(path.clone());
        }
        self.seen.lock().unwrap().push((parts.method.clone(), path.clone(), body.clone()));
        let scripted = {
            let mut script = self.script.lock().unwrap();
            script.front().is_some_and(|s| path.ends_with(s.path)).then(|| script.pop_front())
        };
        if let Some(Some(scripted)) = scripted {
            let mut response = Response::builder().status(scripted.status);
            if let Some(secs) = scripted.retry_after {
                response = response.header("retry-after", secs);
            }
            return response.body(Full::from(scripted.body)).unwrap();
        }
        match path.split('/').skip(1).collect::<Vec<_>>().as_slice() {
            ["v1", "keys"] => ok(self.config.lock().unwrap().to_json()),
            ["v1", "evidence"] => self.show_evidence(parts.uri.query()),
            ["v1", "evidence", digest] => self.show_archived(digest),
            ["v1", "key-configs", digest] => self.show_key_config(digest, parts.uri.query()),
            ["v1", "jobs"] => self.submit(&body),
            ["v1", "receipts", ..] => self.receipts(parts.uri.query()),
            ["v1", "jobs", id, rest @ ..] => {
                let job: JobId = id.parse().unwrap();
                self.job(job, rest, parts.headers.get("sealwork-token"))
            }
            _ => problem(404, "not_found"),
        }
    }

    fn submit(&self, envelope: &[u8]) -> Response<Full<Bytes>> {
        let header = Header::parse(envelope).unwrap();
        let pairs = self.pairs.lock().unwrap();
        let Some(pair) = pairs.iter().find(|pair| pair.id() == header.key_id) else {
            return problem(400, "key_unknown");
        };
        let digest = self.config.lock().unwrap().digest();
        let limits = OpenLimits { max_envelope_bytes: 1 << 20 };
        let opened = open_request(pair, &digest, envelope, &limits).unwrap();
        let job = JobId::from_random(header.nonce);
        let known = self.jobs.lock().unwrap().insert(job, opened).is_some();
        if known {
            let body = format!(r#"{{"code":"job_replayed","detail":"","job_id":"{job}"}}"#);
            return Response::builder().status(409).body(Full::from(body)).unwrap();
        }
        let body = format!(r#"{{"job_id":"{job}","state":"accepted","accepted_at":1}}"#);
        Response::builder().status(202).body(Full::from(body)).unwrap()
    }

    fn job(
        &self,
        job: JobId,
        rest: &[&str],
        token: Option<&http::HeaderValue>,
    ) -> Response<Full<Bytes>> {
        let jobs = self.jobs.lock().unwrap();
        let Some(opened) = jobs.get(&job) else { return problem(404, "job_unknown") };
        if rest != ["receipt"]
            && token.map(|t| t.as_bytes()) != Some(hex::encode(opened.secrets.token()).as_bytes())
        {
            return problem(401, "token_invalid");
        }
        let (receipt, sealed) = self.settle(job, opened);
        match rest {
            [] => {
                let state = self.stuck_in.lock().unwrap().unwrap_or("settled");
                ok(format!(r#"{{"job_id":"{job}","state":"{state}","accepted_at":1,"new":true}}"#))
            }
            ["cancel"] => problem(409, "already_settled"),
            ["result"] => ok(sealed),
            ["receipt"] => ok(receipt),
            _ => problem(404, "not_found"),
        }
    }

    /// The receipts that the test put there; one, or all as a page.
    fn receipts(&self, query: Option<&str>) -> Response<Full<Bytes>> {
        let kept = self.receipts.lock().unwrap();
        if query.is_none() {
            return ok(kept[0].clone());
        }
        let kept: Vec<_> = kept.iter().map(|r| serde_json::json!({ "receipt": r })).collect();
        ok(serde_json::json!({ "receipts": kept, "next": 0 }).to_string())
    }

    fn settle(&self, job: JobId, opened: &Opened) -> (String, Vec<u8>) {
        let outcome = self.outcome.lock().unwrap().clone();
        let salt = opened.secrets.salt();
        let usage = Usage { wall_ms: 1000, ..Usage::default() };
        let mut claims = ReceiptClaims {
            worker: self.worker(),
            instance: *self.instance.lock().unwrap(),
            job,
            intake: Intake::Sealed,
            engine: "web".to_owned(),
            program: None,
            job_digest: Some(salted_digest(salt, "job", &opened.job_json)),
            input_digest: opened.input.as_ref().map(|input| salted_digest(salt, "input", input)),
            output_digest: match &outcome {
                Outcome::Output(output) => Some(salted_digest(salt, "output", &output.data)),
                Outcome::Failure(_) => None,
            },
            code: outcome.code().to_owned(),
            started: self.born,
            ended: self.born,
            usage: usage.bucketed(),
            isolation: "process".to_owned(),
            evidence: self.archive.lock().unwrap().last().map(|(_, epoch)| epoch.digest()),
            key_config: self.config.lock().unwrap().digest(),
            sequence: 0,
            previous: Digest([0; 32]),
        };
        if let Some(forge) = &*self.forge.lock().unwrap() {
            forge(&mut claims);
        }
        let wrong = self.wrong_key.lock().unwrap();
        let receipt = wrong.as_ref().unwrap_or(&self.receipt_key).sign(&claims);
        let outcome = SealedOutcome { outcome, usage, details: None };
        let digest = receipt_digest(&receipt);
        (receipt, seal_response(&opened.secrets, job, digest, &outcome, [9; 32]).unwrap())
    }
}

fn fresh_pairs() -> Vec<EnvelopeKeyPair> {
    let mut rng = EntropyRng(&OsEntropy);
    [Suite::XWing, Suite::X25519].map(|suite| EnvelopeKeyPair::generate(suite, &mut rng)).into()
}

fn config(
    receipt_key: &ReceiptKey,
    pairs: &[EnvelopeKeyPair],
    instance: InstanceId,
    evidence: &str,
) -> KeyConfig {
    let now = SystemClock::new().now().as_secs();
    let offered = |pair: &EnvelopeKeyPair| PublicEnvelopeKey {
        not_before: now - 10,
        not_after: now + 3600,
        ..pair.public()
    };
    KeyConfig::sign(
        receipt_key,
        KeyConfigParams {
            worker: receipt_key.public().worker_id(),
            instance,
            max_lifetime_secs: 3600,
            max_envelope_bytes: 1 << 20,
            isolation: "process".to_owned(),
            config_digest: Digest([2; 32]),
            evidence: evidence.to_owned(),
            keys: pairs.iter().map(offered).collect(),
        },
    )
}

fn ok(body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    Response::new(Full::new(body.into()))
}

fn problem(status: u16, code: &str) -> Response<Full<Bytes>> {
    let body = format!(r#"{{"code":"{code}","detail":"said no","hint":"do this"}}"#);
    Response::builder().status(status).body(Full::from(body)).unwrap()
}
