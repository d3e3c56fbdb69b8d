//! A network namespace, and sockets within it that this process holds from without.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 128;

/// A network namespace that has a name.
#[derive(Clone, Debug)]
pub struct Namespace {
    path: PathBuf,
    file: Arc<File>,
}

impl Namespace {
    /// The one of that name.
    pub(super) fn open(name: &str) -> io::Result<Self> {
        let path = Path::new("/run/netns").join(name);
        let file = Arc::new(File::open(&path)?);
        Ok(Self { path, file })
    }

    /// Its file, for programs that enter it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Listens there.
    pub async fn listen(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let socket = self.socket()?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    }

    /// Connects from there.
    pub async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.socket()?.connect(address).await
    }

    /// A socket belongs for good to the namespace of the thread that made it; the thread is one of its own, so that nothing
    /// else of this process is ever made there.
    fn socket(&self) -> io::Result<TcpSocket> {
        let file = Arc::clone(&self.file);
        let making = std::thread::Builder::new().spawn(move || {
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
            TcpSocket::new_v4()
        })?;
        let made = making.join();
        made.unwrap_or_else(|_| Err(io::Error::other("the thread of a namespace panicked")))
    }
}
