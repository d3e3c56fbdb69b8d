//! What a run must reach beside its promises, so that a machine can gate on it: how soon all rooms are served again after a
//! fault, and the availability of each class if somebody demands one.

use std::time::Duration;

use super::class::{Class, Fare};
use super::fault::Scenario;
use super::format::{Report, Verdict};

/// After a fault of hubs, links or the bus.
const SOON: Duration = Duration::from_secs(10);
/// After one that leaves nothing to write to: the store has to start, to find its members and to be found.
const STORE_BACK: Duration = Duration::from_secs(60);

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
        if let Some(class) = self.class
            && asked.peek().is_none()
        {
            // Where nobody asked, nothing was reached.
            let class = class.name();
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

    fn word(&self) -> String {
        let class = self.class.map_or("all", Class::name);
        let of = match self.of_seconds {
            true => ".uptime",
            false => "",
        };
        format!(" --demand {class}{of}={}", self.percent)
    }
}

/// How soon every room must be served again after each fault of a scenario.
fn served_within(scenario: Scenario) -> Duration {
    match scenario {
        Scenario::KillCql
        | Scenario::PauseCql
        | Scenario::SlowCql
        | Scenario::LoseQuorum
        | Scenario::Mixed => STORE_BACK,
        _ => SOON,
    }
}

/// Adds to a report what it did not reach, and what was demanded to the command that repeats it. A run that is to be broken
/// has nothing to reach.
pub fn demand(report: &mut Report, demands: &[Demand]) {
    report.command.extend(demands.iter().map(Demand::word));
    if report.expected == Verdict::Broken {
        return;
    }
    let late = late(report);
    let short = demands.iter().flat_map(|one| one.missed(&report.classes));
    let missed: Vec<String> = late.into_iter().chain(short).collect();
    report.findings.missed.extend(missed);
}

/// The slowest return, if it took too long.
fn late(report: &Report) -> Option<String> {
    let within = served_within(report.scenario).as_millis();
    let times = report.faults.iter().map(|fault| {
        let millis = fault.served_again_in_millis;
        millis.map_or(u128::MAX, u128::from)
    });
    let longest = times.max().filter(|longest| *longest > within)?;
    let took = match longest {
        u128::MAX => "not every room was served again after a fault".to_owned(),
        millis => format!("{millis} ms passed after a fault until every room was served again"),
    };
    Some(format!("{took}; {within} ms are allowed"))
}

#[cfg(test)]
mod tests {
    use super::super::format::tests::report;
    use super::*;

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

    #[test]
    fn a_return_that_took_too_long_or_never_was_fails_it_too() {
        assert_eq!(missed(1.0, 1.0, Some(10_000), &[]), 0);
        assert_eq!(missed(1.0, 1.0, Some(10_001), &[]), 1);
        assert_eq!(missed(1.0, 1.0, None, &[]), 1);
        let mut store = kept();
        store.scenario = Scenario::LoseQuorum;
        store.findings.missed.clear();
        store.faults[0].served_again_in_millis = Some(10_001);
        demand(&mut store, &[]);
        assert!(store.is_as_expected());
        let mut lost = kept();
        (lost.expected, lost.findings.missed) = (Verdict::Broken, Vec::new());
        lost.faults[0].served_again_in_millis = None;
        demand(&mut lost, &[Demand::parse("all=100").unwrap()]);
        assert_eq!(lost.findings.missed, Vec::<String>::new());
    }

    #[test]
    fn the_command_repeats_what_was_demanded_and_what_is_none_is_refused() {
        let mut report = kept();
        let demands = ["all=90", "read.uptime=99.5"].map(|text| Demand::parse(text).unwrap());
        demand(&mut report, &demands);
        assert!(
            report
                .command
                .ends_with(" --demand all=90 --demand read.uptime=99.5")
        );
        for wrong in ["send", "sends=1", "send.p99=1", "send=x", "send=101"] {
            assert!(Demand::parse(wrong).is_err(), "{wrong}");
        }
    }
}
