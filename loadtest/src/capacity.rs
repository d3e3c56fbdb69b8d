//! The search for the highest rate that a server still bears.

use serde::Serialize;

use crate::faults::Faults;
use crate::figures::{Figures, Judgement};

/// How to search. Rates are deliveries per second.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// First rate tried.
    pub start: f64,
    /// Rates are never above this.
    pub maximum: f64,
    /// The answer is within this factor of the first rate that failed.
    pub precision: f64,
    /// Latency that the 99th percentile may reach.
    pub p99_limit_ms: f64,
}

/// One rate that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct Attempt {
    /// Deliveries per second asked for.
    pub rate: f64,
    /// What came of it.
    pub judgement: Judgement,
    /// The 99th percentile of the latency.
    pub p99_ms: f64,
    /// What was wrong.
    pub faults: Faults,
}

impl Attempt {
    /// Something was wrong that no overload excuses.
    pub fn is_incorrect(&self) -> bool {
        !self.faults.clone().beyond_overload().none()
    }
}

/// What ended the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitedBy {
    /// The server: the capacity is what was found.
    Server,
    /// The generator: the capacity is at least what was found.
    Generator,
    /// The highest rate allowed passed: the capacity is at least what was found.
    Maximum,
    /// Not even the lowest rate passed.
    Nothing,
}

/// The result of a search.
#[derive(Clone, Debug, Serialize)]
pub struct Capacity {
    /// Highest rate that passed; 0 for none.
    pub rate: f64,
    /// What was measured there.
    pub figures: Option<Figures>,
    /// What ended the search.
    pub limited_by: LimitedBy,
    /// Every rate tried, in order.
    pub attempts: Vec<Attempt>,
}

const GROWTH: f64 = 1.7;
/// Rates far below the start say that the server does not work at all.
const LOWEST_SHARE: f64 = 1.0 / 64.0;

/// Grows the rate until it fails, then closes in. A rate counts as failed only when it fails twice in a row, because a
/// neighbour on a shared machine can spoil one try.
pub fn search<E>(
    settings: Search,
    mut attempt: impl FnMut(f64) -> Result<Figures, E>,
) -> Result<Capacity, E> {
    let mut found = Capacity {
        rate: 0.0,
        figures: None,
        limited_by: LimitedBy::Nothing,
        attempts: Vec::new(),
    };
    let mut failed: Option<(f64, Judgement)> = None;
    let mut rate = settings.start.min(settings.maximum);
    loop {
        let mut judgement = Judgement::Slow;
        for _ in 0..2 {
            let figures = attempt(rate)?;
            judgement = figures.judge(Some(settings.p99_limit_ms));
            found.attempts.push(Attempt {
                rate,
                judgement,
                p99_ms: figures.latency.p99_ms,
                faults: figures.faults.clone(),
            });
            if judgement == Judgement::Passed {
                (found.rate, found.figures) = (rate, Some(figures));
                break;
            }
        }
        if judgement != Judgement::Passed {
            failed = Some((rate, judgement));
        }
        rate = match failed {
            None if rate >= settings.maximum => {
                found.limited_by = LimitedBy::Maximum;
                return Ok(found);
            }
            None => (rate * GROWTH).min(settings.maximum),
            Some((bad, _)) if found.rate == 0.0 && bad / GROWTH < settings.start * LOWEST_SHARE => {
                return Ok(found);
            }
            Some((bad, _)) if found.rate == 0.0 => bad / GROWTH,
            Some((bad, why)) if bad / found.rate <= settings.precision => {
                let generator = why == Judgement::GeneratorLimited;
                found.limited_by = if generator {
                    LimitedBy::Generator
                } else {
                    LimitedBy::Server
                };
                return Ok(found);
            }
            Some((bad, _)) => (bad * found.rate).sqrt(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Quantiles;
    use std::convert::Infallible;

    const SEARCH: Search = Search {
        start: 1000.0,
        maximum: 1e7,
        precision: 1.05,
        p99_limit_ms: 50.0,
    };

    fn server(limit: f64, busy: f64) -> impl FnMut(f64) -> Result<Figures, Infallible> {
        move |rate| {
            let p99_ms = if rate > limit { 400.0 } else { 5.0 };
            let latency = Quantiles {
                p99_ms,
                ..Quantiles::default()
            };
            let generator_busy = if rate > limit { busy } else { 0.1 };
            Ok(Figures {
                latency,
                generator_busy,
                ..Figures::default()
            })
        }
    }

    #[test]
    fn the_limit_is_found_from_below_and_from_above() {
        for limit in [150_000.0, 1000.0, 200.0] {
            let found = search(SEARCH, server(limit, 0.1)).unwrap();
            assert!(
                found.rate <= limit && found.rate > limit / 1.06,
                "{limit}: {found:?}"
            );
            assert_eq!(found.limited_by, LimitedBy::Server);
            assert_eq!(found.figures.unwrap().latency.p99_ms, 5.0);
        }
    }

    #[test]
    fn what_stops_the_search_is_named() {
        assert_eq!(
            search(SEARCH, server(4000.0, 0.99)).unwrap().limited_by,
            LimitedBy::Generator
        );
        let found = search(SEARCH, server(f64::MAX, 0.1)).unwrap();
        assert_eq!(
            (found.limited_by, found.rate),
            (LimitedBy::Maximum, SEARCH.maximum)
        );
        let found = search(SEARCH, server(0.0, 0.1)).unwrap();
        assert_eq!((found.limited_by, found.rate), (LimitedBy::Nothing, 0.0));
    }

    #[test]
    fn one_spoilt_try_does_not_decide_and_a_lost_message_does() {
        let (mut inner, mut tries) = (server(50_000.0, 0.1), 0);
        let found = search(SEARCH, |rate| {
            tries += 1;
            inner(if tries == 2 { f64::MAX } else { rate })
        });
        assert!(found.unwrap().rate > 47_000.0);
        let lossy = |_| {
            let faults = Faults {
                missing: 1,
                ..Faults::default()
            };
            Ok::<_, Infallible>(Figures {
                faults,
                ..Figures::default()
            })
        };
        let found = search(SEARCH, lossy).unwrap();
        assert_eq!(found.limited_by, LimitedBy::Nothing);
        assert!(found.attempts.iter().all(Attempt::is_incorrect));
    }
}
