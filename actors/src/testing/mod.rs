//! What clients may observe, and clients that observe it: for the simulation, the chaos suite and tests.

pub mod checks;
pub mod front;
pub mod market;
pub mod mistake;
pub mod oracle;
pub mod reader;
pub mod words;
pub mod workload;

pub use crate::mutation::{Mutation, mutate};
