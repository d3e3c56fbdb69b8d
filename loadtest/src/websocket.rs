//! As much of WebSocket (RFC 6455) as a load generator needs: the upgrade, frame heads, and frames in both directions.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use thiserror::Error;

/// Payload is UTF-8 text.
pub const TEXT: u8 = 1;
/// Payload is bytes.
pub const BINARY: u8 = 2;
/// The connection ends.
pub const CLOSE: u8 = 8;
/// Asks for a pong with the same payload.
pub const PING: u8 = 9;
/// Answers a ping.
pub const PONG: u8 = 10;

/// Largest frame taken in.
pub const MAX_FRAME_BYTES: usize = 16 << 20;

const UPGRADE_KEY: &str = "bG9hZHRlc3QgZ2VuZXJhdA==";
const ACCEPT_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What makes a peer's WebSocket bytes unusable.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    /// Continuation frames are legal, but no hub under test sends them.
    #[error("fragmented frames are not supported")]
    Fragmented,
    /// Reserved bits mean an extension that was never negotiated.
    #[error("reserved bits are set")]
    Reserved,
    /// Longer than [`MAX_FRAME_BYTES`].
    #[error("a frame of {0} bytes is too long")]
    TooLong(u64),
    /// The upgrade was refused.
    #[error("the upgrade was answered with: {0}")]
    Refused(String),
}

/// The head of one frame.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// Text, binary, close, ping or pong.
    pub opcode: u8,
    /// Bytes of the head itself.
    pub head_bytes: usize,
    /// Bytes of the payload that follow.
    pub payload_bytes: usize,
    /// Set on frames from a client.
    pub mask: Option<[u8; 4]>,
}

/// Reads a frame head; `None` when more bytes are needed.
#[inline]
pub fn head(bytes: &[u8]) -> Result<Option<Head>, FrameError> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    if first & 0x70 != 0 {
        return Err(FrameError::Reserved);
    }
    if first & 0x80 == 0 || first & 0x0f == 0 {
        return Err(FrameError::Fragmented);
    }
    let (length, length_bytes) = match second & 0x7f {
        126 => match rest.first_chunk::<2>() {
            Some(length) => (u64::from(u16::from_be_bytes(*length)), 2),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(length) => (u64::from_be_bytes(*length), 8),
            None => return Ok(None),
        },
        short => (u64::from(short), 0),
    };
    if length > MAX_FRAME_BYTES as u64 {
        return Err(FrameError::TooLong(length));
    }
    let mut head_bytes = 2 + length_bytes;
    let mask = if second & 0x80 != 0 {
        let Some(mask) = bytes[head_bytes..].first_chunk::<4>() else {
            return Ok(None);
        };
        head_bytes += 4;
        Some(*mask)
    } else {
        None
    };
    Ok(Some(Head {
        opcode: first & 0x0f,
        head_bytes,
        payload_bytes: length as usize,
        mask,
    }))
}

/// Hands the opcode and payload of every whole frame from a server to `each`; returns the bytes of these frames.
#[inline]
pub fn frames<E: From<FrameError>>(
    bytes: &[u8],
    mut each: impl FnMut(u8, &[u8]) -> Result<(), E>,
) -> Result<usize, E> {
    let mut used = 0;
    while let Some(head) = head(&bytes[used..])? {
        let start = used + head.head_bytes;
        let Some(payload) = bytes.get(start..start + head.payload_bytes) else {
            break;
        };
        each(head.opcode, payload)?;
        used = start + head.payload_bytes;
    }
    Ok(used)
}

/// Appends one whole frame; a client must give a mask, a server must not.
pub fn push_frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8], mask: Option<[u8; 4]>) {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    out.push(0x80 | opcode);
    match payload.len() {
        length @ 0..=125 => out.push(masked | length as u8),
        length @ 126..=65_535 => {
            out.push(masked | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(masked | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask.unwrap_or_default()[..if mask.is_some() { 4 } else { 0 }]);
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(mask) = mask {
        apply_mask(&mut out[start..], mask);
    }
}

/// Masks or unmasks a payload in place.
pub fn apply_mask(payload: &mut [u8], mask: [u8; 4]) {
    for (position, byte) in payload.iter_mut().enumerate() {
        *byte ^= mask[position & 3];
    }
}

/// The request that opens a WebSocket on `path` (which includes the query).
pub fn upgrade_request(host: &str, path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {UPGRADE_KEY}\r\n\r\n"
    )
    .into_bytes()
}

/// Bytes of the HTTP head at the start of `bytes` when it is a good answer to [`upgrade_request`]; `None` when incomplete.
pub fn upgrade_answer(bytes: &[u8]) -> Result<Option<usize>, FrameError> {
    let Some(end) = head_end(bytes) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&bytes[..end]);
    let accepted = text.starts_with("HTTP/1.1 101")
        && header(&text, "sec-websocket-accept") == Some(&accept_key(UPGRADE_KEY));
    if accepted {
        Ok(Some(end))
    } else {
        let first = text.lines().next().unwrap_or_default();
        Err(FrameError::Refused(first.to_owned()))
    }
}

/// The server's answer to the upgrade request at the start of `bytes`, and the bytes of that request; `None` when incomplete.
pub fn answer_upgrade(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    let end = head_end(bytes)?;
    let text = String::from_utf8_lossy(&bytes[..end]);
    let answer = match header(&text, "sec-websocket-key") {
        Some(key) => format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            accept_key(key)
        ),
        None => "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_owned(),
    };
    Some((end, answer.into_bytes()))
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

fn accept_key(key: &str) -> String {
    let mut digest = Sha1::new();
    digest.update(key.as_bytes());
    digest.update(ACCEPT_SUFFIX.as_bytes());
    STANDARD.encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_every_length_class_reads_back_masked_and_unmasked() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
            let payload = vec![b'p'; length];
            for mask in [None, Some([1, 2, 3, 4])] {
                let mut frame = Vec::new();
                push_frame(&mut frame, TEXT, &payload, mask);
                let read = head(&frame).unwrap().unwrap();
                assert_eq!(
                    (read.opcode, read.payload_bytes, read.mask),
                    (TEXT, length, mask)
                );
                assert_eq!(read.head_bytes + length, frame.len());
                let body = &mut frame[read.head_bytes..];
                apply_mask(body, mask.unwrap_or_default());
                assert_eq!(body, payload);
            }
        }
    }

    #[test]
    fn a_partial_head_waits_and_a_bad_one_is_named() {
        let mut frame = Vec::new();
        push_frame(&mut frame, BINARY, &[0; 70_000], Some([9; 4]));
        for cut in 0..14 {
            assert_eq!(head(&frame[..cut]), Ok(None), "{cut} bytes");
        }
        assert_eq!(head(&[0x01, 0x00]), Err(FrameError::Fragmented));
        assert_eq!(head(&[0xc1, 0x00]), Err(FrameError::Reserved));
        let huge = [0x82, 127, 0xff, 0, 0, 0, 0, 0, 0, 0];
        assert!(matches!(head(&huge), Err(FrameError::TooLong(_))));
    }

    #[test]
    fn the_upgrade_matches_the_example_of_the_standard_and_a_refusal_is_reported() {
        assert_eq!(
            accept_key("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
        let request = upgrade_request("h", "/hubs/chat?access_token=t");
        let (used, answer) = answer_upgrade(&request).unwrap();
        assert_eq!(used, request.len());
        assert_eq!(upgrade_answer(&answer), Ok(Some(answer.len())));
        assert_eq!(upgrade_answer(&answer[..20]), Ok(None));
        let refused = upgrade_answer(b"HTTP/1.1 401 Unauthorized\r\n\r\n");
        assert_eq!(
            refused,
            Err(FrameError::Refused("HTTP/1.1 401 Unauthorized".into()))
        );
        let (_, bad) = answer_upgrade(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        assert!(bad.starts_with(b"HTTP/1.1 400"));
    }
}
