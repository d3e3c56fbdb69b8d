//! Seeds that found something once, each with what it found; they run first.

/// Seed and story.
pub const PROMOTED: [(u64, &str); 0] = [];
