//! What this machine can do: a bare server that fans out and does nothing else.
//!
//! No storage, no token check, no history, one thread. It writes each delivery by itself ("L1", the reference of all
//! ratios) or all that is due to a socket in one write per turn ("L2", what the generator is shown to keep up with).

mod peer;
mod server;

use mio::net::TcpListener;
use std::io;
use std::net::SocketAddr;

/// How the reference server behaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Collect what is due to a socket and write it once per turn.
    pub coalesce: bool,
    /// Answer each send with a completion, before it is fanned out.
    pub acknowledge: bool,
    /// Do something wrong, to show that the checks notice.
    pub fault: Option<Fault>,
}

/// A deliberate mistake, made at every hundredth message of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Fault {
    /// The last member does not get the message.
    Drop,
    /// The last member gets it twice.
    Duplicate,
    /// The last member gets it after the next one.
    Swap,
    /// It is stored, and so delivered to all, at two sequences.
    Store,
    /// The acknowledgement names another sequence.
    Misacknowledge,
}

/// Serves on `address` until the process ends; `ready` is told the address in use.
pub fn serve(
    address: SocketAddr,
    options: Options,
    ready: impl FnOnce(SocketAddr),
) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    ready(listener.local_addr()?);
    server::Server::new(listener, options)?.run()
}
