use std::{
    fs::{self, DirBuilder, Permissions},
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr},
    os::unix::{
        fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt as _},
        net::UnixStream,
    },
    path::{Path, PathBuf},
};

use async_trait::async_trait;

use crate::{Listener, Stream};

/// A listening socket in the file system, mode 0600: its owner can connect, and root.
///
/// Its peers have no addresses; each counts as 127.0.0.1.
#[derive(Debug)]
pub struct UnixAcceptor {
    listener: tokio::net::UnixListener,
    path: PathBuf,
}

impl UnixAcceptor {
    /// Listens at `path`. A socket there that nobody listens on, as a crash leaves it, is replaced.
    ///
    /// # Errors
    /// [`ErrorKind::AddrInUse`] when somebody listens there, [`ErrorKind::AlreadyExists`] when the
    /// path is something else than a socket, and what the file system says.
    #[allow(clippy::disallowed_methods, reason = "the owner of the network")]
    pub fn bind(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        check_free(&path)?;
        // Made where nobody else can reach it, and moved when its mode is right.
        let mut nursery = path.clone().into_os_string();
        nursery.push(".new");
        let nursery = Nursery::new(nursery.into())?;
        let made = nursery.socket();
        let listener = tokio::net::UnixListener::bind(&made)?;
        fs::set_permissions(&made, Permissions::from_mode(0o600))?;
        fs::rename(&made, &path)?;
        Ok(Self { listener, path })
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for UnixAcceptor {
    #[allow(clippy::disallowed_methods, reason = "the owner of the network")]
    fn drop(&mut self) {
        // One that stays is replaced by the next start.
        let _ = fs::remove_file(&self.path);
    }
}

#[async_trait]
impl Listener for UnixAcceptor {
    async fn accept(&self) -> io::Result<(Box<dyn Stream>, SocketAddr)> {
        let (stream, _) = self.listener.accept().await?;
        Ok((Box::new(stream), SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Err(ErrorKind::Unsupported.into())
    }
}

fn check_free(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => return Err(ErrorKind::AlreadyExists.into()),
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(error),
    }
}

/// A directory of the owner alone, for as long as the socket is in the making.
struct Nursery(PathBuf);

impl Nursery {
    fn new(path: PathBuf) -> io::Result<Self> {
        let new = Self(path);
        // A crash in the making leaves one behind.
        new.clear();
        DirBuilder::new().mode(0o700).create(&new.0)?;
        Ok(new)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("s")
    }

    /// Removes what this code makes, and nothing else.
    #[allow(clippy::disallowed_methods, reason = "the owner of the network")]
    fn clear(&self) {
        let _ = fs::remove_file(self.socket());
        let _ = fs::remove_dir(&self.0);
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn a_socket_is_its_owner_s_alone_carries_bytes_and_goes_with_its_listener() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.sock");
        let acceptor = UnixAcceptor::bind(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        let mut client = tokio::net::UnixStream::connect(&path).await.unwrap();
        let (mut server, peer) = acceptor.accept().await.unwrap();
        assert!(peer.ip().is_loopback());
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'x');
        drop(acceptor);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_a_crash_left_is_replaced_and_what_is_in_use_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        fs::create_dir(dir.path().join("admin.sock.new")).unwrap();
        let acceptor = UnixAcceptor::bind(&path).unwrap();
        assert_eq!(UnixAcceptor::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
        assert!(tokio::net::UnixStream::connect(&path).await.is_ok(), "the first still listens");
        drop(acceptor);

        let file = dir.path().join("a-file");
        #[allow(clippy::disallowed_methods, reason = "a file of the test")]
        fs::File::create(&file).unwrap();
        assert_eq!(UnixAcceptor::bind(&file).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert!(file.exists());
    }
}
