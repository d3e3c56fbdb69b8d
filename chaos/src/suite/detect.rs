//! When a fault was noticed and when it was over for users: pure functions of attempts and of what hubs said.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::class::{Class, Fare, WINDOW};
use super::measure::millis;
use crate::attempts::Attempt;

/// How a hub looked to an operator who asked it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// Its readiness is healthy.
    Ready,
    /// It is ready and says that something is wrong.
    Degraded,
    /// It says that it should not be sent work.
    Unready,
    /// It does not answer.
    Silent,
}

impl Standing {
    pub(super) fn reported_by(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Degraded => "/health/ready: degraded",
            Self::Unready => "/health/ready: not ready",
            Self::Silent => "no answer to /health/ready",
        }
    }
}

/// Metrics that only grow when something is wrong, or unusual.
pub(super) const ALARMS: [&str; 12] = [
    "mussikon_journal_broken",
    "mussikon_corrupt_entities_total",
    "mussikon_entity_failures_total",
    "mussikon_journal_queue_refusals_total",
    "mussikon_journal_counter_failures_total",
    "mussikon_appends_in_doubt_total",
    "mussikon_refused_handshakes_total",
    "mussikon_disconnected_consumers_total",
    "mussikon_slow_consumers_total",
    "mussikon_bus_disconnects_total",
    "mussikon_scylla_failures_total",
    "mussikon_slow_requests_total",
];

/// One look at one hub.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Look {
    pub at: Instant,
    pub hub: usize,
    pub standing: Standing,
    /// Values of [`ALARMS`]; none if the hub did not give them.
    pub alarms: Option<[f64; ALARMS.len()]>,
}

/// Who noticed a fault, and when. Milliseconds count from its beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Detection {
    /// The first attempt that failed, or that had hung for a second; none if users noticed nothing.
    pub first_failed_in_millis: Option<u64>,
    /// Of which class it was.
    pub first_failed_class: Option<Class>,
    /// When a hub's `/health/ready` or one of its metrics told of it; none if none did.
    pub reported_in_millis: Option<u64>,
    /// What told.
    pub reported_by: Option<String>,
}

/// From a fault's beginning to the next one's, or the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub from: Instant,
    pub to: Instant,
}

impl Span {
    fn has(&self, at: Instant) -> bool {
        self.from <= at && at < self.to
    }
}

pub(super) fn detection(span: Span, tries: &[(Class, Vec<Attempt>)], looks: &[Look]) -> Detection {
    let failed = tries.iter().filter_map(|(class, attempts)| {
        let times = attempts.iter().filter_map(|attempt| felt(span, attempt));
        Some((times.min()?, *class))
    });
    let first = failed.min();
    let reported = reported(span, looks);
    let since = |at: Instant| millis(at.duration_since(span.from));
    Detection {
        first_failed_in_millis: first.map(|(at, _)| since(at)),
        first_failed_class: first.map(|(_, class)| class),
        reported_in_millis: reported.as_ref().map(|(at, _)| since(*at)),
        reported_by: reported.map(|(_, by)| by),
    }
}

/// When a user would say that this attempt fails: at its end, or after it hung for a whole window.
fn felt(span: Span, attempt: &Attempt) -> Option<Instant> {
    let hung = attempt.begun.max(span.from) + WINDOW;
    let at = match attempt.acknowledged {
        false => attempt.ended.min(hung),
        true if attempt.ended >= hung => hung,
        true => return None,
    };
    span.has(at).then_some(at)
}

fn reported(span: Span, looks: &[Look]) -> Option<(Instant, String)> {
    let mut last: Vec<Option<&Look>> = Vec::new();
    for look in looks {
        if last.len() <= look.hub {
            last.resize(look.hub + 1, None);
        }
        let before = last[look.hub].replace(look);
        let Some(before) = before.filter(|_| span.has(look.at)) else {
            continue;
        };
        if let Some(by) = told(before, look) {
            return Some((look.at, by));
        }
    }
    None
}

/// What this look tells that the one before did not.
fn told(before: &Look, look: &Look) -> Option<String> {
    if look.standing > before.standing {
        return Some(look.standing.reported_by().to_owned());
    }
    let (now, then) = (look.alarms?, before.alarms?);
    let grown = (0..ALARMS.len()).find(|at| now[*at] > then[*at])?;
    Some(ALARMS[grown].to_owned())
}

/// From a fault's beginning until users have their usual share again: to the end of the last second of its span that was
/// down in any class, 0 if none was. None if its span ended while it was down.
pub(super) fn available_again(span: Span, start: Instant, fares: &[Fare]) -> Option<u64> {
    let begin = |second: u64| start + WINDOW * u32::try_from(second).unwrap_or(u32::MAX);
    let down = fares.iter().flat_map(|fare| &fare.seconds).filter(|s| {
        let (from, to) = (begin(s.second), begin(s.second) + WINDOW);
        !s.is_up() && to > span.from && from < span.to
    });
    let Some(last) = down.map(|second| begin(second.second) + WINDOW).max() else {
        return Some(0);
    };
    (last < span.to).then(|| millis(last.duration_since(span.from)))
}

#[cfg(test)]
#[path = "detect_tests.rs"]
mod tests;
