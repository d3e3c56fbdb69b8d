//! Values with their units, as people write them: three digits that matter, and the unit that makes them short.

/// What a number counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    #[default]
    Count,
    /// Things per second.
    PerSecond,
    /// Milliseconds of waiting.
    Milliseconds,
    /// Seconds since something began, as a clock shows them.
    Clock,
    /// Kilobytes of 1,024 bytes.
    Kilobytes,
    /// Cores, or seconds of processor time per second.
    Cores,
    /// Hundredths; the value is 99.9, not 0.999.
    Percent,
    /// A value divided by another.
    Ratio,
    /// A share of all values, from 0 to 1, as a percentile.
    Quantile,
}

impl Unit {
    /// What the page's script calls it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Count => "n",
            Self::PerSecond => "ps",
            Self::Milliseconds => "ms",
            Self::Clock => "t",
            Self::Kilobytes => "kb",
            Self::Cores => "c",
            Self::Percent => "pc",
            Self::Ratio => "x",
            Self::Quantile => "q",
        }
    }
}

/// A value with its unit; what is no number is a dash.
pub fn value(value: f64, unit: Unit) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    match unit {
        Unit::Count => short(value),
        Unit::PerSecond => format!("{}/s", short(value)),
        Unit::Milliseconds => duration(value),
        Unit::Clock => clock(value),
        Unit::Kilobytes => bytes(value),
        Unit::Cores => digits(value),
        Unit::Percent => format!("{} %", share(value)),
        Unit::Ratio => format!("{} ×", digits(value)),
        Unit::Quantile => format!("{} %", share(value * 100.0)),
    }
}

/// The same, or a dash for what was not measured.
pub fn optional(value: Option<f64>, unit: Unit) -> String {
    value.map_or_else(|| "–".into(), |value| self::value(value, unit))
}

/// Three digits that matter, without zeros at the end; whole numbers with commas.
pub fn digits(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        _ if size >= 100.0 || size == 0.0 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 1.0 => 2,
        _ if size >= 0.1 => 3,
        _ if size >= 0.01 => 4,
        _ => return small(value),
    };
    let text = format!("{value:.decimals$}");
    commas(&trimmed(text))
}

/// A whole number with commas.
pub fn whole(value: u64) -> String {
    commas(&value.to_string())
}

fn small(value: f64) -> String {
    let first = value.abs().log10().floor();
    match value.abs() {
        0.0 => "0".into(),
        size if size < 1e-6 => format!("{value:.1e}"),
        _ => trimmed(format!("{value:.*}", (2.0 - first) as usize)),
    }
}

fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1e9 => format!("{} G", digits(value / 1e9)),
        size if size >= 1e6 => format!("{} M", digits(value / 1e6)),
        size if size >= 1e5 => format!("{} k", digits(value / 1e3)),
        _ => digits(value),
    }
}

/// Near 100 every further nine matters, so they all stand there.
fn share(percent: f64) -> String {
    if !(99.0..100.0).contains(&percent) {
        return digits(percent);
    }
    let nines = -(100.0 - percent).log10();
    // One digit behind the last nine, and rounded down: what is below 100 must not read as 100.
    let decimals = (nines.floor().max(0.0) as usize + 2).min(6);
    let factor = 10f64.powi(decimals as i32);
    let down = (percent * factor + 1e-6).floor() / factor;
    trimmed(format!("{down:.decimals$}"))
}

fn duration(ms: f64) -> String {
    match ms.abs() {
        0.0 => "0 ms".into(),
        size if size < 1.0 => format!("{} µs", digits(ms * 1e3)),
        size if size < 1e3 => format!("{} ms", digits(ms)),
        _ => format!("{} s", digits(ms / 1e3)),
    }
}

fn bytes(kilobytes: f64) -> String {
    match kilobytes.abs() {
        size if size < 1024.0 => format!("{} KiB", digits(kilobytes)),
        size if size < 1024.0 * 1024.0 => format!("{} MiB", digits(kilobytes / 1024.0)),
        _ => format!("{} GiB", digits(kilobytes / 1024.0 / 1024.0)),
    }
}

/// `12 s`, `3:05`, `2:00:00`; below ten seconds with what is behind the point.
fn clock(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "−" } else { "" };
    let size = seconds.abs();
    if size < 60.0 {
        return format!("{sign}{} s", digits((size * 10.0).round() / 10.0));
    }
    let all = size.round() as u64;
    let (hours, minutes, rest) = (all / 3600, all / 60 % 60, all % 60);
    match hours {
        0 => format!("{sign}{minutes}:{rest:02}"),
        _ => format!("{sign}{hours}:{minutes:02}:{rest:02}"),
    }
}

fn trimmed(text: String) -> String {
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn commas(text: &str) -> String {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("−", rest),
        None => ("", text),
    };
    let (before, after) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
    let mut grouped = String::new();
    for (place, digit) in before.char_indices() {
        if place > 0 && (before.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_three_digits_and_the_unit_that_makes_them_short() {
        let told = [
            (0.2534, Unit::Milliseconds, "253 µs"),
            (2.534, Unit::Milliseconds, "2.53 ms"),
            (1834.0, Unit::Milliseconds, "1.83 s"),
            (0.0, Unit::Milliseconds, "0 ms"),
            (20_000.0, Unit::PerSecond, "20,000/s"),
            (184_300.0, Unit::PerSecond, "184 k/s"),
            (2_000_000.0, Unit::Count, "2 M"),
            (-12.0, Unit::Count, "−12"),
            (512.0, Unit::Kilobytes, "512 KiB"),
            (147_456.0, Unit::Kilobytes, "144 MiB"),
            (3_145_728.0, Unit::Kilobytes, "3 GiB"),
            (7.0, Unit::Clock, "7 s"),
            (185.0, Unit::Clock, "3:05"),
            (7_200.0, Unit::Clock, "2:00:00"),
            (0.731, Unit::Cores, "0.731"),
            (0.002_013, Unit::Percent, "0.00201 %"),
            (f64::NAN, Unit::Count, "–"),
        ];
        for (number, unit, text) in told {
            assert_eq!(value(number, unit), text);
        }
        assert_eq!(optional(None, Unit::Count), "–");
        assert_eq!(whole(1_234_567), "1,234,567");
    }

    #[test]
    fn what_is_below_a_hundred_percent_never_reads_as_a_hundred() {
        let told = [
            (100.0, "100 %"),
            (99.99, "99.99 %"),
            (99.9, "99.9 %"),
            (99.95, "99.95 %"),
            (99.999_6, "99.9996 %"),
            (99.0, "99 %"),
            (43.21, "43.2 %"),
            (0.0, "0 %"),
        ];
        for (number, text) in told {
            assert_eq!(value(number, Unit::Percent), text);
        }
        assert_eq!(value(0.999, Unit::Quantile), "99.9 %");
        assert_eq!(value(0.5, Unit::Quantile), "50 %");
    }
}
