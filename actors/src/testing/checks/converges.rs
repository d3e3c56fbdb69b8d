//! G5: once faults are healed, everything that waits comes about in time.

use crate::testing::oracle::History;

/// Judges what the run noted as awaited; a run that awaited nothing proves nothing.
pub fn check(history: &History) -> Result<(), String> {
    if history.awaited.is_empty() {
        return Err("nothing was awaited".into());
    }
    let missed = history.awaited.iter().find_map(|awaited| {
        let missed = awaited.missed.as_ref()?;
        Some(format!("{}: {missed}", awaited.what))
    });
    missed.map_or(Ok(()), Err)
}
