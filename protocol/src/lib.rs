//! The SignalR hub protocol, sans-io.

mod codec;
mod error;
mod framing;
pub mod handshake;
mod json;
mod message;
mod msgpack;
pub mod negotiate;
mod value;

pub use codec::{
    Decoder, encode, encode_completion, encode_invocation, encode_stream_item, to_bytes,
};
pub use error::{DecodeError, EncodeError, ProtocolError};
pub use message::{Call, Encoding, Headers, HubMessage, Id, Limits, Outcome};
pub use smol_str::SmolStr;
pub use value::Raw;
