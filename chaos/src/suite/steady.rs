//! The state before the first fault: hubs ready and known to each other, and traffic that goes well. What is unsteady by
//! itself shows nothing about faults.

use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::time::sleep;

use super::class::{Class, Fare, Tries};
use super::ground::Ground;
use super::measure::Availability;
use super::workload::Workload;
use crate::member::now;

/// Traffic must go well for so long.
const WATCHED: Duration = Duration::from_secs(1);
/// Visits are few, some twenty in the time watched: one of them may fail.
const SHARE_OF_FEW: f64 = 0.9;
/// Attempts of all classes count that began within so long before that time is over.
const CLASSES_WATCHED: Duration = Duration::from_secs(5);
/// The share of attempts in that time that must be acknowledged.
const SHARE: f64 = 0.99;
/// Between two looks at hubs that come up.
const LOOK: Duration = Duration::from_millis(100);

/// What is wrong before anything was done.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Unsteady {
    /// A hub is not ready, or does not know the others.
    #[error("{0}")]
    Site(String),
    /// A room had no acknowledgement in the time watched.
    #[error("nothing was acknowledged in {0}")]
    Silent(String),
    /// Too many attempts failed in the time watched.
    #[error("only {acknowledged} of {attempted} attempts were acknowledged")]
    Failing {
        /// How many were made.
        attempted: usize,
        /// How many went well.
        acknowledged: usize,
    },
    /// Too many attempts of a class failed in the time watched, or there were none.
    #[error("of {attempted} attempts of the class {class:?} {good} went well")]
    Class {
        /// Which class.
        class: Class,
        /// How many were made.
        attempted: u64,
        /// How many went well.
        good: u64,
    },
    /// A reader has not joined its room.
    #[error("{0} readers have not joined their rooms")]
    Absent(usize),
}

/// Waits until the state is steady, within the patience of the traffic; answers when it was found to be so, or what was wrong last.
pub(super) async fn until_steady(
    site: &impl Ground,
    workload: &Workload,
    tries: &Tries,
) -> Result<Instant, Unsteady> {
    let deadline = now() + workload.patience();
    loop {
        let wrong = match site.unready().await {
            Some(reason) => Unsteady::Site(reason),
            None => match watch(workload, tries).await {
                Ok(()) => return Ok(now()),
                Err(wrong) => wrong,
            },
        };
        if now() >= deadline {
            return Err(wrong);
        }
        sleep(LOOK).await;
    }
}

async fn watch(workload: &Workload, tries: &Tries) -> Result<(), Unsteady> {
    let since = now();
    sleep(WATCHED).await;
    let absent = workload.joins().iter().filter(|joins| **joins == 0).count();
    if absent > 0 {
        return Err(Unsteady::Absent(absent));
    }
    let attempts = tries.of(Class::Send).since(since);
    let all = Availability::of(&attempts, since, now());
    for room in workload.rooms() {
        let mut here = attempts.iter().filter(|attempt| *attempt.room == **room);
        if !here.any(|attempt| attempt.acknowledged) {
            return Err(Unsteady::Silent(room.clone()));
        }
    }
    if all.share() < SHARE {
        return Err(Unsteady::Failing {
            attempted: all.attempted,
            acknowledged: all.acknowledged,
        });
    }
    // A request is two answers and may take longer than what is watched of messages.
    let to = now();
    let since = to.checked_sub(CLASSES_WATCHED).unwrap_or(since);
    each_class_goes_well(tries, since, to)
}

/// Every class that is asked for must have been, and must have gone well.
fn each_class_goes_well(tries: &Tries, since: Instant, to: Instant) -> Result<(), Unsteady> {
    for class in tries.classes().iter().copied() {
        let fare = Fare::of(class, &tries.of(class).since(since), since, to);
        if fare.availability < SHARE_OF_FEW || fare.attempted == 0 {
            return Err(Unsteady::Class {
                class,
                attempted: fare.attempted,
                good: fare.good,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempts::{Attempt, Attempts};

    #[test]
    fn a_class_that_is_asked_for_and_has_no_answers_is_not_steady() {
        let since = now();
        let to = since + WATCHED;
        let none = |_: &Class| false;
        assert_eq!(judged(since, to, none), Ok(()));
        for missing in Class::ALL {
            let unsteady = judged(since, to, |class| *class == missing);
            let expected = Unsteady::Class {
                class: missing,
                attempted: 0,
                good: 0,
            };
            assert_eq!(unsteady, Err(expected));
        }
        let unasked = tries(since, |class| *class == Class::Join);
        let unasked = unasked.without([Class::Join].into_iter());
        assert_eq!(each_class_goes_well(&unasked, since, to), Ok(()));
    }

    fn judged(since: Instant, to: Instant, lacks: impl Fn(&Class) -> bool) -> Result<(), Unsteady> {
        each_class_goes_well(&tries(since, lacks), since, to)
    }

    /// One good attempt of each class, but for some.
    fn tries(begun: Instant, lacks: impl Fn(&Class) -> bool) -> Tries {
        let tries = Tries::new(Attempts::new(9), Attempts::new(9), 9);
        for class in Class::ALL.iter().filter(|class| !lacks(class)) {
            tries.of(*class).add(Attempt {
                room: "r".into(),
                wished: begun,
                begun,
                ended: begun + Duration::from_millis(1),
                acknowledged: true,
                refused: false,
            });
        }
        tries
    }
}
