//! Real processes, real clients and faults, for tests and chaos runs.
//!
//! | module | what it gives |
//! |---|---|
//! | [`process`] | a server as a child process: logs kept, readiness, signals, never outliving the test |
//! | [`hub`] | hubs: configured by environment, restarted on the same port and data |
//! | [`nats`] | NATS servers, one or a cluster; the program is found or downloaded |
//! | [`nginx`] | nginx with the configuration of `deploy/` before hubs |
//! | [`cql`] | CQL nodes, given by the environment or our own, one or a cluster; jars are downloaded once |
//! | [`ports`] | ports that stay with one server of one test |
//! | [`net`] | network namespaces for hubs, whose links are cut, made lossy or slow by the kernel |
//! | [`proxy`] | a TCP proxy whose faults are switched at run time |
//! | [`raw`] | a socket for clients that break the rules |
//! | [`shell`] | words of a command line as a shell reads them |
//! | [`http`] | one question to a server, as an operator asks it |
//! | [`token`] | signed tokens for clients |
//! | [`issuer`] | an outside issuer: its keys, the set of them, tokens signed with them |
//! | [`certificates`] | an authority and what it signs, for servers with TLS |
//! | [`node`], [`python`] | unmodified client packages of other languages, installed once per build folder |
//! | [`driver`] | a client script of another language as a child: its cases, its wishes for faults, its end |
//! | [`client`], [`member`] | a client in Rust, and members of rooms that survive and record what happens |
//! | [`suite`] | scenarios: traffic, faults on a seeded plan, the judgement |
//! | [`history`], [`check`], [`attempts`] | what clients sent, were promised and received; the judgement on it; how long it took |
//!
//! The crate speaks to a hub only as a client or an operator would: it never links the hub itself.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod certificates;
pub mod client;
pub mod cql;
pub mod driver;
pub mod http;
pub mod hub;
pub mod issuer;
pub mod member;
pub mod nats;
pub mod net;
pub mod nginx;
pub mod node;
pub mod ports;
pub mod process;
pub mod proxy;
pub mod python;
pub mod raw;
pub mod shell;
pub mod suite;
pub mod token;

mod debian;
mod provision;

pub use oracle::{attempts, check, history, progress};
