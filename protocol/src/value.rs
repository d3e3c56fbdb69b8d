//! Arguments, items and results as validated bytes of their encoding.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::{DecodeError, EncodeError, ProtocolError};
use crate::message::{Encoding, Limits};
use crate::{json, msgpack};

/// One value as the bytes its sender wrote, known to be well-formed.
///
/// Passing it on keeps everything: MessagePack integer widths, bin and extension types, the digits of
/// JSON numbers. A value that was received is a slice of the received frame, so a clone costs no copy and
/// keeps that frame alive.
#[derive(Clone, PartialEq, Eq)]
pub struct Raw {
    encoding: Encoding,
    bytes: Bytes,
}

impl Raw {
    /// Writes a value: compact JSON, or MessagePack with structs as maps by field name.
    pub fn encode<T: Serialize + ?Sized>(
        encoding: Encoding,
        value: &T,
    ) -> Result<Self, EncodeError> {
        let mut out = Vec::new();
        write_value(encoding, value, &mut out)?;
        Ok(Raw {
            encoding,
            bytes: out.into(),
        })
    }

    /// Takes over bytes that hold exactly one value nested no deeper than `limits` says.
    pub fn parse(encoding: Encoding, bytes: Bytes, limits: &Limits) -> Result<Self, ProtocolError> {
        match encoding {
            Encoding::Json => json::check_value(&bytes, limits)?,
            Encoding::MessagePack => msgpack::check_value(&bytes, limits)?,
        }
        Ok(Raw { encoding, bytes })
    }

    /// The same value in memory of its own: one that waits must not keep the whole frame that it came in.
    pub fn detached(self) -> Self {
        Raw {
            encoding: self.encoding,
            bytes: Bytes::copy_from_slice(&self.bytes),
        }
    }

    /// For the decoders, which have walked over these bytes already.
    pub(crate) fn from_checked(encoding: Encoding, bytes: Bytes) -> Self {
        Raw { encoding, bytes }
    }

    /// The null value.
    pub fn null(encoding: Encoding) -> Self {
        let bytes: &'static [u8] = match encoding {
            Encoding::Json => b"null",
            Encoding::MessagePack => &[0xc0],
        };
        Raw {
            encoding,
            bytes: Bytes::from_static(bytes),
        }
    }

    /// Reads the value; `T` may borrow from it.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, DecodeError> {
        match self.encoding {
            Encoding::Json => {
                serde_json::from_slice(&self.bytes).map_err(|error| DecodeError(error.into()))
            }
            Encoding::MessagePack => {
                let mut reader =
                    rmp_serde::Deserializer::from_read_ref(&self.bytes[..]).with_human_readable();
                T::deserialize(&mut reader).map_err(|error| DecodeError(error.into()))
            }
        }
    }

    /// Whether this is the null value.
    pub fn is_null(&self) -> bool {
        match self.encoding {
            Encoding::Json => &self.bytes[..] == b"null",
            Encoding::MessagePack => self.bytes[..] == [0xc0],
        }
    }

    /// The encoding of the bytes.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The bytes as they were written.
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// Shows the size only: values are what users wrote.
impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({:?}, {} bytes)", self.encoding, self.bytes.len())
    }
}

/// Appends one value. Both encodings see the same human-readable forms, so an id or a time has the same
/// shape in both.
pub(crate) fn write_value<T: Serialize + ?Sized>(
    encoding: Encoding,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    match encoding {
        Encoding::Json => serde_json::to_writer(out, value).map_err(EncodeError::Json),
        Encoding::MessagePack => {
            let mut writer = rmp_serde::Serializer::new(out)
                .with_struct_map()
                .with_human_readable();
            value
                .serialize(&mut writer)
                .map_err(EncodeError::MessagePack)
        }
    }
}
