//! The gateway in this process, over real sockets: what a client of any kind meets.
#![allow(clippy::unwrap_used)]

mod answers;
mod deliver;
mod echo;
mod flusher;
mod http;
mod lifecycle;
mod logs;
mod notices;
mod server;
mod streams;
mod wire;
