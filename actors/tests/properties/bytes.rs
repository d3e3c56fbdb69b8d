//! Any bytes may stand where ours should: they are refused or read, and nothing panics.

use actors::ids::EntityId;
use actors::journal::Record;
use actors::machines::Machine;
use actors::machines::room::cards::{Membership, RoomCard, room_of_key};
use actors::machines::room::codec::{decode_state, peek};
use actors::machines::room::{Room, RoomEvent};
use bytes::Bytes;
use proptest::prelude::*;

use crate::hall::{Hall, words};

/// A room with one record of each kind.
fn everything() -> Hall {
    let mut hall = Hall::group();
    let target = hall.send("bob", "m1", "first").expect("sent").sequence;
    hall.send_content("cy", "m2", words("yes"), Some(target))
        .expect("replied");
    hall.edit("bob", target, "second").expect("edited");
    hall.react("cy", target, "👍").expect("reacted");
    hall.unreact("cy", target, "👍").expect("taken back");
    hall.quit("cy").expect("quit");
    hall
}

fn mutated(bytes: &[u8], at: usize, value: u8, cut: usize) -> Bytes {
    let mut bytes = bytes.to_vec();
    if !bytes.is_empty() {
        let at = at % bytes.len();
        bytes[at] = value;
        bytes.truncate(bytes.len() - cut.min(bytes.len()));
    }
    bytes.into()
}

/// Reads bytes in every way there is.
fn read_all_ways(bytes: &Bytes) {
    let record = Record {
        header: bytes.clone(),
        body_digest: Default::default(),
        body: Some(bytes.clone()),
    };
    let entity = EntityId::new(Room::KIND, "any").expect("an id");
    let _ = (peek(bytes), Room::decode(&record), decode_state(bytes));
    let _ = (
        Membership::decode(bytes),
        RoomCard::decode(bytes),
        room_of_key(bytes),
    );
    if let Ok(room) = Room::restore(&entity, bytes) {
        let _ = room.snapshot();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read_all_ways(&bytes.clone().into());
        // With the right version in front they get further.
        let mut versioned = vec![1];
        versioned.extend(&bytes);
        read_all_ways(&versioned.into());
    }

    #[test]
    fn damaged_bytes_never_panic(
        which in any::<prop::sample::Index>(),
        at in any::<usize>(),
        value in any::<u8>(),
        cut in 0..8_usize,
    ) {
        let hall = everything();
        let mut all: Vec<Bytes> = vec![hall.room.snapshot()];
        for record in &hall.store.records {
            all.push(record.header.clone());
            all.extend(record.body.clone());
        }
        all.extend(hall.store.overlays.values().map(|overlay| overlay.state.clone()));
        all.extend(hall.store.table.values().filter_map(|(_, value)| value.clone()));
        read_all_ways(&mutated(which.get::<Bytes>(&all), at, value, cut));
        // A damaged body under its whole header, and the other way round.
        let record = which.get(&hall.store.records);
        let mut damaged = record.clone();
        damaged.body = damaged.body.map(|body| mutated(&body, at, value, cut));
        let _ = Room::decode(&damaged);
        let mut damaged = record.clone();
        damaged.header = mutated(&record.header, at, value, cut);
        let _ = Room::decode(&damaged);
    }

    #[test]
    fn an_erased_body_leaves_everything_but_the_words(which in any::<prop::sample::Index>()) {
        let hall = everything();
        let record = which.get(&hall.store.records);
        let whole = Room::decode(record).expect("readable");
        let mut erased = record.clone();
        erased.body = None;
        let erased = Room::decode(&erased).expect("readable");
        prop_assert_eq!(erased.message_count, whole.message_count);
        match (erased.event, whole.event) {
            (RoomEvent::MessageSent(erased), RoomEvent::MessageSent(whole)) => {
                prop_assert_eq!(&erased.content, &None);
                prop_assert_eq!(erased.fingerprint, whole.fingerprint);
                prop_assert_eq!(erased.sent_at, whole.sent_at);
                let reply = |m: &actors::machines::room::Message| {
                    m.reply_to.as_ref().map(|reply| (reply.sequence, reply.sender.clone()))
                };
                prop_assert_eq!(reply(&erased), reply(&whole));
            }
            (RoomEvent::MessageEdited { text, target, .. }, RoomEvent::MessageEdited { target: same, .. }) => {
                prop_assert_eq!((text, target), (None, same));
            }
            (erased, whole) => prop_assert_eq!(erased, whole),
        }
    }
}
