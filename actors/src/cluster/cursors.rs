//! Read cursors: how far each user has read each room. The maximum wins; when those of a room are written says `waits`.
//! Whoever sends a message has read the room up to it, so that nobody's own messages count as unread.

mod waits;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};

use self::waits::{Place, REST, Taken, Waiting, Waits};
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

/// Too many marks wait to be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("too many read marks are waiting to be written")]
pub struct CursorsFull;

/// Between two looks at what is due.
const LOOK: Duration = Duration::from_millis(50);
/// Cursors in one write.
const AT_ONCE: usize = 1_024;

/// What was written and others are to be told of.
pub type Told = Vec<(RoomId, UserId, Sequence)>;

/// Read cursors that this node writes: marks of its users, and those of whoever sends to its rooms.
pub struct Cursors {
    journal: Arc<dyn Journal>,
    limits: Arc<FanoutLimits>,
    waits: Mutex<Waits>,
    /// A room is due sooner than any before.
    sooner: Notify,
}

impl Cursors {
    /// No cursor waiting.
    pub fn new(journal: Arc<dyn Journal>, limits: Arc<FanoutLimits>) -> Self {
        Self {
            journal,
            limits,
            waits: Mutex::default(),
            sooner: Notify::new(),
        }
    }

    /// Moves a cursor forward; going back has no effect.
    pub fn mark(&self, room: &RoomId, user: &UserId, cursor: Cursor) -> Result<(), CursorsFull> {
        let waiting = Waiting { cursor, told: true };
        self.advance(&mut self.waits.lock(), room, user, waiting)
    }

    /// Moves the cursors of those who sent these messages. There is nobody to refuse: if too many wait, the senders' own
    /// messages count as unread until they mark something or send again.
    pub fn sent<'a>(&self, room: &RoomId, messages: impl Iterator<Item = (&'a UserId, Cursor)>) {
        let mut waits = self.waits.lock();
        for (sender, cursor) in messages {
            let told = false;
            let waiting = Waiting { cursor, told };
            if self.advance(&mut waits, room, sender, waiting).is_err() {
                metrics::counter!("mussikon_sender_cursors_dropped_total").increment(1);
            }
        }
    }

    fn advance(
        &self,
        waits: &mut Waits,
        room: &RoomId,
        user: &UserId,
        waiting: Waiting,
    ) -> Result<(), CursorsFull> {
        let before = waits.first_due();
        let most = self.limits.pending_cursors;
        waits.advance(room, user, waiting, (most, Instant::now()))?;
        if waits.first_due() < before || before.is_none() {
            self.sooner.notify_one();
        }
        Ok(())
    }

    /// Until it is time for [`write_due`](Self::write_due); where nothing is due it returns every second all the same, for
    /// whoever waits here may not be wanted any more.
    pub async fn pause(&self) {
        let latest = Instant::now() + REST;
        let due = self.waits.lock().first_due();
        let until = due.map_or(latest, |due| due.min(latest));
        let _ = timeout_at(until, self.sooner.notified()).await;
        sleep(LOOK).await;
    }

    /// Writes a share of what is due, some of it at a time, and adds to `told` what others are to be told of. What could not
    /// be written waits on. To be awaited to its end: the rooms it has taken come back there.
    pub async fn write_due(&self, told: &mut Told) -> Result<(), AppendError> {
        let rooms = self.waits.lock().take(Instant::now());
        let written = self.write(&rooms, told).await;
        self.waits.lock().rest(rooms, Instant::now());
        written
    }

    /// Writes all that waits.
    pub async fn flush(&self) -> Result<(), AppendError> {
        let rooms = self.waits.lock().rooms();
        self.write(&rooms, &mut Vec::new()).await
    }

    async fn write(&self, rooms: &[RoomId], told: &mut Told) -> Result<(), AppendError> {
        let mut place = Place::default();
        loop {
            let batch = self.waits.lock().batch(rooms, &mut place, AT_ONCE);
            if batch.is_empty() {
                return Ok(());
            }
            self.journal
                .put_rows(batch.iter().map(row).collect())
                .await?;
            self.written(batch, told);
        }
    }

    fn written(&self, batch: Vec<Taken>, told: &mut Told) {
        let mut waits = self.waits.lock();
        for taken in batch {
            waits.written(&taken);
            let (room, user, written) = taken;
            if written.told {
                told.push((room, user, written.cursor.up_to));
            }
        }
    }

    /// The cursors of one user in several rooms, in the order asked; zero where nothing was read.
    pub async fn of(&self, user: &UserId, rooms: &[RoomId]) -> Result<Vec<Cursor>, ReadError> {
        // Looked at before the store: what is written and forgotten meanwhile is then in one of the two.
        let waiting: Vec<Cursor> = {
            let waits = self.waits.lock();
            let cursor = |room| waits.get(room, user).map(|waiting| waiting.cursor);
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

fn row((room, user, waiting): &Taken) -> TableWrite {
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

    pub(super) fn room(name: &str) -> RoomId {
        RoomId::parse(name).expect("a valid id")
    }

    pub(super) fn user(number: u64) -> UserId {
        UserId::parse(&format!("u{number:05}")).expect("a valid id")
    }

    pub(super) fn at(up_to: u64) -> Cursor {
        Cursor {
            up_to: Sequence(up_to),
            number: up_to,
        }
    }

    fn cursors(journal: &Arc<MemoryJournal>) -> Cursors {
        Cursors::new(journal.clone(), Arc::default())
    }

    async fn stored(journal: &Arc<MemoryJournal>, by: u64) -> Cursor {
        let held = cursors(journal).of(&user(by), &[room("band")]).await;
        held.expect("read")[0]
    }

    /// Everybody who marked, or only sent, by turns.
    fn many(cursors: &Cursors, count: u64) {
        for number in 0..count {
            let (room, user, cursor) = (room("band"), user(number), at(number + 1));
            match number % 2 {
                0 => cursors.mark(&room, &user, cursor).expect("room for it"),
                _ => cursors.sent(&room, [(&user, cursor)].into_iter()),
            }
        }
    }

    #[tokio::test]
    async fn more_than_fit_one_write_are_all_written_and_those_who_are_to_know_are_told() {
        let journal = Arc::new(MemoryJournal::new());
        let cursors = cursors(&journal);
        let count = 2 * AT_ONCE as u64 + 1;
        many(&cursors, count);
        let mut told = Vec::new();
        cursors.write_due(&mut told).await.expect("written");
        let marked = (0..count).step_by(2);
        let expected: Vec<_> = marked
            .map(|number| (room("band"), user(number), Sequence(number + 1)))
            .collect();
        assert_eq!(told, expected);
        for number in [0, count - 1] {
            assert_eq!(stored(&journal, number).await, at(number + 1));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_mark_is_written_soon_and_the_next_ones_of_its_room_a_second_later() {
        let journal = Arc::new(MemoryJournal::new());
        let cursors = cursors(&journal);
        let begun = Instant::now();
        let mut written_at = Vec::new();
        for up_to in 1..=3 {
            let marked = cursors.mark(&room("band"), &user(1), at(up_to));
            marked.expect("room for it");
            while stored(&journal, 1).await < at(up_to) {
                cursors.pause().await;
                cursors.write_due(&mut Vec::new()).await.expect("written");
            }
            written_at.push(begun.elapsed().as_millis());
        }
        assert_eq!(written_at, [50, 1_100, 2_150]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_by_itself_and_soon_after_a_mark_but_not_for_who_only_sends() {
        let cursors = cursors(&Arc::new(MemoryJournal::new()));
        let begun = Instant::now();
        cursors.pause().await;
        assert_eq!(begun.elapsed(), REST + LOOK);
        cursors.sent(&room("band"), [(&user(1), at(1))].into_iter());
        cursors.pause().await;
        cursors.pause().await;
        assert_eq!(begun.elapsed(), REST * 2 + LOOK * 3);
        let marked = async {
            sleep(LOOK).await;
            let marked = cursors.mark(&room("band"), &user(2), at(1));
            marked.expect("room for it");
        };
        tokio::join!(cursors.pause(), marked);
        assert_eq!(begun.elapsed(), REST * 2 + LOOK * 5);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_store_refuses_is_written_after_a_rest() {
        let journal = Arc::new(MemoryJournal::new());
        let cursors = cursors(&journal);
        many(&cursors, 1);
        journal.refuse_rows(true);
        let refused = cursors.write_due(&mut Vec::new()).await;
        refused.expect_err("the store refuses");
        journal.refuse_rows(false);
        cursors.write_due(&mut Vec::new()).await.expect("not due");
        assert_eq!(stored(&journal, 0).await, Cursor::default());
        sleep(REST).await;
        cursors.write_due(&mut Vec::new()).await.expect("written");
        assert_eq!(stored(&journal, 0).await, at(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flush_writes_what_rests_too() {
        let journal = Arc::new(MemoryJournal::new());
        let cursors = cursors(&journal);
        many(&cursors, 1);
        cursors.write_due(&mut Vec::new()).await.expect("written");
        let marked = cursors.mark(&room("band"), &user(0), at(7));
        marked.expect("room for it");
        cursors.write_due(&mut Vec::new()).await.expect("not due");
        assert_eq!(stored(&journal, 0).await, at(1));
        cursors.flush().await.expect("written");
        assert_eq!(stored(&journal, 0).await, at(7));
    }
}
