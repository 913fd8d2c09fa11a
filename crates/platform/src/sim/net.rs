use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    sync::mpsc,
};

use crate::{Dialer, Listener, Resolver, Stream};

/// Bytes in flight in one direction of a connection.
const PIPE: usize = 64 * 1024;
/// Connections that wait to be accepted.
const BACKLOG: usize = 128;

/// A network in memory: names, listeners and connections between them. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct SimNet(Arc<Mutex<State>>);

/// What goes wrong at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetFault {
    /// Connections are refused.
    Refuse,
    /// Connections are neither made nor refused.
    Silent,
    /// Connections take this long to be made.
    Latency(Duration),
    /// Connections break off when the dialling side has read this many bytes.
    CutAfter(usize),
}

#[derive(Debug, Default)]
struct State {
    /// What each name resolves to, answer by answer; the last one stays.
    names: BTreeMap<String, VecDeque<Vec<IpAddr>>>,
    listeners: BTreeMap<SocketAddr, mpsc::Sender<(DuplexStream, SocketAddr)>>,
    faults: BTreeMap<SocketAddr, Vec<NetFault>>,
    dialed: Vec<SocketAddr>,
    next_port: u16,
}

impl SimNet {
    /// A network without names and listeners.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets `host` resolve to `addresses` from now on.
    pub fn name(&self, host: &str, addresses: impl IntoIterator<Item = IpAddr>) {
        self.rebinding_name(host, [addresses.into_iter().collect()]);
    }

    /// Lets `host` resolve to one answer after the other, and then to the last for good: a name
    /// that is rebound between two look-ups.
    pub fn rebinding_name(&self, host: &str, answers: impl IntoIterator<Item = Vec<IpAddr>>) {
        self.state().names.insert(host.to_owned(), answers.into_iter().collect());
    }

    /// Listens on `address`, instead of whoever did before.
    pub fn listen(&self, address: SocketAddr) -> SimListener {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        self.state().listeners.insert(address, sender);
        SimListener { address, incoming: tokio::sync::Mutex::new(receiver) }
    }

    /// Adds a fault at `address`.
    pub fn inject(&self, address: SocketAddr, fault: NetFault) {
        self.state().faults.entry(address).or_default().push(fault);
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.state().faults.clear();
    }

    /// Every address that was dialled, in order.
    pub fn dialed(&self) -> Vec<SocketAddr> {
        self.state().dialed.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Resolver for SimNet {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let mut state = self.state();
        let answers = state.names.get_mut(host).ok_or(io::ErrorKind::NotFound)?;
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        answer.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

#[async_trait]
impl Dialer for SimNet {
    async fn dial(&self, address: SocketAddr) -> io::Result<Box<dyn Stream>> {
        let (listener, faults, from) = {
            let mut state = self.state();
            state.dialed.push(address);
            state.next_port = state.next_port.wrapping_add(1).max(1024);
            let from = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), state.next_port));
            let faults = state.faults.get(&address).cloned().unwrap_or_default();
            (state.listeners.get(&address).cloned(), faults, from)
        };
        let mut left = usize::MAX;
        for fault in faults {
            match fault {
                NetFault::Refuse => return Err(io::ErrorKind::ConnectionRefused.into()),
                NetFault::Silent => std::future::pending().await,
                NetFault::Latency(latency) => tokio::time::sleep(latency).await,
                NetFault::CutAfter(bytes) => left = left.min(bytes),
            }
        }
        let listener = listener.ok_or(io::ErrorKind::ConnectionRefused)?;
        let (near, far) = tokio::io::duplex(PIPE);
        listener.send((far, from)).await.map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(Box::new(SimStream { inner: near, left }))
    }
}

/// A listener of a [`SimNet`]. Dropping it refuses further connections.
#[derive(Debug)]
pub struct SimListener {
    address: SocketAddr,
    incoming: tokio::sync::Mutex<mpsc::Receiver<(DuplexStream, SocketAddr)>>,
}

#[async_trait]
impl Listener for SimListener {
    async fn accept(&self) -> io::Result<(Box<dyn Stream>, SocketAddr)> {
        let next = self.incoming.lock().await.recv().await;
        let (stream, from) = next.ok_or(io::ErrorKind::NotConnected)?;
        Ok((Box::new(stream), from))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// The dialling side of a connection, which may break off.
struct SimStream {
    inner: DuplexStream,
    left: usize,
}

impl AsyncRead for SimStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let room = out.remaining().min(self.left);
        let mut part = out.take(room);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut part))?;
        let read = part.filled().to_vec();
        self.left -= read.len();
        out.put_slice(&read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.inner).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn address() -> SocketAddr {
        SocketAddr::from(([203, 0, 113, 1], 80))
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_travel_both_ways_after_the_latency() {
        let net = SimNet::new();
        let listener = net.listen(address());
        net.inject(address(), NetFault::Latency(Duration::from_millis(200)));
        let before = tokio::time::Instant::now();
        let mut near = net.dial(address()).await.unwrap();
        assert_eq!(before.elapsed(), Duration::from_millis(200));
        let (mut far, _) = listener.accept().await.unwrap();
        near.write_all(b"ping").await.unwrap();
        let mut heard = [0; 4];
        far.read_exact(&mut heard).await.unwrap();
        far.write_all(b"pong").await.unwrap();
        near.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"pong");
        assert_eq!(net.dialed(), [address()]);
    }

    #[tokio::test]
    async fn nobody_listening_and_an_injected_refusal_are_refused() {
        let net = SimNet::new();
        let refused = |r: io::Result<_>| r.err().map(|e: io::Error| e.kind());
        assert_eq!(refused(net.dial(address()).await), Some(io::ErrorKind::ConnectionRefused));
        let listener = net.listen(address());
        net.inject(address(), NetFault::Refuse);
        assert_eq!(refused(net.dial(address()).await), Some(io::ErrorKind::ConnectionRefused));
        net.heal();
        assert!(net.dial(address()).await.is_ok());
        drop(listener);
        assert_eq!(refused(net.dial(address()).await), Some(io::ErrorKind::ConnectionRefused));
    }

    #[tokio::test]
    async fn a_cut_connection_gives_what_came_before_and_then_an_error() {
        let net = SimNet::new();
        let listener = net.listen(address());
        net.inject(address(), NetFault::CutAfter(3));
        let mut near = net.dial(address()).await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        far.write_all(b"abcdef").await.unwrap();
        let mut heard = Vec::new();
        let error = near.read_to_end(&mut heard).await.unwrap_err();
        assert_eq!((heard.as_slice(), error.kind()), (&b"abc"[..], io::ErrorKind::ConnectionReset));
    }

    #[tokio::test]
    async fn a_name_can_be_rebound_between_two_look_ups() {
        let net = SimNet::new();
        let (public, private) = (IpAddr::from([203, 0, 113, 1]), IpAddr::from([10, 0, 0, 1]));
        net.rebinding_name("site.example", [vec![public], vec![private]]);
        assert_eq!(net.resolve("site.example").await.unwrap(), [public]);
        assert_eq!(net.resolve("site.example").await.unwrap(), [private]);
        assert_eq!(net.resolve("site.example").await.unwrap(), [private]);
        assert_eq!(net.resolve("other").await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
