//! Latencies as distributions: a curve of percentiles, and a histogram with bins of equal factors.

/// Values in steps: the upper bound of each, and how many lie between the bound before and this one.
pub type Buckets = [(f64, u64)];

/// The share of values that are not above each bound, as points of (share, value). The last share is short of 1 by half of
/// the last value, so that it has a place on an axis of nines.
pub fn curve(buckets: &Buckets) -> Vec<(f64, f64)> {
    let all: u64 = buckets.iter().map(|(_, count)| count).sum();
    let mut below = 0;
    let mut points = Vec::new();
    for (bound, count) in buckets.iter().filter(|(_, count)| *count > 0) {
        if points.is_empty() {
            points.push((0.0, *bound));
        }
        below += count;
        let share = match below == all {
            true => 1.0 - 0.5 / all as f64,
            false => below as f64 / all as f64,
        };
        points.push((share, *bound));
    }
    points
}

/// Shares of values in percent between bounds of equal factors, `per_decade` of them for each factor of ten: points of
/// (lower bound, share), ending with a share of 0 at the last upper bound. Bins without a value in between are there too.
pub fn histogram(buckets: &Buckets, per_decade: u32) -> Vec<(f64, f64)> {
    let steps = f64::from(per_decade.max(1));
    // Values of nothing have no place on a log axis; they join the lowest that has.
    let bin = |bound: f64| (bound.max(1e-6).log10() * steps - 1e-9).floor() as i64;
    let all: u64 = buckets.iter().map(|(_, count)| count).sum();
    let filled = || {
        buckets
            .iter()
            .filter(|(bound, count)| *count > 0 && bound.is_finite())
    };
    let bins = || filled().map(|(bound, _)| bin(*bound));
    let (Some(first), Some(last)) = (bins().min(), bins().max()) else {
        return Vec::new();
    };
    // Twenty decades: more than any clock tells apart.
    let last = last.min(first.saturating_add(20 * i64::from(per_decade)));
    let mut counts = vec![0u64; usize::try_from(last - first + 1).unwrap_or(1)];
    for (bound, count) in filled() {
        let place = usize::try_from(bin(*bound) - first).unwrap_or(0);
        if let Some(bin) = counts.get_mut(place) {
            *bin += count;
        }
    }
    let low = |place: i64| 10f64.powf((first + place) as f64 / steps);
    let share = |count: u64| count as f64 * 100.0 / all as f64;
    let mut points: Vec<(f64, f64)> = (0..)
        .zip(&counts)
        .map(|(place, count)| (low(place), share(*count)))
        .collect();
    points.push((low(last - first + 1), 0.0));
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_goes_through_the_shares_and_stops_short_of_everything() {
        let points = curve(&[(1.0, 50), (2.0, 40), (3.0, 0), (40.0, 10)]);
        assert_eq!(points, [(0.0, 1.0), (0.5, 1.0), (0.9, 2.0), (0.995, 40.0)]);
        assert!(curve(&[]).is_empty() && curve(&[(1.0, 0)]).is_empty());
    }

    #[test]
    fn a_histogram_has_all_values_and_the_holes_between_them() {
        let points = histogram(&[(0.0, 1), (1.6, 60), (1.7, 20), (150.0, 19)], 5);
        let shares: f64 = points.iter().map(|(_, share)| share).sum();
        assert!((shares - 100.0).abs() < 1e-9, "{shares}");
        let top = points.iter().find(|(_, share)| *share == 80.0).unwrap();
        assert!(top.0 < 1.6 && top.0 * 10f64.powf(0.2) >= 1.7, "{top:?}");
        assert!(points.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(points.last().unwrap().1, 0.0);
        let empty = points.iter().filter(|(_, share)| *share == 0.0).count();
        assert!(empty > 20, "{points:?}");
        assert!(histogram(&[], 5).is_empty());
    }
}
