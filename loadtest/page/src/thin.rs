//! Long series made short: of each stretch of time its lowest and highest value stay, so that no peak is lost.

/// Most stretches of a series; a screen has few more columns.
pub const STRETCHES: usize = 600;

/// At most two values (and one gap) for each of `stretches` equal parts of the points, in their order. A value that is no
/// number is a gap, and a stretch with a gap keeps it. Shorter series stay as they are.
pub fn extremes(points: &[(f64, f64)], stretches: usize) -> Vec<(f64, f64)> {
    let stretches = stretches.max(1);
    if points.len() <= stretches * 2 {
        return points.to_vec();
    }
    let mut kept = Vec::with_capacity(stretches * 2);
    for stretch in points.chunks(points.len().div_ceil(stretches)) {
        kept.extend(indices(stretch).into_iter().map(|index| stretch[index]));
    }
    // The ends of a line are where it begins and ends, whatever the extremes beside them.
    if let (Some(first), Some(last)) = (points.first(), points.last()) {
        if kept.first().is_some_and(|kept| kept.0 != first.0) {
            kept.insert(0, *first);
        }
        if kept.last().is_some_and(|kept| kept.0 != last.0) {
            kept.push(*last);
        }
    }
    kept
}

/// Places of the lowest value, the highest, and the first gap, ascending.
fn indices(stretch: &[(f64, f64)]) -> Vec<usize> {
    let by_value = |a: &(usize, f64), b: &(usize, f64)| a.1.total_cmp(&b.1);
    let values = || {
        let all = stretch.iter().enumerate();
        all.filter_map(|(index, (_, y))| y.is_finite().then_some((index, *y)))
    };
    let gap = stretch.iter().position(|(_, y)| !y.is_finite());
    let low = values().min_by(by_value).map(|(index, _)| index);
    let high = values().max_by(by_value).map(|(index, _)| index);
    let mut found: Vec<usize> = [low, high, gap].into_iter().flatten().collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(count: usize, y: impl Fn(usize) -> f64) -> Vec<(f64, f64)> {
        (0..count).map(|x| (x as f64, y(x))).collect()
    }

    #[test]
    fn a_day_of_seconds_becomes_short_and_keeps_every_single_peak_and_hole() {
        let spikes = [0, 1_234, 40_000, 86_399];
        let y = |x: usize| match x {
            x if spikes.contains(&x) => 1_000.0 + x as f64,
            60_000 => -7.0,
            x => (x % 97) as f64,
        };
        let day = series(86_400, y);
        let thin = extremes(&day, STRETCHES);
        assert!(thin.len() <= 2 * STRETCHES + 2, "{}", thin.len());
        for at in spikes.into_iter().chain([60_000]) {
            assert!(thin.contains(&(at as f64, y(at))), "{at}");
        }
        assert!(thin.is_sorted_by(|a, b| a.0 < b.0), "in order");
        assert_eq!((thin[0], thin[thin.len() - 1]), (day[0], day[86_399]));
    }

    #[test]
    fn gaps_stay_gaps_and_short_series_stay_as_they_are() {
        let day = series(50_000, |x| match x {
            20_000..30_000 => f64::NAN,
            40_000 => f64::NAN,
            _ => 1.0,
        });
        let thin = extremes(&day, 100);
        let gaps: Vec<f64> = thin.iter().filter(|p| p.1.is_nan()).map(|p| p.0).collect();
        assert!(gaps.len() > 15 && gaps.contains(&40_000.0), "{gaps:?}");
        assert!(
            thin.iter()
                .all(|p| p.1.is_nan() || !(20_000.0..30_000.0).contains(&p.0))
        );
        let short = series(150, |x| x as f64);
        assert_eq!(extremes(&short, 100), short);
        assert!(extremes(&[], 100).is_empty());
    }
}
