//! What a run comes to: figures from the samples, levels before and after, and one word for all of it.

use super::record::{Measurement, Phase, Sample, Threshold, class};
use super::slopes::{MEMBERS, levels as levels_of, more_after, slopes};
use super::timeline::Timeline;
use super::watch::Seen;
use crate::figures::is_late;
use crate::report::Outcome;

/// A level is the median of so many seconds.
const LEVEL_S: f64 = 3.0;

/// Which levels a run has.
#[derive(Clone, Copy, Debug)]
pub struct Levels {
    /// Until when the server was alone, in seconds of the run.
    pub before_until_s: Option<f64>,
    /// Whether it was left alone again at the end.
    pub is_back: bool,
}

/// Correctness first; then whether the generator was the limit; then what was demanded.
pub fn of(hub: &Measurement, reference: Option<&Measurement>, thresholds: &[Threshold]) -> Outcome {
    let mut all = std::iter::once(hub).chain(reference);
    let wrong = |one: &Measurement| {
        !one.faults.clone().without_refusals().none() || !one.contradictions.is_empty()
    };
    if all.clone().any(wrong) {
        return Outcome::Incorrect;
    }
    if all.any(|one| is_late(&one.lag, one.generator_busy)) {
        return Outcome::GeneratorLimited;
    }
    match thresholds.iter().all(|one| one.met) {
        true => Outcome::Passed,
        false => Outcome::FloorMissed,
    }
}

/// The phases of a run, the time after the clients are gone included.
pub fn phases(timeline: &Timeline) -> Vec<Phase> {
    let mut phases = timeline.phases.clone();
    if timeline.after_s > 0.0 {
        phases.push(Phase {
            name: "after".to_owned(),
            from_s: timeline.seconds,
            until_s: timeline.seconds + timeline.after_s,
            from_rate: 0.0,
            until_rate: 0.0,
        });
    }
    phases
}

/// Adds what the samples tell: consumption, levels and slopes. What some node did not tell is not told of all.
pub fn complete(
    mut measured: Measurement,
    seen: Seen,
    timeline: &Timeline,
    levels: Levels,
) -> Measurement {
    let Seen { nodes, samples } = seen;
    let until_s = probe_from(timeline);
    let between = |from: f64, until: f64| {
        let inside = samples
            .iter()
            .filter(|one| one.at_s >= from && one.at_s <= until);
        inside.cloned().collect::<Vec<Sample>>()
    };
    let main = between(timeline.warmup_s, until_s);
    let mut figures = Vec::new();
    if let Some(cores) = cores(&nodes, &main) {
        figures.push(("cpu.cores".to_owned(), cores));
        let per_second = counted_per_second(&measured);
        figures.extend(
            per_second.map(|rate| ("cpu.seconds_per_million".to_owned(), cores / rate * 1e6)),
        );
    }
    let last = resident(&nodes, &between(until_s - LEVEL_S, until_s));
    figures.extend(last.map(|kb| ("memory.resident_kb".to_owned(), kb)));
    if let Some(before_s) = levels.before_until_s {
        let before = between(before_s - LEVEL_S, before_s);
        if let (Some(last), Some(first)) = (last, resident(&nodes, &before)) {
            let each = (last - first) / f64::from(measured.connections.max(1));
            figures.push(("memory.kb_per_connection".to_owned(), each));
        }
        if levels.is_back {
            let end = timeline.seconds + timeline.after_s;
            let after = between(end - LEVEL_S, f64::INFINITY);
            figures.extend(MEMBERS.iter().filter_map(|(name, member)| {
                let more = more_after(&nodes, &before, &after, *member)?;
                Some((format!("after.{name}.more"), more))
            }));
        }
    }
    measured.slopes = slopes(&nodes, &samples, timeline.warmup_s, until_s);
    measured.figures.extend(figures);
    // What was before the traffic only served to compare levels.
    measured.samples = samples.into_iter().filter(|one| one.at_s >= 0.0).collect();
    measured
}

/// Where the look at every connection at the end begins, if there is one.
fn probe_from(timeline: &Timeline) -> f64 {
    let probe = timeline.phases.iter().find(|phase| phase.name == "probe");
    probe.map_or(timeline.seconds, |phase| phase.from_s)
}

/// Resident memory of all nodes together: the level of each, and their sum. `None` when a node did not tell it.
fn resident(nodes: &[String], samples: &[Sample]) -> Option<f64> {
    let levels = levels_of(nodes, samples, |one| one.resident_kb)?;
    levels.into_iter().reduce(|sum, level| sum + level)
}

/// Cores that all nodes together used: the mean of each, and their sum. `None` when a node did not tell it.
fn cores(nodes: &[String], samples: &[Sample]) -> Option<f64> {
    let mean = |node: &String| {
        let of = samples.iter().filter(|one| one.node == *node);
        let used: Vec<f64> = of.filter_map(|one| one.cpu_cores).collect();
        (!used.is_empty()).then(|| used.iter().sum::<f64>() / used.len() as f64)
    };
    let means: Vec<f64> = nodes.iter().map(mean).collect::<Option<_>>()?;
    means.into_iter().reduce(|sum, mean| sum + mean)
}

/// What CPU seconds are counted by: deliveries where there are some, else whatever was done.
fn counted_per_second(measured: &Measurement) -> Option<f64> {
    let per_second = |name| Some(measured.classes.get(name)?.per_second);
    [class::DELIVERY, class::HTTP, class::CONNECT]
        .into_iter()
        .find_map(per_second)
        .filter(|rate| *rate > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Faults;
    use crate::figures::Quantiles;

    fn sample(at_s: f64, resident_kb: f64, tasks: f64) -> Sample {
        Sample {
            at_s,
            node: "a".into(),
            cpu_cores: Some(0.5),
            resident_kb: Some(resident_kb),
            tasks: Some(tasks),
            ..Sample::default()
        }
    }

    #[test]
    fn what_is_wrong_comes_before_a_late_generator_and_that_before_what_is_missed() {
        let missed = Threshold {
            what: "x".into(),
            at_most: true,
            limit: 1.0,
            measured: None,
            met: false,
        };
        let mut hub = Measurement::default();
        assert_eq!(of(&hub, None, &[]), Outcome::Passed);
        assert_eq!(
            of(&hub, None, std::slice::from_ref(&missed)),
            Outcome::FloorMissed
        );
        // Refusals are errors, and how many may be is a matter of thresholds.
        hub.faults.refused = 3;
        assert_eq!(of(&hub, None, &[]), Outcome::Passed);
        hub.lag = Quantiles {
            p99_ms: 11.0,
            ..Quantiles::default()
        };
        assert_eq!(
            of(&hub, None, std::slice::from_ref(&missed)),
            Outcome::GeneratorLimited
        );
        let reference = hub.clone();
        assert_eq!(
            of(&Measurement::default(), Some(&reference), &[]),
            Outcome::GeneratorLimited
        );
        hub.contradictions.insert("lost message".into(), 1);
        assert_eq!(of(&hub, None, &[missed]), Outcome::Incorrect);
        let lost = Measurement {
            faults: Faults {
                missing: 1,
                ..Faults::default()
            },
            ..Measurement::default()
        };
        assert_eq!(of(&lost, None, &[]), Outcome::Incorrect);
    }

    #[test]
    fn memory_of_several_nodes_is_the_sum_of_the_level_of_each() {
        let of = |node: &str, kb| Sample {
            node: node.into(),
            ..sample(1.0, kb, 1.0)
        };
        let mut samples = vec![of("a", 100.0), of("b", 100.0), of("c", 1_000.0)];
        let names = ["a", "b", "c", "d"].map(str::to_owned);
        assert_eq!(resident(&names[..3], &samples), Some(1_200.0));
        assert_eq!(cores(&names[..3], &samples), Some(1.5));
        assert_eq!(resident(&names, &samples), None, "d is silent");
        assert_eq!(cores(&names, &samples), None);
        samples.extend([of("a", 110.0), of("a", 9_000.0)]);
        let kb = resident(&names[..3], &samples);
        assert_eq!(kb, Some(1_210.0), "no outlier of one node");
        assert_eq!(resident(&[], &samples), None);
    }

    #[test]
    fn levels_before_during_and_after_make_the_figures() {
        let phase = |name: &str, from_s, until_s| Phase {
            name: name.into(),
            from_s,
            until_s,
            from_rate: 0.0,
            until_rate: 0.0,
        };
        let timeline = Timeline {
            phases: vec![phase("steady", 0.0, 10.0), phase("probe", 10.0, 12.0)],
            warmup_s: 0.0,
            seconds: 12.0,
            after_s: 5.0,
            churn: None,
        };
        let mut samples = vec![sample(-9.0, 500.0, 1.0), sample(-5.0, 1_000.0, 10.0)];
        samples.extend((0..=12).map(|at| sample(f64::from(at), 6_000.0, 99.0)));
        samples.extend([sample(16.0, 2_000.0, 14.0), sample(17.0, 2_000.0, 14.0)]);
        let measured = Measurement {
            connections: 100,
            ..Measurement::default()
        };
        let levels = Levels {
            before_until_s: Some(-4.0),
            is_back: true,
        };
        let seen = |nodes: &[&str]| Seen {
            nodes: nodes.iter().map(|&node| node.to_owned()).collect(),
            samples: samples.clone(),
        };
        let silent = complete(measured.clone(), seen(&["a", "b"]), &timeline, levels);
        assert!(silent.figures.is_empty() && silent.slopes.is_empty());
        let measured = complete(measured, seen(&["a"]), &timeline, levels);
        let figure = |name: &str| measured.figures[name];
        assert_eq!(figure("memory.kb_per_connection"), 50.0);
        assert_eq!(figure("after.tasks.more"), 4.0);
        assert_eq!(figure("after.resident_kb.more"), 1_000.0);
        assert_eq!(figure("cpu.cores"), 0.5);
        assert_eq!(
            measured.samples.len(),
            15,
            "from the beginning of the traffic on"
        );
        assert_eq!(phases(&timeline).last().unwrap().until_s, 17.0);
    }
}
