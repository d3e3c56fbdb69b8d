//! Several hubs as one cluster: clients spread over them chat in the same rooms while hubs and the broker are
//! killed, paused and started again; judged by the checker of the chaos suite.
#![allow(clippy::unwrap_used)]

mod balancer;
mod chat;
#[path = "../common/cql.rs"]
mod cql;
mod front;
mod handover;
mod place;
mod presence;
