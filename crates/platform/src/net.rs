use std::{
    fmt::Debug,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _, UdpSocket},
};

use async_trait::async_trait;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Semaphore,
    task::spawn_blocking,
};

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

    /// Whether `address` is one of this machine's own, whatever interface it belongs to.
    fn is_own(&self, _address: IpAddr) -> bool {
        false
    }
}

/// Incoming connections.
#[async_trait]
pub trait Listener: Debug + Send + Sync {
    /// The next connection and its peer.
    async fn accept(&self) -> io::Result<(Box<dyn Stream>, SocketAddr)>;
    /// Where it listens.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// The operating system's resolver. It is asked from threads that the runtime has for other work,
/// too: so many of them at a time, those with a lookup that nobody waits for any more included.
#[derive(Debug, Clone, Copy)]
pub struct SystemResolver;

const MOST_LOOKUPS: usize = 64;
/// Of the process, as the threads are.
static LOOKUPS: Semaphore = Semaphore::const_new(MOST_LOOKUPS);

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let permit = LOOKUPS.acquire().await.map_err(io::Error::other)?;
        let host = host.to_owned();
        let lookup = spawn_blocking(move || {
            let _permit = permit;
            Ok((host.as_str(), 0).to_socket_addrs()?.map(|address| address.ip()).collect())
        });
        lookup.await.map_err(io::Error::other)?
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

    fn is_own(&self, address: IpAddr) -> bool {
        if !can_bind(address) {
            return false;
        }
        // Some machines are set up to let any address be bound (`ip_nonlocal_bind`). There the
        // kernel's choice for the way to it has to do, which is the address itself for an own one.
        let foreign = match address {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        };
        !can_bind(foreign) || source_towards(address).is_ok_and(|source| source == address)
    }
}

/// Whether a socket can have `address`: no packet is sent.
fn can_bind(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// The address that this machine would use towards `address`: no packet is sent.
fn source_towards(address: IpAddr) -> io::Result<IpAddr> {
    const DISCARD: u16 = 9;
    let any: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect((address, DISCARD))?;
    Ok(socket.local_addr()?.ip())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_of_this_machine_resolves() {
        let found = SystemResolver.resolve("localhost").await.unwrap();
        assert!(found.iter().all(|address| address.is_loopback()) && !found.is_empty());
    }

    #[test]
    fn the_machine_knows_its_own_addresses_from_others() {
        for own in ["127.0.0.1", "127.9.9.9"] {
            assert!(SystemNet.is_own(own.parse().unwrap()), "{own}");
        }
        for other in ["203.0.113.7", "8.8.8.8", "2001:db8::7"] {
            assert!(!SystemNet.is_own(other.parse().unwrap()), "{other}");
        }
        // The one towards the rest of the world, where there is one.
        if let Ok(outward) = source_towards(Ipv4Addr::new(203, 0, 113, 1).into()) {
            assert!(SystemNet.is_own(outward), "{outward}");
        }
    }
}
