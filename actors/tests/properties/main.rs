//! What holds of rooms under any commands, any interleaving of owners, any bytes.

#[path = "../hall/mod.rs"]
mod hall;

mod bytes;
mod dedupe;
mod replay;
mod world;
