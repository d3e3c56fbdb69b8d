//! A few frames of the CQL protocol: whether a node answers a query, whose server it is, and statements of tests.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::door::{Door, Stream};

/// Version 4 of the protocol, which every server of today speaks.
const VERSION: u8 = 4;
/// How many replicas must answer.
const ONE: [u8; 2] = [0, 1];
const ALL: [u8; 2] = [0, 5];
/// The result of a statement that answers no rows.
const VOID: [u8; 4] = [0, 0, 0, 1];
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

/// Whether the node answers a query.
pub(super) async fn answers(address: SocketAddr, door: &Door) -> io::Result<bool> {
    let Some(mut stream) = log_in(address, door).await? else {
        return Ok(false);
    };
    let release = "SELECT release_version FROM system.local";
    Ok(query(&mut *stream, release, ONE).await?.is_some())
}

/// The schema that the node has and those that it knows its peers to have, its own first.
pub(super) async fn schemas(address: SocketAddr, door: &Door) -> io::Result<Vec<Vec<u8>>> {
    let mut schemas = Vec::new();
    if let Some(mut stream) = log_in(address, door).await? {
        for table in ["local", "peers"] {
            let text = format!("SELECT schema_version FROM system.{table}");
            if let Some(body) = query(&mut *stream, &text, ONE).await? {
                let column = column(&body).ok_or(io::ErrorKind::InvalidData)?;
                schemas.extend(column);
            }
        }
    }
    Ok(schemas)
}

/// The only column of what a statement answers when all replicas have taken part; nothing if it answers no rows.
pub(super) async fn run(address: SocketAddr, door: &Door, text: &str) -> io::Result<Vec<Vec<u8>>> {
    let refused = || io::Error::other(format!("{address} does not do: {text}"));
    let mut stream = log_in(address, door).await?.ok_or_else(refused)?;
    let body = query(&mut *stream, text, ALL).await?.ok_or_else(refused)?;
    match body == VOID {
        true => Ok(Vec::new()),
        false => column(&body).ok_or_else(|| io::ErrorKind::InvalidData.into()),
    }
}

/// A connection that may ask, unless the node does not let us in.
async fn log_in(address: SocketAddr, door: &Door) -> io::Result<Option<Box<dyn Stream>>> {
    let mut stream = door.connect(address).await?;
    // One pair of strings: {"CQL_VERSION": "3.0.0"}.
    let startup = b"\x00\x01\x00\x0bCQL_VERSION\x00\x053.0.0";
    let (mut answer, _) = ask(&mut *stream, opcode::STARTUP, startup).await?;
    if answer == opcode::AUTHENTICATE
        && let Some((user, password)) = door.user
    {
        let login = long_string(&format!("\0{user}\0{password}"));
        (answer, _) = ask(&mut *stream, opcode::AUTH_RESPONSE, &login).await?;
    }
    let welcome = matches!(answer, opcode::READY | opcode::AUTH_SUCCESS);
    Ok(welcome.then_some(stream))
}

/// The body of the result, if the query has one.
async fn query(
    stream: &mut (impl Stream + ?Sized),
    text: &str,
    consistency: [u8; 2],
) -> io::Result<Option<Vec<u8>>> {
    let mut query = long_string(text);
    query.extend(consistency);
    // No flags.
    query.push(0);
    let (answer, body) = ask(stream, opcode::QUERY, &query).await?;
    Ok((answer == opcode::RESULT).then_some(body))
}

/// The values of a result of one column of a plain type, null as no bytes; [`None`] for any other result.
///
/// Section 4.2.5.2 of the protocol's text: kind 2 (rows), flags 1 (one table for all columns), one column, the keyspace,
/// the table, the column and its type, the number of rows, and each value after its length.
fn column(body: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut rest = body.strip_prefix(&[0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1])?;
    for _name in ["keyspace", "table", "column"] {
        let (length, after) = rest.split_first_chunk()?;
        rest = after.get(usize::from(u16::from_be_bytes(*length))..)?;
    }
    rest = rest.get(2..)?;
    let (rows, mut rest) = rest.split_first_chunk()?;
    let mut values = Vec::new();
    for _row in 0..u32::from_be_bytes(*rows) {
        let (length, after) = rest.split_first_chunk()?;
        // A negative length is a null.
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
        let (value, after) = after.split_at_checked(length)?;
        values.push(value.to_vec());
        rest = after;
    }
    Some(values)
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
async fn ask(
    stream: &mut (impl Stream + ?Sized),
    opcode: u8,
    body: &[u8],
) -> io::Result<(u8, Vec<u8>)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_read_and_a_torn_or_strange_result_is_none() {
        let mut body = vec![0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1];
        body.extend(b"\x00\x06system\x00\x05peers\x00\x01v\x00\x0c");
        body.extend([0, 0, 0, 2, 0, 0, 0, 3]);
        body.extend(b"abc\xff\xff\xff\xff");
        assert_eq!(column(&body), Some(vec![b"abc".to_vec(), Vec::new()]));
        for end in 0..body.len() {
            assert_eq!(column(&body[..end]), None, "{end}");
        }
        body[3] = 1;
        assert_eq!(column(&body), None);
    }
}
