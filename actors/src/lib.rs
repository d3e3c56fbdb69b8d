//! The hub without a wire: rules, durability, fan-out. Knows nothing of sockets or the hub protocol.

pub mod bus;
pub mod clock;
pub mod cluster;
pub mod delivery;
pub mod hub;
pub mod ids;
pub mod journal;
pub mod machines;
pub(crate) mod mutation;
pub mod runtime;
mod schedule;
#[cfg(feature = "testing")]
pub mod testing;
