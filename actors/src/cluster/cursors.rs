//! Read cursors: how far each user has read each room. The maximum wins; written at most once a second. Whoever sends a
//! message has read the room up to it, so that nobody's own messages count as unread.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
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

    /// Writes what waits and answers what others are to be told of. What could not be written waits on.
    pub async fn flush(&self) -> Result<Vec<(RoomId, UserId, Sequence)>, AppendError> {
        // Written ones stay here until they are, so that nobody sees a cursor go back meanwhile.
        let batch = self.pending.lock().clone();
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let writes = batch
            .iter()
            .map(|((room, user), Waiting { cursor, .. })| TableWrite {
                table: Table::ReadCursors,
                key: key(room, user),
                rank: cursor.up_to.0,
                value: Some(encode(*cursor)),
            });
        self.journal.put_rows(writes.collect()).await?;
        let mut pending = self.pending.lock();
        for (key, written) in &batch {
            if pending.get(key) == Some(written) {
                pending.remove(key);
            }
        }
        drop(pending);
        Ok(batch
            .into_iter()
            .filter(|(_, written)| written.told)
            .map(|((room, user), written)| (room, user, written.cursor.up_to))
            .collect())
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
