//! Hubs on a cluster store: made, killed, left by their store, and two of them on one room.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod duel;
mod kills;
mod place;
