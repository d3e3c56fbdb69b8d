//! The books notice each kind of mistake, and nothing where there is none.

use rand::Rng;
use rand::seq::SliceRandom;

use super::super::chance::{Purpose, stream};
use super::super::spec::EveningSpec;
use super::*;

/// One public room of four.
fn cast() -> Cast {
    let spec = EveningSpec {
        users: 4,
        public_rooms: 1,
        groups_per_user: 0,
        directs_per_user: 0,
        ..EveningSpec::default()
    };
    Cast::new(&spec, 1)
}

/// Two public rooms of two.
fn two_rooms() -> Cast {
    let spec = EveningSpec {
        users: 4,
        public_rooms: 2,
        groups_per_user: 0,
        directs_per_user: 0,
        ..EveningSpec::default()
    };
    Cast::new(&spec, 1)
}

/// Everybody is in the room at 10, and slot 0 has sent three.
fn begun(cast: &Cast) -> Books<'_> {
    let mut books = Books::new(cast);
    for slot in 0..cast.slots() {
        books.joined(slot, 10);
    }
    (0..3).for_each(|_| books.sent(0));
    books
}

/// What arrives at each of four members: sequences 11 to 13 with operations 0 to 2.
fn good() -> Vec<(u32, u64, u32)> {
    let of = |slot| (0..3).map(move |n| (slot, 11 + u64::from(n), n));
    (0..4).flat_map(of).collect()
}

fn after(arrivals: &[(u32, u64, u32)], answers: &[(u32, Option<u64>)]) -> Faults {
    let cast = cast();
    let mut books = begun(&cast);
    for &(slot, sequence, n) in arrivals {
        books.arrived(slot, sequence, n);
    }
    for &(n, sequence) in answers {
        books.answered(n, sequence);
    }
    books.close().0
}

const ANSWERS: [(u32, Option<u64>); 3] = [(0, Some(11)), (1, Some(12)), (2, Some(13))];

#[test]
fn a_correct_evening_has_no_faults_in_whatever_order_members_and_answers_come() {
    for seed in 0..50 {
        let mut chance = stream(seed, Purpose::Talk, 1);
        let cast = cast();
        let mut books = Books::new(&cast);
        (0..4).for_each(|slot| books.joined(slot, 10));
        let total = 40;
        let senders: Vec<u32> = (0..total).map(|_| chance.random_range(0..4)).collect();
        senders.iter().for_each(|&slot| books.sent(slot));
        // Steps of four members and of the answers, each in its order, mixed at random.
        let mut steps: Vec<usize> = (0..5).flat_map(|who| vec![who; total as usize]).collect();
        steps.shuffle(&mut chance);
        let mut next = [0u32; 5];
        for who in steps {
            let n = next[who];
            next[who] += 1;
            match who {
                4 => books.answered(n, Some(11 + u64::from(n))),
                _ => assert!(books.arrived(who as u32, 11 + u64::from(n), n)),
            }
            if chance.random_bool(0.1) {
                books.trim();
            }
        }
        assert!(books.is_complete(), "seed {seed}");
        books.trim();
        assert_eq!((books.places(), books.open()), (0, 0), "nothing is kept");
        let (faults, wrong) = books.close();
        assert!(
            faults.none() && wrong == Wrong::default(),
            "{faults} {wrong:?}"
        );
    }
}

#[test]
fn what_never_comes_is_missing_and_what_is_jumped_over_is_skipped() {
    let mut lost = good();
    lost.remove(4);
    let faults = after(&lost, &ANSWERS);
    assert_eq!((faults.skipped, faults.missing, faults.repeated), (1, 0, 0));
    let faults = after(&good()[..11], &ANSWERS);
    assert_eq!((faults.skipped, faults.missing), (0, 1), "lost at the end");
    let faults = after(&[], &ANSWERS);
    assert_eq!(faults.missing, 12, "acknowledged, and nobody got anything");
    assert!(!begun(&cast()).is_complete());
}

#[test]
fn of_two_sends_answered_with_one_place_the_one_that_reached_nobody_is_missing() {
    let arrivals: Vec<_> = good().into_iter().filter(|(.., n)| *n < 2).collect();
    let answers = [(0, Some(11)), (1, Some(12)), (2, Some(12))];
    let faults = after(&arrivals, &answers);
    assert_eq!((faults.missing, faults.misacknowledged), (1, 0));
    // What was refused needs to reach nobody, and what a reset left out may reach nobody.
    assert_eq!(
        after(&arrivals, &[answers[0], answers[1], (2, None)]).missing,
        0
    );
    let cast = cast();
    let mut books = begun(&cast);
    (0..4).for_each(|slot| books.reset(slot, 14));
    (0u32..)
        .zip([11, 12, 13])
        .take(3)
        .for_each(|(n, at)| books.answered(n, Some(at)));
    assert_eq!(books.close().0.missing, 0);
}

#[test]
fn a_resume_with_a_gap_or_an_overlap_is_seen() {
    let cast = cast();
    let mut books = begun(&cast);
    for (slot, sequence, n) in good().into_iter().filter(|(slot, ..)| *slot != 3) {
        books.arrived(slot, sequence, n);
    }
    books.arrived(3, 11, 0);
    assert_eq!(books.position(3), Some(11));
    // It comes back, and its stream goes on too late, or too early.
    books.joined(3, 13);
    assert_eq!(books.position(3), Some(11), "a join moves nobody");
    books.arrived(3, 13, 2);
    assert_eq!(books.faults.skipped, 1);
    books.arrived(3, 12, 1);
    assert_eq!(books.faults.repeated, 1);
}

#[test]
fn a_copy_a_swap_and_another_message_for_one_member_are_seen() {
    let mut twice = good();
    twice.insert(4, (1, 11, 0));
    assert_eq!(after(&twice, &ANSWERS).repeated, 1);
    let mut swapped = good();
    swapped.swap(3, 4);
    let faults = after(&swapped, &ANSWERS);
    assert_eq!((faults.skipped, faults.repeated), (1, 1), "12, 11, 13");
    let mut other = good();
    other[4].2 = 2;
    assert_eq!(after(&other, &ANSWERS).diverged, 1);
    let mut other = good();
    other[4].2 = NO_MESSAGE;
    assert_eq!(after(&other, &ANSWERS).diverged, 1);
}

#[test]
fn a_send_stored_twice_is_seen_before_and_after_it_was_answered() {
    let faults = after(&[(0, 11, 0), (0, 12, 0)], &[]);
    assert_eq!(faults.doubled, 1);
    let cast = cast();
    let mut books = begun(&cast);
    books.arrived(0, 11, 0);
    books.answered(0, Some(11));
    assert_eq!(books.open(), 2, "the first one is settled");
    books.arrived(0, 12, 0);
    assert_eq!(books.faults.doubled, 1);
}

#[test]
fn a_sender_s_order_counts_unless_the_hub_asked_for_a_message_once_more() {
    assert_eq!(after(&[(0, 11, 1), (0, 12, 0)], &[]).overtaken, 1);
    let cast = cast();
    let mut books = begun(&cast);
    books.comes_later(0);
    books.arrived(0, 11, 1);
    books.arrived(0, 12, 0);
    assert_eq!(books.faults.overtaken, 0);
}

#[test]
fn what_was_sent_to_another_room_or_never_is_foreign() {
    let cast = two_rooms();
    let mut books = Books::new(&cast);
    (0..4).for_each(|slot| books.joined(slot, 0));
    let (mine, other) = (cast.members(0)[0], cast.members(1)[0]);
    books.sent(other);
    books.arrived(mine, 1, 0);
    books.arrived(mine, 2, 77);
    assert_eq!(books.faults.foreign, 2);
    books.stray(3, "a message of room 9");
    let (faults, wrong) = books.close();
    assert_eq!(faults.foreign, 3);
    assert!(
        wrong.examples[2].contains("user 3 got a message of room 9"),
        "{wrong:?}"
    );
}

#[test]
fn answers_name_the_place_once() {
    let wrong = [(0, Some(12)), ANSWERS[1], ANSWERS[2]];
    assert_eq!(after(&good(), &wrong).misacknowledged, 1);
    let twice = [ANSWERS[0], ANSWERS[0], ANSWERS[1], ANSWERS[2]];
    assert_eq!(after(&good(), &twice).misacknowledged, 1);
    assert_eq!(after(&good(), &ANSWERS[..2]).unacknowledged, 1);
    assert_eq!(
        after(&good(), &[ANSWERS[0], ANSWERS[1], (9, Some(14))]).misacknowledged,
        1,
        "never sent"
    );
    let faults = after(&good()[..2], &[ANSWERS[0], ANSWERS[1], (2, None)]);
    assert_eq!((faults.refused, faults.misacknowledged), (1, 0));
    // What was refused and is there all the same.
    let faults = after(&good(), &[ANSWERS[0], ANSWERS[1], (2, None)]);
    assert_eq!((faults.refused, faults.misacknowledged), (1, 1));
}

#[test]
fn history_that_differs_from_what_came_live_is_named() {
    let cast = cast();
    let mut books = begun(&cast);
    books.arrived(0, 11, 0);
    books.read_back(0, 11, 0);
    books.read_back(0, 99, 5);
    assert_eq!(
        books.wrong.of("other history"),
        0,
        "what is not known cannot differ"
    );
    books.read_back(0, 11, 1);
    assert_eq!(books.wrong.of("other history"), 1);
}

#[test]
fn a_sequence_from_nowhere_does_not_fill_the_memory() {
    let cast = cast();
    let mut books = begun(&cast);
    books.arrived(0, u64::MAX - 1, 0);
    assert!(books.faults.unexpected == 1 && books.places() == 0);
}

#[test]
fn members_who_are_away_for_long_do_not_fill_it_either() {
    let cast = cast();
    let mut books = Books::new(&cast);
    (0..4).for_each(|slot| books.joined(slot, 0));
    for sequence in 1..=(MOST_PLACES as u64 + 10) {
        books.arrived(0, sequence, NO_MESSAGE);
    }
    books.trim();
    assert_eq!(books.places(), MOST_PLACES);
    books.arrived(1, 1, 3);
    assert_eq!(books.faults.diverged, 0, "too old to be compared");
}
