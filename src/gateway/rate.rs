//! Rates: so many per second on average, so many at once. One number of state per limited thing.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;

/// Keys that are remembered; for more, those that have used up least are forgotten.
const MOST_KEYS: usize = 100_000;
/// So many are forgotten at once then, so that finding them costs each new one a constant.
const FORGOTTEN: usize = MOST_KEYS / 16;
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Fewer than this many are not worth a look.
const FIRST_SWEEP: usize = 1_024;
/// Least time between two looks when all places are taken.
const FULL_SWEEP: Duration = Duration::from_secs(1);

/// A limit that many things may share; 0 per second lifts it.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    interval: Duration,
    burst: u32,
}

/// When one limited thing will have used up nothing of its burst, on the caller's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage(Duration);

impl Rate {
    /// `per_second` on average, `burst` at once.
    pub fn new(per_second: u32, burst: u32) -> Self {
        Self::within(Duration::from_secs(1), per_second, burst)
    }

    /// So many in a day, all of them at once if they like.
    pub fn per_day(many: u32) -> Self {
        Self::within(DAY, many, many)
    }

    fn within(time: Duration, many: u32, burst: u32) -> Self {
        let interval = match many {
            0 => Duration::ZERO,
            some => time / some,
        };
        Rate {
            interval,
            burst: burst.max(1),
        }
    }

    /// Takes one, or tells how long to wait for it.
    pub fn take(&self, usage: &mut Usage, now: Duration) -> Result<(), Duration> {
        if self.interval.is_zero() {
            return Ok(());
        }
        let next = usage.0.max(now) + self.interval;
        let allowed = now + self.interval * self.burst;
        if next > allowed {
            return Err(next - allowed);
        }
        usage.0 = next;
        Ok(())
    }
}

/// The same rate for each of many things, by key. Remembers those that have used up something, a bounded number. However many
/// come, none passes uncounted, and whoever has used up all is forgotten last: a flood of keys lifts nobody's limit.
pub struct Rates<K> {
    rate: Rate,
    usage: Mutex<Used<K>>,
}

struct Used<K> {
    by_key: HashMap<K, Usage>,
    /// At this many, those that have rested are forgotten before another one is remembered.
    sweep_at: usize,
    /// When that was done last.
    swept: Duration,
}

impl<K: Eq + Hash> Rates<K> {
    /// The same rate for all.
    pub fn new(rate: Rate) -> Self {
        Rates {
            rate,
            usage: Mutex::new(Used {
                by_key: HashMap::new(),
                sweep_at: FIRST_SWEEP,
                swept: Duration::ZERO,
            }),
        }
    }

    /// Takes one for `key`, or tells how long to wait for it.
    pub fn take(&self, key: K, now: Duration) -> Result<(), Duration> {
        if self.rate.interval.is_zero() {
            return Ok(());
        }
        let used = &mut *self.usage.lock();
        if used.by_key.len() >= used.sweep_at && !used.by_key.contains_key(&key) {
            // With all places taken, a look at each of them is worth it only now and then.
            if used.by_key.len() < MOST_KEYS || now >= used.swept + FULL_SWEEP {
                used.sweep(now);
            }
            if used.by_key.len() >= MOST_KEYS {
                used.forget_least();
            }
        }
        self.rate.take(used.by_key.entry(key).or_default(), now)
    }

    /// Whether one could be taken for `key`, or how long to wait for it. Takes none.
    pub fn check(&self, key: &K, now: Duration) -> Result<(), Duration> {
        let used = self.usage.lock();
        let mut usage = used.by_key.get(key).copied().unwrap_or_default();
        self.rate.take(&mut usage, now)
    }

    /// Forgets those that have used up nothing.
    pub fn sweep(&self, now: Duration) {
        self.usage.lock().sweep(now);
    }
}

impl<K: Eq + Hash> Used<K> {
    fn forget_least(&mut self) {
        let mut usages: Vec<Duration> = self.by_key.values().map(|usage| usage.0).collect();
        let (below, bar, _) = usages.select_nth_unstable(FORGOTTEN);
        let bar = *bar;
        // Of those that have used up as much as the bar, no more than there is need for.
        let mut at_bar = FORGOTTEN - below.iter().filter(|usage| **usage < bar).count();
        self.by_key.retain(|_, usage| {
            let spared = usage.0 > bar || (usage.0 == bar && at_bar == 0);
            at_bar -= usize::from(!spared && usage.0 == bar);
            spared
        });
    }

    fn sweep(&mut self, now: Duration) {
        self.by_key.retain(|_, usage| usage.0 > now);
        self.by_key.shrink_to(2 * self.by_key.len());
        self.swept = now;
        // Twice as many as are left, so that sweeping costs each new one a constant.
        self.sweep_at = (2 * self.by_key.len()).clamp(FIRST_SWEEP, MOST_KEYS);
    }
}

/// A rate for each address that connects.
pub struct AddressRates(Rates<IpAddr>);

impl AddressRates {
    /// The same rate for all.
    pub fn new(rate: Rate) -> Self {
        AddressRates(Rates::new(rate))
    }

    /// Takes one for `address`, or tells how long to wait for it.
    pub fn take(&self, address: IpAddr, now: Duration) -> Result<(), Duration> {
        self.0.take(network(address), now)
    }

    /// Whether one could be taken for `address`, or how long to wait for it. Takes none.
    pub fn check(&self, address: IpAddr, now: Duration) -> Result<(), Duration> {
        self.0.check(&network(address), now)
    }

    /// Forgets addresses that have used up nothing.
    pub fn sweep(&self, now: Duration) {
        self.0.sweep(now);
    }
}

/// What one subscriber is given: a whole /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => four.into(),
            None => {
                let first = u128::from(six) & !u128::from(u64::MAX);
                Ipv6Addr::from(first).into()
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_average_holds_and_idleness_restores() {
        let rate = Rate::new(10, 3);
        let mut usage = Usage::default();
        let start = Duration::from_secs(100);
        for _ in 0..3 {
            assert_eq!(rate.take(&mut usage, start), Ok(()));
        }
        assert_eq!(
            rate.take(&mut usage, start),
            Err(Duration::from_millis(100))
        );
        let later = start + Duration::from_millis(100);
        assert_eq!(rate.take(&mut usage, later), Ok(()));
        assert!(rate.take(&mut usage, later).is_err());
        let rested = later + Duration::from_secs(1);
        for _ in 0..3 {
            assert_eq!(rate.take(&mut usage, rested), Ok(()));
        }
        assert!(rate.take(&mut usage, rested).is_err());
        let lifted = Rate::new(0, 1);
        assert!((0..1_000).all(|_| lifted.take(&mut usage, start).is_ok()));
    }

    #[test]
    fn a_days_share_may_be_used_at_once_and_comes_back_bit_by_bit() {
        let (rate, mut usage) = (Rate::per_day(24), Usage::default());
        let now = Duration::from_secs(9);
        assert!((0..24).all(|_| rate.take(&mut usage, now).is_ok()));
        let hour = Duration::from_secs(3_600);
        assert_eq!(rate.take(&mut usage, now), Err(hour));
        assert_eq!(rate.take(&mut usage, now + hour), Ok(()));
        assert_eq!(rate.take(&mut usage, now + hour), Err(hour));
    }

    #[test]
    fn addresses_are_limited_apart_and_forgotten_when_rested() {
        let rates = AddressRates::new(Rate::new(1, 1));
        let [a, b] = ["10.0.0.1", "::1"].map(|text| text.parse::<IpAddr>().expect("an address"));
        let now = Duration::from_secs(5);
        assert!(rates.take(a, now).is_ok());
        assert!(rates.take(a, now).is_err());
        assert!(rates.take(b, now).is_ok());
        rates.sweep(now + Duration::from_millis(500));
        assert_eq!(rates.0.usage.lock().by_key.len(), 2);
        rates.sweep(now + Duration::from_secs(1));
        assert!(rates.0.usage.lock().by_key.is_empty());
    }

    #[test]
    fn however_many_come_those_that_have_rested_make_room() {
        let rates = Rates::new(Rate::new(1_000, 1));
        for number in 0..300_000_u64 {
            // Each rests after a millisecond, within which ten others come.
            assert!(
                rates
                    .take(number, Duration::from_micros(100 * number))
                    .is_ok()
            );
        }
        assert!(rates.usage.lock().by_key.len() <= FIRST_SWEEP);
    }

    #[test]
    fn a_flood_of_keys_lifts_nobodys_limit_and_is_limited_itself() {
        let crowded = Rates::new(Rate::new(1, 2));
        let take = |number: usize| crowded.take(number, Duration::ZERO);
        for busy in 0..100 {
            assert!(take(busy).is_ok() && take(busy).is_ok() && take(busy).is_err());
        }
        for number in 100..3 * MOST_KEYS {
            assert!(take(number).is_ok());
            assert!(crowded.usage.lock().by_key.len() <= MOST_KEYS);
        }
        for busy in 0..100 {
            assert!(take(busy).is_err(), "{busy} is forgotten");
        }
        let last = 3 * MOST_KEYS - 1;
        assert!(take(last).is_ok() && take(last).is_err());
    }

    #[test]
    fn looking_takes_nothing() {
        let rates = Rates::new(Rate::new(1, 1));
        for _ in 0..3 {
            assert_eq!(rates.check(&7, Duration::ZERO), Ok(()));
        }
        assert_eq!(rates.take(7, Duration::ZERO), Ok(()));
        assert_eq!(rates.check(&7, Duration::ZERO), Err(Duration::from_secs(1)));
        assert_eq!(rates.check(&8, Duration::ZERO), Ok(()));
    }

    #[test]
    fn one_network_of_ipv6_is_one_address() {
        let rates = AddressRates::new(Rate::new(1, 2));
        let from = |text: &str| rates.take(text.parse().expect("an address"), Duration::ZERO);
        assert_eq!(from("2001:db8:1:2::1"), Ok(()));
        assert_eq!(from("2001:db8:1:2:ffff::7"), Ok(()));
        assert!(from("2001:db8:1:2:3:4:5:6").is_err());
        assert_eq!(from("2001:db8:1:3::1"), Ok(()));
        assert_eq!(from("192.0.2.1"), Ok(()));
        assert_eq!(from("::ffff:192.0.2.1"), Ok(()));
        assert!(from("192.0.2.1").is_err());
    }
}
