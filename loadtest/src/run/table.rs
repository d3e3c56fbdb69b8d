//! A record on the terminal, when the run is over.

use page::{Unit, format};
use std::io::{self, Write};

use super::charts;
use super::record::{Measurement, Record};
use super::words::{self, UNKNOWN};

/// Everything that fits into a window: figures by class and server, thresholds, what was wrong, the verdict.
pub fn write(record: &Record, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n{} – {}", record.name, record.about)?;
    writeln!(
        out,
        "\n{:<18} {:<6} {:>11} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8}",
        "class", "", "per second", "p50", "p95", "p99", "p99.9", "max", "failed"
    )?;
    let servers = || {
        [Some(&record.subject), record.reference.as_ref()]
            .into_iter()
            .flatten()
    };
    for name in charts::classes(servers()) {
        for of in servers().filter(|of| of.classes.contains_key(&name)) {
            class(of, &name, out)?;
        }
    }
    for of in servers() {
        server(of, record.warmup_s, out)?;
    }
    if !record.thresholds.is_empty() {
        writeln!(
            out,
            "\n{:<36} {:>12} {:>12}  met",
            "threshold", "demanded", "measured"
        )?;
    }
    for one in &record.thresholds {
        let unit = words::unit(&one.what);
        let sign = if one.at_most { "≤" } else { "≥" };
        let limit = format!("{sign} {}", format::value(one.limit, unit));
        let measured = format::optional(one.measured, unit);
        let met = words::met(one);
        writeln!(out, "{:<36} {limit:>12} {measured:>12}  {met}", one.what)?;
    }
    for of in servers() {
        for (what, count) in words::wrongs(of) {
            writeln!(out, "INCORRECT: {}: {what} {count}", of.server)?;
        }
    }
    let verdict = words::verdict(record.verdict);
    writeln!(out, "\nverdict: {verdict}. {}", words::reason(record))
}

fn class(of: &Measurement, name: &str, out: &mut impl Write) -> io::Result<()> {
    let Some(total) = of.classes.get(name) else {
        return Ok(());
    };
    let found = &total.latency;
    let told = |ms| match found.count {
        0 => UNKNOWN.to_owned(),
        _ => format::value(ms, Unit::Milliseconds),
    };
    let [p50, p95, p99, p999, max] = [
        found.p50_ms,
        found.p95_ms,
        found.p99_ms,
        found.p999_ms,
        found.max_ms,
    ]
    .map(told);
    let rate = format::value(total.per_second, Unit::PerSecond);
    writeln!(
        out,
        "{name:<18} {:<6} {rate:>11} {p50:>9} {p95:>9} {p99:>9} {p999:>9} {max:>9} {:>8}",
        of.server,
        format::whole(total.errors)
    )
}

fn server(of: &Measurement, warmup_s: f64, out: &mut impl Write) -> io::Result<()> {
    let cpu = words::level(of, warmup_s, |sample| sample.cpu_cores);
    let memory = words::level(of, warmup_s, |sample| sample.resident_kb);
    let told = |level: Option<(f64, f64)>, unit| match level {
        None => UNKNOWN.to_owned(),
        Some((mean, peak)) => format!(
            "{} (at most {})",
            format::value(mean, unit),
            format::value(peak, unit)
        ),
    };
    writeln!(
        out,
        "{}: {} connections, cores {}, memory {}; generator late p99 {}, busy {}",
        of.server,
        format::whole(of.connections.into()),
        told(cpu, Unit::Cores),
        told(memory, Unit::Kilobytes),
        format::value(of.lag.p99_ms, Unit::Milliseconds),
        format::value(of.generator_busy * 100.0, Unit::Percent)
    )?;
    for slope in &of.slopes {
        let unit = words::unit(&slope.what);
        let (first, last) = (
            format::value(slope.first, unit),
            format::value(slope.last, unit),
        );
        writeln!(
            out,
            "    {} of {}: {first} at first, {last} at last, {:+.2} % per hour",
            slope.what, slope.node, slope.percent_per_hour
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;
    use crate::report::Outcome;

    fn text(record: &Record) -> String {
        let mut out = Vec::new();
        write(record, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_ratio_without_a_reference_is_named_as_not_judged() {
        let mut record = example::record(120);
        record.verdict = Outcome::Passed;
        record.thresholds.truncate(2);
        record.thresholds.iter_mut().for_each(|one| one.met = true);
        let one = &mut record.thresholds[1];
        (one.what, one.measured) = ("delivery.p99_ms.ratio".into(), None);
        let text = text(&record);
        assert!(
            text.contains(
                "1 of 1 thresholds were met. Not judged without a reference: delivery.p99_ms.ratio."
            ),
            "{text}"
        );
        assert!(text.contains("  not judged\n"), "{text}");
    }

    #[test]
    fn the_table_has_each_class_of_each_server_and_every_threshold() {
        let record = example::record(120);
        let text = text(&record);
        let begins = |word: &str| text.lines().filter(|line| line.starts_with(word)).count();
        assert_eq!(begins("delivery "), 2, "{text}");
        assert_eq!(begins("delivery.p99_ms"), 1, "{text}");
        assert!(
            text.contains("verdict: threshold missed. 1 of 4 thresholds were missed"),
            "{text}"
        );
        assert!(
            text.lines()
                .any(|line| line.starts_with("acknowledgement.p99_ms") && line.ends_with("NO")),
            "{text}"
        );
        assert!(text.contains("resident_kb of 127.0.0.1:8080"), "{text}");
        assert!(!text.contains("INCORRECT"), "{text}");
    }

    #[test]
    fn what_was_wrong_is_named_and_a_class_without_a_value_has_dashes() {
        let mut record = example::record(30);
        record.verdict = Outcome::Incorrect;
        record.subject.faults.doubled = 3;
        record
            .subject
            .contradictions
            .insert("second winner".into(), 1);
        record
            .subject
            .classes
            .insert("http".into(), Default::default());
        let text = text(&record);
        assert!(
            text.contains("INCORRECT: hub: doubled 3\nINCORRECT: hub: second winner 1\n"),
            "{text}"
        );
        assert!(
            text.contains(
                "verdict: incorrect. Promises were broken: doubled 3 (hub), second winner 1 (hub)."
            ),
            "{text}"
        );
        let http = text.lines().find(|line| line.starts_with("http ")).unwrap();
        assert_eq!(http.matches(UNKNOWN).count(), 5, "{http}");
    }
}
