//! Chance that a seed decides: the same numbers in every run, and for every person and purpose others.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// What chance is needed for; each has a stream of its own, so that one more draw here changes nothing there.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// Who is in which room.
    Cast,
    /// Who says what where.
    Talk,
    /// When somebody comes and goes.
    Visits,
    /// When somebody reads slowly.
    Pauses,
    /// When somebody reads what was said before.
    History,
    /// For whom a notice is.
    Notices,
    /// When a lost connection is tried again.
    Tries,
}

/// The stream of numbers for one purpose of one person (or anything else that is counted).
pub fn stream(seed: u64, purpose: Purpose, number: u64) -> SmallRng {
    SmallRng::seed_from_u64(mix(mix(seed ^ (purpose as u64) << 56) ^ number))
}

/// Spreads every bit of a number over all others.
fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// A time that does not remember how long it has lasted, in seconds: visits, pauses between them.
pub fn exponential_s(chance: &mut impl Rng, mean_s: f64) -> f64 {
    // 1 - [0, 1) is never 0.
    -(1.0 - chance.random::<f64>()).ln() * mean_s
}

/// A time as people take it to write something, in seconds: half of all are shorter than the median, few are much longer.
pub fn log_normal_s(chance: &mut impl Rng, median_s: f64) -> f64 {
    /// Of 100 people 68 take between 0.55 and 1.8 times the median.
    const SIGMA: f64 = 0.6;
    let radius = (-2.0 * (1.0 - chance.random::<f64>()).ln()).sqrt();
    let normal = radius * (std::f64::consts::TAU * chance.random::<f64>()).cos();
    median_s * (SIGMA * normal).exp()
}

/// A number of things of which the mean is given, at least one.
pub fn geometric(chance: &mut impl Rng, mean: f64) -> u32 {
    1 + exponential_s(chance, (mean - 1.0).max(0.0)).round() as u32
}

/// Seconds as nanoseconds.
pub fn ns(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(count: u32, mut draw: impl FnMut() -> f64) -> f64 {
        (0..count).map(|_| draw()).sum::<f64>() / f64::from(count)
    }

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_another_person_others() {
        let draw = |seed, purpose, number| stream(seed, purpose, number).random::<u64>();
        let first = draw(1, Purpose::Visits, 7);
        assert_eq!(first, draw(1, Purpose::Visits, 7));
        assert_ne!(first, draw(2, Purpose::Visits, 7));
        assert_ne!(first, draw(1, Purpose::Pauses, 7));
        assert_ne!(first, draw(1, Purpose::Visits, 8));
    }

    #[test]
    fn times_are_as_long_as_they_are_asked_for_on_average() {
        let mut chance = stream(3, Purpose::Talk, 0);
        let visits = mean(20_000, || exponential_s(&mut chance, 30.0));
        assert!((28.0..32.0).contains(&visits), "{visits}");
        let counts = mean(20_000, || f64::from(geometric(&mut chance, 6.0)));
        assert!((5.7..6.3).contains(&counts), "{counts}");
        assert_eq!(geometric(&mut chance, 1.0), 1);
        let mut times: Vec<f64> = (0..20_001)
            .map(|_| log_normal_s(&mut chance, 2.5))
            .collect();
        times.sort_by(f64::total_cmp);
        assert!((2.4..2.6).contains(&times[10_000]), "{}", times[10_000]);
        assert!(times[0] > 0.0 && times[20_000] < 60.0);
    }
}
