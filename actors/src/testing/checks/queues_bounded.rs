//! Nothing that waits anywhere grows beyond its bound.

use crate::testing::oracle::History;

/// Judges the gauges.
pub fn check(history: &History) -> Result<(), String> {
    let over = history.gauges.iter().find(|g| g.highest > g.bound);
    over.map_or(Ok(()), |gauge| Err(format!("{gauge:?}")))
}
