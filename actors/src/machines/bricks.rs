//! The bricks of stored bytes: MessagePack behind a version byte.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::DecodeError;

/// Appends fields as compact MessagePack.
pub(crate) fn write(out: &mut Vec<u8>, fields: &impl Serialize) {
    rmp_serde::encode::write(out, fields)
        .expect("writing to memory cannot fail, and all lengths are known");
}

/// Reads fields; allocates no more than the bytes can hold.
pub(crate) fn read<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, DecodeError> {
    rmp_serde::from_slice(bytes).map_err(|error| failed(what, error.to_string()))
}

/// Fields behind a version byte.
pub(crate) fn seal(version: u8, fields: &impl Serialize) -> Bytes {
    let mut out = Vec::with_capacity(64);
    out.push(version);
    write(&mut out, fields);
    out.into()
}

/// Reads [`seal`]'s result.
pub(crate) fn open<T: DeserializeOwned>(
    what: &'static str,
    version: u8,
    bytes: &[u8],
) -> Result<T, DecodeError> {
    match bytes.split_first() {
        Some((found, fields)) if *found == version => read(what, fields),
        Some((found, _)) => Err(failed(what, format!("format {found} is unknown"))),
        None => Err(failed(what, "it is empty")),
    }
}

pub(crate) fn failed(what: &'static str, reason: impl Into<String>) -> DecodeError {
    DecodeError {
        what,
        reason: reason.into(),
    }
}
