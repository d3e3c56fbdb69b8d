//! Deterministic simulation: whole hubs on virtual time, one seed per run.
//!
//! `SIM_SEED=7 cargo sweep` runs one seed and prints every line, `SIM_SEEDS=0..20000 cargo sweep` many, and `cargo
//! sweep-market` does so with the worlds of a market; without
//! either it runs those in `.cargo/config.toml`.
#![allow(clippy::print_stdout, reason = "a sweep tells what it finds")]

mod chat;
mod clock;
mod fate;
mod faults;
mod fuse;
mod incidents;
mod journal;
mod line;
mod market;
mod mutants;
mod net;
mod node;
mod options;
mod shrink;
mod store;
mod trace;
mod ways;
mod world;

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use faults::Fault;
use shrink::{Kind, judge};

const SEEDS: Range<u64> = 0..300;

/// Worlds of people who talk in rooms.
const CHAT: Kind = Kind {
    run: chat::judged,
    command: "cargo sweep",
};

/// Paths that some seed must have taken, else the simulation is too kind.
const SOMETIMES: [&str; 53] = [
    "answer lost",
    "append applied, answer lost",
    "append conflict",
    "append doubled",
    "append landed late",
    "append late",
    "append lost",
    "append refused",
    "beat lost",
    "bucket boundary",
    "bus connected again",
    "bus disconnected",
    "bus gone for all",
    "clock jumped",
    "command cut off",
    "command overloaded",
    "command refused by a rule",
    "command unavailable",
    "command unknown",
    "deserted",
    "died before a hint",
    "died before a read",
    "died before a request",
    "died before a write",
    "died before an answer",
    "died before an append",
    "doubt at once",
    "hint lost",
    "hint too large",
    "losses not announced",
    "mussikon_append_conflicts_total",
    "mussikon_appends_in_doubt_total",
    "mussikon_entity_failures_total",
    "mussikon_forwarded_total",
    "mussikon_gap_fills_total",
    "mussikon_handoffs_total",
    "mussikon_head_looks_total",
    "mussikon_passivations_total",
    "mussikon_recoveries_from_snapshot_total",
    "mussikon_repairs_total",
    "mussikon_slow_consumers_total",
    "mussikon_stream_resets_total",
    "nobody there",
    "node crashed",
    "node drained",
    "node paused",
    "one way cut",
    "queue overflowed",
    "request lost",
    "side writes lost",
    "stale read",
    "trim",
    "write buffer lost",
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

/// The faults that are to happen, if not all: as the report of a failure names them.
fn kept() -> Option<Vec<Fault>> {
    let names = std::env::var("SIM_FAULTS").ok()?;
    let named = names.split(',').filter(|name| !name.trim().is_empty());
    let known = |name| Fault::parse(name).unwrap_or_else(|| panic!("no fault is called {name:?}"));
    Some(named.map(known).collect())
}

/// What many seeds came to.
#[derive(Default)]
struct Found {
    failures: Vec<String>,
    /// How many seeds took each path.
    paths: BTreeMap<String, u64>,
}

/// Failures of which the faults are shrunk; each costs a hundred runs or so.
const MOST_SHRUNK: usize = 3;

/// Runs seeds on two threads.
fn sweep(kind: Kind, seeds: Range<u64>, verbose: bool) -> Found {
    let next = AtomicU64::new(seeds.start);
    let found = Mutex::new(Found::default());
    let kept = kept();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let judged = judge(kind, seed, verbose, kept.as_deref());
                    let shrinks = {
                        let mut found = found.lock().expect("no run panics with it");
                        for path in judged.paths {
                            *found.paths.entry(path).or_default() += 1;
                        }
                        judged.violations.is_empty() || found.failures.len() < MOST_SHRUNK
                    };
                    if judged.violations.is_empty() {
                        continue;
                    }
                    let few = (shrinks && kept.is_none())
                        .then(|| shrink::shrink(kind, seed, &judged.violations[0]));
                    let report = shrink::report(kind, seed, &judged.violations, few.as_ref());
                    // A long sweep tells at once what it has found.
                    println!("{report}");
                    let mut found = found.lock().expect("no run panics with it");
                    found.failures.push(report);
                }
            });
        }
    });
    found.into_inner().expect("no run panics with it")
}

#[test]
fn seeds_keep_every_promise() {
    keep_every_promise(CHAT, &SOMETIMES);
}

/// Runs the seeds that are wanted; if they are the usual ones, some of them must have taken each of these paths.
fn keep_every_promise(kind: Kind, sometimes: &[&str]) {
    let seeds = wanted();
    let single = seeds.end - seeds.start == 1;
    let Found { failures, paths } = sweep(kind, seeds.clone(), single);
    println!("seeds {seeds:?}, and how many of them took each path: {paths:#?}");
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n")
    );
    if covers_the_usual(&seeds) {
        for path in sometimes {
            assert!(paths.contains_key(*path), "no seed took the path {path:?}");
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
    let digest = |seed| chat::run(seed, false, None).1.digest();
    for seed in 0..20 {
        assert_eq!(digest(seed), digest(seed), "seed {seed}");
    }
    assert_ne!(digest(1), digest(2));
}
