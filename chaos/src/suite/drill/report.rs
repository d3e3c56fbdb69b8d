//! What a drill came to: how long it took, and what users saw of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::client::Life;
use crate::suite::measure::millis;
use crate::suite::{Availability, Topology, Verdict, Versions};

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DrillKind {
    /// From the old build to the next one.
    Deploy,
    /// From the next build back to the old one.
    Rollback,
}

impl DrillKind {
    /// The whole must take less than this.
    pub fn aim(self) -> Duration {
        match self {
            Self::Deploy => Duration::from_secs(600),
            Self::Rollback => Duration::from_secs(300),
        }
    }
}

/// One hub's change of its program. Times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeTimes {
    /// Which hub, from 0.
    pub hub: usize,
    /// From SIGTERM to its end.
    pub drain_millis: u64,
    /// From there until it listened again.
    pub start_millis: u64,
    /// From there until it was ready and all hubs knew each other.
    pub ready_millis: u64,
}

/// Quantiles and the highest of some times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    /// How many there are.
    pub count: usize,
    /// The middle.
    pub p50_millis: u64,
    /// One in a hundred is above; of fewer than a hundred, the highest.
    pub p99_millis: u64,
    /// The highest.
    pub max_millis: u64,
}

impl Spread {
    /// Of these times; none of none.
    pub fn of(times: impl IntoIterator<Item = Duration>) -> Option<Self> {
        let mut times: Vec<u64> = times.into_iter().map(millis).collect();
        times.sort_unstable();
        let at = |share: f64| {
            let rank = (times.len() as f64 * share).ceil() as usize;
            times.get(rank.saturating_sub(1)).copied()
        };
        Some(Self {
            count: times.len(),
            p50_millis: at(0.5)?,
            p99_millis: at(0.99)?,
            max_millis: *times.last()?,
        })
    }
}

/// What all users together saw.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Users {
    /// Messages that were acknowledged.
    pub acknowledged: usize,
    /// From the wish to send a message to its acknowledgement.
    pub waits: Option<Spread>,
    /// Attempts to send that were not acknowledged, by the code that was told or by `lost`. Each was made again.
    pub failed_sends: BTreeMap<String, usize>,
    /// How often a user had to come back.
    pub reconnects: usize,
    /// Attempts to come back that failed, by what was told.
    pub failed_reconnects: BTreeMap<String, usize>,
    /// From the loss of a connection until the user was in the room again.
    pub away: Option<Spread>,
}

impl Users {
    pub(super) fn of(lives: &[Life]) -> Self {
        let sum = |of: fn(&Life) -> &BTreeMap<String, usize>| {
            let mut sum = BTreeMap::new();
            for (what, count) in lives.iter().flat_map(&of) {
                *sum.entry(what.clone()).or_default() += count;
            }
            sum
        };
        let times = |of: fn(&Life) -> &Vec<Duration>| {
            Spread::of(lives.iter().flat_map(|life| of(life).iter().copied()))
        };
        Self {
            acknowledged: lives.iter().map(|life| life.acknowledged).sum(),
            waits: times(|life| &life.waits),
            failed_sends: sum(|life| &life.failed),
            reconnects: lives.iter().map(|life| life.away.len()).sum(),
            failed_reconnects: sum(|life| &life.knocks),
            away: times(|life| &life.away),
        }
    }
}

/// A drill as a record. Times in milliseconds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DrillReport {
    /// Which way.
    pub drill: DrillKind,
    /// Whether every promise was kept.
    pub verdict: Verdict,
    /// What the hubs stood on.
    pub topology: Topology,
    /// The builds.
    pub versions: Versions,
    /// How many users there were.
    pub clients: usize,
    /// In how many rooms.
    pub rooms: usize,
    /// From the first SIGTERM until the last hub was ready.
    pub took_millis: u64,
    /// What that should be below.
    pub aim_millis: u64,
    /// Whether it was.
    pub aim_met: bool,
    /// Each hub.
    pub nodes: Vec<NodeTimes>,
    /// What users saw.
    pub users: Users,
    /// Attempts to send while it went on.
    pub availability: Availability,
    /// Why it did not come to its end, if it did not.
    pub stuck: Option<String>,
    /// How many promises were broken.
    pub violations: usize,
    /// The first of them.
    pub first_violations: Vec<String>,
    /// Where everything that users saw was written, if something is wrong.
    pub history: Option<PathBuf>,
    /// Runs it again.
    pub command: String,
}

impl DrillReport {
    /// Whether it is as it should be: every promise kept, and in time.
    pub fn is_good(&self) -> bool {
        self.verdict == Verdict::Kept && self.aim_met
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_ranks_and_the_highest() {
        assert_eq!(Spread::of([]), None);
        let of = |count| Spread::of((1..=count).map(Duration::from_millis)).unwrap();
        let three = |spread: Spread| (spread.p50_millis, spread.p99_millis, spread.max_millis);
        assert_eq!(three(of(1)), (1, 1, 1));
        assert_eq!(three(of(1000)), (500, 990, 1000));
    }

    #[test]
    fn users_are_summed_up_and_no_failure_is_left_out() {
        let life = |code: &str, away: &[u64]| Life {
            acknowledged: 2,
            failed: [(code.to_owned(), 1), ("lost".to_owned(), 2)].into(),
            away: away.iter().copied().map(Duration::from_millis).collect(),
            ..Life::default()
        };
        let users = Users::of(&[
            life("unavailable", &[5, 9]),
            life("lost", &[]),
            Life::default(),
        ]);
        assert_eq!((users.acknowledged, users.reconnects), (4, 2));
        // A map takes a key once: the second life has `lost` twice and keeps the latter.
        let failed = [("lost".to_owned(), 4), ("unavailable".to_owned(), 1)];
        assert_eq!(users.failed_sends, failed.into());
        assert_eq!(users.away.unwrap().max_millis, 9);
        assert_eq!(users.waits, None);
    }
}
