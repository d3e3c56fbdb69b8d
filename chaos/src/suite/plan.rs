//! What goes wrong when: a pure function of scenario, seed, length and number of hubs.

use std::time::Duration;

use clap::ValueEnum;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;

/// A kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// Hubs are killed (SIGKILL) and started again.
    KillHub,
    /// Hubs stand still (SIGSTOP) for a while with all their sockets open.
    PauseHub,
    /// Hubs are drained (SIGTERM) and started again, one after the other.
    RollingRestart,
    /// All connections of a hub's clients are reset.
    CutLinks,
    /// All connections of a hub's clients go dead without a word.
    HalfOpen,
    /// Everything between clients and a hub comes late.
    SlowLinks,
    /// All of the above in turn.
    Mixed,
    /// Hubs are killed and get an older copy of their data. No store survives this: the run must be judged broken, which
    /// shows that the suite can tell.
    StaleData,
}

/// One fault. It is over when it has been carried out: what was killed runs again, what was paused goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum Fault {
    /// SIGKILL and start.
    KillHub {
        /// Which hub, from 0.
        hub: usize,
    },
    /// SIGSTOP, wait, SIGCONT.
    PauseHub {
        /// Which hub, from 0.
        hub: usize,
        /// For how long.
        millis: u64,
    },
    /// SIGTERM, which must end in exit status 0, and start.
    DrainHub {
        /// Which hub, from 0.
        hub: usize,
    },
    /// Reset all connections.
    CutLinks {
        /// Whose clients.
        hub: usize,
    },
    /// Let all connections go dead.
    HalfOpen {
        /// Whose clients.
        hub: usize,
    },
    /// Delay everything in both directions.
    SlowLinks {
        /// Whose clients.
        hub: usize,
        /// By how much.
        delay_millis: u64,
        /// For how long.
        millis: u64,
    },
    /// SIGKILL; the first time the data is copied, afterwards replaced by that copy; start.
    StaleData {
        /// Which hub, from 0.
        hub: usize,
    },
}

/// A fault and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Milliseconds after the traffic began, at the earliest: after the fault before it, if that takes longer.
    pub at_millis: u64,
    /// What happens.
    #[serde(flatten)]
    pub fault: Fault,
}

/// What decides a plan.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The kind of trouble.
    pub scenario: Scenario,
    /// Decides times and victims.
    pub seed: u64,
    /// Time in which faults begin.
    pub length: Duration,
    /// Number of hubs.
    pub hubs: usize,
    /// The longest pause and the longest time of slow links.
    pub longest: Duration,
}

/// Traffic runs undisturbed for so long at first, and at least so long between two faults.
const QUIET_MILLIS: u64 = 700;

/// The steps, ascending; at least one.
pub fn plan(from: &Plan) -> Vec<Step> {
    let mut random = StdRng::seed_from_u64(from.seed);
    let length = u64::try_from(from.length.as_millis()).unwrap_or(u64::MAX);
    let (mut steps, mut at) = (Vec::new(), QUIET_MILLIS);
    loop {
        let fault = fault(from, steps.len(), &mut random);
        steps.push(Step {
            at_millis: at,
            fault,
        });
        at += QUIET_MILLIS + lasting(fault) + random.random_range(0..800);
        if at >= length {
            return steps;
        }
    }
}

fn fault(from: &Plan, number: usize, random: &mut StdRng) -> Fault {
    let hub = random.random_range(0..from.hubs.max(1));
    let longest = u64::try_from(from.longest.as_millis()).unwrap_or(u64::MAX);
    let millis = random.random_range(longest / 4..=longest);
    match from.scenario {
        Scenario::KillHub => Fault::KillHub { hub },
        Scenario::PauseHub => Fault::PauseHub { hub, millis },
        Scenario::RollingRestart => Fault::DrainHub {
            hub: number % from.hubs.max(1),
        },
        Scenario::CutLinks => Fault::CutLinks { hub },
        Scenario::HalfOpen => Fault::HalfOpen { hub },
        Scenario::SlowLinks => Fault::SlowLinks {
            hub,
            delay_millis: random.random_range(20..400),
            millis,
        },
        Scenario::StaleData => Fault::StaleData { hub },
        Scenario::Mixed => {
            let all = [
                Scenario::KillHub,
                Scenario::PauseHub,
                Scenario::RollingRestart,
                Scenario::CutLinks,
                Scenario::HalfOpen,
                Scenario::SlowLinks,
            ];
            let scenario = all[number % all.len()];
            fault(&Plan { scenario, ..*from }, number / all.len(), random)
        }
    }
}

fn lasting(fault: Fault) -> u64 {
    match fault {
        Fault::PauseHub { millis, .. } | Fault::SlowLinks { millis, .. } => millis,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(scenario: Scenario, seed: u64) -> Vec<Step> {
        plan(&Plan {
            scenario,
            seed,
            length: Duration::from_secs(60),
            hubs: 3,
            longest: Duration::from_secs(2),
        })
    }

    #[test]
    fn a_seed_decides_the_plan() {
        for scenario in Scenario::value_variants() {
            assert_eq!(of(*scenario, 7), of(*scenario, 7));
            assert_ne!(of(*scenario, 7), of(*scenario, 8));
        }
    }

    #[test]
    fn faults_come_in_order_and_leave_room_for_traffic() {
        for scenario in Scenario::value_variants() {
            let steps = of(*scenario, 1);
            assert!(steps.len() > 10, "{scenario:?}: {}", steps.len());
            for pair in steps.windows(2) {
                let over = pair[0].at_millis + lasting(pair[0].fault) + QUIET_MILLIS;
                assert!(pair[1].at_millis >= over, "{pair:?}");
            }
            assert!(steps.iter().all(|step| step.at_millis < 60_000));
        }
    }

    #[test]
    fn a_rolling_restart_takes_the_hubs_in_turn() {
        let hubs: Vec<Fault> = of(Scenario::RollingRestart, 3)
            .into_iter()
            .take(4)
            .map(|step| step.fault)
            .collect();
        let expected = [0, 1, 2, 0].map(|hub| Fault::DrainHub { hub });
        assert_eq!(hubs, expected);
    }

    #[test]
    fn mixed_has_every_fault_that_a_store_survives() {
        let steps = of(Scenario::Mixed, 5);
        let kinds: std::collections::HashSet<_> = steps
            .iter()
            .map(|step| std::mem::discriminant(&step.fault))
            .collect();
        assert_eq!(kinds.len(), 6);
        assert!(
            !steps
                .iter()
                .any(|s| matches!(s.fault, Fault::StaleData { .. }))
        );
    }
}
