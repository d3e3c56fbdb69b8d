//! A few frames of the CQL protocol: whether a node answers a query, and whose server it is.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Version 4 of the protocol, which every server of today speaks.
const VERSION: u8 = 4;
/// The longest answer that is read, in bytes.
const ANSWER_BYTES: u32 = 1 << 20;

/// What frames ask and answer.
mod opcode {
    pub(super) const STARTUP: u8 = 0x01;
    pub(super) const READY: u8 = 0x02;
    pub(super) const AUTHENTICATE: u8 = 0x03;
    pub(super) const OPTIONS: u8 = 0x05;
    pub(super) const SUPPORTED: u8 = 0x06;
    pub(super) const QUERY: u8 = 0x07;
    pub(super) const RESULT: u8 = 0x08;
    pub(super) const AUTH_RESPONSE: u8 = 0x0F;
    pub(super) const AUTH_SUCCESS: u8 = 0x10;
}

/// Whether the node answers a query, for this user if it asks who we are.
pub(super) async fn answers(address: SocketAddr, user: Option<(&str, &str)>) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    // One pair of strings: {"CQL_VERSION": "3.0.0"}.
    let startup = b"\x00\x01\x00\x0bCQL_VERSION\x00\x053.0.0";
    let (mut answer, _) = ask(&mut stream, opcode::STARTUP, startup).await?;
    if answer == opcode::AUTHENTICATE
        && let Some((user, password)) = user
    {
        let login = long_string(&format!("\0{user}\0{password}"));
        (answer, _) = ask(&mut stream, opcode::AUTH_RESPONSE, &login).await?;
    }
    if !matches!(answer, opcode::READY | opcode::AUTH_SUCCESS) {
        return Ok(false);
    }
    let mut query = long_string("SELECT release_version FROM system.local");
    // Consistency ONE, no flags.
    query.extend([0, 1, 0]);
    let (answer, _) = ask(&mut stream, opcode::QUERY, &query).await?;
    Ok(answer == opcode::RESULT)
}

/// Whether the node is ScyllaDB, which tells its clients of its shards.
pub(super) async fn is_scylla(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    let (answer, body) = ask(&mut stream, opcode::OPTIONS, &[]).await?;
    Ok(answer == opcode::SUPPORTED && body.windows(7).any(|part| part == b"SCYLLA_"))
}

/// A string after its length in four bytes.
fn long_string(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

/// One frame out, one in: its opcode and body.
async fn ask(stream: &mut TcpStream, opcode: u8, body: &[u8]) -> io::Result<(u8, Vec<u8>)> {
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    let mut frame = vec![VERSION, 0, 0, 0, opcode];
    frame.extend(length.to_be_bytes());
    frame.extend(body);
    stream.write_all(&frame).await?;

    let mut head = [0; 9];
    stream.read_exact(&mut head).await?;
    let length = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    if length > ANSWER_BYTES {
        return Err(io::Error::other(format!("an answer of {length} bytes")));
    }
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await?;
    Ok((head[4], body))
}
