//! Several hubs as one cluster behind a balancer and by themselves: clients spread over them chat in the same rooms, judged by
//! the checker of the chaos suite.
#![allow(clippy::unwrap_used)]

mod chat;
#[path = "../common/cql.rs"]
mod cql;
mod front;
mod handover;
mod market;
mod place;
mod presence;
