//! The edge of the hub: sockets, HTTP, configuration and wiring. Rules and durability live in
//! `actors`, the wire format in `protocol`; only this crate knows both.

pub mod api;
pub mod auth;
pub mod bus;
pub mod chat;
pub mod cli;
pub mod config;
pub mod drain;
pub mod echo;
pub mod error;
pub mod gateway;
pub mod http;
pub mod hubs;
pub mod limits;
pub mod node;
pub mod notifications;
pub mod rfc3339;
pub mod store;
pub mod telemetry;
#[cfg(test)]
mod tests;
