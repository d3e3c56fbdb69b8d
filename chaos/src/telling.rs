//! What is printed of a run beside the judgement.

use chaos::suite::Findings;

/// Prints what else was found.
pub(crate) fn findings(findings: &Findings) {
    if let Some(means) = &findings.means {
        println!("  by {means}");
    }
    if let Some(versions) = &findings.versions {
        println!("  from {} to {} and back", versions.old, versions.next);
    }
    if let Some(together) = &findings.together {
        println!("  together again: {} ms at most", together.worst_millis);
    }
    for told in &findings.without_quorum {
        println!(
            "  without a quorum: {} attempts, {} refused, {} acknowledged",
            told.attempted, told.refused, told.acknowledged
        );
    }
    findings.notes.iter().for_each(|note| println!("  {note}"));
    findings
        .missed
        .iter()
        .for_each(|missed| println!("  missed: {missed}"));
}
