//! One subscription in a feed: how far its reader is, and what may be shown to it next.

use std::sync::Arc;

use super::session::SessionCore;
use crate::delivery::{Block, Delivery, Payload, Pushed, ResetReason, Shown};
use crate::ids::{EntityId, Sequence};
use crate::machines::room::RoomEvent;
use crate::mutation::{self, Mutation};

/// A subscription.
pub(crate) struct Entry {
    pub entity: EntityId,
    pub session: Arc<SessionCore>,
    pub serial: u64,
    /// The last event handed to the session.
    pub position: Sequence,
    pub standing: Standing,
    /// The head as the reader joined: a removal from a room after it ends the subscription, one before it is
    /// history.
    pub since: Sequence,
    /// To be told before any further event.
    pub reset: Option<(Sequence, ResetReason)>,
    /// The reader is no member any more: a reset is the last that is told.
    pub over: bool,
}

/// How a subscription gets its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not at all yet: the answer to the join goes first.
    Waiting,
    /// Pulled forward from the journal.
    Behind,
    /// As they come.
    Live,
}

/// What became of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offered {
    /// Queued, or seen before.
    Accepted,
    /// Queued up to the event that ended the reader's membership.
    Ended,
    /// No room in the queue.
    Full,
    /// The connection is gone.
    Closed,
}

impl From<Pushed> for Offered {
    fn from(pushed: Pushed) -> Self {
        match pushed {
            Pushed::Accepted => Offered::Accepted,
            Pushed::Full => Offered::Full,
            Pushed::Closed => Offered::Closed,
        }
    }
}

impl Entry {
    pub fn is_live(&self) -> bool {
        self.standing == Standing::Live
    }

    /// Queues what of a block of events the reader has not seen and may see.
    pub fn offer(&mut self, delivery: &Arc<Delivery>, public: bool) -> Offered {
        let Payload::Events(block) = &delivery.payload else {
            return Offered::Accepted;
        };
        if block.first > self.position.next() && !mutation::is_on(Mutation::IgnoreGaps) {
            // The journal holds nothing in between any more.
            self.reset_to(block.first);
            self.position = Sequence(block.first.0 - 1);
        }
        let told = self.offer_reset();
        if told != Offered::Accepted {
            return told;
        }
        let end = self.end_in(block).filter(|_| !public);
        let last = end.unwrap_or(block.last());
        if last <= self.position {
            return Offered::Accepted;
        }
        let whole = self.position < block.first && last == block.last();
        let pushed = if whole {
            self.session.outlet.push(delivery)
        } else {
            let Some(part) = block.between(self.position, last) else {
                return Offered::Accepted;
            };
            self.session
                .outlet
                .push(&Delivery::new(Payload::Events(part)))
        };
        if pushed != Pushed::Accepted {
            return pushed.into();
        }
        self.position = last;
        if end.is_some() {
            Offered::Ended
        } else {
            Offered::Accepted
        }
    }

    /// What comes before this is gone. Another reason that is still to be told remains.
    pub fn reset_to(&mut self, from: Sequence) {
        let reason = self.reset.map_or(ResetReason::Trimmed, |(_, why)| why);
        self.reset = Some((from, reason));
    }

    /// Queues the news that the position asked for cannot be served, if that is still to be told.
    pub fn offer_reset(&mut self) -> Offered {
        let Some((from, reason)) = self.reset else {
            return Offered::Accepted;
        };
        let reset = Delivery::new(Payload::Reset {
            entity: self.entity.clone(),
            from,
            reason,
        });
        let pushed = self.session.outlet.push(&reset);
        if pushed == Pushed::Accepted {
            metrics::counter!("mussikon_stream_resets_total").increment(1);
            self.reset = None;
            if self.over {
                return Offered::Ended;
            }
        }
        pushed.into()
    }

    /// The event in a block that ends the reader's membership of a room.
    fn end_in(&self, block: &Block) -> Option<Sequence> {
        if mutation::is_on(Mutation::RemovedReadOn) {
            return None;
        }
        let numbered = (block.first.0..).map(Sequence).zip(&block.events);
        numbered
            .filter(|(sequence, _)| *sequence > self.since)
            .find(|(_, shown)| match shown {
                Shown::Other(event) => matches!(&**event,
                    RoomEvent::MemberRemoved { user, .. } if *user == self.session.user),
                _ => false,
            })
            .map(|(sequence, _)| sequence)
    }
}
