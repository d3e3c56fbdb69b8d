//! Whether something grows over a run: a line through noisy samples that outliers do not bend.

use super::record::{Sample, Slope};

/// Medians that a line goes through, at most: all pairs of them are looked at.
const POINTS: usize = 200;
/// Fewest medians from which a line is told from noise.
const FEWEST_POINTS: usize = 8;
/// A trend is told when noise alone shows one like it once in twenty times.
const NORMAL_95: f64 = 1.96;
/// Shortest time over which growth per hour makes sense.
const SHORTEST_S: f64 = 10.0;

/// Reads one member of a sample.
pub type Member = fn(&Sample) -> Option<f64>;

/// Members of a sample that must not grow for ever.
pub const MEMBERS: [(&str, Member); 6] = [
    ("resident_kb", |sample| sample.resident_kb),
    ("open_files", |sample| sample.open_files),
    ("tasks", |sample| sample.tasks),
    ("connections", |sample| sample.connections),
    ("entities", |sample| sample.entities),
    ("subscriptions", |sample| sample.subscriptions),
];

/// A line through points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Median of the first tenth.
    pub first: f64,
    /// Median of the last tenth.
    pub last: f64,
    /// Growth per second; 0 when the points do not tell it from noise.
    pub per_second: f64,
}

/// The median; `None` of nothing.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        count if count % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

/// Medians of equal stretches of time, [`POINTS`] at most.
fn thin_out(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let (Some((from, _)), Some((until, _))) = (points.first(), points.last()) else {
        return Vec::new();
    };
    if points.len() <= POINTS {
        return points.to_vec();
    }
    let width = (until - from) / POINTS as f64;
    let mut bins: Vec<(Vec<f64>, Vec<f64>)> = vec![Default::default(); POINTS];
    for (at, value) in points {
        let bin = (((at - from) / width) as usize).min(POINTS - 1);
        bins[bin].0.push(*at);
        bins[bin].1.push(*value);
    }
    let one = |(at, values)| Some((median(at)?, median(values)?));
    bins.into_iter().filter_map(one).collect()
}

/// The line of Theil and Sen: the median of the slopes between all pairs of points. Where the confidence interval of Sen holds
/// the level line too, the level line it is. `None` with too few points, or too short a time.
pub fn line(points: &[(f64, f64)]) -> Option<Line> {
    let points = thin_out(points);
    let count = points.len();
    if count < FEWEST_POINTS || points[count - 1].0 - points[0].0 < SHORTEST_S {
        return None;
    }
    let mut slopes = Vec::with_capacity(count * (count - 1) / 2);
    for (at, one) in points.iter().enumerate() {
        let later = points[at + 1..].iter().filter(|later| later.0 > one.0);
        slopes.extend(later.map(|later| (later.1 - one.1) / (later.0 - one.0)));
    }
    slopes.sort_by(f64::total_cmp);
    let n = count as f64;
    let half = NORMAL_95 * (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt() / 2.0;
    let middle = slopes.len() as f64 / 2.0;
    let at = |place: f64| slopes[(place.max(0.0) as usize).min(slopes.len() - 1)];
    let (lowest, highest) = (at(middle - half), at(middle + half));
    let per_second = median(slopes.clone())?;
    let level = lowest <= 0.0 && highest >= 0.0;
    let tenth = (count / 10).max(1);
    let of = |part: &[(f64, f64)]| median(part.iter().map(|point| point.1).collect());
    Some(Line {
        first: of(&points[..tenth])?,
        last: of(&points[count - tenth..])?,
        per_second: if level { 0.0 } else { per_second },
    })
}

/// How every member of the samples of every node grew between two times. A member that some node did not tell for long enough is
/// left out altogether: of whoever is silent, nobody knows whether it grows.
pub fn slopes(nodes: &[String], samples: &[Sample], from_s: f64, until_s: f64) -> Vec<Slope> {
    let inside = |sample: &&Sample| sample.at_s >= from_s && sample.at_s <= until_s;
    let slope = |node: &String, what: &str, member: Member| {
        let of = samples
            .iter()
            .filter(inside)
            .filter(|one| one.node == *node);
        let points = of.filter_map(|sample| Some((sample.at_s, member(sample)?)));
        let line = line(&points.collect::<Vec<_>>())?;
        Some(Slope {
            what: what.to_owned(),
            node: node.clone(),
            first: line.first,
            last: line.last,
            // Of nothing, there is no percentage: one is the least that can be there.
            percent_per_hour: line.per_second * 3_600.0 / line.first.max(1.0) * 100.0,
        })
    };
    let of_all = MEMBERS.iter().filter_map(|(what, member)| {
        let each = nodes.iter().map(|node| slope(node, what, *member));
        each.collect::<Option<Vec<Slope>>>()
    });
    of_all.flatten().collect()
}

/// The level of a member at each node; `None` when one did not tell it.
pub fn levels(nodes: &[String], samples: &[Sample], member: Member) -> Option<Vec<f64>> {
    let level = |node: &String| {
        let of = samples.iter().filter(|sample| sample.node == *node);
        median(of.filter_map(member).collect())
    };
    nodes.iter().map(level).collect()
}

/// By how much more of a member there is at the end than before the clients came, of the node with most; `None` when some node
/// did not tell it.
pub fn more_after(
    nodes: &[String],
    before: &[Sample],
    after: &[Sample],
    member: Member,
) -> Option<f64> {
    let level = |samples| levels(nodes, samples, member);
    let more = level(after)?.into_iter().zip(level(before)?);
    more.map(|(after, before)| after - before).reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    const LEVEL: f64 = 200_000.0;

    /// Ten minutes of samples once a second: growth in percent per minute, noise of ±4 %, waves, and outliers.
    fn samples(percent_per_minute: f64, seed: u64) -> Vec<Sample> {
        let mut rng = SmallRng::seed_from_u64(seed);
        let one = |second: u32| {
            let grown = 1.0 + percent_per_minute / 100.0 * f64::from(second) / 60.0;
            let wave = 1.0 + 0.01 * (f64::from(second) / 20.0).sin();
            let outlier = if rng.random_range(0..40) == 0 {
                2.0
            } else {
                1.0
            };
            let noise = rng.random_range(0.96..1.04);
            Sample {
                at_s: f64::from(second),
                node: "a".into(),
                resident_kb: Some(LEVEL * grown * wave * noise * outlier),
                ..Sample::default()
            }
        };
        (0..600).map(one).collect()
    }

    fn named(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn growth(samples: &[Sample]) -> f64 {
        let found = slopes(&named(&["a"]), samples, 0.0, 600.0);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].what, "resident_kb");
        found[0].percent_per_hour
    }

    #[test]
    fn a_leak_of_two_percent_a_minute_is_seen_through_noise() {
        for seed in 0..20 {
            let found = growth(&samples(2.0, seed));
            assert!(
                (105.0..135.0).contains(&found),
                "{seed}: {found} % an hour of 120"
            );
            let shrinking = growth(&samples(-2.0, seed));
            assert!((-135.0..-105.0).contains(&shrinking), "{seed}: {shrinking}");
        }
    }

    #[test]
    fn noise_alone_is_no_trend() {
        let grown: Vec<f64> = (0..40).map(|seed| growth(&samples(0.0, seed))).collect();
        let cries = grown.iter().filter(|percent| **percent != 0.0).count();
        assert!(cries <= 6, "{grown:?}");
        assert!(
            grown.iter().all(|percent| percent.abs() < 10.0),
            "{grown:?}"
        );
    }

    #[test]
    fn a_short_time_and_few_samples_say_nothing() {
        let (all, a) = (samples(2.0, 1), named(&["a"]));
        assert!(slopes(&a, &all, 0.0, 9.0).is_empty());
        assert!(slopes(&a, &all[..7], 0.0, 600.0).is_empty());
        assert!(slopes(&a, &[], 0.0, 600.0).is_empty());
    }

    #[test]
    fn of_nodes_of_which_one_is_silent_no_growth_is_told() {
        let mut all = samples(2.0, 1);
        let both = named(&["a", "b"]);
        assert!(slopes(&both, &all, 0.0, 600.0).is_empty(), "b never spoke");
        let b = |sample| Sample {
            node: "b".into(),
            ..sample
        };
        all.extend(samples(0.0, 2).into_iter().map(b));
        assert_eq!(slopes(&both, &all, 0.0, 600.0).len(), 2);
        all.retain(|one| one.node == "a" || one.at_s < 100.0);
        assert!(
            slopes(&both, &all, 100.0, 600.0).is_empty(),
            "b fell silent"
        );
    }

    #[test]
    fn levels_are_of_the_first_and_last_tenth_and_an_outlier_moves_nothing() {
        let mut points: Vec<(f64, f64)> = (0..100).map(|n| (f64::from(n), f64::from(n))).collect();
        points[50].1 = 1e9;
        let line = line(&points).unwrap();
        assert_eq!((line.first, line.last), (4.5, 94.5));
        assert!((line.per_second - 1.0).abs() < 0.01, "{line:?}");
    }

    #[test]
    fn what_is_left_when_the_clients_are_gone_is_told_of_the_worst_node() {
        let sample = |node: &str, tasks: f64| Sample {
            node: node.into(),
            tasks: Some(tasks),
            ..Sample::default()
        };
        let before = [sample("a", 10.0), sample("a", 11.0), sample("b", 20.0)];
        let after = [sample("a", 10.5), sample("b", 27.0)];
        let both = named(&["a", "b"]);
        let more = |member| more_after(&both, &before, &after, member);
        assert_eq!(more(|sample| sample.tasks), Some(7.0));
        assert_eq!(more(|sample| sample.entities), None);
        // Whoever is silent at the end, before, or always may have kept anything.
        let tasks = |sample: &Sample| sample.tasks;
        assert_eq!(more_after(&both, &before, &after[..1], tasks), None);
        assert_eq!(more_after(&both, &before[..2], &after, tasks), None);
        let three = named(&["a", "b", "c"]);
        assert_eq!(more_after(&three, &before, &after, tasks), None);
    }
}
