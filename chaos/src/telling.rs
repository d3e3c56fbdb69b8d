//! What is printed of a run.

use chaos::suite::{Findings, Report, Struck, Verdict};

/// Prints what a run came to; whether that is as it should be.
pub(crate) fn tell(report: &Report) -> bool {
    let seen = &report.availability;
    println!(
        "{}: {:?} (seed {}): {} faults, {} acknowledged, {} unanswered, {:.2} % of attempts went well, \
         worst second {:.1} %, longest silence {} ms, {} violations",
        report.scenario.name(),
        report.verdict,
        report.seed,
        report.faults.len(),
        report.acknowledged,
        report.unanswered,
        seen.share() * 100.0,
        seen.worst_window * 100.0,
        report.longest_silence_millis,
        report.violations,
    );
    figures(report);
    findings(&report.findings);
    if report.verdict == Verdict::Broken {
        report.stuck.iter().for_each(|stuck| println!("  {stuck}"));
        let first = report.first_violations.iter().take(10);
        first.for_each(|violation| println!("  {violation}"));
        let late = report.convergence.late.iter().take(5);
        late.for_each(|late| println!("  not at the head in time: {late}"));
        for check in report.failed_checks() {
            println!("  not so: {}: {}", check.expected, check.seen);
        }
    }
    let good = report.is_as_expected();
    if !good {
        println!("  again: {}", report.command);
    }
    good
}

/// Failovers, error budgets, times to notice and to recover.
fn figures(report: &Report) {
    let moves = [
        ("failover", &report.failovers),
        ("hand-off, added", &report.handoffs),
    ];
    for (what, moves) in moves {
        if let Some(times) = moves.quantiles {
            let (count, half, most) = (moves.samples.len(), times.p50_millis, times.p99_millis);
            println!("  {what}: p50 {half} ms, p99 {most} ms ({count} rooms)");
        }
    }
    for fare in &report.classes {
        println!(
            "  {:?}: {:.3} % of {} attempts, {} s down, {:.0} % of the error budget spent",
            fare.class,
            fare.availability * 100.0,
            fare.attempted,
            fare.budget.down_seconds,
            fare.budget.spent_percent,
        );
    }
    let of = |time: fn(&Struck) -> Option<u64>| {
        let times: Vec<Option<u64>> = report.faults.iter().map(time).collect();
        latest(&times)
    };
    println!(
        "  at the latest: felt after {}, reported after {}, served again after {}, at the head after {}",
        of(|fault| fault.detection.first_failed_in_millis),
        of(|fault| fault.detection.reported_in_millis),
        of(|fault| fault.served_again_in_millis),
        latest(&[report.convergence.longest_millis]),
    );
}

/// The latest of the times after each fault; one that never came is later than all others.
fn latest(times: &[Option<u64>]) -> String {
    let never = times.iter().filter(|time| time.is_none()).count();
    match (never, times.iter().flatten().max()) {
        (0, Some(millis)) => format!("{millis} ms"),
        (_, None) => "never".to_owned(),
        (_, Some(millis)) => format!(
            "never ({never} of {} faults, {millis} ms else)",
            times.len()
        ),
    }
}

/// Prints what else was found.
fn findings(findings: &Findings) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_came_is_later_than_all_that_did() {
        assert_eq!(latest(&[Some(3), Some(20)]), "20 ms");
        assert_eq!(latest(&[None]), "never");
        assert_eq!(latest(&[]), "never");
        let some = latest(&[Some(3), None, Some(20)]);
        assert_eq!(some, "never (1 of 3 faults, 20 ms else)");
    }
}
