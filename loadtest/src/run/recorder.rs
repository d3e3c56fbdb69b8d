//! Counts operations by class and second while a run goes on, and makes the seconds of its record.

use hdrhistogram::Histogram;
use std::collections::BTreeMap;

use super::portable::{Portable, PortableClass, PortableError, PortableSecond, values};
use super::record::{ClassSecond, ClassTotal, Second, class};
use crate::figures::Quantiles;

/// Longest latency that is told apart, in microseconds: ten minutes.
const LONGEST_US: u64 = 600_000_000;
/// Digits that a second's histogram keeps, and those of the whole.
const DIGITS: (u8, u8) = (2, 3);
/// Longest run that is kept second by second: a day.
pub const MOST_SECONDS: usize = 86_400;

/// Latencies of one class.
struct Class {
    whole: Histogram<u64>,
    errors: u64,
    seconds: Vec<Bin>,
}

/// One second of a class while it is still open; afterwards only its figures are kept.
#[derive(Default)]
struct Bin {
    open: Option<Histogram<u32>>,
    figures: ClassSecond,
}

/// All classes of a run.
pub struct Recorder {
    /// First second that is measured; those before warm up.
    measured_from: u32,
    classes: BTreeMap<&'static str, Class>,
    /// Seconds before this one are closed.
    closed: u32,
}

impl Recorder {
    /// Counts from second 0; `measured_from` is the first after the warm-up.
    pub fn new(measured_from: u32) -> Self {
        Self {
            measured_from,
            classes: BTreeMap::new(),
            closed: 0,
        }
    }

    /// An operation that was intended at `at_ns` after the beginning and went well `microseconds` later.
    pub fn record(&mut self, class: &'static str, at_ns: u64, microseconds: u64) {
        let second = second_of(at_ns);
        let measured = second >= self.measured_from;
        let Some(class) = self.class(class) else {
            return;
        };
        if measured {
            class.whole.saturating_record(microseconds);
        }
        if let Some(bin) = class.bin(second)
            && let Some(open) = bin.histogram()
        {
            open.saturating_record(microseconds);
            bin.figures.count += 1;
        }
    }

    /// An operation that was intended at `at_ns` and failed.
    pub fn error(&mut self, class: &'static str, at_ns: u64) {
        let second = second_of(at_ns);
        let measured = second >= self.measured_from;
        let Some(class) = self.class(class) else {
            return;
        };
        class.errors += u64::from(measured);
        if let Some(bin) = class.bin(second) {
            bin.figures.errors += 1;
        }
    }

    /// Works out the figures of all seconds before `second`, and frees what they needed. What still comes for them counts,
    /// but does not change their quantiles.
    pub fn close_before(&mut self, second: u32) {
        for class in self.classes.values_mut() {
            let until = (second as usize).min(class.seconds.len());
            for bin in &mut class.seconds[(self.closed as usize).min(until)..until] {
                bin.close();
            }
        }
        self.closed = self.closed.max(second);
    }

    /// The classes of one second, closed or not.
    pub fn second(&self, second: u32) -> BTreeMap<String, ClassSecond> {
        let of = |(name, class): (&&'static str, &Class)| {
            let figures = class.seconds.get(second as usize)?.now();
            (figures.count + figures.errors > 0).then(|| ((*name).to_owned(), figures))
        };
        self.classes.iter().filter_map(of).collect()
    }

    /// The classes over the measured part, which took `seconds`.
    pub fn totals(&self, seconds: f64) -> BTreeMap<String, ClassTotal> {
        let total = |(name, class): (&&'static str, &Class)| {
            let buckets = class.whole.iter_recorded().map(|step| {
                let bound = step.value_iterated_to() as f64 / 1_000.0;
                (bound, step.count_since_last_iteration())
            });
            let total = ClassTotal {
                per_second: class.whole.len() as f64 / seconds.max(f64::MIN_POSITIVE),
                errors: class.errors,
                latency: Quantiles::of(&class.whole),
                buckets: buckets.collect(),
            };
            ((*name).to_owned(), total)
        };
        self.classes.iter().map(total).collect()
    }

    /// Every second from 0 on; `more` fills in what is not a class.
    pub fn seconds(&self, count: u32, mut more: impl FnMut(&mut Second)) -> Vec<Second> {
        let make = |at_s| {
            let mut second = Second {
                at_s,
                classes: self.second(at_s),
                ..Second::default()
            };
            more(&mut second);
            second
        };
        (0..count).map(make).collect()
    }

    /// Everything counted since this was asked for last, and forgets it. No second may be closed before.
    pub fn drain(&mut self) -> Portable {
        let drain = |(name, class): (&&'static str, &mut Class)| {
            let portable = class.drain();
            (!portable.is_empty()).then(|| ((*name).to_owned(), portable))
        };
        Portable {
            classes: self.classes.iter_mut().filter_map(drain).collect(),
        }
    }

    /// Adds what another recorder counted.
    pub fn merge(&mut self, other: &Portable) -> Result<(), PortableError> {
        for (name, theirs) in &other.classes {
            let mut known = class::ALL.into_iter().chain([class::LAG]);
            let known = known.find(|known| known == name);
            let known = known.ok_or_else(|| PortableError::Class(name.clone()))?;
            if let Some(class) = self.class(known) {
                class.merge(theirs);
            }
        }
        Ok(())
    }

    fn class(&mut self, name: &'static str) -> Option<&mut Class> {
        if !self.classes.contains_key(name) {
            // Both bounds are valid, so this cannot fail.
            let whole = Histogram::new_with_bounds(1, LONGEST_US, DIGITS.1).ok()?;
            let class = Class {
                whole,
                errors: 0,
                seconds: Vec::new(),
            };
            self.classes.insert(name, class);
        }
        self.classes.get_mut(name)
    }
}

impl Class {
    fn bin(&mut self, second: u32) -> Option<&mut Bin> {
        let at = second as usize;
        if at >= MOST_SECONDS {
            return None;
        }
        if self.seconds.len() <= at {
            self.seconds.resize_with(at + 1, Bin::default);
        }
        self.seconds.get_mut(at)
    }
}

impl Class {
    fn drain(&mut self) -> PortableClass {
        let mut portable = PortableClass {
            whole: values(&self.whole),
            errors: std::mem::take(&mut self.errors),
            seconds: BTreeMap::new(),
        };
        self.whole.clear();
        for (at, bin) in self.seconds.iter_mut().enumerate() {
            if bin.figures.count + bin.figures.errors > 0 {
                let bin = std::mem::take(bin);
                let second = PortableSecond {
                    values: bin.open.as_ref().map(values).unwrap_or_default(),
                    errors: bin.figures.errors,
                };
                portable.seconds.insert(at as u32, second);
            }
        }
        portable
    }

    fn merge(&mut self, theirs: &PortableClass) {
        self.errors += theirs.errors;
        for (value, count) in &theirs.whole {
            self.whole.saturating_record_n(*value, *count);
        }
        for (second, theirs) in &theirs.seconds {
            let Some(bin) = self.bin(*second) else {
                continue;
            };
            bin.figures.errors += theirs.errors;
            for (value, count) in &theirs.values {
                bin.figures.count += count;
                if let Some(open) = bin.histogram() {
                    open.saturating_record_n(*value, u32::try_from(*count).unwrap_or(u32::MAX));
                }
            }
        }
    }
}

impl Bin {
    /// Its histogram, a new one at the first value; late values of a closed second go into another that is closed again.
    fn histogram(&mut self) -> Option<&mut Histogram<u32>> {
        if self.open.is_none() {
            self.open = Histogram::new_with_bounds(1, LONGEST_US, DIGITS.0).ok();
        }
        self.open.as_mut()
    }

    fn now(&self) -> ClassSecond {
        let Some(open) = &self.open else {
            return self.figures;
        };
        let at = |quantile| open.value_at_quantile(quantile) as f64 / 1_000.0;
        let late = self.figures.max_ms > 0.0;
        let max_ms = (open.max() as f64 / 1_000.0).max(self.figures.max_ms);
        if late {
            return ClassSecond {
                max_ms,
                ..self.figures
            };
        }
        ClassSecond {
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            max_ms,
            ..self.figures
        }
    }

    fn close(&mut self) {
        self.figures = self.now();
        self.open = None;
    }
}

/// The second that holds a moment.
pub fn second_of(at_ns: u64) -> u32 {
    u32::try_from(at_ns / 1_000_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::record::class::{ACKNOWLEDGEMENT, DELIVERY};
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn operations_count_in_the_second_they_were_meant_for_and_the_warm_up_only_there() {
        let mut recorder = Recorder::new(1);
        recorder.record(DELIVERY, S / 2, 2_000);
        for n in 1..=100 {
            recorder.record(DELIVERY, S + n, n * 1_000);
        }
        recorder.error(ACKNOWLEDGEMENT, 2 * S);
        recorder.error(ACKNOWLEDGEMENT, 0);
        let seconds = recorder.seconds(3, |second| second.connections = second.at_s);
        assert_eq!(seconds[0].classes[DELIVERY].count, 1);
        assert_eq!(seconds[1].classes[DELIVERY].count, 100);
        let p50 = seconds[1].classes[DELIVERY].p50_ms;
        assert!((49.0..52.0).contains(&p50), "{p50}");
        assert!(!seconds[2].classes.contains_key(DELIVERY));
        assert_eq!(seconds[2].connections, 2);
        let totals = recorder.totals(2.0);
        assert_eq!(totals[DELIVERY].latency.count, 100, "no warm-up");
        assert_eq!(totals[DELIVERY].per_second, 50.0);
        assert_eq!(totals[ACKNOWLEDGEMENT].errors, 1, "no warm-up");
        let counted: u64 = totals[DELIVERY].buckets.iter().map(|(_, n)| n).sum();
        assert_eq!(counted, 100);
    }

    #[test]
    fn parts_of_several_processes_make_the_same_as_one_recorder() {
        let (mut one, mut together) = (Recorder::new(1), Recorder::new(1));
        let mut parts = [Recorder::new(1), Recorder::new(1)];
        for n in 0..4_000u64 {
            let (at, us) = (n * S / 1_000, 100 + n * n % 90_000);
            let part = &mut parts[(n % 2) as usize];
            let class = if n % 3 == 0 {
                ACKNOWLEDGEMENT
            } else {
                DELIVERY
            };
            match n % 50 {
                7 => (one.error(class, at), part.error(class, at)),
                _ => (one.record(class, at, us), part.record(class, at, us)),
            };
            if n % 700 == 699 {
                // As workers do, again and again in the middle of a second, over a pipe.
                for part in &mut parts {
                    let text = serde_json::to_string(&part.drain()).unwrap();
                    together
                        .merge(&serde_json::from_str(&text).unwrap())
                        .unwrap();
                }
            }
        }
        for part in &mut parts {
            together.merge(&part.drain()).unwrap();
            assert!(part.drain().classes.is_empty(), "told once");
        }
        let (mut expected, mut totals) = (one.totals(3.0), together.totals(3.0));
        for total in expected.values_mut().chain(totals.values_mut()) {
            // The largest is known to the width of its bucket.
            assert!(total.latency.max_ms > 85.0 && total.latency.max_ms < 91.0);
            total.latency.max_ms = 0.0;
        }
        assert_eq!(totals, expected);
        for second in 0..4 {
            let (ours, theirs) = (one.second(second), together.second(second));
            for (name, class) in ours {
                let merged = theirs[&name];
                assert_eq!((class.count, class.errors), (merged.count, merged.errors));
                assert_eq!((class.p50_ms, class.p99_ms), (merged.p50_ms, merged.p99_ms));
            }
        }
        let strange = Portable {
            classes: [("nonsense".to_owned(), PortableClass::default())].into(),
        };
        assert!(
            matches!(together.merge(&strange), Err(PortableError::Class(name)) if name == "nonsense")
        );
    }

    #[test]
    fn a_closed_second_keeps_its_quantiles_and_still_counts_what_comes_late() {
        let mut recorder = Recorder::new(0);
        for n in 1..=100 {
            recorder.record(DELIVERY, n, n * 1_000);
        }
        let open = recorder.second(0)[DELIVERY];
        recorder.close_before(1);
        assert_eq!(recorder.second(0)[DELIVERY], open);
        recorder.record(DELIVERY, 5, 9_000_000);
        let late = recorder.second(0)[DELIVERY];
        assert_eq!((late.count, late.p50_ms), (101, open.p50_ms));
        assert!(late.max_ms > 8_900.0, "{late:?}");
        recorder.close_before(2);
        assert_eq!(recorder.second(0)[DELIVERY], late);
    }
}
