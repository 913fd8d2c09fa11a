use std::{
    fmt::Debug,
    io,
    net::{IpAddr, SocketAddr},
};

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

/// A two-way byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// Names to addresses.
#[async_trait]
pub trait Resolver: Debug + Send + Sync {
    /// All addresses of `host`, which is a name and not an address.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the name does not exist.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// Outgoing connections.
#[async_trait]
pub trait Dialer: Debug + Send + Sync {
    /// Connects to `address`. The caller bounds the time.
    async fn dial(&self, address: SocketAddr) -> io::Result<Box<dyn Stream>>;
}

/// Incoming connections.
#[async_trait]
pub trait Listener: Debug + Send + Sync {
    /// The next connection and its peer.
    async fn accept(&self) -> io::Result<(Box<dyn Stream>, SocketAddr)>;
    /// Where it listens.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// The operating system's resolver.
#[derive(Debug, Clone, Copy)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    #[allow(clippy::disallowed_methods, reason = "the owner of the network")]
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// The operating system's TCP.
#[derive(Debug, Clone, Copy)]
pub struct SystemNet;

#[async_trait]
impl Dialer for SystemNet {
    #[allow(clippy::disallowed_methods, reason = "the owner of the network")]
    async fn dial(&self, address: SocketAddr) -> io::Result<Box<dyn Stream>> {
        let stream = tokio::net::TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}

/// A listening TCP socket.
#[derive(Debug)]
pub struct TcpAcceptor(tokio::net::TcpListener);

impl TcpAcceptor {
    /// Listens on `address`.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] when the port is taken.
    #[allow(clippy::disallowed_methods, reason = "the owner of the network")]
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self(tokio::net::TcpListener::bind(address).await?))
    }
}

#[async_trait]
impl Listener for TcpAcceptor {
    async fn accept(&self) -> io::Result<(Box<dyn Stream>, SocketAddr)> {
        let (stream, peer) = self.0.accept().await?;
        stream.set_nodelay(true)?;
        Ok((Box::new(stream), peer))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}
