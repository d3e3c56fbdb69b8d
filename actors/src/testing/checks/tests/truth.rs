//! A history in which everything is as it should be.

use crate::ids::{EntityId, RoomId, Sequence, Timestamp, UserId};
use crate::journal::{Head, Row, SideWrites, Table, TableRow};
use crate::machines::room::{Room, RoomCommand, RoomEvent, RoomKind, RoomLimits};
use crate::machines::{Context, Machine};
use crate::testing::oracle::{
    Awaited, Glimpse, History, Outcome, Roll, Seen, Stored, View, Wish, fact_of, text_of,
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
    for overlay in side.overlays {
        into.overlays.retain(|old| old.sequence != overlay.sequence);
        into.overlays.push(overlay);
    }
    for write in side.table {
        let (key, rank) = (write.key, write.rank);
        let row = write.value.map(|value| TableRow {
            key: key.clone(),
            rank,
            value,
        });
        if write.table == Table::RoomCards {
            into.card = row;
            continue;
        }
        let name = key.split(|byte| *byte == 0).next().unwrap_or_default();
        let user = words::user(std::str::from_utf8(name).expect("a user id"));
        match row {
            Some(row) => drop(into.memberships.insert(user, row)),
            None => drop(into.memberships.remove(&user)),
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
    let mut stored = Stored {
        first_retained: Sequence(1),
        retained: [Sequence(1)].into(),
        read: [(user(), Sequence(4))].into(),
        ..Stored::default()
    };
    for command in [create, send("m1"), send("m2"), edit] {
        append(&mut stored, &command);
    }
    stored
}

/// One more row, as an owner decides it, with what it writes beside the journal.
pub fn append(stored: &mut Stored, command: &RoomCommand) {
    let mut machine = Room::new(&EntityId::room(&room()));
    let mut head = Head::default();
    for row in &stored.rows {
        for (sequence, record) in row.entries() {
            machine.apply(sequence, &Room::decode(record).expect("readable"));
        }
        head = row.head();
    }
    let context = Context {
        now: Timestamp(1_000),
        limits: &RoomLimits::default(),
    };
    let decision = machine.decide(&context, command).expect("allowed");
    let mut records = Vec::new();
    for event in decision.events {
        let sequence = head.sequence.plus(records.len() as u64 + 1);
        records.push(Room::encode(&event));
        machine.apply(sequence, &event);
        merge(stored, machine.effects(sequence, &event));
    }
    stored.rows.push(Row::seal(head, 0, records));
}

/// How a reader is shown an event.
pub fn seen(sequence: Sequence, event: &RoomEvent) -> Seen {
    Seen::Event {
        sequence,
        fact: fact_of(event),
        text: text_of(event),
    }
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
    let seen = events.iter().map(|(at, event)| seen(*at, event));
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
    history.rolls.push(Roll {
        room: room(),
        node: 0,
        told: [user()].into(),
        present: [user()].into(),
    });
    history.gauge("deliveries in a send queue", 4, 4);
    history.awaited.push(Awaited {
        what: "ada reaches the head".into(),
        missed: None,
    });
    history.rooms.insert(room(), stored);
    history
}
