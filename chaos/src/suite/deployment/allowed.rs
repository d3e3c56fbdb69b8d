//! Which faults a deployment allows, and the plan that they make.

use rand::Rng;
use rand::rngs::StdRng;
use thiserror::Error;

use super::file::Deployment;
use super::member::{Hurt, Kind};
use crate::suite::plan::{Plan, Step, steps};
use crate::suite::{Fault, Link, Scenario};

/// The longest time for which a member is away, when it is to come back.
const AWAY_MILLIS: u64 = 3000;

/// Why a scenario is not run.
#[derive(Debug, Error)]
pub enum RefusedError {
    /// The deployment does not allow what it does.
    #[error("{scenario} needs `{hurt}`, which {file} allows for {allowed}{others}")]
    NotAllowed {
        /// The scenario.
        scenario: String,
        /// What is not allowed.
        hurt: Hurt,
        /// The deployment's file.
        file: String,
        /// For how many it is allowed, in words.
        allowed: String,
        /// What is allowed instead.
        others: String,
    },
    /// There is nothing of the kind in the file.
    #[error("{scenario} hurts a member of kind [[{kind}]], and {file} has none")]
    Nobody {
        /// The scenario.
        scenario: String,
        /// What there is none of.
        kind: Kind,
        /// The deployment's file.
        file: String,
    },
    /// There is no way to do that to processes of somebody else.
    #[error(
        "{scenario} needs {what}, which {file} cannot give; it is for topologies of the suite's own"
    )]
    NoMeans {
        /// The scenario.
        scenario: String,
        /// What it takes.
        what: &'static str,
        /// The deployment's file.
        file: String,
    },
}

/// What a scenario does to members.
enum Needs {
    /// Nothing: only the suite's own connections are hurt.
    Nothing,
    /// This, to any that allow it.
    Any(Kind, Hurt),
    /// This, to all of them.
    All(Kind, Hurt),
    /// What no deployment allows.
    NoMeans(&'static str),
}

fn needs(scenario: Scenario) -> Needs {
    match scenario {
        Scenario::CutLinks | Scenario::HalfOpen | Scenario::SlowLinks => Needs::Nothing,
        Scenario::KillHub => Needs::Any(Kind::Hub, Hurt::Kill),
        Scenario::PauseHub => Needs::Any(Kind::Hub, Hurt::Pause),
        Scenario::RollingRestart => Needs::All(Kind::Hub, Hurt::Restart),
        Scenario::RestartNats => Needs::Any(Kind::Nats, Hurt::Kill),
        Scenario::PauseNats => Needs::Any(Kind::Nats, Hurt::Pause),
        Scenario::KillCql => Needs::Any(Kind::Cql, Hurt::Kill),
        Scenario::PauseCql => Needs::Any(Kind::Cql, Hurt::Pause),
        Scenario::RollingUpgrade => Needs::NoMeans("to change the hubs' program"),
        Scenario::StaleData => Needs::NoMeans("to turn data back"),
        Scenario::FullDisk => Needs::NoMeans("a disk of its own under the hub's data"),
        Scenario::SyncError => Needs::NoMeans("to make syncs of the hub fail"),
        Scenario::ClockJump => Needs::NoMeans("a hub whose clock can be moved"),
        Scenario::CpuPressure | Scenario::MemoryPressure => {
            Needs::NoMeans("to press on the hub's machine, and to watch its process")
        }
        Scenario::ConnectionFlood => Needs::NoMeans("to take the hub's sockets from others"),
        Scenario::SlowClients => Needs::NoMeans("to watch the memory of the hub's process"),
        Scenario::PoisonRoom => Needs::NoMeans("to damage the hub's data"),
        Scenario::Mixed => Needs::NoMeans("all other scenarios: run those that are allowed"),
        _ => Needs::NoMeans("to hurt servers and the network between them and hubs"),
    }
}

/// The steps of a scenario on a deployment; only members that allow it are hurt.
pub(super) fn plan(deployment: &Deployment, from: &Plan) -> Result<Vec<Step>, RefusedError> {
    let scenario = from.scenario.name();
    let file = deployment.path.display().to_string();
    let victims = match needs(from.scenario) {
        Needs::NoMeans(what) => {
            return Err(RefusedError::NoMeans {
                scenario,
                what,
                file,
            });
        }
        Needs::Nothing => (0..deployment.of(Kind::Hub).len()).collect(),
        Needs::Any(kind, hurt) | Needs::All(kind, hurt) => {
            let all = deployment.of(kind);
            if all.is_empty() {
                return Err(RefusedError::Nobody {
                    scenario,
                    kind,
                    file,
                });
            }
            let allow = |number: &usize| all[*number].allows(hurt);
            let victims: Vec<usize> = (0..all.len()).filter(allow).collect();
            let enough = match needs(from.scenario) {
                Needs::All(..) => victims.len() == all.len(),
                _ => !victims.is_empty(),
            };
            if !enough {
                return Err(RefusedError::NotAllowed {
                    scenario,
                    hurt,
                    file,
                    allowed: match victims.len() {
                        0 => format!("no {kind}"),
                        some => format!("{some} of {} of {kind} only", all.len()),
                    },
                    others: instead(deployment, kind),
                });
            }
            victims
        }
    };
    Ok(steps(from, None, |number, random| {
        fault(from, &victims, number, random)
    }))
}

/// What the members of a kind allow.
fn instead(deployment: &Deployment, kind: Kind) -> String {
    let each = deployment.of(kind).into_iter().map(|member| {
        let hurt: Vec<String> = member.hurt.iter().map(ToString::to_string).collect();
        let hurt = match hurt.is_empty() {
            true => "nothing".to_owned(),
            false => hurt.join(", "),
        };
        format!("{} allows {hurt}", member.name)
    });
    format!(" ({})", each.collect::<Vec<_>>().join("; "))
}

fn fault(from: &Plan, victims: &[usize], number: usize, random: &mut StdRng) -> Fault {
    let longest = u64::try_from(from.longest.as_millis()).unwrap_or(u64::MAX);
    let victim = victims[random.random_range(0..victims.len())];
    let millis = random.random_range(longest / 4..=longest);
    let away = random.random_range(AWAY_MILLIS / 6..=AWAY_MILLIS);
    match from.scenario {
        Scenario::KillHub => Fault::KillHub {
            hub: victim,
            millis: away,
        },
        Scenario::PauseHub => Fault::PauseHub {
            hub: victim,
            millis,
        },
        Scenario::RollingRestart => Fault::DrainHub {
            hub: victims[number % victims.len()],
        },
        Scenario::HalfOpen => Fault::HalfOpen { hub: victim },
        Scenario::SlowLinks => Fault::SlowLinks {
            hub: victim,
            link: Link::Clients,
            delay_millis: random.random_range(20..400),
            millis,
        },
        Scenario::RestartNats => Fault::RestartNats {
            server: victim,
            millis: away,
        },
        Scenario::PauseNats => Fault::PauseNats {
            server: victim,
            millis,
        },
        Scenario::KillCql => Fault::KillCql {
            node: victim,
            millis: away,
        },
        Scenario::PauseCql => Fault::PauseCql {
            node: victim,
            millis,
        },
        // All others were refused.
        _ => Fault::CutLinks { hub: victim },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::ValueEnum;

    use super::super::file::tests::{GOOD, parse};
    use super::*;
    use crate::suite::Topology;

    fn asked(text: &str, scenario: Scenario) -> Result<Vec<Step>, RefusedError> {
        let from = Plan {
            scenario,
            topology: Topology::Existing,
            seed: 3,
            length: Duration::from_secs(60),
            longest: Duration::from_secs(2),
        };
        plan(&parse(text).unwrap(), &from)
    }

    #[test]
    fn only_members_that_allow_it_are_ever_hurt() {
        for seed_of in [Scenario::KillHub, Scenario::PauseHub] {
            let steps = asked(GOOD, seed_of).unwrap();
            assert!(steps.len() > 4, "{steps:?}");
            for step in steps {
                let hub = match step.fault {
                    Fault::KillHub { hub, .. } | Fault::PauseHub { hub, .. } => hub,
                    other => panic!("{other:?}"),
                };
                assert_eq!(hub, 0, "{step:?}");
            }
        }
        let cut = asked(GOOD, Scenario::CutLinks).unwrap();
        let cut: std::collections::HashSet<_> = cut.iter().map(|step| step.fault).collect();
        assert_eq!(cut.len(), 2, "whoever connects may let go again");
    }

    #[test]
    fn what_is_not_allowed_is_refused_and_named() {
        let said = |scenario| asked(GOOD, scenario).unwrap_err().to_string();
        let cases = [
            (
                Scenario::RollingRestart,
                "`restart`, which site.toml allows for 1 of 2 of hub",
            ),
            (
                Scenario::RollingRestart,
                "a allows kill, pause; b allows restart",
            ),
            (
                Scenario::RestartNats,
                "`kill`, which site.toml allows for no nats",
            ),
            (Scenario::KillCql, "site.toml has none"),
            (Scenario::Partition, "partition needs"),
            (Scenario::StaleData, "turn data back"),
            (Scenario::FullDisk, "a disk of its own"),
            (Scenario::SyncError, "syncs"),
            (Scenario::ClockJump, "clock"),
            (Scenario::CpuPressure, "the hub's machine"),
            (Scenario::MemoryPressure, "the hub's machine"),
            (Scenario::ConnectionFlood, "sockets"),
            (Scenario::SlowClients, "memory"),
            (Scenario::PoisonRoom, "damage"),
        ];
        for (scenario, named) in cases {
            let error = said(scenario);
            assert!(
                error.contains(named) && error.contains(&scenario.name()),
                "{error}"
            );
        }
        let nothing = GOOD.replace("hurt = [\"kill\", \"pause\"]", "hurt = []");
        let error = asked(&nothing, Scenario::KillHub).unwrap_err().to_string();
        assert!(
            error.contains("no hub") && error.contains("a allows nothing"),
            "{error}"
        );
    }

    #[test]
    fn no_scenario_hurts_another_member_than_is_listed() {
        // Without any permission only the suite's own connections are hurt.
        let none = GOOD
            .replace("hurt = [\"kill\", \"pause\"]", "")
            .replace("hurt = [\"restart\"]", "")
            .replace("hurt = [\"pause\"]", "");
        let granted = Scenario::value_variants().iter();
        let granted: Vec<_> = granted
            .filter(|scenario| asked(&none, **scenario).is_ok())
            .collect();
        assert_eq!(
            granted,
            [
                &Scenario::CutLinks,
                &Scenario::HalfOpen,
                &Scenario::SlowLinks
            ]
        );
    }
}
