//! Classes of requests, and how each of them fared: seconds, latency, the error budget.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::attempts::{Attempt, Attempts};

/// The length of a window.
pub(super) const WINDOW: Duration = Duration::from_secs(1);
/// What is aimed at: the share of attempts that go well, and of seconds that are up.
pub const TARGET: f64 = 0.999;
/// A second in which a smaller share of the attempts went well is one in which users say that it is down.
pub const UP_SHARE: f64 = 0.95;

/// What is asked of a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A message over the hub, to its acknowledgement.
    Send,
    /// A room joined again from a place, to its head.
    Join,
    /// A page of a room's history over HTTP.
    Read,
    /// A matching request over HTTP: written and submitted.
    Submit,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Send, Self::Join, Self::Read, Self::Submit];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Join => "join",
            Self::Read => "read",
            Self::Submit => "submit",
        }
    }
}

/// The attempts of each class.
#[derive(Clone, Debug)]
pub(super) struct Tries {
    lists: [Attempts; 4],
    /// Those that are asked for.
    asked: Vec<Class>,
}

impl Tries {
    /// Those of senders and readers, with lists for the others.
    pub(super) fn new(sends: Attempts, joins: Attempts, capacity: usize) -> Self {
        let own = || Attempts::new(capacity);
        Self {
            lists: [sends, joins, own(), own()],
            asked: Class::ALL.to_vec(),
        }
    }

    /// The same without these classes, which nobody asks for.
    pub(super) fn without(mut self, unasked: impl Iterator<Item = Class>) -> Self {
        let unasked: Vec<Class> = unasked.collect();
        self.asked.retain(|class| !unasked.contains(class));
        self
    }

    /// The classes that are asked for.
    pub(super) fn classes(&self) -> &[Class] {
        &self.asked
    }

    pub(super) fn has(&self, class: Class) -> bool {
        self.asked.contains(&class)
    }

    pub(super) fn of(&self, class: Class) -> &Attempts {
        &self.lists[class as usize]
    }

    /// All of them so far, class by class.
    pub(super) fn all(&self) -> Vec<(Class, Vec<Attempt>)> {
        let all = self.asked.iter();
        all.map(|class| (*class, self.of(*class).all())).collect()
    }
}

/// One second of a class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Second {
    /// Its number, from 0.
    pub second: u64,
    /// Attempts that ended in it, and those that were under way all through it.
    pub attempted: u64,
    /// Those among them that ended in it and went well.
    pub good: u64,
    /// Of these, from the wish to the answer.
    #[serde(flatten)]
    pub latency: Option<Latency>,
}

impl Second {
    /// Good by attempted; 1 if nothing was attempted.
    pub fn share(&self) -> f64 {
        share(self.good, self.attempted)
    }

    /// Whether users would say that it was up.
    pub fn is_up(&self) -> bool {
        self.share() >= UP_SHARE
    }
}

/// Quantiles of waits in microseconds: of few values the highest ranks are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// The middle.
    pub p50_micros: u64,
    /// One in twenty is above.
    pub p95_micros: u64,
    /// One in a hundred is above.
    pub p99_micros: u64,
    /// The longest.
    pub max_micros: u64,
}

impl Latency {
    /// Of these times, in any order; none of none.
    pub fn of(times: &mut [u64]) -> Option<Self> {
        times.sort_unstable();
        let at = |percent: usize| {
            let rank = (times.len() * percent).div_ceil(100);
            times.get(rank.saturating_sub(1)).copied()
        };
        Some(Self {
            p50_micros: at(50)?,
            p95_micros: at(95)?,
            p99_micros: at(99)?,
            max_micros: at(100)?,
        })
    }
}

/// The error budget of a class: what may go wrong at the target, and what did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// The share aimed at.
    pub target: f64,
    /// Failed attempts that it leaves.
    pub allowed_attempts: f64,
    /// Failed attempts.
    pub failed_attempts: u64,
    /// Failed attempts in percent of those allowed; more than 100 is overspent.
    pub spent_percent: f64,
    /// Seconds of downtime that it leaves.
    pub allowed_seconds: f64,
    /// Seconds that were down.
    pub down_seconds: u64,
    /// Seconds down in percent of those allowed.
    pub spent_seconds_percent: f64,
}

impl Budget {
    fn of(attempted: u64, good: u64, seconds: u64, down: u64) -> Self {
        let allowed = |of: u64| (1.0 - TARGET) * of as f64;
        let spent = |count: u64, of: u64| match (count, of) {
            (0, _) | (_, 0) => 0.0,
            _ => count as f64 / allowed(of) * 100.0,
        };
        let failed = attempted - good;
        Self {
            target: TARGET,
            allowed_attempts: allowed(attempted),
            failed_attempts: failed,
            spent_percent: spent(failed, attempted),
            allowed_seconds: allowed(seconds),
            down_seconds: down,
            spent_seconds_percent: spent(down, seconds),
        }
    }
}

/// How a class fared from the steady state to the end of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fare {
    /// Which.
    pub class: Class,
    /// Attempts; one that hangs counts again in every second that it hangs all through.
    pub attempted: u64,
    /// Those that went well.
    pub good: u64,
    /// Good by attempted, from 0 to 1.
    pub availability: f64,
    /// Seconds up by all seconds, from 0 to 1.
    pub uptime: f64,
    /// What was spent of the error budget.
    pub budget: Budget,
    /// Waits of all good attempts.
    #[serde(flatten)]
    pub latency: Option<Latency>,
    /// Second by second.
    pub seconds: Vec<Second>,
}

impl Fare {
    /// Between two moments.
    pub fn of(class: Class, attempts: &[Attempt], from: Instant, to: Instant) -> Self {
        let count = to.duration_since(from).as_secs_f64().ceil().max(1.0) as usize;
        let mut seconds: Vec<Second> = (0..count as u64)
            .map(|second| Second {
                second,
                ..Second::default()
            })
            .collect();
        let mut waits = vec![Vec::new(); count];
        for attempt in attempts.iter().filter(|attempt| attempt.ended >= from) {
            let ended = window(from, attempt.ended);
            // The windows that it was under way all through.
            let first = match attempt.begun.checked_duration_since(from) {
                Some(begun) => begun.as_secs_f64().ceil() as usize,
                None => 0,
            };
            for hung in seconds.iter_mut().take(ended).skip(first) {
                hung.attempted += 1;
            }
            let Some(second) = seconds.get_mut(ended) else {
                continue;
            };
            second.attempted += 1;
            if attempt.acknowledged {
                second.good += 1;
                waits[ended].push(micros(attempt.ended.duration_since(attempt.wished)));
            }
        }
        for (second, waits) in seconds.iter_mut().zip(&mut waits) {
            second.latency = Latency::of(waits);
        }
        Self::sum(class, seconds, &mut waits.concat())
    }

    fn sum(class: Class, seconds: Vec<Second>, waits: &mut [u64]) -> Self {
        let attempted = seconds.iter().map(|second| second.attempted).sum();
        let good = seconds.iter().map(|second| second.good).sum();
        let down = seconds.iter().filter(|second| !second.is_up()).count() as u64;
        let count = seconds.len() as u64;
        Self {
            class,
            attempted,
            good,
            availability: share(good, attempted),
            uptime: share(count - down, count),
            budget: Budget::of(attempted, good, count, down),
            latency: Latency::of(waits),
            seconds,
        }
    }
}

fn share(good: u64, attempted: u64) -> f64 {
    match attempted {
        0 => 1.0,
        _ => good as f64 / attempted as f64,
    }
}

/// The window of a moment that is not before the first one.
fn window(from: Instant, at: Instant) -> usize {
    (at.duration_since(from).as_nanos() / WINDOW.as_nanos()) as usize
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "class_tests.rs"]
mod tests;
