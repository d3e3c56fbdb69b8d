//! Whether two runs differ by more than each of them differs from itself.
//!
//! Both are cut into ten parts of equal length, and each part has its own figure: the middle one of its seconds, for a tail as
//! for a median. Neighbouring seconds resemble each other, so that they prove less than their number would; parts do less so.
//! A change counts when in at least nine of ten pairs (a part of one run, a part of the other) it goes the same way – of runs
//! that do not differ this is so in about two of a thousand – and when the middles of the parts are at least 3 % apart.

/// Parts of a run.
const PARTS: usize = 10;
/// Share of the pairs that must go the same way.
const PAIRS: f64 = 0.9;
/// What matters to nobody, however surely it is there.
const LEAST: f64 = 0.03;

/// What became of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Better than noise explains.
    Better,
    /// Worse than noise explains.
    Worse,
    /// Not more than noise.
    Noise,
    /// One of the runs is too short, or has only one value of this figure.
    Unjudged,
}

/// How the values of a part become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// The middle one.
    Middle,
    /// Their mean, for what is mostly nothing.
    Mean,
}

/// Judges the values of the seconds of two runs. Values that are no numbers are left out.
pub(super) fn judge(a: &[f64], b: &[f64], of: Of, more_is_better: bool) -> Change {
    let (Some(a), Some(b)) = (parts(a, of), parts(b, of)) else {
        return Change::Unjudged;
    };
    let pairs = a.iter().flat_map(|a| b.iter().map(move |b| (a, b)));
    let ways = pairs.map(|(a, b)| match b.partial_cmp(a) {
        Some(std::cmp::Ordering::Greater) => 1.0,
        Some(std::cmp::Ordering::Less) => 0.0,
        _ => 0.5,
    });
    let up = ways.sum::<f64>() / (PARTS * PARTS) as f64;
    let (from, to) = (middle(&a), middle(&b));
    if (to - from).abs() <= from.abs() * LEAST || (1.0 - PAIRS < up && up < PAIRS) {
        return Change::Noise;
    }
    match (up >= PAIRS) == more_is_better {
        true => Change::Better,
        false => Change::Worse,
    }
}

/// A figure for each part; none when there are fewer values than parts.
fn parts(values: &[f64], of: Of) -> Option<Vec<f64>> {
    let values: Vec<f64> = values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    if values.len() < PARTS {
        return None;
    }
    let border = |part: usize| part * values.len() / PARTS;
    let part = |number: usize| {
        let part = &values[border(number)..border(number + 1)];
        match of {
            Of::Middle => middle(part),
            Of::Mean => part.iter().sum::<f64>() / part.len() as f64,
        }
    };
    Some((0..PARTS).map(part).collect())
}

/// The middle value, or between the two in the middle; 0 of none.
fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(0.0);
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => at(odd / 2),
        even => (at(even / 2 - 1) + at(even / 2)) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    /// Seconds around a level, a few of them far off, as tails are.
    fn run(level: f64, seed: u64, count: usize) -> Vec<f64> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut one = |_| {
            let stall = if random.random_bool(0.03) { 5.0 } else { 1.0 };
            level * random.random_range(0.8..1.2) * stall
        };
        (0..count).map(&mut one).collect()
    }

    #[test]
    fn equal_runs_rarely_differ_and_slower_ones_are_found() {
        let judged = |to: f64| {
            let one = |seed| {
                judge(
                    &run(10.0, seed, 120),
                    &run(to, seed + 1_000, 120),
                    Of::Middle,
                    false,
                )
            };
            (0..200).map(one).collect::<Vec<_>>()
        };
        let same = judged(10.0)
            .iter()
            .filter(|change| **change != Change::Noise)
            .count();
        assert!(same <= 3, "{same} of 200");
        assert_eq!(
            judged(12.0)
                .iter()
                .filter(|change| **change == Change::Worse)
                .count(),
            200
        );
        assert_eq!(
            judged(8.5)
                .iter()
                .filter(|change| **change == Change::Better)
                .count(),
            200
        );
    }

    #[test]
    fn which_way_is_better_depends_on_the_figure() {
        let (slow, quick) = (vec![100.0; 20], vec![130.0; 20]);
        assert_eq!(judge(&slow, &quick, Of::Middle, true), Change::Better);
        assert_eq!(judge(&slow, &quick, Of::Middle, false), Change::Worse);
        assert_eq!(judge(&quick, &slow, Of::Middle, false), Change::Better);
        let hardly = vec![102.0; 20];
        assert_eq!(
            judge(&slow, &hardly, Of::Middle, false),
            Change::Noise,
            "sure, and of no matter"
        );
    }

    #[test]
    fn single_outliers_do_not_count_and_errors_from_nothing_do() {
        let calm = vec![10.0; 60];
        let mut spiky = calm.clone();
        (spiky[3], spiky[31]) = (900.0, 900.0);
        assert_eq!(judge(&calm, &spiky, Of::Middle, false), Change::Noise);
        let (none, some) = (vec![0.0; 60], vec![0.5; 60]);
        assert_eq!(judge(&none, &some, Of::Mean, false), Change::Worse);
        assert_eq!(judge(&none, &none, Of::Mean, false), Change::Noise);
    }

    #[test]
    fn what_is_too_short_is_not_judged() {
        let (short, long) = (vec![1.0; 9], vec![5.0; 10]);
        assert_eq!(judge(&short, &long, Of::Middle, false), Change::Unjudged);
        assert_eq!(
            judge(&long, &[f64::NAN; 30], Of::Middle, false),
            Change::Unjudged
        );
        assert_eq!(judge(&[1.0; 10], &long, Of::Middle, false), Change::Worse);
    }
}
