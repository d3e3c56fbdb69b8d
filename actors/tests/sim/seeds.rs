//! Seeds beyond the usual ones that found something once, each with what it found.

/// Seed and story.
pub const PROMOTED: [(u64, &str); 2] = [
    (
        2_221,
        "a row in doubt was trimmed before its fate was known, and its command refused",
    ),
    (3_901, "the same with small buckets"),
];
