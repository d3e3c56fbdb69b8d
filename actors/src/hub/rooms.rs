//! The rooms of a user, with unread counts and the last message, without waking any room.

use super::{Hub, HubError};
use crate::cluster::cursors::Cursor;
use crate::delivery::Shown;
use crate::ids::{EntityId, RoomId, Sequence, UserId};
use crate::journal::{PageLimit, Range, ReadError, Row, Table};
use crate::machines::room::cards::{self, Membership, RoomCard};
use crate::machines::room::{codec, latest};

use super::history::HistoryEntry;

/// One room in a user's list.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomListing {
    /// Id.
    pub room: RoomId,
    /// Kind, name, members.
    pub card: RoomCard,
    /// The user's own membership.
    pub membership: Membership,
    /// For direct rooms: the other member.
    pub peer: Option<UserId>,
    /// Last sequence.
    pub head: Sequence,
    /// Messages so far.
    pub message_count: u64,
    /// How far the user has read; whoever sends has read up to the own message.
    pub read_up_to: Sequence,
    /// Messages after that.
    pub unread: u64,
    /// The newest message in its latest state.
    pub last_message: Option<HistoryEntry>,
}

/// A page of rooms by id ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomsPage {
    /// The rooms.
    pub rooms: Vec<RoomListing>,
    /// Give this as `after` for the next page; `None` at the end.
    pub next: Option<RoomId>,
}

const ONE: PageLimit = PageLimit {
    records: 1,
    bytes: 1,
};

impl Hub {
    /// Rooms of a user above `after`.
    pub async fn my_rooms(
        &self,
        user: &UserId,
        after: Option<&RoomId>,
        limit: usize,
    ) -> Result<RoomsPage, HubError> {
        let limit = limit.clamp(1, self.parts.limits.rooms_page.max(1));
        let prefix = cards::rooms_of_user_prefix(user);
        let after = after.map(|room| cards::rooms_of_user_key(user, room));
        let journal = &self.parts.journal;
        let mut rows = journal
            .scan_rows(Table::RoomsOfUser, prefix.clone(), after, limit + 1)
            .await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows
            .iter()
            .rev()
            .find_map(|row| cards::room_of_key(&row.key));
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let room = cards::room_of_key(&row.key);
            let membership = Membership::decode(&row.value);
            match (room, membership) {
                (Some(room), Ok(membership)) => found.push((room, membership)),
                _ => tracing::error!(%user, "unreadable row in a user's list of rooms"),
            }
        }
        let ids: Vec<RoomId> = found.iter().map(|(room, _)| room.clone()).collect();
        let cursors = self.cursors.of(user, &ids).await?;
        let keys = ids.iter().map(cards::room_card_key).collect();
        let card_rows = journal.get_rows(Table::RoomCards, keys).await?;
        let mut rooms = Vec::with_capacity(ids.len());
        for (((room, membership), cursor), card) in found.into_iter().zip(cursors).zip(card_rows) {
            let Some(card) = card.and_then(|row| RoomCard::decode(&row.value).ok()) else {
                tracing::error!(%room, "a room without a readable card");
                continue;
            };
            let (head, message_count, last_message) = self.tail(&room).await?;
            let cursor = cursor.max(own_last(user, message_count, last_message.as_ref()));
            rooms.push(RoomListing {
                peer: card.peer(user).cloned(),
                card,
                membership,
                head,
                message_count,
                read_up_to: cursor.up_to,
                unread: message_count.saturating_sub(cursor.number),
                last_message,
                room,
            });
        }
        // Of the rows, for those that could not be shown are passed over for good.
        let next = last.filter(|_| more);
        Ok(RoomsPage { rooms, next })
    }

    async fn tail(&self, room: &RoomId) -> Result<(Sequence, u64, Option<HistoryEntry>), HubError> {
        let entity = EntityId::room(room);
        let rows = self
            .parts
            .journal
            .read(&entity, Range::Before(Sequence(u64::MAX)), ONE)
            .await?;
        let Some(row) = rows.first() else {
            return Ok((Sequence::ZERO, 0, None));
        };
        let peek = peek(&entity, row, row.last())?;
        let last_message = match peek.last_message {
            Sequence::ZERO => None,
            sequence => self.message(&entity, sequence).await?,
        };
        Ok((row.last(), peek.message_count, last_message))
    }

    async fn message(
        &self,
        entity: &EntityId,
        sequence: Sequence,
    ) -> Result<Option<HistoryEntry>, HubError> {
        let journal = &self.parts.journal;
        let after = Range::After(Sequence(sequence.0 - 1));
        let rows = journal.read(entity, after, ONE).await?;
        let overlays = journal.overlays(entity, sequence, sequence).await?;
        let shown = latest::show(&rows, &overlays).map_err(|error| ReadError::Corrupt {
            entity: entity.clone(),
            sequence,
            reason: error.to_string(),
        })?;
        let found = shown.into_iter().find(|(s, _)| *s == sequence);
        Ok(match found {
            Some((sequence, Shown::Message(view))) => Some(HistoryEntry { sequence, view }),
            _ => None,
        })
    }

    /// The number of the last message at or before a sequence.
    pub(super) async fn message_number(
        &self,
        room: &RoomId,
        sequence: Sequence,
    ) -> Result<u64, HubError> {
        if sequence == Sequence::ZERO {
            return Ok(0);
        }
        let entity = EntityId::room(room);
        let after = Range::After(Sequence(sequence.0 - 1));
        let rows = self.parts.journal.read(&entity, after, ONE).await?;
        match rows.first() {
            Some(row) if row.record(sequence).is_some() => {
                Ok(peek(&entity, row, sequence)?.message_count)
            }
            // Trimmed: everything up to there is gone, so is the need to count it exactly.
            _ => Ok(0),
        }
    }

    /// Whether a room is small enough for its members to be told who read what.
    pub(super) async fn is_small(&self, room: &RoomId) -> bool {
        let keys = vec![cards::room_card_key(room)];
        let rows = self.parts.journal.get_rows(Table::RoomCards, keys).await;
        let card = rows.ok().and_then(|rows| rows.into_iter().next().flatten());
        card.and_then(|row| RoomCard::decode(&row.value).ok())
            .is_some_and(|card| card.member_count <= self.parts.limits.read_members)
    }
}

/// Where the user stands by having sent the last message: the cursor that moves with it is written a little later.
fn own_last(user: &UserId, number: u64, last_message: Option<&HistoryEntry>) -> Cursor {
    match last_message {
        Some(last) if last.view.message.sender == *user => Cursor {
            up_to: last.sequence,
            number,
        },
        _ => Cursor::default(),
    }
}

fn peek(entity: &EntityId, row: &Row, sequence: Sequence) -> Result<codec::Peek, HubError> {
    let header = row.record(sequence).map(|record| &record.header[..]);
    header.and_then(codec::peek).ok_or_else(|| {
        HubError::Store(ReadError::Corrupt {
            entity: entity.clone(),
            sequence,
            reason: "a record header is unreadable".into(),
        })
    })
}
