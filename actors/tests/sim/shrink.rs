//! Judging one run, and finding the few faults of a failed one that are enough to make it fail.

use std::panic::catch_unwind;

use super::faults::Fault;
use super::trace::Trace;
use super::world;

/// What a run came to: what is wrong with it, and what happened.
pub type Run = (Vec<String>, Trace);

/// A kind of worlds.
#[derive(Clone, Copy)]
pub struct Kind {
    /// Runs a seed, saying every line if it is to be looked at closely; of its faults only some happen, if they are given.
    pub run: fn(u64, bool, Option<&[Fault]>) -> Run,
    /// The command that runs seeds of it.
    pub command: &'static str,
}

/// What one run came to.
pub struct Judged {
    pub violations: Vec<String>,
    pub paths: Vec<String>,
}

/// Runs a seed and judges it. A panic of the simulation itself is a violation too.
pub fn judge(kind: Kind, seed: u64, verbose: bool, kept: Option<&[Fault]>) -> Judged {
    match catch_unwind(|| (kind.run)(seed, verbose, kept)) {
        Ok((violations, trace)) => Judged {
            violations,
            paths: trace.hits().into_keys().collect(),
        },
        Err(_) => Judged {
            violations: vec!["panicked: see above".into()],
            paths: Vec::new(),
        },
    }
}

/// The name of the check that a violation is of.
fn check_of(violation: &str) -> &str {
    violation.split(':').next().unwrap_or(violation)
}

/// The faults that are enough for the same check to find something, each with what it does: no single one of them can be
/// left out.
pub fn shrink(kind: Kind, seed: u64, violation: &str) -> Vec<(Fault, String)> {
    let check = check_of(violation);
    let fails = |kept: &[Fault]| {
        let judged = judge(kind, seed, false, Some(kept));
        judged.violations.iter().any(|v| check_of(v) == check)
    };
    let (_, all) = world::drawn(seed);
    let few = bisect(all.list(), fails);
    few.into_iter()
        .map(|fault| (fault.clone(), all.describe(&fault)))
        .collect()
}

/// Leaves out ever smaller parts of a list as long as it still fails.
fn bisect<T: Clone>(mut list: Vec<T>, fails: impl Fn(&[T]) -> bool) -> Vec<T> {
    let mut size = list.len().div_ceil(2);
    while size > 0 {
        let (mut at, mut shrunk) = (0, false);
        while at < list.len() {
            let end = (at + size).min(list.len());
            let without: Vec<T> = [&list[..at], &list[end..]].concat();
            if fails(&without) {
                list = without;
                shrunk = true;
            } else {
                at = end;
            }
        }
        // Once more with single ones, until each of them is needed.
        size = if size == 1 && shrunk { 1 } else { size / 2 };
    }
    list
}

/// What is said of a seed that failed.
pub fn report(
    kind: Kind,
    seed: u64,
    violations: &[String],
    few: Option<&Vec<(Fault, String)>>,
) -> String {
    let command = kind.command;
    let violations = violations.join("\n  ");
    let Some(few) = few else {
        return format!("seed {seed}: {violations}\n  repeat: SIM_SEED={seed} {command}");
    };
    let (options, _) = world::drawn(seed);
    let names: Vec<String> = few.iter().map(|(fault, _)| fault.to_string()).collect();
    let told: Vec<&str> = few.iter().map(|(_, told)| told.as_str()).collect();
    format!(
        "seed {seed}: {violations}\n  these faults are enough:\n    {}\n  in {options:?}\n  repeat: SIM_SEED={seed} SIM_FAULTS='{}' {command}",
        told.join("\n    "),
        names.join(",")
    )
}

#[test]
fn a_list_shrinks_to_what_is_needed() {
    let needs = |list: &[u32]| list.contains(&3) && list.contains(&11);
    assert_eq!(bisect((0..20).collect(), needs), [3, 11]);
    assert_eq!(bisect(vec![7; 9], |list| !list.is_empty()), [7]);
    assert!(bisect(vec![1, 2, 3], |_| true).is_empty());
}
