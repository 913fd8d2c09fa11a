//! A network in memory: names with scripted answers, and servers behind any address.

use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use async_trait::async_trait;
use sealwork_egress::{Egress, EgressConfig, Request, Scope};
use sealwork_platform::{Dialer, Resolver, Stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use url::Url;

/// An address that the guard takes for public.
pub(crate) const PUBLIC: &str = "93.184.216.34";

type Served = Pin<Box<dyn Future<Output = ()> + Send>>;
type Server = Arc<dyn Fn(DuplexStream) -> Served + Send + Sync>;

/// Names, servers, and a record of what was asked for.
#[derive(Default, Clone)]
pub(crate) struct Net(Arc<Inner>);

#[derive(Default)]
struct Inner {
    names: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    servers: Mutex<HashMap<SocketAddr, Server>>,
    lookups: Mutex<Vec<String>>,
    dials: Mutex<Vec<SocketAddr>>,
    silent: Mutex<Vec<SocketAddr>>,
    own: Mutex<Vec<IpAddr>>,
    hanging: AtomicUsize,
}

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Net")
    }
}

impl Net {
    /// Each lookup of `name` takes the next answer; the last one stays.
    pub(crate) fn name(&self, name: &str, answers: &[&[&str]]) -> &Self {
        let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
        let answers = answers.iter().map(parse).collect();
        self.0.names.lock().unwrap().insert(name.to_owned(), answers);
        self
    }

    /// Puts a server behind `address`; it is called with each connection.
    pub(crate) fn serve<F>(
        &self,
        address: &str,
        server: impl Fn(DuplexStream) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let server: Server = Arc::new(move |stream| Box::pin(server(stream)));
        self.0.servers.lock().unwrap().insert(address.parse().unwrap(), server);
    }

    /// Puts a server behind `address` that gives every request the same bytes.
    pub(crate) fn answer(&self, address: &str, bytes: impl Into<Vec<u8>>) {
        let bytes: Arc<Vec<u8>> = Arc::new(bytes.into());
        self.serve(address, move |stream| answer_all(stream, Arc::clone(&bytes)));
    }

    /// Lets connections to `address` hang for ever.
    pub(crate) fn swallow(&self, address: &str) {
        self.0.silent.lock().unwrap().push(address.parse().unwrap());
    }

    /// Makes `address` one of the machine's own.
    pub(crate) fn own(&self, address: &str) {
        self.0.own.lock().unwrap().push(address.parse().unwrap());
    }

    /// Lookups under way of names under `.hangs.example`, which never end.
    pub(crate) fn hanging(&self) -> usize {
        self.0.hanging.load(Relaxed)
    }

    pub(crate) fn lookups(&self) -> Vec<String> {
        self.0.lookups.lock().unwrap().clone()
    }

    pub(crate) fn dials(&self) -> Vec<SocketAddr> {
        self.0.dials.lock().unwrap().clone()
    }

    pub(crate) fn egress(&self, config: EgressConfig) -> Arc<Egress> {
        Egress::new(Arc::new(self.clone()), Arc::new(self.clone()), config).unwrap()
    }
}

#[async_trait]
impl Resolver for Net {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.0.lookups.lock().unwrap().push(host.to_owned());
        if host.ends_with(".hangs.example") {
            self.0.hanging.fetch_add(1, Relaxed);
            std::future::pending::<()>().await;
        }
        let mut names = self.0.names.lock().unwrap();
        let answers = names.get_mut(host).ok_or(io::ErrorKind::NotFound)?;
        let next = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        next.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

#[async_trait]
impl Dialer for Net {
    async fn dial(&self, address: SocketAddr) -> io::Result<Box<dyn Stream>> {
        self.0.dials.lock().unwrap().push(address);
        if self.0.silent.lock().unwrap().contains(&address) {
            std::future::pending::<()>().await;
        }
        let server = self.0.servers.lock().unwrap().get(&address).cloned();
        let server = server.ok_or(io::ErrorKind::ConnectionRefused)?;
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        tokio::spawn(server(theirs));
        Ok(Box::new(ours))
    }

    fn is_own(&self, address: IpAddr) -> bool {
        self.0.own.lock().unwrap().contains(&address)
    }
}

/// Reads the head of a request; `None` when the peer is gone.
pub(crate) async fn read_head(stream: &mut DuplexStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

async fn answer_all(mut stream: DuplexStream, bytes: Arc<Vec<u8>>) {
    while read_head(&mut stream).await.is_some() {
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
        if !String::from_utf8_lossy(&bytes).to_ascii_lowercase().contains("content-length") {
            return;
        }
    }
}

/// An answer with a length.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A redirect without a body.
pub(crate) fn redirect(status: u16, location: &str) -> Vec<u8> {
    answer(&format!("{status} Moved"), &format!("location: {location}\r\n"), b"")
}

pub(crate) fn get(url: &str) -> Request {
    Request::get(Url::parse(url).unwrap())
}

pub(crate) fn nobody() -> Scope {
    Scope::unmetered()
}
