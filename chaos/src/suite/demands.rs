//! What a run must reach beside its promises, so that a machine can gate on it: how soon all rooms are served again after a
//! fault, and the availability of each class if somebody demands one.

use std::fmt;
use std::time::Duration;

use super::around::Around;
use super::class::{Class, Fare};
use super::fault::Fault;
use super::format::{Report, Struck, Verdict};

/// After a fault of hubs, links, the bus or the machine.
const SOON: Duration = Duration::from_secs(10);
/// After one that may leave nothing to write to: the store has to find its members and to be found, which took 4 to 8 s on two
/// busy cores. Well below the patience of the traffic, which ends a run.
const STORE_BACK: Duration = Duration::from_secs(30);

/// What a share may be short of a demand by rounding alone, in percent.
const ROUNDING: f64 = 1e-9;

/// A share of the attempts, or of the seconds, of a class or of each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    class: Option<Class>,
    of_seconds: bool,
    percent: f64,
}

impl Demand {
    /// `CLASS=PERCENT` of the attempts that must go well, `CLASS.uptime=PERCENT` of the seconds that must be up; `all` is
    /// each class.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shape = "it is not CLASS=PERCENT or CLASS.uptime=PERCENT";
        let (what, percent) = text.split_once('=').ok_or(shape)?;
        let (class, of_seconds) = match what.split_once('.') {
            None => (what, false),
            Some((class, "uptime")) => (class, true),
            Some(_) => return Err(shape.into()),
        };
        let named = Class::ALL.into_iter().find(|one| one.name() == class);
        if named.is_none() && class != "all" {
            let names = Class::ALL.map(Class::name).join(", ");
            return Err(format!("{class} is no class: {names} or all"));
        }
        let percent: f64 = percent
            .parse()
            .map_err(|_| format!("{percent} is no number"))?;
        if !(0.0..=100.0).contains(&percent) {
            return Err(format!("{percent} is not between 0 and 100"));
        }
        Ok(Self {
            class: named,
            of_seconds,
            percent,
        })
    }

    fn missed(&self, fares: &[Fare]) -> Vec<String> {
        let percent = self.percent;
        let is_meant = |fare: &&Fare| self.class.is_none_or(|class| class == fare.class);
        let asked = fares.iter().filter(is_meant);
        let mut asked = asked.filter(|fare| fare.attempted > 0).peekable();
        if asked.peek().is_none() {
            // Where nobody asked, nothing was reached.
            let class = self.class.map_or("all", Class::name);
            return vec![format!("{class}: nobody asked; demanded are {percent} %")];
        }
        let short = asked.filter_map(|fare| {
            let (share, what) = match self.of_seconds {
                true => (100.0 * fare.uptime, "of the seconds were up"),
                false => (100.0 * fare.availability, "of the attempts went well"),
            };
            let class = fare.class.name();
            (share + ROUNDING < percent)
                .then(|| format!("{class}: {share:.3} % {what}; demanded are {percent} %"))
        });
        short.collect()
    }
}

/// As [`Demand::parse`] takes it.
impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = self.class.map_or("all", Class::name);
        let of = match self.of_seconds {
            true => ".uptime",
            false => "",
        };
        write!(f, "{class}{of}={}", self.percent)
    }
}

/// How soon after a fault's end every room must be served again. What was killed has started by then.
fn served_within(fault: Fault) -> Duration {
    match fault {
        Fault::KillCql { .. }
        | Fault::PauseCql { .. }
        | Fault::Around(Around::SlowCql { .. } | Around::LoseQuorum { .. }) => STORE_BACK,
        _ => SOON,
    }
}

/// Adds to a report what it did not reach. A run that is to be broken has nothing to reach.
pub fn demand(report: &mut Report, demands: &[Demand]) {
    if report.expected == Verdict::Broken {
        return;
    }
    let faults = (1..).zip(&report.faults);
    let late = faults.filter_map(|(number, fault)| late(number, fault));
    let short = demands.iter().flat_map(|one| one.missed(&report.classes));
    let missed: Vec<String> = late.chain(short).collect();
    report.findings.missed.extend(missed);
}

/// What there is to say of a fault after which a room was not served again in time.
fn late(number: usize, fault: &Struck) -> Option<String> {
    let within = served_within(fault.step.fault).as_millis();
    let took = match fault.served_again_in_millis {
        Some(millis) if u128::from(millis) <= within => return None,
        Some(millis) => format!("{millis} ms passed until every room was served again"),
        None => "not every room was served again".to_owned(),
    };
    Some(format!(
        "after fault {number} {took}; {within} ms are allowed"
    ))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::super::fault::Scenario;
    use super::super::format::tests::report;
    use super::super::plan::{Plan, plan};
    use super::super::topology::Topology;
    use super::super::workload::WorkloadSpec;
    use super::*;

    const README: &str = include_str!("../../README.md");

    fn kept() -> Report {
        Report {
            verdict: Verdict::Kept,
            violations: 0,
            ..report()
        }
    }

    /// What is missed when the classes and the only fault are so.
    fn missed(availability: f64, uptime: f64, again: Option<u64>, demands: &[&str]) -> usize {
        let mut report = kept();
        report.findings.missed.clear();
        report.faults[0].served_again_in_millis = again;
        (report.classes[0].availability, report.classes[0].uptime) = (availability, uptime);
        let demands = demands.iter().map(|text| Demand::parse(text).unwrap());
        demand(&mut report, &demands.collect::<Vec<_>>());
        assert_eq!(
            report.is_as_expected(),
            report.findings.missed.is_empty(),
            "{report:?}"
        );
        report.findings.missed.len()
    }

    #[test]
    fn a_share_that_was_demanded_and_not_reached_fails_a_run_that_kept_its_promises() {
        assert_eq!(missed(0.5, 0.5, Some(3), &[]), 0);
        assert_eq!(missed(0.99, 0.5, Some(3), &["send=99"]), 0);
        assert_eq!(missed(0.98, 1.0, Some(3), &["send=99"]), 1);
        assert_eq!(missed(1.0, 0.9, Some(3), &["send=99", "send.uptime=95"]), 1);
        assert_eq!(missed(0.5, 0.5, Some(3), &["all=99", "all.uptime=99"]), 2);
        assert_eq!(missed(0.979, 0.5, Some(3), &["send=97.9"]), 0);
        // The report has no such class.
        assert_eq!(missed(0.5, 0.5, Some(3), &["read=99"]), 1);
    }

    /// Whether a run whose only fault was this one may take so long to serve all rooms again.
    fn may_take(fault: Fault, millis: Option<u64>) -> bool {
        let mut report = kept();
        report.findings.missed.clear();
        report.faults[0].step.fault = fault;
        report.faults[0].served_again_in_millis = millis;
        demand(&mut report, &[]);
        report.is_as_expected()
    }

    #[test]
    fn a_return_that_took_too_long_or_never_was_fails_it_too_and_the_fault_decides_what_is_too_long()
     {
        let killed = Fault::KillHub { hub: 0, millis: 0 };
        let store = Fault::KillCql { node: 0, millis: 0 };
        for (fault, limit) in [(killed, 10_000), (store, 30_000)] {
            assert!(may_take(fault, Some(limit)), "{fault:?}");
            assert!(!may_take(fault, Some(limit + 1)), "{fault:?}");
            assert!(!may_take(fault, None), "{fault:?}");
        }
        // One run has faults of many kinds, each with its own limit, and those that are late are named by their numbers.
        let mut mixed = kept();
        mixed.findings.missed.clear();
        mixed.faults = vec![mixed.faults[0].clone(); 2];
        for (struck, fault) in mixed.faults.iter_mut().zip([store, killed]) {
            struck.step.fault = fault;
            struck.served_again_in_millis = Some(20_000);
        }
        demand(&mut mixed, &[]);
        let expected =
            "after fault 2 20000 ms passed until every room was served again; 10000 ms are allowed";
        assert_eq!(mixed.findings.missed, [expected]);
    }

    #[test]
    fn a_run_that_is_to_be_broken_has_nothing_to_reach() {
        let mut lost = kept();
        (lost.expected, lost.findings.missed) = (Verdict::Broken, Vec::new());
        lost.faults[0].served_again_in_millis = None;
        demand(&mut lost, &[Demand::parse("all=100").unwrap()]);
        assert_eq!(lost.findings.missed, Vec::<String>::new());
    }

    /// Every fault that a plan may have, with the patience of the traffic that it strikes.
    fn each(mut judge: impl FnMut(Fault, Duration)) {
        for topology in Topology::value_variants() {
            let all = Scenario::value_variants().iter();
            for scenario in all.filter(|scenario| scenario.fits(*topology)) {
                let from = Plan {
                    scenario: *scenario,
                    topology: *topology,
                    seed: 1,
                    length: Duration::from_secs(120),
                    longest: Duration::from_secs(2),
                };
                let patience = WorkloadSpec::of(*topology).patience;
                plan(&from)
                    .iter()
                    .for_each(|step| judge(step.fault, patience));
            }
        }
    }

    #[test]
    fn every_limit_is_well_below_the_patience_so_that_it_can_be_missed() {
        each(|fault, patience| assert!(served_within(fault) <= patience / 2, "{fault:?}"));
    }

    #[test]
    fn the_readme_has_the_limit_of_every_fault() {
        let row = |limit: Duration| {
            let ends = format!("| {} s |", limit.as_secs());
            let rows = README.lines().filter(|line| line.ends_with(&ends));
            rows.collect::<String>()
        };
        let (soon, store) = (row(SOON), row(STORE_BACK));
        assert!(soon.contains("every other"), "{soon}");
        each(|fault, _| {
            let name = serde_json::to_value(fault).unwrap()["fault"].clone();
            let named = store.contains(&format!("`{}`", name.as_str().unwrap()));
            assert_eq!(named, served_within(fault) == STORE_BACK, "{fault:?}");
        });
    }

    #[test]
    fn a_demand_is_told_as_it_was_given_and_what_is_none_is_refused() {
        for given in ["all=90", "read.uptime=99.5", "send=0"] {
            assert_eq!(Demand::parse(given).unwrap().to_string(), given);
        }
        for wrong in ["send", "sends=1", "send.p99=1", "send=x", "send=101"] {
            assert!(Demand::parse(wrong).is_err(), "{wrong}");
        }
    }
}
