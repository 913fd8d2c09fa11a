//! A web in memory: sites by host name, behind the traits that the engine's egress goes through.
//! Nothing touches a socket, so that tests can pause time.

use std::{
    collections::HashMap,
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use async_trait::async_trait;
use sealwork_platform::{Dialer, Resolver, Stream};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
    time::{Duration, Instant, sleep},
};

/// An address that the guard takes for public; behind it are all sites.
const PUBLIC: &str = "93.184.216.34";

/// What a site answers.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Bytes as they are, head included; then the connection closes.
    Raw(Vec<u8>),
    /// The same after a while.
    After(Duration, Vec<u8>),
    /// A page that never ends.
    Endless,
    /// Nothing, ever.
    Silence,
}

/// One request that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) head: String,
}

type Site = Arc<dyn Fn(&str) -> Reply + Send + Sync>;

/// All sites, and what was asked of them.
#[derive(Clone, Default)]
pub(crate) struct Web(Arc<Inner>);

#[derive(Default)]
struct Inner {
    sites: Mutex<HashMap<String, Site>>,
    seen: Mutex<Vec<Seen>>,
    delivered: AtomicUsize,
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Web")
    }
}

impl Web {
    /// Adds a site: `answer` gets path and query.
    pub(crate) fn site(
        self,
        host: &str,
        answer: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        self.0.sites.lock().unwrap().insert(host.to_owned(), Arc::new(answer));
        self
    }

    /// The paths that were asked for, robots.txt left out, in order.
    pub(crate) fn paths(&self) -> Vec<String> {
        let seen = self.0.seen.lock().unwrap();
        seen.iter().map(|seen| seen.path.clone()).filter(|path| path != "/robots.txt").collect()
    }

    /// Answers that were taken off to their last bytes.
    pub(crate) fn delivered(&self) -> usize {
        self.0.delivered.load(Relaxed)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.0.seen.lock().unwrap().clone()
    }
}

#[async_trait]
impl Resolver for Web {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let known = self.0.sites.lock().unwrap().contains_key(host);
        if known { Ok(vec![PUBLIC.parse().unwrap()]) } else { Err(io::ErrorKind::NotFound.into()) }
    }
}

#[async_trait]
impl Dialer for Web {
    async fn dial(&self, _: SocketAddr) -> io::Result<Box<dyn Stream>> {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        tokio::spawn(serve(self.clone(), theirs));
        Ok(Box::new(ours))
    }
}

async fn serve(web: Web, mut stream: DuplexStream) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1)?.to_owned();
    let host = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim().to_owned())
    })?;
    let name = host.split(':').next()?.to_owned();
    let seen = Seen { at: Instant::now(), host, path: path.clone(), head };
    web.0.seen.lock().unwrap().push(seen);
    let site = web.0.sites.lock().unwrap().get(&name).cloned()?;
    match site(&path) {
        Reply::Raw(bytes) => {
            stream.write_all(&bytes).await.ok()?;
            web.0.delivered.fetch_add(1, Relaxed);
        }
        Reply::After(wait, bytes) => {
            sleep(wait).await;
            stream.write_all(&bytes).await.ok()?;
        }
        Reply::Endless => {
            let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<h1>Endless</h1>";
            stream.write_all(head).await.ok()?;
            loop {
                stream.write_all(&b"<p>more and more ".repeat(256)).await.ok()?;
            }
        }
        Reply::Silence => std::future::pending().await,
    }
    Some(())
}

/// An answer with a body of a given type.
pub(crate) fn reply(status: &str, headers: &str, body: &[u8]) -> Reply {
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    Reply::Raw([head.as_bytes(), body].concat())
}

pub(crate) fn html(body: &str) -> Reply {
    reply("200 OK", "content-type: text/html; charset=utf-8\r\n", body.as_bytes())
}

/// A page with a title and links.
pub(crate) fn page(title: &str, links: &[&str]) -> Reply {
    let links: String =
        links.iter().map(|link| format!("<li><a href='{link}'>to {link}</a>")).collect();
    html(&format!("<title>{title}</title><h1>{title}</h1><p>Text of {title}.</p><ul>{links}</ul>"))
}

pub(crate) fn redirect(to: &str) -> Reply {
    reply("302 Found", &format!("location: {to}\r\n"), b"")
}

pub(crate) fn not_found() -> Reply {
    reply("404 Not Found", "content-type: text/html\r\n", b"<p>no such page")
}
