//! Cuts the byte stream of a transport into records, and frames records that go out.
//!
//! A record may span transport frames and a frame may hold many records. Nothing is buffered, and nothing
//! allocated, for a record that is or announces itself longer than the limit.

use bytes::{Buf, Bytes, BytesMut};

use crate::error::{EncodeError, ProtocolError};
use crate::message::Encoding;

/// Ends a JSON record and the handshake.
pub(crate) const RECORD_SEPARATOR: u8 = 0x1e;

/// Largest length that a prefix may announce.
const MAX_LENGTH: usize = i32::MAX as usize;

/// The received bytes that have not been cut into records yet.
#[derive(Debug, Default)]
pub(crate) struct Framer {
    /// What the transport delivered last.
    input: Bytes,
    /// The beginning of a record (with its length prefix) whose end has not come.
    partial: BytesMut,
}

impl Framer {
    /// Adds what the transport delivered. Costs no copy if everything before has been taken out.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        if self.input.is_empty() {
            self.input = chunk;
        } else {
            let mut joined = BytesMut::with_capacity(self.input.len() + chunk.len());
            joined.extend_from_slice(&self.input);
            joined.extend_from_slice(&chunk);
            self.input = joined.freeze();
        }
    }

    /// Bytes held.
    pub(crate) fn buffered(&self) -> usize {
        self.input.len() + self.partial.len()
    }

    /// Forgets everything, half a record included.
    pub(crate) fn clear(&mut self) {
        *self = Framer::default();
    }

    /// The next whole record, without separator or prefix; `None` when more bytes are needed.
    pub(crate) fn next(
        &mut self,
        encoding: Encoding,
        limit: usize,
    ) -> Result<Option<Bytes>, ProtocolError> {
        let record = match encoding {
            Encoding::Json => self.next_separated(limit),
            Encoding::MessagePack => self.next_prefixed(limit.min(MAX_LENGTH)),
        };
        if self.input.is_empty() {
            // An empty slice would keep the transport's buffer alive.
            self.input = Bytes::new();
        }
        record
    }

    fn next_separated(&mut self, limit: usize) -> Result<Option<Bytes>, ProtocolError> {
        let end = memchr::memchr(RECORD_SEPARATOR, &self.input);
        let length = self.partial.len() + end.unwrap_or(self.input.len());
        if length > limit {
            return Err(ProtocolError::TooLong { limit });
        }
        let Some(end) = end else {
            self.partial.extend_from_slice(&self.input);
            self.input = Bytes::new();
            return Ok(None);
        };
        let tail = self.input.split_to(end);
        self.input.advance(1);
        if self.partial.is_empty() {
            return Ok(Some(tail));
        }
        self.partial.extend_from_slice(&tail);
        Ok(Some(std::mem::take(&mut self.partial).freeze()))
    }

    fn next_prefixed(&mut self, limit: usize) -> Result<Option<Bytes>, ProtocolError> {
        if self.partial.is_empty()
            && let Some((prefix, length)) = read_length(&self.input, limit)?
            && self.input.len() >= prefix + length
        {
            self.input.advance(prefix);
            return Ok(Some(self.input.split_to(length)));
        }
        loop {
            let Some((prefix, length)) = read_length(&self.partial, limit)? else {
                if self.input.is_empty() {
                    return Ok(None);
                }
                self.move_to_partial(1);
                continue;
            };
            self.move_to_partial(prefix + length - self.partial.len());
            if self.partial.len() < prefix + length {
                return Ok(None);
            }
            let mut record = std::mem::take(&mut self.partial).freeze();
            record.advance(prefix);
            return Ok(Some(record));
        }
    }

    fn move_to_partial(&mut self, wanted: usize) {
        let moved = self.input.split_to(wanted.min(self.input.len()));
        self.partial.extend_from_slice(&moved);
    }
}

/// Reads a length prefix: its own size and the length; `None` when it is not complete.
fn read_length(bytes: &[u8], limit: usize) -> Result<Option<(usize, usize)>, ProtocolError> {
    let mut length = 0_u64;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        length |= u64::from(byte & 0x7f) << (7 * index);
        if length > MAX_LENGTH as u64 {
            return Err(ProtocolError::LengthPrefix);
        }
        if byte & 0x80 == 0 {
            let length = length as usize;
            return match length > limit {
                true => Err(ProtocolError::TooLong { limit }),
                false => Ok(Some((index + 1, length))),
            };
        }
    }
    if bytes.len() >= 5 {
        Err(ProtocolError::LengthPrefix)
    } else {
        Ok(None)
    }
}

/// Appends one framed record whose body `write` appends. On error `out` is as it was.
pub(crate) fn write_record(
    encoding: Encoding,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    let written = match encoding {
        Encoding::Json => write(out).map(|()| out.push(RECORD_SEPARATOR)),
        Encoding::MessagePack => write_prefixed(out, write),
    };
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Leaves room for the usual prefix of two bytes (lengths 128 to 16383) and moves the body otherwise.
fn write_prefixed(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    const ROOM: usize = 2;
    let start = out.len();
    out.extend_from_slice(&[0; ROOM]);
    write(out)?;
    let mut length = out.len() - start - ROOM;
    if length > MAX_LENGTH {
        return Err(EncodeError::TooLong);
    }
    let mut prefix = [0_u8; 5];
    let mut size = 0;
    loop {
        prefix[size] = (length & 0x7f) as u8;
        length >>= 7;
        if length == 0 {
            break;
        }
        prefix[size] |= 0x80;
        size += 1;
    }
    let prefix = &prefix[..=size];
    if prefix.len() == ROOM {
        out[start..start + ROOM].copy_from_slice(prefix);
    } else {
        out.splice(start..start + ROOM, prefix.iter().copied());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let write = |out: &mut Vec<u8>| {
            out.extend_from_slice(body);
            Ok(())
        };
        write_record(Encoding::MessagePack, &mut out, write).expect("framed");
        out
    }

    #[test]
    fn length_prefixes_are_minimal_and_read_back_at_every_size_change() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152] {
            let body = vec![7_u8; length];
            let out = framed(&body);
            let prefix = out.len() - length;
            let minimal = (1..=5)
                .find(|size| length < 1 << (7 * size))
                .expect("five bytes do");
            assert_eq!(prefix, minimal, "length {length}");
            let mut framer = Framer::default();
            framer.push(out.into());
            let record = framer
                .next(Encoding::MessagePack, usize::MAX)
                .expect("valid");
            assert_eq!(record.as_deref(), Some(&body[..]));
            assert_eq!(framer.buffered(), 0);
        }
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_its_body_comes() {
        let mut framer = Framer::default();
        framer.push(Bytes::from_static(&[0x81, 0x80, 0x02]));
        let refused = framer.next(Encoding::MessagePack, 32_768);
        assert_eq!(refused, Err(ProtocolError::TooLong { limit: 32_768 }));

        for bad in [
            &[0xff, 0xff, 0xff, 0xff, 0x08][..],
            &[0x80, 0x80, 0x80, 0x80, 0x80][..],
        ] {
            let mut framer = Framer::default();
            framer.push(Bytes::copy_from_slice(bad));
            let refused = framer.next(Encoding::MessagePack, usize::MAX);
            assert_eq!(refused, Err(ProtocolError::LengthPrefix));
        }
    }

    #[test]
    fn records_come_out_whole_however_the_stream_is_cut() {
        let bodies: [&[u8]; 4] = [b"first", b"", &[9; 200], b"last"];
        let stream: Vec<u8> = bodies.iter().flat_map(|body| framed(body)).collect();
        for size in 1..stream.len() {
            let mut framer = Framer::default();
            let mut records = Vec::new();
            for chunk in stream.chunks(size) {
                framer.push(Bytes::copy_from_slice(chunk));
                while let Some(record) = framer.next(Encoding::MessagePack, 1_000).expect("valid") {
                    records.push(record);
                }
            }
            assert_eq!(records, bodies, "chunks of {size}");
            assert_eq!(framer.buffered(), 0);
        }
    }
}
