//! What is judged of people: how far they read, whether they are there, and what they may see.

use super::truth::{self, attempt, room, send, sent};
use super::{band, noticed};
use crate::ids::Sequence;
use crate::machines::room::RoomCommand;
use crate::testing::checks::events;
use crate::testing::oracle::{History, Mark, Outcome, View};
use crate::testing::words;

#[test]
fn a_read_mark_that_is_behind_beyond_back_or_lost_is_noticed() {
    let mark = |told: u64, moments: (u64, u64)| Mark {
        user: truth::user(),
        room: room(),
        connection: 1,
        life: 1,
        asked: Sequence(2),
        told: Sequence(told),
        moments,
    };
    let doctor = |marks: Vec<Mark>| move |history: &mut History| history.marks.extend(marks);
    noticed(&[], doctor(vec![mark(2, (50, 51)), mark(4, (52, 53))]));
    // Asked at the same time, and answered in any order.
    noticed(&[], doctor(vec![mark(4, (50, 53)), mark(2, (51, 52))]));
    noticed(&["cursors_advance"], doctor(vec![mark(1, (50, 51))]));
    noticed(&["cursors_advance"], doctor(vec![mark(6, (50, 51))]));
    let back = vec![mark(4, (50, 51)), mark(3, (52, 53))];
    noticed(&["cursors_advance"], doctor(back));
    noticed(&["cursors_advance"], |history| {
        history.ended.insert(1);
        history.marks.push(mark(5, (50, 51)));
    });
    noticed(&[], |history| {
        history.ended.insert(1);
        history.marks.push(mark(4, (50, 51)));
    });
}

#[test]
fn a_word_of_presence_that_is_not_true_is_noticed() {
    noticed(&["presence_is_true"], |history| {
        history.rolls[0].present.insert(words::user("bob"));
    });
    noticed(&["presence_is_true"], |history| {
        history.rolls[0].present.clear();
    });
}

#[test]
fn whoever_reads_or_joins_or_speaks_without_being_a_member_is_noticed() {
    noticed(&["members_only"], |history| {
        let mut view = history.views[0].clone();
        view.user = words::user("bob");
        history.views.push(view);
    });
    // Removed, and shown what came after it.
    let (bob, invited, removed) = (words::user("bob"), Sequence(6), Sequence(7));
    let with_bob = |history: &mut History, last: u64| {
        let (by, user) = (truth::user(), bob.clone());
        let stored = band(history);
        truth::append(stored, &RoomCommand::Invite { by, user });
        let (by, user) = (truth::user(), bob.clone());
        truth::append(stored, &RoomCommand::Remove { by, user });
        truth::append(stored, &send("m5"));
        let events = events(&stored.rows).expect("readable");
        let seen = events.range(removed..=Sequence(last));
        let seen = seen.map(|(sequence, event)| truth::seen(*sequence, event));
        let view = View {
            user: bob.clone(),
            room: room(),
            after: Some(invited),
            head: invited,
            seen: seen.collect(),
        };
        history.views.push(view);
        attempt(history, sent("m5"), Outcome::Ok(Sequence(8)));
    };
    noticed(&[], |history| with_bob(history, 7));
    noticed(&["members_only"], |history| with_bob(history, 8));
}
