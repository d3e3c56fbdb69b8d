//! The books of inboxes notice each kind of mistake, and nothing where there is none.

use super::*;

/// Two users; notices 0 and 2 are for the first, 1 for the second. The first inbox begins behind 10, the second behind 0.
fn begun() -> Books {
    let mut books = Books::new(2);
    [0, 1, 0].into_iter().for_each(|user| books.intended(user));
    books.listens(0, 10);
    books.listens(1, 0);
    books
}

/// All are accepted and shown.
fn good() -> Books {
    let mut books = begun();
    for (n, user, sequence) in [(0, 0, 11), (1, 1, 1), (2, 0, 12)] {
        books.accept(n, sequence);
        assert!(books.came(user, sequence) && books.show(user, sequence, Some(n)));
    }
    books
}

const PAGE: [(u64, Option<u32>); 2] = [(12, Some(2)), (11, Some(0))];

#[test]
fn nothing_is_wrong_where_everything_is_shown_and_kept_once() {
    let mut books = good();
    assert_eq!((books.open(), books.accepted()), (0, 3));
    assert!(books.is_shown(0) && books.is_shown(1));
    books.compare(0, &PAGE, 3, true);
    books.compare(0, &PAGE[..1], 3, false);
    books.compare(1, &[(1, Some(1))], 3, true);
    books.compare_unread(0, 2);
    books.marked(0, 11);
    books.compare_unread(0, 1);
    books.compare_unread(1, 1);
    let (faults, wrong) = books.close();
    assert!(
        faults.none() && wrong == Wrong::default(),
        "{faults} {wrong:?}"
    );
}

#[test]
fn what_is_accepted_and_never_shown_is_missing_and_what_has_no_answer_is_unacknowledged() {
    let mut books = begun();
    books.accept(0, 11);
    assert!(!books.is_shown(0));
    books.give_up(1);
    books.give_up(1);
    assert_eq!(books.open(), 1);
    let (faults, _) = books.close();
    assert_eq!((faults.missing, faults.unacknowledged), (1, 2));
}

#[test]
fn a_notice_that_is_shown_twice_or_to_another_or_was_never_posted_is_named() {
    let mut books = good();
    assert!(!books.show(0, 13, Some(2)));
    assert_eq!(books.wrong.of("shown twice"), 1);
    assert!(!books.show(1, 2, Some(2)) && !books.show(1, 3, Some(77)) && !books.show(1, 4, None));
    assert_eq!(books.faults.foreign, 3);
}

#[test]
fn gaps_and_repeats_on_a_line_are_faults() {
    let mut books = good();
    assert!(!books.came(0, 12) && !books.came(0, 15) && books.came(0, 16));
    assert_eq!((books.faults.repeated, books.faults.skipped), (1, 2));
}

#[test]
fn a_notice_has_one_sequence_whoever_says_it() {
    let mut books = good();
    books.accept(0, 11);
    assert_eq!(books.wrong, Wrong::default(), "the same answer again");
    books.accept(0, 14);
    assert_eq!(books.wrong.of("other answer to a repeat"), 1);
    let mut books = begun();
    books.show(0, 11, Some(0));
    books.accept(0, 12);
    assert_eq!(books.wrong.of("other sequence"), 1);
    let mut books = begun();
    books.accept(0, 12);
    books.show(0, 11, Some(0));
    assert_eq!(books.wrong.of("other sequence"), 1);
    books.compare(0, &[(13, Some(0))], 3, true);
    assert_eq!(books.wrong.of("other sequence"), 2);
}

#[test]
fn an_inbox_that_lacks_or_doubles_a_notice_or_has_another_one_is_named() {
    let mut books = good();
    books.compare(0, &PAGE[..1], 3, true);
    assert_eq!(books.wrong.of("lost notice"), 1);
    books.compare(0, &[], 0, true);
    assert_eq!(
        books.wrong.of("lost notice"),
        1,
        "asked for before anything was accepted"
    );
    books.compare(0, &[PAGE[0], PAGE[1], (11, Some(0))], 3, true);
    assert_eq!(books.wrong.of("doubled notice"), 1);
    books.compare(0, &[PAGE[0], PAGE[1], (9, Some(1)), (8, None)], 3, true);
    assert_eq!(books.faults.foreign, 2);
}

#[test]
fn a_wrong_count_and_a_notice_that_was_kept_back_are_named() {
    let mut books = good();
    books.compare_unread(0, 3);
    books.marked(0, 12);
    books.marked(0, 1);
    books.compare_unread(0, 0);
    books.compare_unread(0, 1);
    assert_eq!(books.wrong.of("wrong count"), 2);
    books.kept_back(0, 13);
    assert_eq!(books.wrong.of("not shown"), 1);
    let mut books = begun();
    books.give_up(0);
    books.compare_unread(0, 0);
    books.compare_unread(0, 1);
    assert_eq!(
        books.wrong,
        Wrong::default(),
        "nobody knows whether it was accepted"
    );
}
