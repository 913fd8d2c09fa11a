//! From `LISTEN_ADDRESS` and `ADMIN_SOCKET` to listening sockets.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
};

use sealwork_platform::{Resolver, TcpAcceptor, UnixAcceptor};

use super::ServeError;
use crate::config::{Values, registry};

/// Listens on `address`, `HOST:PORT` or `:PORT`.
pub(super) async fn bind(
    address: &str,
    resolver: &dyn Resolver,
) -> Result<TcpAcceptor, ServeError> {
    let mut last = None;
    for candidate in candidates(address, resolver).await? {
        match TcpAcceptor::bind(candidate).await {
            Ok(acceptor) => return Ok(acceptor),
            Err(error) => last = Some((candidate, error)),
        }
        // A machine without IPv6 is reached by IPv4 alone; a taken port is taken.
        if !last.as_ref().is_some_and(|(_, error)| is_no_such_family(error)) {
            break;
        }
    }
    Err(match last {
        Some((at, error)) if error.kind() == io::ErrorKind::AddrInUse => {
            ServeError::PortTaken { address: at.to_string() }
        }
        Some((at, source)) => ServeError::Listen { address: at.to_string(), source },
        None => ServeError::ListenHost { address: address.to_owned() },
    })
}

/// Listens on the admin's socket, where there is to be one. Where the default cannot be had, as on
/// file systems without sockets, the worker goes without.
pub(super) fn bind_admin(
    values: &Values,
    data_dir: &Path,
) -> Result<Option<UnixAcceptor>, ServeError> {
    let path = match values.text(&registry::ADMIN_SOCKET) {
        None | Some("off") => return Ok(None),
        Some(path) => data_dir.join(path),
    };
    let error = match UnixAcceptor::bind(&path) {
        Ok(acceptor) => return Ok(Some(acceptor)),
        Err(error) => error,
    };
    let path = path.display();
    let reason = match error.kind() {
        io::ErrorKind::AddrInUse => format!("another process listens on {path}"),
        io::ErrorKind::AlreadyExists => format!("{path} is in the way, and is no socket"),
        _ if values.is_set(&registry::ADMIN_SOCKET) => format!("cannot listen on {path}: {error}"),
        _ => {
            tracing::warn!(%path, %error, "no admin socket: cannot listen there");
            return Ok(None);
        }
    };
    Err(ServeError::Setting { name: registry::ADMIN_SOCKET.name, reason })
}

async fn candidates(address: &str, resolver: &dyn Resolver) -> Result<Vec<SocketAddr>, ServeError> {
    let unknown = || ServeError::ListenHost { address: address.to_owned() };
    let (host, port) = address.rsplit_once(':').ok_or_else(unknown)?;
    let port: u16 = port.parse().map_err(|_| unknown())?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<IpAddr> = if host.is_empty() {
        // One IPv6 socket takes both families, unless the system has only the older one.
        vec![Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()]
    } else if let Ok(literal) = host.parse() {
        vec![literal]
    } else {
        let mut found = resolver.resolve(host).await.map_err(|_| unknown())?;
        // `localhost` is both; clients try IPv4 first more often than not.
        found.sort_by_key(IpAddr::is_ipv6);
        found.truncate(1);
        found
    };
    Ok(addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
}

fn is_no_such_family(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::AddrNotAvailable)
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

#[cfg(test)]
mod tests {
    use sealwork_platform::{Listener as _, SystemResolver};

    use super::*;

    #[tokio::test]
    async fn an_address_without_host_means_every_address_of_the_machine() {
        let found = candidates(":8080", &SystemResolver).await.unwrap();
        assert_eq!(found[0], "[::]:8080".parse().unwrap());
        assert_eq!(found[1], "0.0.0.0:8080".parse().unwrap());
    }

    #[tokio::test]
    async fn a_taken_port_is_told_from_an_address_of_another_machine() {
        let taken = bind("127.0.0.1:0", &SystemResolver).await.unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let again = bind(&address, &SystemResolver).await.unwrap_err();
        assert_eq!(
            (again.code(), again.to_string()),
            ("port_taken", format!("{address} is taken by another process"))
        );
        let foreign = bind("192.0.2.1:0", &SystemResolver).await.unwrap_err();
        assert_eq!(foreign.code(), "listen_failed");
    }
}
