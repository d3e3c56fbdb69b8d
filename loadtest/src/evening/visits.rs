//! When people come and go.

use rand::Rng;
use rand::rngs::SmallRng;

use super::chance::{Purpose, exponential_s, ns, stream};

/// Shortest visit and shortest absence.
const SHORTEST_NS: u64 = 500_000_000;

/// How a visit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// With a goodbye.
    Clean,
    /// The connection is reset.
    Cut,
    /// The connection stays, and nobody is at its end.
    Dead,
}

/// Visits of everybody: who comes and goes at all, how long they stay, how long they are away, and how they leave.
#[derive(Clone, Copy, Debug)]
pub struct Visits {
    /// What they follow from.
    pub seed: u64,
    /// Share of those who come and go.
    pub visitors: f64,
    /// Mean length of a visit.
    pub visit_s: f64,
    /// Mean length of an absence.
    pub away_s: f64,
    /// Share of visits that end with a reset.
    pub cut_share: f64,
    /// Share of visits that end with a connection that stays open.
    pub dead_share: f64,
}

impl Visits {
    /// Whether somebody comes and goes.
    pub fn is_visitor(&self, user: u32) -> bool {
        stream(self.seed, Purpose::Visits, u64::from(user)).random_bool(self.visitors)
    }

    /// When and how visit number `visit` ends that begins at `at_ns`.
    pub fn end(&self, user: u32, visit: u32, at_ns: u64) -> (u64, Ending) {
        let mut chance = self.chance(user, visit, 0);
        let stays = ns(exponential_s(&mut chance, self.visit_s)).max(SHORTEST_NS);
        let how = match chance.random::<f64>() {
            share if share < self.cut_share => Ending::Cut,
            share if share < self.cut_share + self.dead_share => Ending::Dead,
            _ => Ending::Clean,
        };
        (at_ns + stays, how)
    }

    /// When somebody is back whose visit number `visit` ended at `at_ns`.
    pub fn back(&self, user: u32, visit: u32, at_ns: u64) -> u64 {
        let away = exponential_s(&mut self.chance(user, visit, 1), self.away_s);
        at_ns + ns(away).max(SHORTEST_NS)
    }

    fn chance(&self, user: u32, visit: u32, part: u64) -> SmallRng {
        let number = (u64::from(visit) + 1) << 33 | part << 32 | u64::from(user);
        stream(self.seed, Purpose::Visits, number)
    }
}
