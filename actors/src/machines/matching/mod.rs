//! Who fits a gig: what a search for musicians finds, and the cells of the index that it looks into.

pub mod cells;

use serde::{Deserialize, Serialize};

use super::terms::Candidate;

/// Why nobody fits: what most of those who came near failed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NoMatch {
    /// Nobody lives near enough.
    Place,
    /// Nobody near plays the instrument.
    Instrument,
    /// Nobody who plays it is free then.
    Date,
    /// Nobody who is free plays for that money.
    Budget,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Found {
    /// Who fits, the best first.
    pub candidates: Vec<Candidate>,
    /// If nobody does: why.
    pub reasons: Vec<NoMatch>,
    /// If nobody does: the nearest misses, the best first.
    pub alternatives: Vec<Candidate>,
}
