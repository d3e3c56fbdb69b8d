//! Any bytes may stand where ours should: they are refused or read, and nothing panics.

use actors::ids::EntityId;
use actors::journal::Record;
use actors::machines::Machine;
use actors::machines::matching::MusicianCard;
use actors::machines::matching::card::user_of_key;
use actors::machines::user::{User, UserEvent};
use bytes::Bytes;
use proptest::prelude::*;

use crate::desk::{Desk, id};
use crate::world::{born, lives, take};

/// Reads bytes in every way there is.
fn read_all_ways(bytes: &Bytes) {
    let record = Record {
        header: bytes.clone(),
        body_digest: Default::default(),
        body: Some(bytes.clone()),
    };
    let _ = (User::decode(&record), user_of_key(bytes));
    if let Ok(card) = MusicianCard::decode(bytes) {
        let _ = card.is_free(&Desk::new().hours(1, 2));
    }
    if let Ok(user) = User::restore(&EntityId::user(&id("any")), bytes) {
        let _ = (user.snapshot(), user.index_keys(), user.deadline());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read_all_ways(&bytes.into());
    }

    #[test]
    fn damaged_records_and_snapshots_never_panic(
        steps in lives(40),
        at in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let mut desk = born();
        for step in &steps {
            take(&mut desk, step);
        }
        let record = at.get(&desk.records).clone();
        let rows = desk.rows.values().filter_map(|(_, value)| value.clone());
        let all = rows.chain([record.header, desk.user.snapshot()]).chain(record.body);
        for bytes in all {
            let mut damaged = bytes.to_vec();
            let at = at.index(damaged.len());
            damaged[at] = value;
            read_all_ways(&damaged.into());
        }
    }
}

#[test]
fn cut_snapshots_and_other_versions_are_refused() {
    let mut desk = Desk::musician();
    desk.reserve("q", 1, desk.hours(3, 4)).expect("free");
    let snapshot = desk.user.snapshot();
    for end in 0..snapshot.len() {
        let cut = User::restore(&desk.entity, &snapshot.slice(..end));
        assert!(cut.is_err(), "{end} of {}", snapshot.len());
    }
    let mut version = snapshot.to_vec();
    version[0] = 9;
    assert!(User::restore(&desk.entity, &version.into()).is_err());
    for (at, what) in [(0, "format 9"), (1, "kind 99")] {
        let mut record = desk.records[0].clone();
        let mut header = record.header.to_vec();
        header[at] = if at == 0 { 9 } else { 99 };
        record.header = header.into();
        let refused = User::decode(&record).expect_err("refused");
        assert!(refused.to_string().contains(what), "{refused}");
    }
}

#[test]
fn erased_texts_leave_an_event_that_applies() {
    let desk = Desk::musician();
    let mut record = desk.records[0].clone();
    record.body = None;
    let UserEvent::ProfileSet { profile, .. } = User::decode(&record).expect("readable") else {
        panic!("a profile");
    };
    assert_eq!((profile.name.as_str(), profile.musician), ("", false));
}
