//! What goes out to sessions: payloads with a place for their encoded bytes, and the outlet that takes them.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::ids::{EntityId, RoomId, Sequence, Timestamp, UserId};
use crate::machines::inbox::{InboxEvent, InboxShown};
use crate::machines::request::codec::Peek;
use crate::machines::room::view::MessageView;
use crate::machines::room::{RoomEvent, RoomView};

/// How many encodings the edge may cache in a delivery.
pub const FRAME_SLOTS: usize = 2;

/// Something to show to many sessions; encoded at most once per slot, the bytes shared by all.
#[derive(Debug)]
pub struct Delivery {
    /// What.
    pub payload: Payload,
    frames: [OnceLock<Bytes>; FRAME_SLOTS],
}

impl Delivery {
    /// A delivery that nobody has encoded yet.
    pub fn new(payload: Payload) -> Arc<Self> {
        Arc::new(Self {
            payload,
            frames: Default::default(),
        })
    }

    /// The bytes in a slot, encoded by `encode` if this is the first time.
    pub fn frame(&self, slot: usize, encode: impl FnOnce(&Payload) -> Bytes) -> &Bytes {
        self.frames[slot].get_or_init(|| encode(&self.payload))
    }
}

/// What is shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// Consecutive journaled events of one entity: callbacks with its id and `sequence`.
    Events(Block),
    /// `StreamReset`: the position asked for cannot be served, events follow from `from`.
    Reset {
        /// Of which journal.
        entity: EntityId,
        /// First sequence that follows.
        from: Sequence,
        /// Why.
        reason: ResetReason,
    },
    /// `MessagesRead`.
    Read {
        /// Room.
        room: RoomId,
        /// Who.
        user: UserId,
        /// Up to here.
        up_to: Sequence,
    },
    /// `UserTyping`.
    Typing {
        /// Room.
        room: RoomId,
        /// Who.
        user: UserId,
        /// Begins or ends.
        typing: bool,
    },
    /// `PresenceChanged`: in big rooms only the count.
    Presence {
        /// Room.
        room: RoomId,
        /// Who came or left; `None` in rooms above the limit.
        user: Option<(UserId, bool)>,
        /// Users present.
        count: usize,
        /// When.
        at: Timestamp,
    },
    /// `RoomAdded`: to all connections of a user who became a member.
    RoomAdded(Box<RoomView>),
}

/// Consecutive events of one entity; the first has sequence `first`.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Whose they are.
    pub entity: EntityId,
    /// Sequence of the first event.
    pub first: Sequence,
    /// The events, at least one.
    pub events: Vec<Shown>,
}

impl Block {
    /// Sequence of the last event.
    pub fn last(&self) -> Sequence {
        Sequence(self.first.0 + self.events.len() as u64 - 1)
    }

    /// The part above `after`, `None` if nothing is.
    pub fn above(&self, after: Sequence) -> Option<Block> {
        self.between(after, self.last())
    }

    /// The part above `after` up to and with `last`, `None` if there is none.
    pub fn between(&self, after: Sequence, last: Sequence) -> Option<Block> {
        let skip = (after.0 + 1).saturating_sub(self.first.0) as usize;
        let end = (last.0 + 1).saturating_sub(self.first.0) as usize;
        let events = self.events.get(skip..end.min(self.events.len()))?;
        (!events.is_empty()).then(|| Block {
            entity: self.entity.clone(),
            first: self.first.plus(skip as u64),
            events: events.to_vec(),
        })
    }
}

/// One event as readers see it now.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    /// `ReceiveMessage`, with the latest known state of the message.
    Message(Arc<MessageView>),
    /// Any other event of a room.
    Other(Arc<RoomEvent>),
    /// An entry of an inbox, with the latest known state of a notification.
    Notice(Arc<InboxShown>),
    /// An event of a request: what it did to the state.
    Step(Peek),
}

impl Shown {
    /// Whether this takes back an older message.
    pub(crate) fn is_deletion(&self) -> bool {
        match self {
            Shown::Other(event) => matches!(**event, RoomEvent::MessageDeleted { .. }),
            Shown::Notice(shown) => matches!(shown.event, InboxEvent::Dismissed { .. }),
            Shown::Message(_) | Shown::Step(_) => false,
        }
    }
}

/// Why a subscription did not start where it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetReason {
    /// The position is beyond the end of the journal.
    BeyondHead,
    /// The position lies before the first retained event.
    Trimmed,
}

impl ResetReason {
    /// The wire word.
    pub fn as_str(self) -> &'static str {
        match self {
            ResetReason::BeyondHead => "beyond_head",
            ResetReason::Trimmed => "trimmed",
        }
    }
}

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// Queued, in order.
    Accepted,
    /// Not queued: the queue has no room. [`Outlet::on_drain`] tells when it has again.
    Full,
    /// The connection is gone.
    Closed,
}

/// One connection, as fan-out sees it. Never blocks, never awaits.
pub trait Outlet: Send + Sync + 'static {
    /// Appends to the connection's send queue.
    fn push(&self, delivery: &Arc<Delivery>) -> Pushed;

    /// Calls `wake` once, soon after the queue has drained to its low mark (at once if it is there
    /// already) or the connection has closed. A later call replaces an earlier one.
    fn on_drain(&self, wake: Box<dyn FnOnce() + Send>);
}
