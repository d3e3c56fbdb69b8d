//! Read cursors: how far each user has read each room. The maximum wins; written at most once a second. Whoever sends a
//! message has read the room up to it, so that nobody's own messages count as unread.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use thiserror::Error;

use super::FanoutLimits;
use crate::ids::{RoomId, Sequence, UserId};
use crate::journal::{AppendError, Journal, ReadError, Table, TableRow, TableWrite};

/// How far a user has read a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor {
    /// Last sequence read.
    pub up_to: Sequence,
    /// Number of the last message at or before it: unread is the room's count minus this.
    pub number: u64,
}

/// A cursor that waits to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Waiting {
    cursor: Cursor,
    /// Others are to be told when it is written; a message tells of its sender by itself.
    told: bool,
}

/// Too many marks wait to be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("too many read marks are waiting to be written")]
pub struct CursorsFull;

/// Cursors in one write.
const AT_ONCE: usize = 1_024;

type Pending = BTreeMap<(RoomId, UserId), Waiting>;

/// Read cursors that this node writes: marks of its users, and those of whoever sends to its rooms.
pub struct Cursors {
    journal: Arc<dyn Journal>,
    limits: Arc<FanoutLimits>,
    pending: Mutex<Pending>,
}

impl Cursors {
    /// No cursor waiting.
    pub fn new(journal: Arc<dyn Journal>, limits: Arc<FanoutLimits>) -> Self {
        Self {
            journal,
            limits,
            pending: Mutex::default(),
        }
    }

    /// Moves a cursor forward; going back has no effect.
    pub fn mark(&self, room: &RoomId, user: &UserId, cursor: Cursor) -> Result<(), CursorsFull> {
        let waiting = Waiting { cursor, told: true };
        self.advance(&mut self.pending.lock(), room, user, waiting)
    }

    /// Moves the cursors of those who sent these messages. There is nobody to refuse: if too many wait, the senders' own
    /// messages count as unread until they mark something or send again.
    pub fn sent<'a>(&self, room: &RoomId, messages: impl Iterator<Item = (&'a UserId, Cursor)>) {
        let mut pending = self.pending.lock();
        for (sender, cursor) in messages {
            let told = false;
            let waiting = Waiting { cursor, told };
            if self.advance(&mut pending, room, sender, waiting).is_err() {
                metrics::counter!("mussikon_sender_cursors_dropped_total").increment(1);
            }
        }
    }

    fn advance(
        &self,
        pending: &mut Pending,
        room: &RoomId,
        user: &UserId,
        waiting: Waiting,
    ) -> Result<(), CursorsFull> {
        let full = pending.len() >= self.limits.pending_cursors;
        match pending.entry((room.clone(), user.clone())) {
            Entry::Occupied(mut entry) => {
                let held = entry.get_mut();
                held.told |= waiting.told && waiting.cursor > held.cursor;
                held.cursor = waiting.cursor.max(held.cursor);
            }
            Entry::Vacant(_) if full => return Err(CursorsFull),
            Entry::Vacant(entry) => {
                entry.insert(waiting);
            }
        }
        Ok(())
    }

    /// Writes what waits, some of it at a time, and adds to `told` what others are to be told of. What could not be written
    /// waits on.
    pub async fn flush(
        &self,
        told: &mut Vec<(RoomId, UserId, Sequence)>,
    ) -> Result<(), AppendError> {
        let mut after = None;
        loop {
            // Written ones stay here until they are, so that nobody sees a cursor go back meanwhile.
            let batch = self.batch(after.as_ref());
            let Some((last, _)) = batch.last() else {
                return Ok(());
            };
            let (next, whole) = (last.clone(), batch.len() == AT_ONCE);
            self.journal
                .put_rows(batch.iter().map(row).collect())
                .await?;
            self.written(batch, told);
            // What came meanwhile is for the next time, or it would be written more often.
            if !whole {
                return Ok(());
            }
            after = Some(next);
        }
    }

    /// The next ones that wait: a node has many users, and who sends meanwhile must not wait for a copy of all.
    fn batch(&self, after: Option<&(RoomId, UserId)>) -> Vec<((RoomId, UserId), Waiting)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let pending = self.pending.lock();
        let rest = pending.range((from, Bound::Unbounded)).take(AT_ONCE);
        rest.map(|(key, waiting)| (key.clone(), *waiting)).collect()
    }

    fn written(
        &self,
        batch: Vec<((RoomId, UserId), Waiting)>,
        told: &mut Vec<(RoomId, UserId, Sequence)>,
    ) {
        let mut pending = self.pending.lock();
        for (key, written) in batch {
            if pending.get(&key) == Some(&written) {
                pending.remove(&key);
            }
            if written.told {
                let (room, user) = key;
                told.push((room, user, written.cursor.up_to));
            }
        }
    }

    /// The cursors of one user in several rooms, in the order asked; zero where nothing was read.
    pub async fn of(&self, user: &UserId, rooms: &[RoomId]) -> Result<Vec<Cursor>, ReadError> {
        // Looked at before the store: what is written and forgotten meanwhile is then in one of the two.
        let waiting: Vec<Cursor> = {
            let pending = self.pending.lock();
            let waiting = |room: &RoomId| pending.get(&(room.clone(), user.clone()));
            let cursor = |room| waiting(room).map(|waiting| waiting.cursor);
            rooms
                .iter()
                .map(|room| cursor(room).unwrap_or_default())
                .collect()
        };
        let keys = rooms.iter().map(|room| key(room, user)).collect();
        let stored = self.journal.get_rows(Table::ReadCursors, keys).await?;
        let stored = stored
            .iter()
            .map(|row| row.as_ref().map(decode).unwrap_or_default());
        Ok(waiting
            .into_iter()
            .zip(stored)
            .map(|(waiting, stored)| waiting.max(stored))
            .collect())
    }
}

/// The key of a cursor in its table.
pub fn key(room: &RoomId, user: &UserId) -> Vec<u8> {
    let mut key = room.as_str().as_bytes().to_vec();
    key.push(0);
    key.extend_from_slice(user.as_str().as_bytes());
    key
}

fn row(((room, user), waiting): &((RoomId, UserId), Waiting)) -> TableWrite {
    TableWrite {
        table: Table::ReadCursors,
        key: key(room, user),
        rank: waiting.cursor.up_to.0,
        value: Some(encode(waiting.cursor)),
    }
}

fn encode(cursor: Cursor) -> Bytes {
    Bytes::copy_from_slice(&cursor.number.to_be_bytes())
}

fn decode(row: &TableRow) -> Cursor {
    let number = row.value.get(..8).and_then(|b| b.try_into().ok());
    Cursor {
        up_to: Sequence(row.rank),
        number: number.map_or(0, u64::from_be_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::memory::MemoryJournal;

    fn place(number: u64) -> (RoomId, UserId) {
        let room = RoomId::parse("band").expect("a valid id");
        let user = UserId::parse(&format!("u{number:05}")).expect("a valid id");
        (room, user)
    }

    fn at(up_to: u64) -> Cursor {
        Cursor {
            up_to: Sequence(up_to),
            number: up_to,
        }
    }

    #[tokio::test]
    async fn more_than_fit_one_write_are_all_written_and_those_who_are_to_know_are_told() {
        let journal = Arc::new(MemoryJournal::new());
        let cursors = Cursors::new(journal.clone(), Arc::default());
        let count = 2 * AT_ONCE as u64 + 1;
        for number in 0..count {
            let (room, user) = place(number);
            match number % 2 {
                0 => cursors.mark(&room, &user, at(number + 1)).expect("room"),
                _ => cursors.sent(&room, [(&user, at(number + 1))].into_iter()),
            }
        }
        let mut told = Vec::new();
        cursors.flush(&mut told).await.expect("written");
        let expected: Vec<_> = (0..count)
            .step_by(2)
            .map(|number| {
                let (room, user) = place(number);
                (room, user, Sequence(number + 1))
            })
            .collect();
        assert_eq!(told, expected);
        assert!(cursors.pending.lock().is_empty());
        let others = Cursors::new(journal, Arc::default());
        for number in [0, count - 1] {
            let (room, user) = place(number);
            let stored = others.of(&user, &[room]).await.expect("read");
            assert_eq!(stored, [at(number + 1)]);
        }
    }
}
