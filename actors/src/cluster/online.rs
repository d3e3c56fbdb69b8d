//! Who of some users is online in a room, whichever node they are on: asked when it is needed.
//!
//! A node hears who is present elsewhere only of rooms that it has subscribers of, and of big rooms only how
//! many there are. So whoever wants to know it of certain users asks all nodes at once.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;

use super::fanout::Fanout;
use super::peers::Peers;
use crate::bus::frame::{self, Frame, Outcome};
use crate::ids::{NodeId, RoomId, UserId};

impl Peers {
    /// Those of `users` who are subscribed to a room on any node. Of a node that does not answer in time holds what it
    /// said last, if it has said anything.
    pub(crate) async fn online(&self, room: &RoomId, users: Vec<UserId>) -> BTreeSet<UserId> {
        let here = self.fanout.online_here(room, &users);
        let mut online: BTreeSet<UserId> = here.into_iter().collect();
        let left = users.into_iter().filter(|user| !online.contains(user));
        let left: Vec<UserId> = left.collect();
        if left.is_empty() {
            return online;
        }
        let others = self.known();
        let asked = others.iter().map(|node| self.ask_who(node, room, &left));
        let answers = join_all(asked).await;
        online.extend(answers.into_iter().flatten());
        online
    }

    async fn ask_who(&self, node: &NodeId, room: &RoomId, users: &[UserId]) -> Vec<UserId> {
        let frame = Frame::Who {
            room: room.clone(),
            users: users.to_vec(),
        };
        let bytes = self.encoded(&frame);
        let wait = Duration::from_millis(self.limits.presence_ms);
        let answer = self.bus.request(node, self.traces.begin(), bytes, wait);
        match answer.await.map(|bytes| frame::decode(&bytes)) {
            Ok(Ok((Frame::Answer(Outcome::Present(users)), _))) => users,
            other => {
                tracing::debug!(%node, %room, answered = other.is_ok(), "a node did not say who is online there");
                self.fanout.said_online(room, node, users)
            }
        }
    }
}

impl Fanout {
    /// Those of `users` who are subscribed to a room on this node.
    pub(crate) fn online_here(&self, room: &RoomId, users: &[UserId]) -> Vec<UserId> {
        let Some(feed) = self.feed_of(room) else {
            return Vec::new();
        };
        let feed = feed.lock();
        let here = users.iter().filter(|user| feed.is_here(user));
        here.cloned().collect()
    }

    /// Those of `users` who are subscribed on another node by its last word.
    fn said_online(&self, room: &RoomId, node: &NodeId, users: &[UserId]) -> Vec<UserId> {
        let Some(feed) = self.feed_of(room) else {
            return Vec::new();
        };
        let feed = feed.lock();
        let said = users.iter().filter(|user| feed.others.said_by(node, user));
        said.cloned().collect()
    }
}
