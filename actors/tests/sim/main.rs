//! Deterministic simulation: whole hubs on virtual time, one seed per run.
//!
//! `SIM_SEED=7 cargo sweep` runs one seed and prints every line, `SIM_SEEDS=0..20000 cargo sweep` many; without
//! either it runs those in `.cargo/config.toml`.

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
use std::panic::catch_unwind;
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
    chosen(read("SIM_SEED"), read("SIM_SEEDS"))
}

/// One seed before a range before the usual ones; a range without a seed in it would pass by checking nothing.
fn chosen(seed: Option<String>, seeds: Option<String>) -> Range<u64> {
    let number = |text: &str| text.trim().parse().expect("a seed is a number");
    let range = match (seed, seeds) {
        (Some(seed), _) => number(&seed)..number(&seed) + 1,
        (None, Some(seeds)) => {
            let (from, to) = seeds.split_once("..").expect("SIM_SEEDS=from..to");
            number(from)..number(to)
        }
        (None, None) => SEEDS,
    };
    assert!(!range.is_empty(), "no seed lies in {range:?}");
    range
}

/// Whether these seeds are enough to demand that every path of [`SOMETIMES`] was taken.
fn covers_the_usual(seeds: &Range<u64>) -> bool {
    seeds.start == SEEDS.start && SEEDS.end <= seeds.end
}

/// How to run one seed again and see what happened.
fn repeat(seed: u64) -> String {
    format!("repeat: SIM_SEED={seed} cargo sweep")
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
                    // A panic of the simulation itself must name its seed too.
                    let run = catch_unwind(|| {
                        let run = world::run(seed, verbose);
                        (violations(&run.history), run)
                    });
                    let mut found = found.lock().expect("no run panics with it");
                    let Ok((violated, run)) = run else {
                        found
                            .0
                            .push(format!("seed {seed} panicked\n  {}", repeat(seed)));
                        continue;
                    };
                    for violation in violated {
                        found.0.push(format!(
                            "seed {seed}: {violation}\n  {}\n  {:?}",
                            repeat(seed),
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
    if covers_the_usual(&seeds) {
        for (seed, _) in seeds::PROMOTED {
            failures.extend(sweep(seed..seed + 1, false).0);
        }
    }
    println!("seeds {seeds:?}, and how many of them took each path: {paths:#?}");
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n")
    );
    if covers_the_usual(&seeds) {
        for path in SOMETIMES {
            assert!(paths.contains_key(path), "no seed took the path {path:?}");
        }
    }
}

#[test]
fn seeds_are_chosen_by_name_by_range_or_as_usual_and_never_none() {
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(chosen(text("7"), text("0..50")), 7..8);
    assert_eq!(chosen(None, text("0..50")), 0..50);
    assert_eq!(chosen(None, None), SEEDS);
    assert!(!covers_the_usual(&(0..50)) && covers_the_usual(&(0..5_000)));
    for nothing in ["50..50", "50", "a..b"] {
        assert!(catch_unwind(|| chosen(None, text(nothing))).is_err());
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
