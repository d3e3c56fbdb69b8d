//! What a record says in words and single figures: for the terminal, the page and the comparison alike.

use page::Unit;
use page::format;

use super::record::{Machine, Measurement, Record, Sample, Threshold, class};
use crate::report::Outcome;

/// Stands where nothing was measured.
pub(super) const UNKNOWN: &str = "–";

/// A verdict in a word or two.
pub(super) fn verdict(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::GeneratorLimited => "generator limited",
        Outcome::FloorMissed => "threshold missed",
        Outcome::Incorrect => "incorrect",
    }
}

/// Why it is so, in a sentence.
pub(super) fn reason(record: &Record) -> String {
    let missed: Vec<&Threshold> = record.thresholds.iter().filter(|one| !one.met).collect();
    let (judged, left_out): (Vec<_>, Vec<_>) =
        record.thresholds.iter().partition(|one| one.is_judged());
    let all = judged.len();
    let without = match left_out.is_empty() {
        true => String::new(),
        false => {
            let names: Vec<&str> = left_out.iter().map(|one| &*one.what).collect();
            format!(" Not judged without a reference: {}.", names.join(", "))
        }
    };
    match record.verdict {
        Outcome::Passed if record.thresholds.is_empty() => "Every promise was kept. The scenario demands nothing of speed.".into(),
        Outcome::Passed => format!("Every promise was kept, and {all} of {all} thresholds were met.{without}"),
        Outcome::GeneratorLimited => {
            "The generator could not offer or take in what was asked: nothing is said about the hub.".into()
        }
        Outcome::FloorMissed => {
            let told: Vec<String> = missed.iter().map(|one| told(one)).collect();
            format!("{} of {all} thresholds were missed: {}.{without}", missed.len(), told.join("; "))
        }
        Outcome::Incorrect => {
            let of = [Some(&record.subject), record.reference.as_ref()];
            let wrongs = of.into_iter().flatten().flat_map(|one| {
                let of = |(what, count)| format!("{what} {} ({})", format::whole(count), one.server);
                wrongs(one).into_iter().map(of).collect::<Vec<_>>()
            });
            let wrongs: Vec<String> = wrongs.collect();
            match wrongs.is_empty() {
                true => "A promise was broken.".into(),
                false => format!("Promises were broken: {}.", wrongs.join(", ")),
            }
        }
    }
}

/// Whether a threshold is met, in a word.
pub(super) fn met(threshold: &Threshold) -> &'static str {
    match (threshold.is_judged(), threshold.met) {
        (false, _) => "not judged",
        (true, true) => "yes",
        (true, false) => "NO",
    }
}

/// `http.p95_ms is 34 ms, at most 20 ms is allowed`.
fn told(threshold: &Threshold) -> String {
    let unit = unit(&threshold.what);
    let bound = if threshold.at_most {
        "at most"
    } else {
        "at least"
    };
    let limit = format::value(threshold.limit, unit);
    let measured = threshold.measured.map_or_else(
        || "was not measured".into(),
        |value| format!("is {}", format::value(value, unit)),
    );
    format!("{} {measured}, demanded is {bound} {limit}", threshold.what)
}

/// Whether a figure counts operations that failed.
pub(super) fn is_about_errors(what: &str) -> bool {
    what.contains("error") || what.contains("failed")
}

/// The unit of a figure, as its name tells.
pub(super) fn unit(what: &str) -> Unit {
    // `@phase` bounds the same figure in a part of the run; levels that are left have the unit of what they are levels of.
    let what = what.split('@').next().unwrap_or(what);
    let mut parts = what.rsplit('.').skip_while(|part| *part == "more");
    let figure = parts.next().unwrap_or(what);
    match figure {
        "ratio" => Unit::Ratio,
        _ if figure.ends_with("_ms") => Unit::Milliseconds,
        _ if figure.contains("percent") => Unit::Percent,
        _ if figure.ends_with("per_second") => Unit::PerSecond,
        _ if figure.ends_with("_kb") || figure.starts_with("kb_") => Unit::Kilobytes,
        _ if figure.ends_with("cores") => Unit::Cores,
        _ if figure.ends_with("_s") => Unit::Clock,
        _ => Unit::Count,
    }
}

/// Everything that contradicts a promise, with how often.
pub(super) fn wrongs(of: &Measurement) -> Vec<(String, u64)> {
    let mut found = of.faults.counts();
    found.extend(
        of.contradictions
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(what, count)| (what.clone(), *count)),
    );
    found
}

/// Operations that failed, and their share in percent of all that can fail.
pub(super) fn errors(of: &Measurement) -> (u64, f64) {
    let errors: u64 = of.classes.values().map(|total| total.errors).sum();
    let can_fail = of
        .classes
        .iter()
        .filter(|(name, _)| class::counts(name, None));
    let good: u64 = can_fail.map(|(_, total)| total.latency.count).sum();
    match errors + good {
        0 => (0, 0.0),
        all => (errors, errors as f64 * 100.0 / all as f64),
    }
}

/// Mean and peak over the measured part of a member of the samples; of several nodes the sum of theirs.
pub(super) fn level(
    of: &Measurement,
    from_s: f64,
    member: impl Fn(&Sample) -> Option<f64>,
) -> Option<(f64, f64)> {
    let mut nodes: std::collections::BTreeMap<&str, (f64, f64, f64)> = Default::default();
    let measured = of.samples.iter().filter(|sample| sample.at_s >= from_s);
    for (node, value) in measured.filter_map(|sample| Some((&*sample.node, member(sample)?))) {
        let (sum, count, peak) = nodes.entry(node).or_insert((0.0, 0.0, f64::NEG_INFINITY));
        (*sum, *count, *peak) = (*sum + value, *count + 1.0, peak.max(value));
    }
    let each = nodes
        .values()
        .map(|(sum, count, peak)| (sum / count, *peak));
    each.reduce(|a, b| (a.0 + b.0, a.1 + b.1))
}

/// How long a run took, in seconds.
pub(super) fn length(record: &Record) -> f64 {
    let planned = record.phases.iter().map(|phase| phase.until_s);
    // The target may be looked at for a while after the last operation.
    let seen = record.subject.samples.iter().map(|sample| sample.at_s);
    let most = planned.chain(seen).fold(0.0, f64::max);
    most.max(record.subject.seconds.len() as f64)
}

/// `2 cores, Xeon`.
pub(super) fn machine(machine: &Machine) -> String {
    let cores = match machine.cores {
        1 => "1 core".to_owned(),
        many => format!("{many} cores"),
    };
    match &machine.processor {
        Some(processor) => format!("{cores}, {processor}"),
        None => cores,
    }
}

/// Arguments as a shell takes them.
pub(super) fn shell(command: &[String]) -> String {
    let plain = |sign: char| sign.is_alphanumeric() || "-_./:=,@%+…".contains(sign);
    let quoted = |word: &String| match !word.is_empty() && word.chars().all(plain) {
        true => word.clone(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    };
    command.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_given_to_a_shell_again() {
        let words = ["loadtest", "run", "a b.toml", "it's", "--rate=5", ""].map(str::to_owned);
        assert_eq!(
            shell(&words),
            r"loadtest run 'a b.toml' 'it'\''s' --rate=5 ''"
        );
    }

    #[test]
    fn units_follow_from_names() {
        let told = [
            ("acknowledgement.p95_ms", Unit::Milliseconds),
            ("errors_percent", Unit::Percent),
            ("delivery.per_second", Unit::PerSecond),
            ("resident_kb", Unit::Kilobytes),
            ("resident_kb_percent_per_hour", Unit::Percent),
            ("cpu_cores", Unit::Cores),
            ("tasks", Unit::Count),
            ("delivery.p99_ms.ratio", Unit::Ratio),
            ("delivery.p95_ms@after", Unit::Milliseconds),
            ("after.resident_kb.more", Unit::Kilobytes),
        ];
        for (what, expected) in told {
            assert_eq!(unit(what), expected, "{what}");
        }
    }

    #[test]
    fn levels_of_nodes_add_up_and_the_warm_up_does_not_count() {
        let sample = |at_s: f64, node: &str, cpu| Sample {
            at_s,
            node: node.into(),
            cpu_cores: cpu,
            ..Sample::default()
        };
        let of = Measurement {
            samples: vec![
                sample(1.0, "a", Some(9.0)),
                sample(5.0, "a", Some(1.0)),
                sample(6.0, "a", None),
                sample(7.0, "a", Some(2.0)),
                sample(5.0, "b", Some(0.5)),
            ],
            ..Measurement::default()
        };
        assert_eq!(level(&of, 2.0, |sample| sample.cpu_cores), Some((2.0, 2.5)));
        assert_eq!(level(&of, 2.0, |sample| sample.tasks), None);
    }
}
