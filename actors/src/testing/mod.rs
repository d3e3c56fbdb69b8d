//! What clients may observe, and clients that observe it: for the simulation, the chaos suite and tests.

pub use crate::mutation::{Mutation, mutate};
