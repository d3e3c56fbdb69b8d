//! Has a NATS server drop a client that takes nothing: with more than the server keeps for it.

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::error::SiteError;
use crate::nats::{NatsServer, RoutedNats};

/// One piece of ballast in bytes, below what a server takes at once.
const PIECE: usize = 512 * 1024;
/// Pieces at most: a server keeps 64 MiB for a client, and the kernel and a proxy some.
const PIECES: usize = 400;
/// Pieces between two looks.
const LOOK: usize = 8;

/// Who dropped the client, and what it took.
pub(super) struct Dropped {
    pub server: usize,
    pub bytes: usize,
}

/// Sends ballast to the client of that name, on a subject that only it hears, until its server has dropped it.
pub(super) async fn fill(nats: &RoutedNats, client: &str) -> Result<Dropped, SiteError> {
    let unaffected = |seen: String| SiteError::Unaffected {
        fault: "slow-consumer",
        seen,
    };
    for (number, server) in nats.nodes.iter().enumerate() {
        let connections = server.monitor("/connz?subs=1").await?;
        let Some(subject) = own_subject(&connections, client) else {
            continue;
        };
        let before = slow_consumers(server).await?;
        let mut publisher = Publisher::connect(server).await?;
        for sent in 1..=PIECES {
            publisher.publish(&subject).await?;
            if sent % LOOK == 0 && slow_consumers(server).await? > before {
                return Ok(Dropped {
                    server: number,
                    bytes: sent * PIECE,
                });
            }
        }
        let bytes = PIECES * PIECE;
        return Err(unaffected(format!(
            "NATS server {number} kept {bytes} bytes for {client}"
        )));
    }
    Err(unaffected(format!(
        "{client} is no client of any NATS server"
    )))
}

/// The subject of requests to that client alone, of its latest connection: the second of three words is `n`.
fn own_subject(connections: &serde_json::Value, client: &str) -> Option<String> {
    let all = connections["connections"].as_array()?;
    let its = all.iter().filter(|connection| connection["name"] == client);
    let latest = its.max_by_key(|connection| connection["cid"].as_u64())?;
    let subjects = latest["subscriptions_list"].as_array()?;
    let mut subjects = subjects.iter().filter_map(|subject| subject.as_str());
    let own = subjects.find(|subject| subject.split('.').nth(1) == Some("n"));
    own.map(str::to_owned)
}

async fn slow_consumers(server: &NatsServer) -> Result<u64, SiteError> {
    let told = server.monitor("/varz").await?;
    Ok(told["slow_consumers"].as_u64().unwrap_or(0))
}

/// A client of a few lines.
struct Publisher {
    stream: BufReader<TcpStream>,
    piece: Vec<u8>,
}

impl Publisher {
    async fn connect(server: &NatsServer) -> Result<Self, SiteError> {
        let mut stream = BufReader::new(TcpStream::connect(server.address()).await?);
        let mut greeting = String::new();
        stream.read_line(&mut greeting).await?;
        let hello = json!({ "verbose": false, "name": "ballast", "lang": "chaos", "version": "1" });
        stream
            .write_all(format!("CONNECT {hello}\r\n").as_bytes())
            .await?;
        Ok(Self {
            stream,
            piece: vec![b'x'; PIECE],
        })
    }

    /// Sends a piece and waits until the server has taken it.
    async fn publish(&mut self, subject: &str) -> Result<(), SiteError> {
        let head = format!("PUB {subject} {PIECE}\r\n");
        self.stream.write_all(head.as_bytes()).await?;
        self.stream.write_all(&self.piece).await?;
        self.stream.write_all(b"\r\nPING\r\n").await?;
        let mut line = String::new();
        while !line.starts_with("PONG") {
            line.clear();
            if self.stream.read_line(&mut line).await? == 0 || line.starts_with("-ERR") {
                return Err(std::io::Error::other(format!("NATS said {line:?}")).into());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ballast_goes_to_the_latest_connection_of_that_client_and_to_nobody_else() {
        let told = json!({ "connections": [
            { "cid": 4, "name": "hub-1", "subscriptions_list": ["p.all", "p.n.aa"] },
            { "cid": 9, "name": "hub-1", "subscriptions_list": ["q.all", "q.e.cc", "q.n.bb", "_INBOX.n"] },
            { "cid": 10, "name": "hub-2", "subscriptions_list": ["q.n.dd"] },
        ]});
        assert_eq!(own_subject(&told, "hub-1").unwrap(), "q.n.bb");
        assert_eq!(own_subject(&told, "hub-3"), None);
        assert_eq!(own_subject(&json!({}), "hub-1"), None);
    }
}
