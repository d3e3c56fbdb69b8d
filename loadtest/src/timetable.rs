//! When the operations of an open loop are due: rates that go in straight lines, and the exact way back from a number to a time.

use std::cell::Cell;
use std::sync::Arc;

/// Rates below this, in operations per nanosecond, are what rounding leaves of none.
const SLOWEST: f64 = 1e-17;

/// A time in which the rate goes from one value to another in a straight line.
#[derive(Clone, Copy, Debug)]
struct Piece {
    from_ns: f64,
    until_ns: f64,
    /// Operations per nanosecond at its beginning.
    rate: f64,
    /// By how much that grows in a nanosecond.
    slope: f64,
    /// Operations before it.
    first: f64,
}

/// A stretch of time and its rates, in seconds and operations per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// How long it takes.
    pub seconds: f64,
    /// Rate at its beginning.
    pub from: f64,
    /// Rate at its end.
    pub until: f64,
}

/// The times of all operations, in nanoseconds since the first stretch began.
#[derive(Clone, Debug)]
pub struct Timetable {
    pieces: Arc<[Piece]>,
    /// Part of an operation by which everything comes later.
    offset: f64,
    /// The piece that was asked for last: neighbours in number are neighbours in time.
    last: Cell<usize>,
}

impl Piece {
    /// Operations from its beginning until `ns`.
    fn count(&self, ns: f64) -> f64 {
        let since = ns - self.from_ns;
        self.rate * since + self.slope * since * since / 2.0
    }

    fn rate_at(&self, ns: f64) -> f64 {
        self.rate + self.slope * (ns - self.from_ns)
    }

    /// When `count` operations of it are over.
    #[inline]
    fn time(&self, count: f64) -> f64 {
        if self.slope == 0.0 {
            return match self.rate > 0.0 {
                true => self.from_ns + count * (1.0 / self.rate),
                false => f64::INFINITY,
            };
        }
        let all = self.count(self.until_ns);
        if count > all {
            // Beyond a line the rate stays as it was at its end; below one in a year it is none.
            return match self.rate_at(self.until_ns) {
                rate if rate > SLOWEST => self.until_ns + (count - all) / rate,
                _ => f64::INFINITY,
            };
        }
        let root = (self.rate * self.rate + 2.0 * self.slope * count).max(0.0);
        match count > 0.0 {
            // This form of the solution loses no digits where the line is nearly level.
            true => self.from_ns + 2.0 * count / (self.rate + root.sqrt()),
            false => self.from_ns,
        }
    }
}

impl Timetable {
    /// One operation every so many nanoseconds, without an end.
    pub fn steady(interval_ns: f64) -> Self {
        let piece = Piece {
            from_ns: 0.0,
            until_ns: f64::INFINITY,
            rate: 1.0 / interval_ns,
            slope: 0.0,
            first: 0.0,
        };
        Self::of(vec![piece])
    }

    /// One stretch after the other; after the last it goes on at its last rate.
    pub fn new(stretches: &[Stretch]) -> Self {
        let (mut at_ns, mut first) = (0.0, 0.0);
        let mut pieces = Vec::new();
        for stretch in stretches.iter().filter(|stretch| stretch.seconds > 0.0) {
            let length = stretch.seconds * 1e9;
            let (from, until) = (stretch.from / 1e9, stretch.until / 1e9);
            let piece = Piece {
                from_ns: at_ns,
                until_ns: at_ns + length,
                rate: from,
                slope: (until - from) / length,
                first,
            };
            at_ns += length;
            first += piece.count(at_ns);
            pieces.push(piece);
        }
        Self::of(pieces)
    }

    fn of(pieces: Vec<Piece>) -> Self {
        Self {
            pieces: pieces.into(),
            offset: 0.0,
            last: Cell::new(0),
        }
    }

    /// The same with all rates multiplied by `share`, and with every operation later by that part of an operation: so
    /// several generators share one timetable and do not all act at the same moments.
    pub fn share(&self, share: f64, offset: f64) -> Self {
        let scaled = self.pieces.iter().map(|piece| Piece {
            rate: piece.rate * share,
            slope: piece.slope * share,
            first: piece.first * share,
            ..*piece
        });
        Self {
            pieces: scaled.collect(),
            offset,
            last: Cell::new(0),
        }
    }

    /// When operation `number` is due, counted from 0; never, when there are not so many.
    #[inline]
    pub fn ns(&self, number: u32) -> u64 {
        let place = f64::from(number) + self.offset;
        let mut at = self.last.get();
        let Some(mut piece) = self.pieces.get(at) else {
            return u64::MAX;
        };
        while let Some(next) = self.pieces.get(at + 1)
            && place >= next.first
        {
            (at, piece) = (at + 1, next);
        }
        while place < piece.first && at > 0 {
            at -= 1;
            piece = &self.pieces[at];
        }
        self.last.set(at);
        let time = piece.time(place - piece.first);
        // A cast ends at the largest number, which nobody waits for.
        match at + 1 < self.pieces.len() {
            true => time.min(piece.until_ns) as u64,
            false => time as u64,
        }
    }

    /// How many operations are due before `ns`: the first that is not is the one with this number.
    pub fn count_before(&self, ns: u64) -> u32 {
        let at = ns as f64;
        let here = self.pieces.iter().rev().find(|piece| piece.from_ns <= at);
        let Some(piece) = here else {
            return 0;
        };
        let beyond = (at - piece.until_ns).max(0.0) * piece.rate_at(piece.until_ns).max(0.0);
        let count = piece.first + piece.count(at.min(piece.until_ns));
        let beyond = if beyond.is_finite() { beyond } else { 0.0 };
        let mut count = (count + beyond - self.offset).ceil().max(0.0) as u32;
        // What rounding moved to the other side.
        while count > 0 && self.ns(count - 1) >= ns {
            count -= 1;
        }
        while self.ns(count) < ns && count < u32::MAX {
            count += 1;
        }
        count
    }

    /// Operations per second at a moment.
    pub fn rate_at(&self, ns: u64) -> f64 {
        let at = ns as f64;
        let here = self.pieces.iter().rev().find(|piece| piece.from_ns <= at);
        here.map_or(0.0, |piece| piece.rate_at(at.min(piece.until_ns)) * 1e9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    fn stretch(seconds: f64, from: f64, until: f64) -> Stretch {
        Stretch {
            seconds,
            from,
            until,
        }
    }

    /// Up to six stretches with rates up to 5,000/s, some of them level, some without any operation.
    fn any(rng: &mut SmallRng) -> Vec<Stretch> {
        let rate = |rng: &mut SmallRng| match rng.random_range(0..4) {
            0 => 0.0,
            _ => rng.random_range(0.5..5_000.0),
        };
        let count = rng.random_range(1..6);
        let one = |rng: &mut SmallRng| {
            let from = rate(rng);
            let until = match rng.random() {
                true => from,
                false => rate(rng),
            };
            stretch(rng.random_range(0.01..2.0), from, until)
        };
        (0..count).map(|_| one(rng)).collect()
    }

    #[test]
    fn numbers_and_times_are_exact_inverses_and_times_never_go_back() {
        for seed in 0..300 {
            let mut rng = SmallRng::seed_from_u64(seed);
            let stretches = any(&mut rng);
            let share = [1.0, 0.5, 0.37][seed as usize % 3];
            let offset = [0.0, 0.25][seed as usize % 2];
            let table = Timetable::new(&stretches).share(share, offset);
            let end_ns = (stretches.iter().map(|one| one.seconds).sum::<f64>() * 1e9) as u64;
            let total = table.count_before(end_ns);
            let area: f64 = stretches
                .iter()
                .map(|one| one.seconds * (one.from + one.until) / 2.0)
                .sum();
            let expected = area * share;
            assert!(
                (f64::from(total) - expected).abs() <= 1.5,
                "{seed}: {total} of {expected}"
            );
            let mut before = 0;
            for number in 0..total {
                let ns = table.ns(number);
                assert!(ns >= before && ns <= end_ns, "{seed}: {number} at {ns}");
                // Several may share a nanosecond; the count is that of the first of them.
                let count = table.count_before(ns);
                assert!(count <= number && table.ns(count) == ns, "{seed}: {number}");
                assert!(table.count_before(ns + 1) > number, "{seed}: {number}");
                before = ns;
            }
            // The way there does not matter: any order of questions has the same answers.
            let fresh = Timetable::new(&stretches).share(share, offset);
            for _ in 0..50 {
                let number = rng.random_range(0..total.max(1));
                assert_eq!(table.ns(number), fresh.share(1.0, offset).ns(number));
            }
        }
    }

    #[test]
    fn rates_are_those_asked_for() {
        let table = Timetable::new(&[
            stretch(2.0, 100.0, 100.0),
            stretch(4.0, 100.0, 300.0),
            stretch(1.0, 0.0, 0.0),
            stretch(1.0, 50.0, 50.0),
        ]);
        let s = |seconds: f64| (seconds * 1e9) as u64;
        assert_eq!(table.ns(0), 0);
        assert_eq!(table.count_before(s(2.0)), 200);
        assert_eq!(table.count_before(s(6.0)), 1_000);
        assert_eq!(
            table.count_before(s(4.0)),
            200 + 300,
            "100 to 200 in two seconds"
        );
        assert_eq!(table.count_before(s(6.9)), 1_000, "a second of silence");
        assert_eq!(table.ns(1_000), s(7.0));
        assert_eq!(table.count_before(s(8.0)), 1_050);
        assert_eq!(table.rate_at(s(4.0)).round(), 200.0);
        assert_eq!(table.rate_at(s(6.5)), 0.0);
    }

    #[test]
    fn shares_of_several_generators_make_the_whole_and_take_turns() {
        let whole = Timetable::new(&[stretch(1.0, 10.0, 1_000.0), stretch(1.0, 90.0, 90.0)]);
        let shares: Vec<_> = (0..3)
            .map(|worker| whole.share(1.0 / 3.0, f64::from(worker) / 3.0))
            .collect();
        for number in 0..500 {
            let (worker, own) = ((number % 3) as usize, number / 3);
            let apart = whole.ns(number).abs_diff(shares[worker].ns(own));
            assert!(apart < 1_000, "{number}: {apart} ns");
        }
    }

    #[test]
    fn a_steady_table_is_the_interval_times_the_number() {
        let table = Timetable::steady(16_666_666.6);
        assert_eq!(table.ns(0), 0);
        assert!(table.ns(600).abs_diff((600.0 * 16_666_666.6) as u64) <= 1);
        assert_eq!(table.rate_at(5).round(), 60.0);
        assert_eq!(Timetable::new(&[]).count_before(5), 0);
        assert_eq!(Timetable::new(&[stretch(1.0, 0.0, 0.0)]).ns(0), u64::MAX);
    }
}
