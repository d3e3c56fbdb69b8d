//! Ports that stay with one server of one test for as long as it may come back on them.

use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use thiserror::Error;
use tokio::net::TcpSocket;

/// Below the range from which the system gives outgoing connections their ports: between a server's end and its return no
/// client can sit down on its port.
const FIRST: u16 = 10_240;
const COUNT: u16 = 21_760;
/// Ports tried before giving up.
const TRIES: u16 = 2_000;

/// Why there is no port.
#[derive(Debug, Error)]
#[error("no free port on {host}: {source}")]
pub struct PortError {
    host: IpAddr,
    source: io::Error,
}

/// A port that no other holder of a `Port` on this machine uses.
#[derive(Debug)]
pub struct Port {
    address: SocketAddr,
    /// Locked while the port is held.
    _lock: File,
}

impl Port {
    /// A free port of a loopback address.
    pub fn claim(host: impl Into<IpAddr>) -> Result<Self, PortError> {
        Self::claim_on(&[host.into()])
    }

    /// One port number that is free on all of `hosts`; the address is that of the first.
    pub fn claim_on(hosts: &[IpAddr]) -> Result<Self, PortError> {
        let host = hosts
            .first()
            .copied()
            .unwrap_or(IpAddr::from([127, 0, 0, 1]));
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        let mut at = start();
        for _ in 0..TRIES {
            at = (at + 1) % COUNT;
            match take(host, hosts, FIRST + at) {
                Ok(port) => return Ok(port),
                Err(error) => last = error,
            }
        }
        Err(PortError { host, source: last })
    }

    /// The address with the port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port's number.
    pub fn number(&self) -> u16 {
        self.address.port()
    }
}

/// Somewhere in the range, another place for each process and call, so that tests side by side seldom meet: the standard
/// library seeds its hashers at random.
fn start() -> u16 {
    use std::hash::{BuildHasher, RandomState};
    (RandomState::new().hash_one(0) % u64::from(COUNT)) as u16
}

/// The port, if nobody holds its lock and nobody listens on it.
fn take(host: IpAddr, hosts: &[IpAddr], number: u16) -> io::Result<Port> {
    // One folder for the machine, since parallel tests of different build folders share its ports.
    let folder: PathBuf = std::env::temp_dir().join("mussikon-test-ports");
    fs::create_dir_all(&folder)?;
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(number.to_string()))?;
    lock.try_lock().map_err(io::Error::from)?;
    for host in hosts {
        probe((*host, number).into())?;
    }
    Ok(Port {
        address: SocketAddr::new(host, number),
        _lock: lock,
    })
}

/// Refused if anybody listens there. The socket never listens itself: a child that is started at this moment inherits it
/// until it has become its program, and one that listened would keep the port's holder from it for so long.
fn probe(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const HOST: [u8; 4] = [127, 0, 0, 1];

    #[test]
    fn no_port_is_given_twice_and_one_given_back_or_in_use_is_told_apart() {
        let ports: Vec<Port> = (0..50).map(|_| Port::claim(HOST).unwrap()).collect();
        let mut numbers: Vec<u16> = ports.iter().map(Port::number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 50);

        let number = ports[0].number();
        let again = || take(HOST.into(), &[HOST.into()], number);
        assert_eq!(again().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(ports);
        // A child that another test starts at this moment holds the lock until it has become its program.
        let again = || {
            (0..500)
                .map(|_| again())
                .find(|taken| match taken {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        std::thread::sleep(std::time::Duration::from_millis(2));
                        false
                    }
                    _ => true,
                })
                .unwrap()
        };
        let listener = TcpListener::bind((IpAddr::from(HOST), number)).unwrap();
        assert_eq!(again().unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        assert!(again().is_ok());
    }

    #[test]
    fn a_probe_that_lives_on_in_a_child_keeps_nobody_from_listening() {
        let port = Port::claim(HOST).unwrap();
        let inherited = probe(port.address()).unwrap();
        let listener = TcpListener::bind(port.address());
        assert!(listener.is_ok(), "{listener:?}");
        assert!(probe(port.address()).is_err(), "somebody listens");
        drop(inherited);
    }
}
