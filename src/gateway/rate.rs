//! Rates: so many per second on average, so many at once. One number of state per limited thing.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;

/// Addresses that are remembered; beyond that new ones pass unlimited until the next sweep.
const MOST_ADDRESSES: usize = 100_000;

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
        let interval = match per_second {
            0 => Duration::ZERO,
            some => Duration::from_secs(1) / some,
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

/// A rate for each address that connects.
pub struct AddressRates {
    rate: Rate,
    usage: Mutex<HashMap<IpAddr, Usage>>,
}

impl AddressRates {
    /// The same rate for all.
    pub fn new(rate: Rate) -> Self {
        AddressRates {
            rate,
            usage: Mutex::default(),
        }
    }

    /// Takes one for `address`, or tells how long to wait for it.
    pub fn take(&self, address: IpAddr, now: Duration) -> Result<(), Duration> {
        if self.rate.interval.is_zero() {
            return Ok(());
        }
        let address = network(address);
        let mut usage = self.usage.lock();
        if usage.len() >= MOST_ADDRESSES && !usage.contains_key(&address) {
            return Ok(());
        }
        self.rate.take(usage.entry(address).or_default(), now)
    }

    /// Forgets addresses that have used up nothing.
    pub fn sweep(&self, now: Duration) {
        let mut usage = self.usage.lock();
        usage.retain(|_, usage| usage.0 > now);
        if usage.is_empty() {
            usage.shrink_to(0);
        }
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
    fn addresses_are_limited_apart_and_forgotten_when_rested() {
        let rates = AddressRates::new(Rate::new(1, 1));
        let [a, b] = ["10.0.0.1", "::1"].map(|text| text.parse::<IpAddr>().expect("an address"));
        let now = Duration::from_secs(5);
        assert!(rates.take(a, now).is_ok());
        assert!(rates.take(a, now).is_err());
        assert!(rates.take(b, now).is_ok());
        rates.sweep(now + Duration::from_millis(500));
        assert_eq!(rates.usage.lock().len(), 2);
        rates.sweep(now + Duration::from_secs(1));
        assert!(rates.usage.lock().is_empty());
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
