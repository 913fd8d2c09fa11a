use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use http_body_util::BodyExt as _;
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use sealwork_platform::{Listener as _, TcpAcceptor};
use serde_json::json;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    ApifyService, Ask, BASE_KEY, Bad, ELEVATED_KEY, Reply, TOKEN, TiktokService, X_PASSWORD,
    XApiService, XWebService,
};

/// One upstream.
#[async_trait]
pub trait Service: Send + Sync {
    /// The path that it is under, for example `/apify/v2`.
    fn prefix(&self) -> &'static str;

    /// Its answer. [`Ask::segments`] is what follows the prefix.
    async fn answer(&self, ask: &Ask) -> Reply;
}

/// The server. Ends when it is dropped.
pub struct TestUpstream {
    address: SocketAddr,
    /// What it does as Apify.
    pub apify: Arc<ApifyService>,
    /// What it does as the source of transcripts.
    pub tiktok: Arc<TiktokService>,
    /// What it does as X's API v2.
    pub x_api: Arc<XApiService>,
    /// What it does as X's internal API.
    pub x_web: Arc<XWebService>,
    world: Arc<World>,
    _task: AbortOnDropHandle<()>,
}

struct World {
    services: Vec<Arc<dyn Service>>,
    latency: Mutex<Duration>,
    bad: Mutex<Vec<Misdeed>>,
    seen: Mutex<Vec<Ask>>,
}

/// What goes wrong, after so many that went well, and how often.
struct Misdeed {
    /// A part of the path.
    path: String,
    bad: Bad,
    good: usize,
    times: usize,
}

impl TestUpstream {
    /// Listens on a free port of loopback.
    ///
    /// # Errors
    /// Those of the socket.
    pub async fn start() -> io::Result<Self> {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Listens on `address`.
    ///
    /// # Errors
    /// Those of the socket.
    pub async fn start_at(address: SocketAddr) -> io::Result<Self> {
        let acceptor = TcpAcceptor::bind(address).await?;
        let address = acceptor.local_addr()?;
        let (apify, tiktok) = (Arc::<ApifyService>::default(), Arc::<TiktokService>::default());
        let (x_api, x_web) = (Arc::<XApiService>::default(), Arc::<XWebService>::default());
        let services: Vec<Arc<dyn Service>> =
            vec![apify.clone(), tiktok.clone(), x_api.clone(), x_web.clone()];
        let world = Arc::new(World {
            services,
            latency: Mutex::default(),
            bad: Mutex::default(),
            seen: Mutex::default(),
        });
        let task = tokio::spawn(listen(acceptor, Arc::clone(&world)));
        let _task = AbortOnDropHandle::new(task);
        Ok(Self { address, apify, tiktok, x_api, x_web, world, _task })
    }

    /// The address beneath a prefix, for example of `/apify/v2`.
    pub fn base(&self, prefix: &str) -> String {
        format!("http://{}{prefix}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The settings that lead a worker here, with credentials for everything.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("APIFY_BASE_URL", self.base("/apify/v2")),
            ("APIFY_API_KEY", TOKEN.to_owned()),
            ("TIKTOK_TRANSCRIPTION_BASE_URL", self.base("/tiktok")),
            ("TWITTER_API_BASE_URL", self.base("/x/2")),
            ("TWITTER_API_KEYS", format!("{ELEVATED_KEY},{BASE_KEY}")),
            ("TWITTER_WEB_BASE_URL", self.base("/x-web")),
            ("TWITTER_ACCOUNTS", format!("alice:{X_PASSWORD},bob:{X_PASSWORD}")),
        ]
    }

    /// Answers each request after `latency`.
    pub fn set_latency(&self, latency: Duration) {
        *self.world.latency.lock().unwrap() = latency;
    }

    /// Makes the next `times` requests go wrong whose path contains `path`.
    pub fn misbehave(&self, path: &str, bad: Bad, times: usize) {
        self.misbehave_after(0, path, bad, times);
    }

    /// The same after `good` requests whose path contains `path`.
    pub fn misbehave_after(&self, good: usize, path: &str, bad: Bad, times: usize) {
        let misdeed = Misdeed { path: path.to_owned(), bad, good, times };
        self.world.bad.lock().unwrap().push(misdeed);
    }

    /// Ends all misbehaviour.
    pub fn behave(&self) {
        self.world.bad.lock().unwrap().clear();
    }

    /// All requests so far, in order.
    pub fn seen(&self) -> Vec<Ask> {
        self.world.seen.lock().unwrap().clone()
    }

    /// How many requests of a method there were whose path contains `path`.
    pub fn count(&self, method: &str, path: &str) -> usize {
        let seen = self.world.seen.lock().unwrap();
        seen.iter().filter(|ask| ask.method == method && ask.path.contains(path)).count()
    }
}

impl std::fmt::Debug for TestUpstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TestUpstream({})", self.address)
    }
}

async fn listen(acceptor: TcpAcceptor, world: Arc<World>) {
    let ended = CancellationToken::new();
    let _ended = ended.clone().drop_guard();
    loop {
        let Ok((stream, _)) = acceptor.accept().await else { continue };
        let (world, ended) = (Arc::clone(&world), ended.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| respond(&world, request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A client may leave whenever it likes.
            let _ = ended.run_until_cancelled(connection).await;
        });
    }
}

/// An error closes the connection without an answer.
async fn respond(
    world: &World,
    request: Request<Incoming>,
) -> Result<http::Response<crate::reply::Body>, io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let mut ask = Ask::new(&parts, body);
    let found = world.services.iter().find_map(|service| {
        let segments = ask.beneath(service.prefix())?;
        Some((service, segments))
    });
    let service = found.map(|(service, segments)| {
        ask.segments = segments;
        service
    });
    world.seen.lock().unwrap().push(ask.clone());
    let latency = *world.latency.lock().unwrap();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let good = async {
        match service {
            Some(service) => service.answer(&ask).await,
            None => Reply::json(&json!({"error": "no such service"})).status(404),
        }
    };
    let reply = match world.bad(&ask.path) {
        Some(bad) => bad.answer(&ask, good).await,
        None => Some(good.await),
    };
    let reply = reply.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionAborted))?;
    Ok(reply.into_response())
}

impl World {
    fn bad(&self, path: &str) -> Option<Bad> {
        let mut all = self.bad.lock().unwrap();
        let misdeed = all.iter_mut().find(|it| it.times > 0 && path.contains(&it.path))?;
        if misdeed.good > 0 {
            misdeed.good -= 1;
            return None;
        }
        misdeed.times -= 1;
        Some(misdeed.bad.clone())
    }
}
