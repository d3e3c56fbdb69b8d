//! Exhaustive search of the append protocol: the real pipelines of two owners, every order of answers,
//! time-outs, late writes, refusals and crashes within a budget.

pub(in crate::runtime) mod note;
mod owner;
mod producer;
mod world;

use std::collections::{HashSet, VecDeque};
use std::fmt::Write;

use note::Wish::{self, Count, Note};
use world::{Choice, Faults, World};

use crate::mutation::{Mutation, mutate};

/// More states than any search here has: a bound, so that a mistake ends.
const MOST_STATES: usize = 4_000_000;

struct Found {
    states: usize,
    /// What went wrong and the shortest way there.
    violation: Option<String>,
}

/// Breadth first, so that the way to a violation is a shortest one.
fn search(scripts: &[&[Wish]], faults: Faults, marks: [u64; 2]) -> Found {
    let root = World::new(scripts, faults, marks);
    let mut seen = HashSet::from([root.fingerprint()]);
    let mut steps: Vec<(usize, Option<Choice>)> = vec![(0, None)];
    let mut frontier = VecDeque::from([(0, root)]);
    while let Some((index, world)) = frontier.pop_front() {
        let choices = world.choices();
        let moves = choices.iter().any(|c| !matches!(c, Choice::Land(_)));
        if !moves && world.is_waiting() {
            return found(Some(told("nobody answers", &steps, index, None)), &seen);
        }
        for choice in choices {
            let mut next = world.fork();
            if let Err(wrong) = next.take(choice) {
                return found(Some(told(&wrong, &steps, index, Some(choice))), &seen);
            }
            if seen.insert(next.fingerprint()) {
                assert!(seen.len() <= MOST_STATES, "the search does not end");
                steps.push((index, Some(choice)));
                frontier.push_back((steps.len() - 1, next));
            }
        }
    }
    found(None, &seen)
}

fn found(violation: Option<String>, seen: &HashSet<u64>) -> Found {
    Found {
        states: seen.len(),
        violation,
    }
}

fn told(
    wrong: &str,
    steps: &[(usize, Option<Choice>)],
    mut at: usize,
    last: Option<Choice>,
) -> String {
    let mut way: Vec<Choice> = last.into_iter().collect();
    while let (before, Some(choice)) = steps[at] {
        way.push(choice);
        at = before;
    }
    let mut text = format!("{wrong}, after");
    for choice in way.iter().rev() {
        let _infallible = write!(text, " {choice:?};");
    }
    text
}

const FAULTS: Faults = Faults {
    timeouts: 1,
    refusals: 0,
    crashes: 0,
    retries: 1,
};

/// The searches: who wishes what, and what may go wrong meanwhile.
fn searches() -> Vec<(&'static str, Vec<&'static [Wish]>, Faults)> {
    let three: Vec<&'static [Wish]> = vec![&[Note(1), Note(2)], &[Note(3)]];
    let query: Vec<&'static [Wish]> = vec![&[Note(1), Count], &[Note(2)]];
    let single: Vec<&'static [Wish]> = vec![&[Note(1)], &[Note(2)]];
    vec![
        ("three notes, a time-out", three, FAULTS),
        ("a query, a time-out", query, FAULTS),
        (
            "two time-outs",
            single.clone(),
            Faults {
                timeouts: 2,
                ..FAULTS
            },
        ),
        (
            "a crash and a time-out",
            single.clone(),
            Faults {
                crashes: 1,
                ..FAULTS
            },
        ),
        (
            "refusals and a time-out",
            single,
            Faults {
                refusals: 2,
                ..FAULTS
            },
        ),
    ]
}

#[test]
fn no_order_of_events_breaks_a_promise() {
    for (name, scripts, faults) in searches() {
        let found = search(&scripts, faults, [0, 1]);
        println!("{name}: {} states", found.states);
        assert_eq!(found.violation, None, "{name}");
        assert!(found.states > 1_000, "{name}: only {} states", found.states);
    }
}

/// Rows that do not tell who wrote them: a rival's row passes for one's own after a time-out.
#[test]
fn owners_with_one_mark_are_found() {
    let mut searches = searches().into_iter();
    let query = searches.find(|s| s.0 == "a query, a time-out");
    let (_, scripts, faults) = query.expect("a search");
    let violation = search(&scripts, faults, [0, 0]).violation;
    assert!(violation.is_some_and(|text| text.contains("Count was told")));
}

#[test]
fn each_mistake_is_found() {
    for (mutation, name) in [
        (Mutation::AcknowledgeEarly, "three notes, a time-out"),
        (Mutation::DoubtIsFailure, "two time-outs"),
        (Mutation::TrustUnchangedHead, "two time-outs"),
        (Mutation::SkipFence, "a query, a time-out"),
        (Mutation::AnswerLost, "three notes, a time-out"),
    ] {
        let mut searches = searches().into_iter();
        let (_, scripts, faults) = searches.find(|s| s.0 == name).expect("a search");
        mutate(Some(mutation));
        let found = search(&scripts, faults, [0, 1]);
        mutate(None);
        let violation = found.violation;
        let violation = violation.unwrap_or_else(|| panic!("{mutation:?} was not found"));
        println!("{mutation:?}: {violation}");
    }
}
