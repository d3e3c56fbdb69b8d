//! A history in which everything is as it should be.

use crate::ids::{EntityId, RoomId, Sequence, Timestamp, UserId};
use crate::journal::{Head, Row, SideWrites, Table, TableRow};
use crate::machines::room::{Room, RoomCommand, RoomKind, RoomLimits};
use crate::machines::{Context, Machine};
use crate::testing::oracle::{
    Awaited, Glimpse, History, Outcome, Seen, Stored, View, Wish, fact_of, text_of,
};
use crate::testing::words;

pub fn room() -> RoomId {
    words::room("band")
}

pub fn user() -> UserId {
    words::user("ada")
}

pub fn send(message: &str) -> RoomCommand {
    words::message("ada", message)
}

fn merge(into: &mut Stored, side: SideWrites) {
    into.overlays.extend(side.overlays);
    for write in side.table {
        let row = TableRow {
            key: write.key,
            rank: write.rank,
            value: write.value.expect("nobody leaves here"),
        };
        if write.table == Table::RoomCards {
            into.card = Some(row);
        } else {
            into.memberships.insert(user(), row);
        }
    }
}

/// A room with two messages, the first of them edited, one row per command.
pub fn stored() -> Stored {
    let create = RoomCommand::Create {
        by: user(),
        kind: RoomKind::Group,
        name: None,
        members: vec![],
    };
    let edit = RoomCommand::Edit {
        by: user(),
        target: Sequence(3),
        text: "edited".into(),
    };
    let mut machine = Room::new(&EntityId::room(&room()));
    let (limits, mut head) = (RoomLimits::default(), Head::default());
    let mut stored = Stored {
        first_retained: Sequence(1),
        retained: [Sequence(1)].into(),
        ..Stored::default()
    };
    for command in [create, send("m1"), send("m2"), edit] {
        let context = Context {
            now: Timestamp(1_000),
            limits: &limits,
        };
        let decision = machine.decide(&context, &command).expect("allowed");
        let mut records = Vec::new();
        for event in decision.events {
            let sequence = head.sequence.plus(records.len() as u64 + 1);
            records.push(Room::encode(&event));
            machine.apply(sequence, &event);
            merge(&mut stored, machine.effects(sequence, &event));
        }
        let row = Row::seal(head, 0, records);
        head = row.head();
        stored.rows.push(row);
    }
    stored
}

pub fn attempt(history: &mut History, wish: Wish, outcome: Outcome) {
    let attempt = history.begin(&user(), &room(), 0, wish);
    history.answer(attempt, outcome);
}

pub fn sent(text: &str) -> Wish {
    Wish::Send {
        id: words::id(text),
        text: format!("text of {text}"),
    }
}

/// Everything as it should be.
pub fn truth() -> History {
    let mut history = History::default();
    let stored = stored();
    attempt(&mut history, sent("m1"), Outcome::Ok(Sequence(3)));
    attempt(&mut history, sent("m2"), Outcome::Ok(Sequence(4)));
    attempt(
        &mut history,
        sent("m3"),
        Outcome::Refused("not_a_member".into()),
    );
    attempt(&mut history, sent("m4"), Outcome::Unknown);
    let edit = Wish::Edit {
        target: Sequence(3),
        text: "edited".into(),
    };
    attempt(&mut history, edit, Outcome::Ok(Sequence(5)));
    attempt(&mut history, Wish::Look, Outcome::Ok(Sequence(5)));
    let events = crate::testing::checks::events(&stored.rows).expect("readable");
    let seen = events.iter().map(|(sequence, event)| Seen::Event {
        sequence: *sequence,
        fact: fact_of(event),
        text: text_of(event),
    });
    history.views.push(View {
        user: user(),
        room: room(),
        after: Some(Sequence::ZERO),
        head: Sequence(5),
        seen: seen.collect(),
    });
    let first = events.get(&Sequence(3)).expect("a message");
    history.glimpses.push(Glimpse {
        room: room(),
        sequence: Sequence(3),
        fact: fact_of(first),
        text: Some("edited".into()),
    });
    history.gauge("deliveries in a send queue", 4, 4);
    history.awaited.push(Awaited {
        what: "ada reaches the head".into(),
        missed: None,
    });
    history.rooms.insert(room(), stored);
    history
}
