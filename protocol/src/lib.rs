//! The SignalR hub protocol, sans-io: see the chapters below, which are the crate's README.
//!
#![doc = include_str!("../README.md")]

pub mod client;
mod codec;
mod error;
mod framing;
pub mod handshake;
mod json;
mod link;
mod message;
mod msgpack;
pub mod negotiate;
pub mod server;
pub mod session;
mod value;

pub use codec::{
    Decoder, encode, encode_completion, encode_invocation, encode_stream_item, to_bytes,
};
pub use error::{CloseReason, DecodeError, EncodeError, ProtocolError};
pub use link::{NotResumable, Timing};
pub use message::{Call, Encoding, Headers, HubMessage, Id, Limits, Outcome};
pub use smol_str::SmolStr;
pub use value::Raw;
