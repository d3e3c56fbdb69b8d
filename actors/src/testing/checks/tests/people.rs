//! What is judged of people: how far they read, whether they are there, and what they may see.

use super::truth::{self, attempt, room, send, sent};
use super::{band, noticed};
use crate::ids::Sequence;
use crate::machines::room::RoomCommand;
use crate::testing::checks::events;
use crate::testing::oracle::{History, Mark, Outcome, Seen, View};
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
    // Removed at 7 and added again at 9, and shown so much of that.
    let (bob, invited) = (words::user("bob"), Sequence(6));
    let with_bob = |history: &mut History, shown: &[u64]| {
        let (by, user) = (truth::user(), bob.clone());
        let invite = RoomCommand::Invite { by, user };
        let (by, user) = (truth::user(), bob.clone());
        let remove = RoomCommand::Remove { by, user };
        let stored = band(history);
        for command in [&invite, &remove, &send("m5"), &invite, &send("m6")] {
            truth::append(stored, command);
        }
        let events = events(&stored.rows).expect("readable");
        let seen = shown
            .iter()
            .map(|number| match events.get(&Sequence(*number)) {
                Some(event) => truth::seen(Sequence(*number), event),
                // A reset to a hundred less.
                None => Seen::Reset {
                    from: Sequence(number - 100),
                },
            });
        let view = View {
            user: bob.clone(),
            room: room(),
            after: Some(invited),
            head: invited,
            seen: seen.collect(),
        };
        history.views.push(view);
        attempt(history, sent("m5"), Outcome::Ok(Sequence(8)));
        attempt(history, sent("m6"), Outcome::Ok(Sequence(10)));
    };
    let trimmed = |history: &mut History, shown: &[u64]| {
        with_bob(history, shown);
        band(history).retained.insert(Sequence(8));
    };
    noticed(&[], |history| with_bob(history, &[7]));
    noticed(&["members_only"], |history| with_bob(history, &[7, 8]));
    noticed(&["members_only"], |history| {
        with_bob(history, &[7, 8, 9, 10])
    });
    let again = [109, 9, 10];
    noticed(&[], |history| trimmed(history, &again));
    noticed(&["delivered_runs"], |history| with_bob(history, &again));
    noticed(&["delivered_runs"], |history| trimmed(history, &[110, 10]));
    // The removal at 7 was still kept when the 6 before it was gone.
    noticed(&["delivered_runs"], |history| {
        with_bob(history, &again);
        history.views[1].after = Some(Sequence(5));
        band(history).retained.insert(Sequence(7));
    });
    noticed(&["members_only"], |history| trimmed(history, &[108, 8, 9]));
}
