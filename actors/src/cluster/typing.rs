//! What is neither journaled nor remembered: who is here, who types. Announced by a tick, at most a few times a second.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::delivery::Payload;
use crate::ids::{EntityId, RoomId, UserId};
use crate::mutation::{self, Mutation};

use super::fanout::Fanout;
use super::feed::Feed;

impl Fanout {
    /// A user begins or ends typing in a room. Ends by itself.
    pub fn typing(&self, room: &RoomId, user: &UserId, typing: bool) {
        let Some(feed) = self.feed_of(room) else {
            return;
        };
        if let Some(peers) = self.peers() {
            peers.tell_typing(room, user, typing);
        }
        self.types_in(room, &feed, user, typing);
    }

    /// A user begins or ends typing, here or elsewhere.
    pub(super) fn types(&self, room: &RoomId, user: &UserId, typing: bool) {
        if let Some(feed) = self.feed_of(room) {
            self.types_in(room, &feed, user, typing);
        }
    }

    fn types_in(&self, room: &RoomId, feed: &Mutex<Feed>, user: &UserId, typing: bool) {
        let until = Instant::now() + Duration::from_millis(self.limits.typing_ms);
        let mut feed = feed.lock();
        let was = if typing {
            feed.typing.insert(user.clone(), until).is_some()
        } else {
            feed.typing.remove(user).is_some()
        };
        if was != typing {
            let payload = Payload::Typing {
                room: room.clone(),
                user: user.clone(),
                typing,
            };
            feed.tell(payload, Some(user));
        }
        drop(feed);
        if typing {
            self.restless.lock().insert(EntityId::room(room));
        }
    }

    /// Announces who came and left, ends typing that was not renewed, gives up unused feeds.
    /// To be called a few times a second.
    pub fn tick(&self) {
        let restless = std::mem::take(&mut *self.restless.lock());
        let now = Instant::now();
        for entity in restless {
            let Some(feed) = self.feeds.get(&entity).map(|feed| feed.clone()) else {
                continue;
            };
            let again = {
                let mut feed = feed.lock();
                self.announce_presence(&mut feed, now);
                expire_typing(&mut feed, now);
                self.tell_here(&mut feed);
                !feed.leaving.is_empty() || !feed.typing.is_empty()
            };
            drop(feed);
            if self.forget_unused(&entity) || again {
                self.restless.lock().insert(entity);
            }
        }
    }

    /// Tells other nodes who is here, if that changed or one of them asked.
    fn tell_here(&self, feed: &mut Feed) {
        let (Some(peers), Some(room)) = (self.peers(), feed.room().cloned()) else {
            return;
        };
        let here = feed.here(self.limits.presence_members);
        let asked = std::mem::take(&mut feed.asked) && here.count > 0;
        // Whoever knows nothing of the others wants to know the same of them, and so does who may have missed a word. An
        // empty word of one node says nothing of the rest.
        let ask = here.count > 0
            && (feed.asks || feed.others.is_silent())
            && !mutation::is_on(Mutation::AskNobody);
        if here == feed.here_told && !asked && !(ask && feed.asks) {
            return;
        }
        feed.asks &= !ask;
        feed.here_told = here.clone();
        peers.tell_here(&room, here, ask);
    }

    fn announce_presence(&self, feed: &mut Feed, now: Instant) {
        let came = std::mem::take(&mut feed.coming).into_iter();
        let mut changes: Vec<(UserId, bool)> = came.map(|user| (user, true)).collect();
        let due: Vec<UserId> = feed
            .leaving
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(user, _)| user.clone())
            .collect();
        for user in due {
            feed.leaving.remove(&user);
            if !feed.is_present(&user) {
                changes.push((user, false));
            }
        }
        changes.extend(
            std::mem::take(&mut feed.left)
                .into_iter()
                .map(|user| (user, false)),
        );
        let Some(room) = feed.room().cloned().filter(|_| !changes.is_empty()) else {
            return;
        };
        let (count, at) = (feed.present_count(), self.clock.now());
        if count > self.limits.presence_members {
            let payload = Payload::Presence {
                room,
                user: None,
                count,
                at,
            };
            return feed.tell(payload, None);
        }
        for change in changes {
            let payload = Payload::Presence {
                room: room.clone(),
                user: Some(change),
                count,
                at,
            };
            feed.tell(payload, None);
        }
    }
}

fn expire_typing(feed: &mut Feed, now: Instant) {
    let over: Vec<UserId> = feed
        .typing
        .iter()
        .filter(|(_, until)| **until <= now)
        .map(|(user, _)| user.clone())
        .collect();
    for user in over {
        feed.stop_typing(&user);
    }
}
