//! What goes wrong when: a pure function of scenario, topology, seed and length.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::alone::planned;
use super::fault::{Fault, Link, Scenario, Way};
use super::format::Verdict;
use super::plan_around;
use super::topology::Topology;

/// A fault and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Milliseconds after the traffic was steady, at the earliest: after the fault before it, if that takes longer.
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
    /// What there is to hurt.
    pub topology: Topology,
    /// Decides times and victims.
    pub seed: u64,
    /// Time in which faults begin.
    pub length: Duration,
    /// The longest pause, cut or time of slow links.
    pub longest: Duration,
}

impl Plan {
    /// What the run is to come to: only data that goes back is to be found broken.
    pub fn expected(&self) -> Verdict {
        match self.scenario {
            Scenario::StaleData => Verdict::Broken,
            _ => Verdict::Kept,
        }
    }

    /// The command that runs it again.
    pub fn command(&self) -> String {
        let topology = self.topology.name();
        format!(
            "cargo chaos run {} --topology {topology} --seed {} --seconds {} --longest-pause {}",
            self.scenario.name(),
            self.seed,
            self.length.as_secs(),
            self.longest.as_secs(),
        )
    }
}

/// Traffic runs undisturbed for so long at first, and at least so long between two faults.
const QUIET_MILLIS: u64 = 700;
/// The longest time for which a process that others can do without is away, when it is to come back.
const AWAY_MILLIS: u64 = 3000;

/// The steps, ascending; at least one.
pub fn plan(from: &Plan) -> Vec<Step> {
    let count = plan_around::steps(from.scenario, from.topology);
    steps(from, count, |number, random| fault(from, number, random))
}

/// Steps with these faults: as many as that, or else as go into the length; one at least.
pub(super) fn steps(
    from: &Plan,
    count: Option<usize>,
    mut fault: impl FnMut(usize, &mut StdRng) -> Fault,
) -> Vec<Step> {
    let mut random = StdRng::seed_from_u64(from.seed);
    let length = u64::try_from(from.length.as_millis()).unwrap_or(u64::MAX);
    let (mut steps, mut at) = (Vec::new(), QUIET_MILLIS);
    loop {
        let fault = fault(steps.len(), &mut random);
        steps.push(Step {
            at_millis: at,
            fault,
        });
        let lasting = u64::try_from(fault.lasting().as_millis()).unwrap_or(u64::MAX);
        at = at
            .saturating_add(QUIET_MILLIS + random.random_range(0..800))
            .saturating_add(lasting + returning(fault));
        if count.map_or(at >= length, |count| steps.len() >= count) {
            return steps;
        }
    }
}

/// Milliseconds that a process takes to come back and to be found again, or clients to notice that a link is dead, roughly.
fn returning(fault: Fault) -> u64 {
    match fault {
        Fault::KillCql { .. } => 6000,
        Fault::HalfOpen { .. } => 5000,
        Fault::Alone(_) => 2500,
        Fault::StaleData => 2000,
        Fault::DrainHub { .. } => 1500,
        Fault::KillHub { .. } => 1000,
        Fault::Around(around) => around.returning(),
        _ => 0,
    }
}

fn fault(from: &Plan, number: usize, random: &mut StdRng) -> Fault {
    let hubs = from.topology.hubs();
    let most = u64::try_from(from.longest.as_millis()).unwrap_or(u64::MAX);
    if let Some(around) = plan_around::fault((from.scenario, from.topology), number, most, random) {
        return Fault::Around(around);
    }
    let hub = random.random_range(0..hubs);
    let node = random.random_range(0..usize::from(from.topology.cql_nodes().max(1)));
    let millis = random.random_range(most / 4..=most);
    let away = random.random_range(AWAY_MILLIS / 6..=AWAY_MILLIS);
    match from.scenario {
        Scenario::KillHub => Fault::KillHub {
            hub,
            // Where nobody can take its place it comes back at once.
            millis: if from.topology.is_cluster() { away } else { 0 },
        },
        Scenario::PauseHub => Fault::PauseHub { hub, millis },
        Scenario::RollingRestart => Fault::DrainHub { hub: number % hubs },
        Scenario::CutLinks => Fault::CutLinks { hub },
        Scenario::HalfOpen => Fault::HalfOpen { hub },
        Scenario::SlowLinks => Fault::SlowLinks {
            hub,
            link: match from.topology.is_cluster() {
                true => [Link::Clients, Link::Cql, Link::Nats][number % 3],
                false => Link::Clients,
            },
            delay_millis: random.random_range(20..400),
            millis,
        },
        Scenario::RestartNats => Fault::RestartNats {
            server: any_server(from.topology, random),
            millis: away,
        },
        Scenario::PauseNats => Fault::PauseNats {
            server: any_server(from.topology, random),
            millis,
        },
        Scenario::CutNats => Fault::CutNats {
            hub: number % hubs,
            way: [Way::Both, Way::FromHub, Way::ToHub][random.random_range(0..3)],
            millis,
        },
        Scenario::KillCql => Fault::KillCql { node, millis: away },
        Scenario::PauseCql => Fault::PauseCql { node, millis },
        Scenario::StaleData => Fault::StaleData,
        Scenario::FullDisk
        | Scenario::SyncError
        | Scenario::ClockJump
        | Scenario::CpuPressure
        | Scenario::MemoryPressure
        | Scenario::ConnectionFlood
        | Scenario::SlowClients
        | Scenario::PoisonRoom => Fault::Alone(planned(from.scenario, number, hub, millis, random)),
        Scenario::Mixed => {
            let all = Scenario::mixed(from.topology);
            let scenario = all[number % all.len()];
            fault(&Plan { scenario, ..*from }, number / all.len(), random)
        }
        // All others were made above.
        _ => Fault::CutLinks { hub },
    }
}

/// One of the NATS servers. Where there is only one nothing is drawn, so that plans stay what they were.
fn any_server(topology: Topology, random: &mut StdRng) -> usize {
    match topology.nats_servers() {
        0 | 1 => 0,
        servers => random.random_range(0..servers),
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    const ALL: [Topology; 4] = [
        Topology::Single,
        Topology::Cluster,
        Topology::Three,
        Topology::Full,
    ];

    fn of(scenario: Scenario, topology: Topology, seed: u64) -> Vec<Step> {
        plan(&Plan {
            scenario,
            topology,
            seed,
            length: Duration::from_secs(60),
            longest: Duration::from_secs(2),
        })
    }

    /// Every scenario in every topology that has what it hurts.
    fn each(mut judge: impl FnMut(Scenario, Topology)) {
        for topology in ALL {
            let all = Scenario::value_variants().iter();
            all.filter(|scenario| scenario.fits(topology))
                .for_each(|scenario| judge(*scenario, topology));
        }
    }

    #[test]
    fn a_seed_decides_the_plan() {
        each(|scenario, topology| {
            for seed in 0..20 {
                assert_eq!(of(scenario, topology, seed), of(scenario, topology, seed));
                let other = of(scenario, topology, seed + 1);
                assert_ne!(of(scenario, topology, seed), other);
            }
        });
    }

    #[test]
    fn faults_come_in_order_leave_room_for_traffic_and_hurt_only_what_is_there() {
        each(|scenario, topology| {
            let steps = of(scenario, topology, 1);
            assert!(steps.len() > 4, "{scenario:?}: {}", steps.len());
            for pair in steps.windows(2) {
                let lasting = pair[0].fault.lasting().as_millis() as u64;
                let over = pair[0].at_millis + lasting + returning(pair[0].fault) + QUIET_MILLIS;
                assert!(pair[1].at_millis >= over, "{pair:?}");
            }
            assert!(steps.iter().all(|step| step.at_millis < 60_000));
            for step in steps {
                let (hub, node) = match step.fault {
                    Fault::KillHub { hub, .. } | Fault::CutNats { hub, .. } => (hub, 0),
                    Fault::KillCql { node, .. } | Fault::PauseCql { node, .. } => (0, node),
                    _ => (0, 0),
                };
                assert!(hub < topology.hubs() && node < usize::from(topology.cql_nodes().max(1)));
            }
        });
    }

    #[test]
    fn a_rolling_restart_and_cuts_from_nats_take_the_hubs_in_turn() {
        let four = |scenario| of(scenario, Topology::Cluster, 3).into_iter().take(4);
        let drained = four(Scenario::RollingRestart).map(|step| step.fault);
        let expected = [0, 1, 2, 0].map(|hub| Fault::DrainHub { hub });
        assert_eq!(drained.collect::<Vec<_>>(), expected);
        let cut = four(Scenario::CutNats).map(|step| match step.fault {
            Fault::CutNats { hub, .. } => hub,
            other => panic!("{other:?}"),
        });
        assert_eq!(cut.collect::<Vec<_>>(), [0, 1, 2, 0]);
    }

    #[test]
    fn mixed_has_every_fault_that_a_store_survives() {
        for (topology, count) in [(Topology::Single, 6), (Topology::Cluster, 11)] {
            let steps = of(Scenario::Mixed, topology, 5);
            let kinds: std::collections::HashSet<_> = steps
                .iter()
                .map(|step| std::mem::discriminant(&step.fault))
                .collect();
            assert_eq!(kinds.len(), count, "{topology:?}");
            assert!(!steps.iter().any(|step| step.fault == Fault::StaleData));
        }
    }

    #[test]
    fn the_command_names_all_that_decides_a_plan() {
        let plan = Plan {
            scenario: Scenario::CutNats,
            topology: Topology::Three,
            seed: 7,
            length: Duration::from_secs(60),
            longest: Duration::from_secs(20),
        };
        let expected =
            "cargo chaos run cut-nats --topology three --seed 7 --seconds 60 --longest-pause 20";
        assert_eq!(plan.command(), expected);
    }
}
