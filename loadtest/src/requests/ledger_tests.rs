//! The books notice what contradicts them, name it, and are content with what does not.

use super::*;

fn books(facts: &[Fact]) -> (Books, Contradictions) {
    let (mut books, mut wrong) = (Books::default(), Contradictions::default());
    let begun = [Fact::Created("r1".into()), Fact::Submitted];
    for fact in begun.into_iter().chain(facts.iter().cloned()) {
        books.enter(fact, &mut wrong);
    }
    (books, wrong)
}

fn seen(state: &str, assigned: Option<u32>) -> Seen {
    Seen {
        state: state.into(),
        assigned,
        offered: true,
        ..Seen::default()
    }
}

const WON: Fact = Fact::Wanted(1, Outcome::Assigned);
const LOST: Fact = Fact::Wanted(2, Outcome::Taken);

#[test]
fn one_winner_and_losers_are_as_it_should_be() {
    let (books, wrong) = books(&[LOST, WON, Fact::Wanted(3, Outcome::Taken), WON]);
    assert!(wrong.none(), "{wrong}");
    let found = books.compare(&seen("assigned", Some(1)));
    assert!(found.none(), "{found} {:?}", found.examples);
    assert_eq!(books.holder(), Some(1));
}

#[test]
fn a_second_winner_is_noticed_at_once() {
    let (_, wrong) = books(&[WON, LOST, Fact::Wanted(2, Outcome::Assigned)]);
    assert_eq!(wrong.second_winner, 1);
    assert_eq!(wrong.to_string(), "second winner 1");
    assert!(wrong.examples[0].contains("musician 1 and to musician 2"));
}

#[test]
fn an_assignment_that_is_not_there_or_somebody_elses_is_lost() {
    let (books, _) = books(&[WON]);
    for (state, assigned) in [("active", None), ("assigned", Some(2)), ("draft", None)] {
        let found = books.compare(&seen(state, assigned));
        assert_eq!(found.to_string(), "lost assignment 1", "{state}");
    }
    let found = books.compare(&seen("disputed", Some(1)));
    assert_eq!(found.to_string(), "other state 1");
}

#[test]
fn a_race_that_everybody_lost_is_wrong_unless_it_is_still_open() {
    let (lost, _) = books(&[LOST, Fact::Wanted(3, Outcome::Taken)]);
    let found = lost.compare(&seen("active", None));
    assert_eq!(found.to_string(), "nobody won 1");
    let (open, _) = books(&[LOST, Fact::Wanted(3, Outcome::Waiting)]);
    for (state, assigned) in [("assigned", Some(3)), ("active", None)] {
        assert!(open.compare(&seen(state, assigned)).none());
    }
}

#[test]
fn what_was_called_off_is_cancelled_whoever_had_it() {
    let (books, _) = books(&[WON, Fact::Cancelled, LOST]);
    assert!(books.compare(&seen("cancelled", None)).none());
    assert_eq!(books.holder(), None);
    let found = books.compare(&seen("assigned", Some(1)));
    assert_eq!(found.to_string(), "other state 1");
}

#[test]
fn applications_offers_and_messages_that_are_gone_are_counted_one_by_one() {
    let said = |sequence| Fact::Said(sequence, format!("message {sequence}"));
    let (books, _) = books(&[Fact::Applied(4), Fact::Applied(5), said(3), said(4)]);
    let mut all = Seen {
        applied: vec![4, 5],
        messages: vec![(3, "message 3".into()), (4, "message 4".into())],
        ..seen("inReview", None)
    };
    assert!(books.compare(&all).none());
    all.applied.pop();
    all.offered = false;
    all.messages[1].0 = 9;
    all.messages.push((10, "message 3".into()));
    let found = books.compare(&all);
    let words = "lost application 1, unoffered 1, lost message 1, doubled message 1";
    assert_eq!(found.to_string(), words);
}

#[test]
fn what_was_never_answered_may_have_happened_or_not() {
    let (mut books, _) = books(&[WON]);
    books.unsure = true;
    assert!(books.compare(&seen("cancelled", None)).none());
}

fn answer(status: u16, body: &'static str, replayed: bool) -> Answer {
    Answer {
        status,
        replayed,
        body: body.into(),
    }
}

fn repeated(one: &Answer, other: &Answer) -> (Repeats, Contradictions) {
    let (mut repeats, mut wrong) = (Repeats::default(), Contradictions::default());
    repeats.answered((1, 2, 3), one, &mut wrong);
    repeats.answered((1, 2, 4), &answer(200, "of another one", false), &mut wrong);
    repeats.answered((1, 2, 3), other, &mut wrong);
    (repeats, wrong)
}

#[test]
fn a_repeat_must_get_the_first_answer_and_whatever_else_it_gets_is_noticed() {
    let first = answer(201, "{\"id\":1}", false);
    let (repeats, wrong) = repeated(&first, &answer(201, "{\"id\":1}", true));
    assert!(wrong.none());
    assert_eq!((repeats.compared, repeats.replayed), (1, 1));
    for other in [
        answer(201, "{\"id\":2}", false),
        answer(409, "{\"id\":1}", false),
    ] {
        let (_, wrong) = repeated(&first, &other);
        assert_eq!(wrong.to_string(), "other answer to a repeat 1");
        assert!(
            wrong.examples[0].contains("{\"id\":1}"),
            "{:?}",
            wrong.examples
        );
    }
}

#[test]
fn an_answer_that_says_later_may_be_another_one_later() {
    let done = answer(200, "{\"outcome\":\"assigned\"}", false);
    for later in [
        answer(202, "{}", false),
        answer(503, "{}", false),
        answer(429, "{}", false),
        answer(409, "{\"code\":\"reservation_pending\"}", false),
    ] {
        let (repeats, wrong) = repeated(&later, &done);
        assert!(wrong.none() && repeats.compared == 0, "{later:?}");
    }
}

#[test]
fn a_calendar_has_what_its_musician_won_and_nothing_twice_at_a_time() {
    let booking = |request: &str, from: &str, to: &str| Booking {
        request: request.into(),
        from: from.into(),
        to: to.into(),
    };
    let told = [("won".to_owned(), true), ("lost".to_owned(), false)];
    let fine = [booking("won", "10", "12"), booking("other", "12", "14")];
    assert!(compare_calendar(&told, &fine).none());
    let found = compare_calendar(&told, &[booking("lost", "10", "12")]);
    assert_eq!(found.to_string(), "lost booking 1, stray booking 1");
    let twice = [booking("other", "11", "13"), booking("won", "10", "12")];
    let found = compare_calendar(&told, &twice);
    assert_eq!(found.to_string(), "double booked 1");
}
