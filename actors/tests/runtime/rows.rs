//! What is durable is handed on as the bytes that the journal was given: nothing is encoded a second time.

use std::sync::Arc;

use actors::ids::{EntityId, Sequence};
use actors::journal::memory::MemoryJournal;
use actors::journal::{Journal, PageLimit, Range, Row};
use actors::machines::Machine;
use actors::machines::room::{Room, RoomCommand, RoomEntry, RoomKind, RoomLimits};
use actors::runtime::{CommitSink, Deps, Directory, RuntimeLimits};
use parking_lot::Mutex;

use super::stage::{Paused, entity, message, user};

#[derive(Default)]
struct Kept(Mutex<Vec<(Row, Vec<RoomEntry>)>>);

impl CommitSink<Room> for Kept {
    fn committed(&self, _: &EntityId, row: &Row, events: &[RoomEntry]) {
        self.0.lock().push((row.clone(), events.to_vec()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_gets_the_row_of_the_journal_with_the_events_in_it() {
    let (store, sink) = (Arc::new(MemoryJournal::new()), Arc::new(Kept::default()));
    let rooms = Directory::<Room>::start(Deps {
        journal: store.clone(),
        wakeups: store.clone(),
        clock: Arc::new(Paused::default()),
        sink: sink.clone(),
        errands: Arc::new(actors::runtime::NoErrands),
        limits: Arc::new(RuntimeLimits::default()),
        rules: Arc::new(RoomLimits::default()),
        salt: 7,
    });
    let rooms = rooms.await.expect("a directory starts");
    let create = RoomCommand::Create {
        by: user("ada"),
        kind: RoomKind::Group,
        name: None,
        members: vec![user("bob")],
    };
    for command in [create, message("ada", "m1"), message("bob", "m2")] {
        let asked = rooms.ask(&entity("band"), command, 100).await;
        asked.expect("accepted");
    }
    let all = PageLimit {
        records: 100,
        bytes: 1 << 20,
    };
    let after = Range::After(Sequence::ZERO);
    let stored = store.read(&entity("band"), after, all).await;
    let stored = stored.expect("readable");
    let kept = sink.0.lock();
    assert_eq!(kept.len(), stored.len());
    for ((row, events), stored) in kept.iter().zip(&stored) {
        assert_eq!(row, stored);
        let decoded = row.records.iter().map(Room::decode);
        assert_eq!(
            &decoded.collect::<Result<Vec<_>, _>>().expect("known"),
            events
        );
        for (record, other) in row.records.iter().zip(&stored.records) {
            // The same bytes in memory, not equal ones.
            assert_eq!(record.header.as_ptr(), other.header.as_ptr());
        }
    }
}
