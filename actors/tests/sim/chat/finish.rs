//! The end of a run: all nodes end in order, and what the store holds is written down.

use actors::cluster::cursors;
use actors::ids::{EntityId, RoomId, Sequence};
use actors::journal::{Journal, Table};
use actors::machines::room::cards;
use actors::testing::oracle::{Awaited, History, Stored};

use super::super::store::done;
use super::World;

/// Alarms of lost side writes are due at last by then.
const SETTLED_MS: u64 = 50_000;

impl World {
    pub(super) fn finish(mut self) -> History {
        for client in &mut self.crowd.clients {
            client.disconnect();
        }
        if !self.options.atomic {
            let end = self.now() + SETTLED_MS;
            while self.now() < end {
                self.step(250);
            }
        }
        let lives: Vec<u64> = self.nodes.iter().filter_map(|node| node.life()).collect();
        let open = self.drain();
        self.crowd.history.lock().awaited.push(Awaited {
            what: "all nodes drain".into(),
            missed: (open > 0).then(|| format!("{open} do not")),
        });
        for node in &mut self.nodes {
            node.crash();
        }
        let mut history = std::mem::take(&mut *self.crowd.history.lock());
        history.ended.extend(lives);
        history.deletes_at_once = self.nodes.len() == 1 && self.options.atomic;
        for (room, _) in &self.crowd.habits.rooms {
            history.rooms.insert(room.clone(), self.stored(room));
        }
        for attempt in &history.attempts {
            self.trace.ended(attempt.outcome());
            self.trace.note(|| format!("{attempt:?}"));
        }
        for view in &history.views {
            self.trace.note(|| format!("{view:?}"));
        }
        for mark in &history.marks {
            self.trace.note(|| format!("{mark:?}"));
        }
        history
    }

    fn stored(&self, room: &RoomId) -> Stored {
        let inner = &self.store.inner;
        let entity = EntityId::room(room);
        let get = |table, key| {
            let rows = done(inner.get_rows(table, vec![key])).expect("readable");
            rows.into_iter().next().flatten()
        };
        let rows = self
            .store
            .archive
            .lock()
            .get(&entity)
            .cloned()
            .unwrap_or_default();
        let last = rows.last().map(|row| row.last()).unwrap_or_default();
        let trims = self.store.trims.lock().get(&entity).cloned();
        let memberships = self.crowd.habits.users.iter().filter_map(|user| {
            let row = get(Table::RoomsOfUser, cards::rooms_of_user_key(user, room))?;
            Some((user.clone(), row))
        });
        let read = self.crowd.habits.users.iter().filter_map(|user| {
            let row = get(Table::ReadCursors, cursors::key(room, user))?;
            Some((user.clone(), Sequence(row.rank)))
        });
        Stored {
            first_retained: done(inner.first_retained(&entity)).expect("readable"),
            retained: trims.into_iter().flatten().chain([Sequence(1)]).collect(),
            overlays: done(inner.overlays(&entity, Sequence(1), last)).expect("readable"),
            card: get(Table::RoomCards, cards::room_card_key(room)),
            memberships: memberships.collect(),
            read: read.collect(),
            rows,
        }
    }
}
