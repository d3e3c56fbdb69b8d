//! The JSON encoding of hub messages: one object per record.

mod decode;
mod encode;
mod members;
mod scan;

pub(crate) use self::decode::{check_value, decode};
pub(crate) use self::encode::{encode, write_completion, write_invocation, write_stream_item};
