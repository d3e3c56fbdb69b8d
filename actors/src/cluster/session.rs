//! One connection's subscriptions, from connect to disconnect.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use litemap::LiteMap;
use parking_lot::Mutex;
use thiserror::Error;
use tokio::time::Instant;

use super::entry::Standing;
use super::fanout::Fanout;
use super::feed::{Feed, Place, Start};
use super::pump;
use crate::delivery::{Outlet, ResetReason};
use crate::ids::{EntityId, RoomId, Sequence, UserId};
use crate::mutation::{self, Mutation};

/// What the feeds know of a session.
pub(crate) struct SessionCore {
    pub user: UserId,
    pub outlet: Arc<dyn Outlet>,
    /// Most connections have one or two: a tree would take half a kilobyte for the first.
    pub subscriptions: Mutex<LiteMap<EntityId, Subscription>>,
    pub fanout: Arc<Fanout>,
    /// A pump is at work, or its wake-up is arranged.
    pub pumping: AtomicBool,
    closed: AtomicBool,
}

#[derive(Clone)]
pub(crate) struct Subscription {
    pub feed: Arc<Mutex<Feed>>,
    pub place: Place,
}

/// A session; dropping it ends all subscriptions.
pub struct Session(Arc<SessionCore>);

/// Why a session takes no further subscription.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a connection may have {0} subscriptions")]
pub struct TooMany(pub usize);

/// An entity as it was looked at once its live events reached this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// Its last sequence.
    pub head: Sequence,
    /// The first one that can be read.
    pub first_retained: Sequence,
    /// Nobody has to be a member to see its events, so none of them ends a subscription.
    pub open: bool,
}

/// A registered subscription that shows nothing yet, so that the answer to whoever asked for it can go out first.
#[must_use = "a subscription shows nothing before it is begun"]
pub struct Starting {
    core: Arc<SessionCore>,
    subscription: Subscription,
    head: Sequence,
}

impl Starting {
    /// The entity's last sequence when it was looked at.
    pub fn head(&self) -> Sequence {
        self.head
    }

    /// Begins to show events: at once if the position is the head, else by catching up first.
    pub fn begin(self) {
        match self.subscription.feed.lock().entry(self.subscription.place) {
            Some(entry) => entry.standing = Standing::Behind,
            // Left or joined anew meanwhile.
            None => return,
        }
        if !pump::try_live(&self.subscription) {
            pump::start(&self.core);
        }
    }
}

impl Session {
    /// A session of an authenticated user.
    pub fn new(user: UserId, outlet: Arc<dyn Outlet>, fanout: Arc<Fanout>) -> Self {
        Self(Arc::new(SessionCore {
            user,
            outlet,
            subscriptions: Mutex::new(LiteMap::with_capacity(1)),
            fanout,
            pumping: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }))
    }

    /// Whose session.
    pub fn user(&self) -> &UserId {
        &self.0.user
    }

    /// Where it shows things.
    pub fn outlet(&self) -> &Arc<dyn Outlet> {
        &self.0.outlet
    }

    /// Whether a room is subscribed to.
    pub fn is_subscribed(&self, room: &RoomId) -> bool {
        self.is_attached(&EntityId::room(room))
    }

    /// Whether an entity is subscribed to.
    pub fn is_attached(&self, entity: &EntityId) -> bool {
        self.0.subscriptions.lock().contains_key(entity)
    }

    /// Makes sure that the entity's live events reach this node from now on. To be called before the entity
    /// is asked for its head: subscribe first, then read.
    pub fn register(&self, entity: &EntityId) -> Registered {
        Registered {
            feed: self.0.fanout.feed(entity),
            entity: entity.clone(),
            fanout: self.0.fanout.clone(),
        }
    }

    /// Subscribes from `after` (from the head when left out), replacing an earlier subscription to the
    /// same entity.
    pub fn subscribe(
        &self,
        registered: &Registered,
        sight: Sight,
        after: Option<Sequence>,
    ) -> Result<Starting, TooMany> {
        let (core, entity, head) = (&self.0, &registered.entity, sight.head);
        let (position, reset) = sight.begin(after);
        let fanout = &core.fanout;
        let limit = fanout.limits.rooms_per_session;
        let mut subscriptions = core.subscriptions.lock();
        if subscriptions.len() >= limit && !subscriptions.contains_key(entity) {
            return Err(TooMany(limit));
        }
        let place = {
            let mut feed = registered.feed.lock();
            if feed.position.is_none() {
                feed.position = Some(head);
            }
            let start = Start {
                position,
                head,
                reset,
            };
            let place = feed.add(core.clone(), start, sight.open);
            if let Some(old) = subscriptions.get(entity) {
                feed.remove(old.place, Instant::now());
            }
            place
        };
        let subscription = Subscription {
            feed: registered.feed.clone(),
            place,
        };
        subscriptions.insert(entity.clone(), subscription.clone());
        drop(subscriptions);
        fanout.restless.lock().insert(entity.clone());
        // What the entity knows the feed must learn too, for nobody may tell it again.
        fanout.heard(entity, head);
        Ok(Starting {
            core: core.clone(),
            subscription,
            head,
        })
    }

    /// Ends the subscription to a room; false if there was none.
    pub fn leave(&self, room: &RoomId) -> bool {
        self.detach(&EntityId::room(room))
    }

    /// Ends the subscription to an entity; false if there was none.
    pub fn detach(&self, entity: &EntityId) -> bool {
        let left = self.0.subscriptions.lock().remove(entity);
        left.is_some_and(|subscription| {
            self.0.withdraw(entity, subscription);
            true
        })
    }
}

impl Sight {
    /// What the reader has who asked for what is after a position, and what it is to be told first.
    fn begin(self, after: Option<Sequence>) -> (Sequence, Option<(Sequence, ResetReason)>) {
        let base = Sequence(self.first_retained.0.saturating_sub(1));
        // More may have come and be trimmed since the head was asked for, such as the reader's removal. It was not seen: the
        // position is before it, so that it counts as a gap.
        let position = base.min(self.head);
        match after {
            None => (self.head, None),
            Some(after) if after > self.head => {
                (position, Some((base.next(), ResetReason::BeyondHead)))
            }
            Some(after) if after < base => (position, Some((base.next(), ResetReason::Trimmed))),
            Some(after) if mutation::is_on(Mutation::SpliceLate) => (after.next(), None),
            Some(after) => (after, None),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.0.closed.store(true, Ordering::Release);
        let all = std::mem::take(&mut *self.0.subscriptions.lock());
        for (entity, subscription) in all {
            self.0.withdraw(&entity, subscription);
        }
    }
}

impl SessionCore {
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn withdraw(&self, entity: &EntityId, subscription: Subscription) {
        let fanout = &self.fanout;
        let linger = Duration::from_millis(fanout.limits.presence_linger_ms);
        let tell_at = Instant::now() + linger;
        {
            let mut feed = subscription.feed.lock();
            feed.remove(subscription.place, tell_at);
            if feed.stop_typing(&self.user)
                && let (Some(peers), Some(room)) = (fanout.peers(), feed.room())
            {
                peers.tell_typing(room, &self.user, false);
            }
        }
        drop(subscription);
        fanout.restless.lock().insert(entity.clone());
    }

    /// The user lost the membership of a room and has seen the event that says so.
    pub fn end(&self, room: &EntityId, serial: u64) {
        let ended = {
            let mut subscriptions = self.subscriptions.lock();
            match subscriptions.get(room) {
                Some(subscription) if subscription.place.serial == serial => {
                    subscriptions.remove(room)
                }
                _ => None,
            }
        };
        if let Some(subscription) = ended {
            self.withdraw(room, subscription);
        }
    }

    /// The send queue had no room: go on from the journal once it has drained.
    pub fn fall_behind(self: &Arc<Self>) {
        if self.pumping.swap(true, Ordering::AcqRel) {
            return;
        }
        let me = self.clone();
        self.outlet
            .on_drain(Box::new(move || pump::start_held(&me)));
    }
}

/// An entity whose live events reach this node.
pub struct Registered {
    feed: Arc<Mutex<Feed>>,
    entity: EntityId,
    fanout: Arc<Fanout>,
}

impl Registered {
    /// Users present in the room that it is, if they are few enough to be told by name, and how many.
    pub fn present(&self) -> (Option<Vec<UserId>>, usize) {
        let feed = self.feed.lock();
        let count = feed.present_count();
        let named = count <= self.fanout.limits.presence_members;
        (
            named.then(|| feed.present().into_iter().cloned().collect()),
            count,
        )
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        // A refused join must not leave a feed behind; the tick looks at restless ones.
        self.fanout.restless.lock().insert(self.entity.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_begins_where_events_are_kept_and_never_beyond_the_head_that_was_seen() {
        let begin = |head: u64, first_retained: u64, after: u64| {
            let sight = Sight {
                head: Sequence(head),
                first_retained: Sequence(first_retained),
                open: false,
            };
            let (position, reset) = sight.begin(Some(Sequence(after)));
            (position.0, reset.map(|(from, reason)| (from.0, reason)))
        };
        use ResetReason::{BeyondHead, Trimmed};
        assert_eq!(begin(9, 4, 3), (3, None));
        assert_eq!(begin(9, 4, 9), (9, None));
        assert_eq!(begin(9, 4, 2), (3, Some((4, Trimmed))));
        assert_eq!(begin(9, 4, 10), (3, Some((4, BeyondHead))));
        // Trimmed up to 19 since the head was asked for: the events from 10 on are a gap, not something seen.
        assert_eq!(begin(9, 20, 5), (9, Some((20, Trimmed))));
        assert_eq!(begin(9, 20, 12), (9, Some((20, BeyondHead))));
    }
}
