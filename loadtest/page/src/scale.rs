//! Axes: where a value lies between the ends, and which ticks stand beside it.

use crate::format::{self, Unit};

/// How values are spread along an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Equal steps are equally long.
    #[default]
    Linear,
    /// Equal factors are equally long; values must be above 0, others lie at the lower end.
    Log,
    /// For shares from 0 to 1: 90 %, 99 % and 99.9 % are equally far apart, as the tail deserves.
    Nines,
}

/// The kind of an axis: its scale, and what is counted along it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kind {
    /// How values are spread.
    pub scale: Scale,
    /// What they are.
    pub unit: Unit,
}

impl Kind {
    /// An axis with equal steps.
    pub fn linear(unit: Unit) -> Self {
        Self {
            scale: Scale::Linear,
            unit,
        }
    }

    /// An axis with equal factors.
    pub fn log(unit: Unit) -> Self {
        Self {
            scale: Scale::Log,
            unit,
        }
    }
}

/// An axis with its ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// Scale and unit.
    pub kind: Kind,
    /// Value at the beginning.
    pub low: f64,
    /// Value at the end; above that at the beginning.
    pub high: f64,
}

/// A mark beside an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// From 0 (beginning) to 1 (end).
    pub at: f64,
    /// What stands there.
    pub label: String,
}

/// Shares nearer to 1 than this are not told apart.
const NEAREST: f64 = 1e-7;
/// Of the longest value, so that it does not touch the frame.
const AIR: f64 = 1.06;
/// Steps of a clock, in seconds.
const CLOCK: [f64; 17] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
    10_800.0, 21_600.0, 43_200.0,
];

impl Axis {
    /// An axis from `low` to `high`, whatever lies on it. Ends that make no axis are mended.
    pub fn between(kind: Kind, low: f64, high: f64) -> Self {
        let low = if low.is_finite() { low } else { 0.0 };
        let low = match kind.scale {
            Scale::Log => low.max(f64::MIN_POSITIVE),
            Scale::Nines => low.clamp(0.0, 0.9),
            Scale::Linear => low,
        };
        let high = match kind.scale {
            Scale::Nines if high.is_nan() => 0.99,
            Scale::Nines => high.clamp(0.99, 1.0 - NEAREST),
            _ if high > low && high.is_finite() => high,
            Scale::Log => low * 10.0,
            Scale::Linear => low + low.abs().max(1.0),
        };
        Self { kind, low, high }
    }

    /// An axis that holds all values with some air, and of a linear one 0 as well.
    pub fn around(kind: Kind, values: impl Iterator<Item = f64>) -> Self {
        let usable = |value: &f64| value.is_finite() && (kind.scale != Scale::Log || *value > 0.0);
        let ends = values.filter(usable).fold(None, |ends, value| {
            let (low, high) = ends.unwrap_or((value, value));
            Some((value.min(low), value.max(high)))
        });
        let (low, high) = ends.unwrap_or((0.0, 0.0));
        match kind.scale {
            Scale::Log if ends.is_none() => Self::between(kind, 1.0, 10.0),
            Scale::Log => {
                let (low, high) = (below(low), above(high));
                Self::between(kind, low, high.max(low * 9.9))
            }
            Scale::Nines => Self::between(kind, 0.0, high),
            Scale::Linear if kind.unit == Unit::Clock => Self::between(kind, low, high),
            Scale::Linear => Self::between(kind, (low * AIR).min(0.0), (high * AIR).max(0.0)),
        }
    }

    /// The same with so much more of its length above; an axis of nines stays as it is.
    pub fn raised(self, share: f64) -> Self {
        let high = match self.kind.scale {
            Scale::Linear => self.high + (self.high - self.low) * share,
            Scale::Log => self.high * (self.high / self.low).powf(share),
            Scale::Nines => self.high,
        };
        Self::between(self.kind, self.low, high)
    }

    /// Where a value lies: 0 at the beginning, 1 at the end; what lies outside is at the nearer end.
    pub fn position(&self, value: f64) -> f64 {
        let place = |value| self.stretched(value);
        let (low, high) = (place(self.low), place(self.high));
        let at = (place(value) - low) / (high - low);
        if at.is_nan() {
            return 0.0;
        }
        at.clamp(0.0, 1.0)
    }

    /// A value where equal distances are equally long.
    pub(crate) fn stretched(&self, value: f64) -> f64 {
        match self.kind.scale {
            Scale::Linear => value,
            Scale::Log => value.max(f64::MIN_POSITIVE).log10(),
            Scale::Nines => -(1.0 - value.clamp(0.0, 1.0 - NEAREST)).log10(),
        }
    }

    /// Round values along the axis, about `wanted` of them and never more than twice as many.
    pub fn ticks(&self, wanted: usize) -> Vec<Tick> {
        let values = match self.kind.scale {
            Scale::Linear => self.linear_ticks(wanted.max(1)),
            Scale::Log => self.log_ticks(wanted.max(1)),
            Scale::Nines => self.nines(),
        };
        let slack = (self.high - self.low) * 1e-9;
        let inside = |value: &f64| *value >= self.low - slack && *value <= self.high + slack;
        let tick = |value| Tick {
            at: self.position(value),
            label: format::value(value, self.kind.unit),
        };
        values.into_iter().filter(inside).map(tick).collect()
    }

    fn linear_ticks(&self, wanted: usize) -> Vec<f64> {
        let rough = (self.high - self.low) / wanted as f64;
        let step = match self.kind.unit {
            Unit::Clock => CLOCK
                .into_iter()
                .find(|step| *step >= rough)
                .unwrap_or_else(|| (rough / 86_400.0).ceil() * 86_400.0),
            // Whole MiB and GiB.
            Unit::Kilobytes if rough > 1024.0 => {
                let unit = 1024f64.powi(rough.log(1024.0).floor() as i32);
                above(rough / unit) * unit
            }
            _ => above(rough),
        };
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        // The bound holds whatever the ends are.
        let last = last.min(first.saturating_add(2 * wanted as i64));
        (first..=last).map(|n| n as f64 * step).collect()
    }

    fn log_ticks(&self, wanted: usize) -> Vec<f64> {
        let (first, last) = (self.low.log10().floor(), self.high.log10().ceil());
        let decades = (last - first).max(1.0);
        let steps: &[f64] = match decades as usize {
            few if few * 3 <= wanted + 1 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        let every = (decades / (wanted as f64 * 2.0)).ceil().max(1.0) as i32;
        let decade = |power: i32| steps.iter().map(move |step| step * 10f64.powi(power));
        (first as i32..=last as i32)
            .step_by(every as usize)
            .flat_map(decade)
            .collect()
    }

    fn nines(&self) -> Vec<f64> {
        // Beyond five nines there is no room for labels.
        let tails = (1..=5).map(|nines| 1.0 - 10f64.powi(-nines));
        [0.5].into_iter().chain(tails).collect()
    }
}

/// The next of 1, 2, 5, 10, … that is not below.
fn above(value: f64) -> f64 {
    round(value, |rest| {
        [1.0, 2.0, 5.0]
            .into_iter()
            .find(|step| *step >= rest - 1e-9)
            .unwrap_or(10.0)
    })
}

/// The next of 1, 2, 5, 10, … that is not above.
fn below(value: f64) -> f64 {
    round(value, |rest| {
        [5.0, 2.0]
            .into_iter()
            .find(|step| *step <= rest + 1e-9)
            .unwrap_or(1.0)
    })
}

fn round(value: f64, to: impl Fn(f64) -> f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powi(value.log10().floor() as i32);
    to(value / power) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis, wanted: usize) -> Vec<String> {
        axis.ticks(wanted)
            .into_iter()
            .map(|tick| tick.label)
            .collect()
    }

    #[test]
    fn linear_ticks_are_round_and_begin_at_nothing() {
        let axis = Axis::around(
            Kind::linear(Unit::PerSecond),
            [3_100.0, 21_400.0].into_iter(),
        );
        let expected = ["0/s", "5,000/s", "10,000/s", "15,000/s", "20,000/s"];
        assert_eq!(labels(&axis, 5), expected);
        assert_eq!(axis.position(0.0), 0.0);
        assert!(axis.position(21_400.0) < 1.0, "some air above");
        let memory = Axis::around(Kind::linear(Unit::Kilobytes), [430_000.0].into_iter());
        assert_eq!(
            labels(&memory, 5),
            ["0 KiB", "100 MiB", "200 MiB", "300 MiB", "400 MiB"]
        );
    }

    #[test]
    fn time_has_the_steps_of_a_clock() {
        let axis = |until| Axis::between(Kind::linear(Unit::Clock), 0.0, until);
        assert_eq!(
            labels(&axis(30.0), 6),
            ["0 s", "5 s", "10 s", "15 s", "20 s", "25 s", "30 s"]
        );
        assert_eq!(labels(&axis(200.0), 6), ["0 s", "1:00", "2:00", "3:00"]);
        let day = labels(&axis(86_400.0), 8);
        assert_eq!((day.len(), day[1].as_str()), (9, "3:00:00"));
    }

    #[test]
    fn a_log_axis_spans_the_values_with_few_ticks_and_puts_nothing_at_its_foot() {
        let axis = Axis::around(
            Kind::log(Unit::Milliseconds),
            [0.31, 0.0, 1_900.0].into_iter(),
        );
        assert_eq!((axis.low, axis.high), (0.2, 2_000.0));
        assert_eq!(labels(&axis, 5), ["1 ms", "10 ms", "100 ms", "1 s"]);
        assert_eq!(axis.position(0.0), 0.0);
        assert!((axis.position(20.0) - 0.5).abs() < 1e-9);
        let narrow = Axis::around(Kind::log(Unit::Milliseconds), [1.1, 8.0].into_iter());
        assert_eq!(labels(&narrow, 5), ["1 ms", "2 ms", "5 ms", "10 ms"]);
    }

    #[test]
    fn nines_are_equally_far_apart() {
        let kind = Kind {
            scale: Scale::Nines,
            unit: Unit::Quantile,
        };
        let axis = Axis::around(kind, [0.0, 0.9999].into_iter());
        assert_eq!(
            labels(&axis, 5),
            ["50 %", "90 %", "99 %", "99.9 %", "99.99 %"]
        );
        let step = |a, b| axis.position(b) - axis.position(a);
        assert!((step(0.9, 0.99) - step(0.99, 0.999)).abs() < 1e-9);
    }

    #[test]
    fn no_value_makes_an_axis_without_ends_or_with_endless_ticks() {
        let scales = [Scale::Linear, Scale::Log, Scale::Nines];
        let odd = [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            0.0,
            -5.0,
            1e300,
            1e-300,
        ];
        for scale in scales {
            for unit in [Unit::Count, Unit::Clock, Unit::Kilobytes] {
                for (a, b) in odd.iter().flat_map(|a| odd.iter().map(move |b| (*a, *b))) {
                    let kind = Kind { scale, unit };
                    let raised = Axis::between(kind, a, b).raised(0.1);
                    for axis in [
                        raised,
                        Axis::around(kind, [a, b].into_iter()),
                        Axis::between(kind, a, b),
                    ] {
                        assert!(axis.low < axis.high, "{axis:?}");
                        assert!(axis.ticks(5).len() < 40, "{axis:?}");
                        for value in odd {
                            assert!(
                                (0.0..=1.0).contains(&axis.position(value)),
                                "{axis:?} {value}"
                            );
                        }
                    }
                }
            }
        }
    }
}
