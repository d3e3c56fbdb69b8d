//! Which fault of one hub comes next: pure, from the scenario and random numbers.

use rand::Rng;
use rand::rngs::StdRng;

use super::Hurt;
use crate::suite::fault::Scenario;

/// Mebibytes that stay free in turn: less than the hub keeps in reserve, and nothing at all.
const LEFT_MEBIBYTES: [u64; 2] = [24, 0];
/// Jumps of the clock in turn, in seconds.
const JUMPS: [i64; 6] = [3600, -3600, 7, -7, 300, -90];
/// Sockets of a flood at most; fewer than the hub holds.
const SOCKETS: usize = 3000;

/// The next fault of a scenario of these, at hub `hub`, lasting about `millis`.
pub(crate) fn planned(
    scenario: Scenario,
    number: usize,
    hub: usize,
    millis: u64,
    random: &mut StdRng,
) -> Hurt {
    match scenario {
        Scenario::FullDisk => Hurt::FillDisk {
            hub,
            left_mebibytes: LEFT_MEBIBYTES[number % LEFT_MEBIBYTES.len()],
            // Long enough for a hub that looks at its disk once a second.
            millis: millis.clamp(2500, 6000),
        },
        Scenario::SyncError => Hurt::FailSync {
            hub,
            millis: millis.clamp(500, 2000),
        },
        Scenario::ClockJump => Hurt::JumpClock {
            hub,
            seconds: JUMPS[number % JUMPS.len()],
            millis: millis.clamp(2000, 6000),
        },
        Scenario::CpuPressure => Hurt::PressCpu {
            hub,
            loops: random.random_range(2..=6),
            millis: millis.min(10_000),
        },
        Scenario::MemoryPressure => Hurt::PressMemory {
            hub,
            mebibytes: random.random_range(128..=512),
            millis: millis.min(10_000),
        },
        Scenario::ConnectionFlood => Hurt::FloodConnections {
            hub,
            sockets: random.random_range(SOCKETS / 2..=SOCKETS),
            millis: millis.min(10_000),
        },
        Scenario::SlowClients => Hurt::SlowClients {
            hub,
            clients: random.random_range(10..=30),
            millis: millis.clamp(2000, 20_000),
        },
        // The scenarios of other files have faults of their own.
        _ => Hurt::PoisonRoom {
            hub,
            room: number,
            millis: millis.clamp(2000, 6000),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn both_ways_of_a_full_disk_and_both_directions_of_the_clock_come_in_turn() {
        let mut random = StdRng::seed_from_u64(1);
        let mut first =
            |scenario| [0, 1].map(|number| planned(scenario, number, 0, 3000, &mut random));
        let disks = first(Scenario::FullDisk).map(|hurt| match hurt {
            Hurt::FillDisk { left_mebibytes, .. } => left_mebibytes,
            other => panic!("{other:?}"),
        });
        assert_eq!(disks, [24, 0]);
        let jumps = first(Scenario::ClockJump).map(|hurt| match hurt {
            Hurt::JumpClock { seconds, .. } => seconds,
            other => panic!("{other:?}"),
        });
        assert_eq!(jumps, [3600, -3600]);
    }

    #[test]
    fn pressure_is_bounded_however_long_a_pause_may_be() {
        let mut random = StdRng::seed_from_u64(1);
        for number in 0..50 {
            for scenario in [Scenario::CpuPressure, Scenario::MemoryPressure] {
                let hurt = planned(scenario, number, 0, 600_000, &mut random);
                assert!(hurt.millis() <= 10_000, "{hurt:?}");
            }
        }
    }
}
