//! One connection's subscriptions, from connect to disconnect.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use thiserror::Error;

use super::entry::Standing;
use super::fanout::Fanout;
use super::feed::{Feed, Place, Start};
use super::pump;
use crate::delivery::{Outlet, ResetReason};
use crate::ids::{RoomId, Sequence, UserId};
use crate::machines::room::{RoomKind, RoomView};
use crate::mutation::{self, Mutation};

/// What the feeds know of a session.
pub(crate) struct SessionCore {
    pub user: UserId,
    pub outlet: Arc<dyn Outlet>,
    pub subscriptions: Mutex<BTreeMap<RoomId, Subscription>>,
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
#[error("a connection may be subscribed to {0} rooms")]
pub struct TooManyRooms(pub usize);

/// A registered subscription that shows nothing yet, so that the answer to the join can go out first.
#[must_use = "a subscription shows nothing before it is begun"]
pub struct Starting {
    core: Arc<SessionCore>,
    subscription: Subscription,
}

impl Starting {
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
            subscriptions: Mutex::default(),
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
        self.0.subscriptions.lock().contains_key(room)
    }

    /// Makes sure that the room's live events reach this node from now on. To be called before the room
    /// is asked for its head: subscribe first, then read.
    pub fn register(&self, room: &RoomId) -> Registered {
        Registered {
            feed: self.0.fanout.feed(room),
            room: room.clone(),
            fanout: self.0.fanout.clone(),
        }
    }

    /// Subscribes from `after` (from the head when left out), replacing an earlier subscription to the
    /// room. `first_retained` is the first sequence that can be read.
    pub fn subscribe(
        &self,
        registered: &Registered,
        view: &RoomView,
        after: Option<Sequence>,
        first_retained: Sequence,
    ) -> Result<Starting, TooManyRooms> {
        let core = &self.0;
        let base = Sequence(first_retained.0.saturating_sub(1));
        let (position, reset) = match after {
            None => (view.head, None),
            Some(after) if after > view.head => {
                (base, Some((base.next(), ResetReason::BeyondHead)))
            }
            Some(after) if after < base => (base, Some((base.next(), ResetReason::Trimmed))),
            Some(after) if mutation::is_on(Mutation::SpliceLate) => (after.next(), None),
            Some(after) => (after, None),
        };
        let fanout = &core.fanout;
        let limit = fanout.limits.rooms_per_session;
        let mut subscriptions = core.subscriptions.lock();
        if subscriptions.len() >= limit && !subscriptions.contains_key(&view.room) {
            return Err(TooManyRooms(limit));
        }
        let now = fanout.clock.now();
        let place = {
            let mut feed = registered.feed.lock();
            if feed.position.is_none() {
                feed.position = Some(view.head);
            }
            let public = view.kind == RoomKind::Public;
            let start = Start {
                position,
                head: view.head,
                reset,
            };
            let place = feed.add(core.clone(), start, public, now);
            if let Some(old) = subscriptions.get(&view.room) {
                feed.remove(old.place, now);
            }
            place
        };
        let subscription = Subscription {
            feed: registered.feed.clone(),
            place,
        };
        subscriptions.insert(view.room.clone(), subscription.clone());
        drop(subscriptions);
        fanout.restless.lock().insert(view.room.clone());
        // What the room knows the feed must learn too, for nobody may tell it again.
        fanout.heard(&view.room, view.head);
        Ok(Starting {
            core: core.clone(),
            subscription,
        })
    }

    /// Ends the subscription to a room; false if there was none.
    pub fn leave(&self, room: &RoomId) -> bool {
        let left = self.0.subscriptions.lock().remove(room);
        left.is_some_and(|subscription| {
            self.0.withdraw(room, subscription);
            true
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.0.closed.store(true, Ordering::Release);
        let all = std::mem::take(&mut *self.0.subscriptions.lock());
        for (room, subscription) in all {
            self.0.withdraw(&room, subscription);
        }
    }
}

impl SessionCore {
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn withdraw(&self, room: &RoomId, subscription: Subscription) {
        let fanout = &self.fanout;
        let tell_at = fanout
            .clock
            .now()
            .plus_millis(fanout.limits.presence_linger_ms);
        {
            let mut feed = subscription.feed.lock();
            feed.remove(subscription.place, tell_at);
            if feed.stop_typing(&self.user)
                && let Some(peers) = fanout.peers()
            {
                peers.tell_typing(room, &self.user, false);
            }
        }
        drop(subscription);
        fanout.restless.lock().insert(room.clone());
    }

    /// The user lost the membership and has seen the event that says so.
    pub fn end(&self, room: &RoomId, serial: u64) {
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

/// A room whose live events reach this node.
pub struct Registered {
    feed: Arc<Mutex<Feed>>,
    room: RoomId,
    fanout: Arc<Fanout>,
}

impl Registered {
    /// Users present, if they are few enough to be told by name, and how many.
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
        // A refused join must not leave a feed behind; the tick looks at restless rooms.
        self.fanout.restless.lock().insert(self.room.clone());
    }
}
