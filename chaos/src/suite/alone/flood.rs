//! Sockets that never become clients, by the thousand, from an address of their own: plain connections that say nothing,
//! requests whose head comes a byte a second and never ends, WebSockets that never shake hands.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use super::Carried;
use super::probe::{connect, rest_of};
use crate::member::now;
use crate::suite::error::SiteError;
use crate::suite::format::Check;
use crate::suite::site::Site;

/// Where they come from: another address than that of the clients, as limits are by address.
const FROM: [u8; 4] = [127, 0, 0, 2];
/// Connections that are opened side by side.
const AT_ONCE: usize = 64;
/// How long one may take to be accepted.
const OPEN: Duration = Duration::from_secs(2);
/// The head of an upgrade without its end.
const UPGRADE: &str = "GET /hubs/chat HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// What a socket does once it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Silent,
    Slow,
    Mute,
}

impl Manner {
    fn of(number: usize) -> Self {
        [Self::Silent, Self::Slow, Self::Mute][number % 3]
    }

    /// Goes on until the server ends it.
    async fn behave(self, mut socket: TcpStream) {
        let mut taken = [0; 256];
        let begun = match self {
            Self::Silent => Ok(()),
            Self::Slow => socket.write_all(b"GET / HTTP/1.1\r\n").await,
            Self::Mute => socket.write_all(format!("{UPGRADE}\r\n").as_bytes()).await,
        };
        if begun.is_err() {
            return;
        }
        let mut pace = interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                read = socket.read(&mut taken) => if !matches!(read, Ok(1..)) { return },
                _ = pace.tick(), if self == Self::Slow => {
                    if socket.write_all(b"x").await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// Floods a hub for a while. Whoever is thrown out does not come again.
pub(super) async fn flood(
    site: &mut Site<'_>,
    hub: usize,
    sockets: usize,
    millis: u64,
) -> Result<Carried, SiteError> {
    let address = site.address(hub);
    let begun = now();
    let opening = stream::iter(0..sockets).map(|number| async move {
        let opened = timeout(OPEN, open(address)).await;
        (
            number,
            opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
        )
    });
    let mut opening = opening.buffer_unordered(AT_ONCE);
    let (mut flooding, mut opened) = (JoinSet::new(), 0);
    while let Some((number, socket)) = opening.next().await {
        match socket {
            Ok(socket) => {
                opened += 1;
                flooding.spawn(Manner::of(number).behave(socket));
            }
            // We have no more descriptors: a flood from here is only as large as that.
            Err(error) if error.raw_os_error() == Some(24) => return Err(error.into()),
            Err(_) => {}
        }
    }
    let in_force = now();
    let settings = (site.connect())("latecomer", hub);
    let came = connect(&settings).await;
    rest_of(millis, in_force).await;
    let over = now();
    while flooding.try_join_next().is_some() {}
    let stayed = flooding.len();
    drop(flooding);
    let checks = vec![
        Check::new(
            format!("a flood of {sockets} sockets comes about, at least half of it"),
            format!("{opened} were accepted, {stayed} were still open at its end"),
            opened >= sockets / 2,
        ),
        Check::new(
            "an ordinary client that comes in the midst of it is let in within 5 s",
            came.as_ref()
                .map_or_else(String::clone, |_| "it was".to_owned()),
            came.is_ok(),
        ),
    ];
    Ok(Carried::seen(in_force, checks).while_others_go_on(begun, over))
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((FROM, 0).into())?;
    socket.connect(address).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn each_manner_says_what_it_should_from_its_own_address_and_ends_with_the_server() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let expected = ["", "GET / HTTP/1.1\r\nx", "\r\n\r\n"];
        for (number, expected) in expected.into_iter().enumerate() {
            let client = tokio::spawn(async move {
                Manner::of(number)
                    .behave(open(address).await.unwrap())
                    .await;
            });
            let (mut server, from) = listener.accept().await.unwrap();
            assert_eq!(from.ip(), std::net::IpAddr::from(FROM));
            let mut said = String::new();
            while !said.contains(expected) {
                let mut bytes = [0; 512];
                let read = server.read(&mut bytes).await.unwrap();
                said += std::str::from_utf8(&bytes[..read]).unwrap();
            }
            assert!(number == 2 || !said.contains("\r\n\r\n"), "{said:?}");
            drop(server);
            client.await.unwrap();
        }
    }
}
