//! The hub without a wire: rules, durability, fan-out. Knows nothing of sockets or the hub protocol.

pub mod clock;
pub mod delivery;
pub mod ids;
pub mod journal;
pub mod machines;
pub mod runtime;
