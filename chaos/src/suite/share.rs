//! Minutes shared out over experiments: each gets the same, and at least enough to be of use.

use std::time::Duration;

use super::fault::Scenario;
use super::topology::Topology;

/// What an experiment gets beside its faults: start, steady state, last answers, judgement.
fn around(topology: Topology) -> Duration {
    Duration::from_secs(if topology.is_cluster() { 20 } else { 6 })
}

/// The least time in which faults must be able to begin for an experiment to be of use.
fn least(topology: Topology) -> Duration {
    Duration::from_secs(if topology.is_cluster() { 20 } else { 8 })
}

/// What is run and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Experiments, in the order in which they are run.
    pub run: Vec<Scenario>,
    /// Time in which each of them begins faults.
    pub length: Duration,
    /// Those for which the time is too short.
    pub left_out: Vec<Scenario>,
}

/// Shares `time` out over those of the scenarios that fit. If it is too short for all, the seed decides which come first,
/// so that seed after seed all have their turn. One is run in any case.
pub fn share(time: Duration, scenarios: &[Scenario], topology: Topology, seed: u64) -> Shares {
    let fitting: Vec<Scenario> = scenarios
        .iter()
        .copied()
        .filter(|scenario| scenario.fits(topology))
        .collect();
    let each = around(topology) + least(topology);
    let room = usize::try_from(time.as_millis() / each.as_millis()).unwrap_or(usize::MAX);
    let count = room.clamp(1, fitting.len().max(1)).min(fitting.len());
    let first = match count == fitting.len() {
        true => 0,
        false => usize::try_from(seed % fitting.len() as u64).unwrap_or_default(),
    };
    let chosen = |at: usize| (at + fitting.len() - first) % fitting.len() < count;
    let split = |wanted: bool| {
        let at = (0..fitting.len()).filter(|at| chosen(*at) == wanted);
        at.map(|at| fitting[at]).collect::<Vec<_>>()
    };
    let share = time / u32::try_from(count.max(1)).unwrap_or(u32::MAX);
    let length = share.saturating_sub(around(topology)).max(least(topology));
    Shares {
        run: split(true),
        // Commands name whole seconds.
        length: Duration::from_secs(length.as_secs()),
        left_out: split(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    const MINUTE: Duration = Duration::from_secs(60);

    fn of(minutes: u32, topology: Topology, seed: u64) -> Shares {
        share(MINUTE * minutes, Scenario::value_variants(), topology, seed)
    }

    #[test]
    fn with_time_enough_all_that_fit_have_the_same_share_and_all_of_it_is_used() {
        for topology in [Topology::Single, Topology::Cluster] {
            let shares = of(60, topology, 3);
            let fitting = Scenario::value_variants()
                .iter()
                .filter(|s| s.fits(topology));
            assert_eq!(shares.run, fitting.copied().collect::<Vec<_>>());
            assert!(shares.left_out.is_empty());
            let used = (shares.length + around(topology)) * shares.run.len() as u32;
            assert!(used <= MINUTE * 60 && used > MINUTE * 59, "{used:?}");
        }
    }

    #[test]
    fn too_short_a_time_leaves_some_out_and_none_is_too_short_to_be_of_use() {
        let shares = of(2, Topology::Single, 3);
        assert_eq!(shares.run.len(), 8, "{shares:?}");
        assert!(shares.length >= least(Topology::Single));
        assert!(!shares.left_out.is_empty());
        let both = shares
            .run
            .iter()
            .filter(|run| shares.left_out.contains(run));
        assert_eq!(both.count(), 0);
        // Other seeds, other experiments; after a while each was run.
        let ran: std::collections::HashSet<_> = (0..40)
            .flat_map(|seed| of(2, Topology::Single, seed).run)
            .map(Scenario::name)
            .collect();
        let all = shares.run.len() + shares.left_out.len();
        assert_eq!(ran.len(), all);
    }

    #[test]
    fn one_is_run_in_any_case_and_alone_it_has_all_the_time() {
        let shares = share(Duration::ZERO, &[Scenario::KillHub], Topology::Single, 9);
        assert_eq!((shares.run.len(), shares.left_out.len()), (1, 0));
        assert_eq!(shares.length, least(Topology::Single));
        let shares = share(MINUTE, &[Scenario::KillHub], Topology::Single, 9);
        assert_eq!(shares.length, MINUTE - around(Topology::Single));
        let none = share(MINUTE, &[Scenario::KillCql], Topology::Single, 9);
        assert_eq!((none.run.len(), none.left_out.len()), (0, 0));
    }
}
