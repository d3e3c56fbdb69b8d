//! What clients of a hub may rely on, as a judgement on what they sent, were promised and received. The chaos suite judges
//! real clients by it, and the simulation its own.
//!
//! | module | what it gives |
//! |---|---|
//! | [`history`] | what happened to clients, in the order in which each of them saw it |
//! | [`check`] | the judgement on it |
//! | [`attempts`] | how long each attempt to send took, and what became of it |
//! | [`progress`] | how far rooms reach, and how far each reader has got |
//!
//! The crate knows neither the hub nor its wire: only words that both have.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod attempts;
pub mod check;
pub mod history;
pub mod progress;
