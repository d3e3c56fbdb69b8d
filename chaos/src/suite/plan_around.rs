//! Which faults around hubs a scenario is made of, and when.

use rand::Rng;
use rand::rngs::StdRng;

use super::around::{Around, Build, Loss, Server};
use super::fault::{Scenario, Way};
use super::topology::Topology;

/// Scenarios that are made of these faults.
const SCENARIOS: [Scenario; 12] = [
    Scenario::Partition,
    Scenario::PartitionOneWay,
    Scenario::PartitionPair,
    Scenario::Loss,
    Scenario::Throttle,
    Scenario::LameDuck,
    Scenario::SplitNats,
    Scenario::SlowConsumer,
    Scenario::LoseQuorum,
    Scenario::CutCql,
    Scenario::SlowCql,
    Scenario::RollingUpgrade,
];

/// Whether a scenario is made of these faults.
pub(super) fn is_around(scenario: Scenario) -> bool {
    SCENARIOS.contains(&scenario)
}

/// Whether a scenario hurts the network, so that namespaces serve it better than proxies.
pub(super) fn is_of_network(scenario: Scenario) -> bool {
    SCENARIOS[..5].contains(&scenario)
}

/// The smallest topology that has what such a scenario hurts.
pub(super) fn smallest(scenario: Scenario) -> Topology {
    match scenario {
        Scenario::LameDuck | Scenario::SplitNats => Topology::Full,
        Scenario::LoseQuorum => Topology::Three,
        _ => Topology::Cluster,
    }
}

/// What hubs are told for such a scenario, beside what all hubs of a run are told. By default a hub keeps a sender waiting for
/// its store for 10 s, and for 4 s more on the way to the owner of the room; and it says nothing for 15 s when there is nothing
/// to say, which clients of a run take for death.
pub(super) fn variables(scenario: Scenario) -> &'static [(&'static str, &'static str)] {
    match scenario {
        Scenario::LoseQuorum => &[
            ("MUSSIKON_RUNTIME__ASK_TIMEOUT_MS", "2000"),
            ("MUSSIKON_GATEWAY__KEEP_ALIVE_MS", "1000"),
        ],
        _ => &[],
    }
}

/// How many steps a plan has, if that does not follow from its length: there and back again.
pub(super) fn steps(scenario: Scenario, topology: Topology) -> Option<usize> {
    (scenario == Scenario::RollingUpgrade).then(|| 2 * topology.hubs())
}

/// The fault of such a scenario's step. `longest` is in milliseconds.
pub(super) fn fault(
    (scenario, topology): (Scenario, Topology),
    number: usize,
    longest: u64,
    random: &mut StdRng,
) -> Option<Around> {
    if !is_around(scenario) {
        // Nothing is drawn for the others.
        return None;
    }
    let hubs = topology.hubs();
    let hub = number % hubs;
    let millis = random.random_range(longest / 4..=longest);
    let one_way = [Way::FromHub, Way::ToHub][random.random_range(0..2)];
    let node = random.random_range(0..usize::from(topology.cql_nodes().max(1)));
    let server = random.random_range(0..topology.nats_servers().max(1));
    let partition = |way, server| Around::Partition {
        hub,
        way,
        server,
        millis,
    };
    Some(match scenario {
        Scenario::Partition => partition(Way::Both, None),
        Scenario::PartitionOneWay => partition(one_way, None),
        Scenario::PartitionPair => {
            let all = Server::all(topology);
            let server = all.get(random.random_range(0..all.len().max(1))).copied();
            partition(Way::Both, server)
        }
        Scenario::Loss => Around::Lossy {
            hub,
            percent: random.random_range(1..=10),
            millis,
        },
        Scenario::Throttle => Around::Throttle {
            hub,
            bytes_per_second: random.random_range(20_000..200_000),
            millis,
        },
        Scenario::LameDuck => Around::LameDuck { server },
        Scenario::SplitNats => Around::SplitNats { server, millis },
        Scenario::SlowConsumer => Around::SlowConsumer { hub, millis },
        Scenario::LoseQuorum => Around::LoseQuorum {
            kept: node,
            loss: [Loss::Paused, Loss::Killed][number % 2],
            millis,
        },
        Scenario::CutCql => Around::CutCql {
            hub,
            way: [Way::Both, one_way][number % 2],
            millis,
        },
        Scenario::SlowCql => Around::SlowCql {
            node,
            delay_millis: random.random_range(50..500),
            millis,
        },
        Scenario::RollingUpgrade => Around::Upgrade {
            hub,
            build: [Build::Next, Build::Old][(number / hubs) % 2],
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::ValueEnum;
    use rand::SeedableRng;

    use super::*;

    fn faults(scenario: Scenario, topology: Topology, count: usize) -> Vec<Around> {
        let mut random = StdRng::seed_from_u64(4);
        let at = |number| fault((scenario, topology), number, 4000, &mut random);
        (0..count).filter_map(at).collect()
    }

    #[test]
    fn each_scenario_of_these_has_faults_and_no_other_one_has() {
        for scenario in Scenario::value_variants() {
            let count = faults(*scenario, Topology::Full, 5).len();
            assert_eq!(
                count,
                if is_around(*scenario) { 5 } else { 0 },
                "{scenario:?}"
            );
        }
    }

    #[test]
    fn faults_hurt_only_what_the_smallest_topology_has() {
        for scenario in SCENARIOS {
            let topology = smallest(scenario);
            for fault in faults(scenario, topology, 60) {
                let server = match fault {
                    Around::Partition { server, .. } => server,
                    Around::LameDuck { server } | Around::SplitNats { server, .. } => {
                        Some(Server::Nats { server })
                    }
                    Around::LoseQuorum { kept: node, .. } | Around::SlowCql { node, .. } => {
                        Some(Server::Cql { node })
                    }
                    _ => None,
                };
                let there = Server::all(topology);
                assert!(
                    server.is_none_or(|server| there.contains(&server)),
                    "{fault:?}"
                );
                assert!(fault.lasting() <= Duration::from_secs(4), "{fault:?}");
            }
        }
    }

    #[test]
    fn an_upgrade_takes_every_hub_there_and_then_every_hub_back() {
        let count = steps(Scenario::RollingUpgrade, Topology::Cluster).unwrap();
        let seen = faults(Scenario::RollingUpgrade, Topology::Cluster, count);
        let expected = [Build::Next, Build::Old].into_iter();
        let expected =
            expected.flat_map(|build| (0..3).map(move |hub| Around::Upgrade { hub, build }));
        assert_eq!(seen, expected.collect::<Vec<_>>());
        assert_eq!(steps(Scenario::Partition, Topology::Cluster), None);
    }

    #[test]
    fn a_pair_is_one_hub_and_one_server_and_in_time_every_pair_comes() {
        let seen = faults(Scenario::PartitionPair, Topology::Full, 300);
        let pairs: std::collections::HashSet<_> = seen
            .iter()
            .filter_map(|fault| match fault {
                Around::Partition { hub, server, .. } => Some((*hub, (*server)?)),
                _ => None,
            })
            .collect();
        assert_eq!(pairs.len(), 3 * 6);
        // And a whole partition names no server.
        let whole = faults(Scenario::Partition, Topology::Full, 3);
        let none = |fault: &Around| {
            matches!(
                fault,
                Around::Partition {
                    server: None,
                    way: Way::Both,
                    ..
                }
            )
        };
        assert!(whole.iter().all(none), "{whole:?}");
    }

    #[test]
    fn a_quorum_is_lost_in_both_manners() {
        let seen = faults(Scenario::LoseQuorum, Topology::Three, 2);
        let manner = |fault: &Around| match fault {
            Around::LoseQuorum { loss, .. } => *loss,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            seen.iter().map(manner).collect::<Vec<_>>(),
            [Loss::Paused, Loss::Killed]
        );
    }
}
