//! Deterministic simulation: whole hubs on virtual time, one seed per run.
//!
//! `SIM_SEED=7 cargo test -p actors --test sim -- --nocapture seeds` runs one seed and prints every line,
//! `SIM_SEEDS=0..5000` sweeps.

mod bus;
mod clock;
mod faults;
mod journal;
mod mutants;
mod node;
mod seeds;
mod store;
mod trace;
mod world;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use actors::testing::checks::violations;

const SEEDS: Range<u64> = 0..300;

/// Paths that some seed must have taken, else the simulation is too kind.
const SOMETIMES: [&str; 24] = [
    "append applied, answer lost",
    "append conflict",
    "append doubled",
    "append landed late",
    "append late",
    "append lost",
    "append refused",
    "bucket boundary",
    "command overloaded",
    "command refused by a rule",
    "command unknown",
    "hint lost",
    "mussikon_append_conflicts_total",
    "mussikon_appends_in_doubt_total",
    "mussikon_entity_failures_total",
    "mussikon_gap_fills_total",
    "mussikon_passivations_total",
    "mussikon_recoveries_from_snapshot_total",
    "mussikon_repairs_total",
    "mussikon_slow_consumers_total",
    "mussikon_stream_resets_total",
    "node crashed",
    "node paused",
    "side writes lost",
];

fn wanted() -> Range<u64> {
    let read = |name| std::env::var(name).ok();
    let number = |text: &str| text.trim().parse().expect("a seed is a number");
    match (read("SIM_SEED"), read("SIM_SEEDS")) {
        (Some(seed), _) => number(&seed)..number(&seed) + 1,
        (None, Some(seeds)) => {
            let (from, to) = seeds.split_once("..").expect("SIM_SEEDS=from..to");
            number(from)..number(to)
        }
        (None, None) => SEEDS,
    }
}

/// Runs seeds on two threads; answers the failures and how many seeds took each path.
fn sweep(seeds: Range<u64>, verbose: bool) -> (Vec<String>, BTreeMap<String, u64>) {
    let next = AtomicU64::new(seeds.start);
    let found = Mutex::new((Vec::new(), BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let run = world::run(seed, verbose);
                    let violated = violations(&run.history);
                    let mut found = found.lock().expect("no run panics with it");
                    for violation in violated {
                        found.0.push(format!(
                            "seed {seed}: {violation}\n  repeat: SIM_SEED={seed} cargo test -p actors \
                             --test sim -- --nocapture seeds\n  {:?}",
                            run.faults
                        ));
                    }
                    for path in run.trace.hits().into_keys() {
                        *found.1.entry(path).or_default() += 1;
                    }
                }
            });
        }
    });
    found.into_inner().expect("no run panics with it")
}

#[test]
fn seeds_keep_every_promise() {
    let seeds = wanted();
    let single = seeds.end - seeds.start == 1;
    let (mut failures, paths) = sweep(seeds.clone(), single);
    if seeds == SEEDS {
        for (seed, _) in seeds::PROMOTED {
            failures.extend(sweep(seed..seed + 1, false).0);
        }
    }
    println!("{paths:#?}");
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n")
    );
    if seeds == SEEDS {
        for path in SOMETIMES {
            assert!(paths.contains_key(path), "no seed took the path {path:?}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..20 {
        let (one, two) = (world::run(seed, false), world::run(seed, false));
        assert_eq!(one.trace.digest(), two.trace.digest(), "seed {seed}");
        assert_eq!(one.history.attempts.len(), two.history.attempts.len());
    }
    assert_ne!(
        world::run(1, false).trace.digest(),
        world::run(2, false).trace.digest()
    );
}
