//! Seeds beyond the usual ones that found something once, each with what it found.

/// Seed and story.
pub const PROMOTED: [(u64, &str); 0] = [];
