//! What the seconds of one phase say together.

use super::record::{ClassSecond, Phase, Second, class};
use super::slopes::median;

/// Quantiles that every second has.
pub const QUANTILES: [&str; 4] = ["p50_ms", "p95_ms", "p99_ms", "max_ms"];

/// The whole seconds of a phase.
pub fn within<'a>(seconds: &'a [Second], phase: &Phase) -> impl Iterator<Item = &'a Second> {
    let (from_s, until_s) = (phase.from_s, phase.until_s);
    seconds.iter().filter(move |second| {
        let at_s = f64::from(second.at_s);
        at_s >= from_s && at_s + 1.0 <= until_s
    })
}

/// The median of a quantile over the seconds: what it was for at least half of the time.
pub fn quantile<'a>(
    seconds: impl Iterator<Item = &'a Second>,
    class: &str,
    name: &str,
) -> Option<f64> {
    let of = |class: &ClassSecond| match name {
        "p50_ms" => class.p50_ms,
        "p95_ms" => class.p95_ms,
        "p99_ms" => class.p99_ms,
        _ => class.max_ms,
    };
    let classes = seconds.filter_map(|second| second.classes.get(class));
    median(classes.filter(|class| class.count > 0).map(of).collect())
}

/// Operations that went well, in a second on average.
pub fn per_second<'a>(seconds: impl Iterator<Item = &'a Second>, class: &str) -> Option<f64> {
    let counts = seconds.map(|second| second.classes.get(class).map_or(0, |class| class.count));
    let counts: Vec<u64> = counts.collect();
    (!counts.is_empty()).then(|| counts.iter().sum::<u64>() as f64 / counts.len() as f64)
}

/// Operations of a class, or of all that can fail, that failed, in percent.
pub fn errors_percent<'a>(
    seconds: impl Iterator<Item = &'a Second>,
    wanted: Option<&str>,
) -> Option<f64> {
    let (mut errors, mut all) = (0, 0);
    for (name, of) in seconds.flat_map(|second| &second.classes) {
        if class::counts(name, wanted) {
            errors += of.errors;
            all += of.errors + of.count;
        }
    }
    (all > 0).then(|| errors as f64 * 100.0 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::record::class::{ACKNOWLEDGEMENT, DELIVERY};

    #[test]
    fn only_whole_seconds_of_the_phase_count_and_one_bad_one_is_not_the_rule() {
        let second = |at_s: u32| {
            let class = ClassSecond {
                count: 10,
                errors: u64::from(at_s == 4),
                p95_ms: if at_s == 4 { 900.0 } else { f64::from(at_s) },
                ..ClassSecond::default()
            };
            let arrivals = ClassSecond {
                count: 1_000,
                ..ClassSecond::default()
            };
            Second {
                at_s,
                classes: [(ACKNOWLEDGEMENT, class), (DELIVERY, arrivals)]
                    .map(|(name, class)| (name.to_owned(), class))
                    .into(),
                ..Second::default()
            }
        };
        let seconds: Vec<Second> = (0..10).map(second).collect();
        let phase = Phase {
            name: "spike".into(),
            from_s: 1.5,
            until_s: 7.2,
            from_rate: 1.0,
            until_rate: 1.0,
        };
        // Seconds 2 to 6.
        let part = || within(&seconds, &phase);
        assert_eq!(part().count(), 5);
        assert_eq!(quantile(part(), ACKNOWLEDGEMENT, "p95_ms"), Some(5.0));
        assert_eq!(per_second(part(), ACKNOWLEDGEMENT), Some(10.0));
        assert_eq!(errors_percent(part(), None), Some(100.0 / 51.0));
        assert_eq!(errors_percent(part(), Some(DELIVERY)), Some(0.0));
        assert_eq!(errors_percent(part(), Some("http")), None);
        assert_eq!(quantile(part(), "http", "p95_ms"), None);
        let empty = Phase {
            from_s: 20.0,
            until_s: 30.0,
            ..phase.clone()
        };
        assert_eq!(per_second(within(&seconds, &empty), ACKNOWLEDGEMENT), None);
    }
}
