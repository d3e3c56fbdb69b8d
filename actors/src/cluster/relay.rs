//! Durable rows and news of the moment, out to other nodes and in from them.

use std::sync::Weak;

use super::interest::user_token;
use super::nodes::Change;
use super::peers::Peers;
use super::shown;
use crate::bus::frame::{self, Frame, Here};
use crate::bus::{Message, Published, Subject, Token, Trace};
use crate::delivery::Payload;
use crate::ids::{EntityId, RoomId, Sequence, Timestamp, UserId};
use crate::journal::{Head, Record, Row};
use crate::mutation::{self, Mutation};

/// Carries durable events to other nodes, as hints: any may be lost, late or doubled.
pub trait Relay: Send + Sync + 'static {
    /// Called once per durable row of this node, in order, with who became a member of a room by it. Must not block.
    fn tell(&self, entity: &EntityId, row: &Row, added: &[&UserId]);

    /// An entity was read from its journal here, which reaches at least to `head`: whoever wrote the last
    /// of it may have died before telling.
    fn advanced(&self, _entity: &EntityId, _head: Head) {}
}

/// Holds a node so that its actors do not keep it alive.
pub(super) struct Teller(pub Weak<Peers>);

impl Relay for Teller {
    fn tell(&self, entity: &EntityId, row: &Row, added: &[&UserId]) {
        if let Some(peers) = self.0.upgrade() {
            peers.tell_row(entity, row, added);
        }
    }

    fn advanced(&self, entity: &EntityId, head: Head) {
        if let Some(peers) = self.0.upgrade()
            && head.sequence > Sequence::ZERO
        {
            peers.tell_head(entity, head, peers.traces.begin());
        }
    }
}

impl Peers {
    fn tell_row(&self, entity: &EntityId, row: &Row, added: &[&UserId]) {
        let trace = self.traces.begin();
        let to = Subject::Entity(Token::of(entity));
        let head = row.head();
        // The bytes that the journal holds, shared and not encoded again.
        let hint = Frame::Row {
            entity: entity.clone(),
            first: row.first,
            head,
            records: row.records.clone(),
        };
        if self.send(to, &hint, trace) == Published::TooLarge {
            // The journal has it; a few bytes are enough to say so.
            metrics::counter!("mussikon_bus_moved_total").increment(1);
            self.tell_head(entity, head, trace);
        }
        let now = self.now();
        let kept = self.tails.lock().said(entity, head, now, self.limits.tails);
        if !kept {
            metrics::counter!("mussikon_bus_dropped_total", "what" => "tail").increment(1);
        }
        let Some(room) = entity.as_room() else {
            return;
        };
        for user in added {
            let added = Frame::Added {
                room: room.clone(),
                user: (*user).clone(),
            };
            self.send(Subject::Entity(user_token(user)), &added, trace);
        }
    }

    fn tell_head(&self, entity: &EntityId, head: Head, trace: Trace) {
        let to = Subject::Entity(Token::of(entity));
        let entity = entity.clone();
        self.send(to, &Frame::Head { entity, head }, trace);
    }

    /// Says heads and farewells again that may have been lost.
    pub(super) fn repeat_last_words(&self, now: Timestamp) {
        if !mutation::is_on(Mutation::SkipTails) {
            let heads = self.tails.lock().tick(now);
            for (entity, head) in heads {
                self.tell_head(&entity, head, self.traces.begin());
            }
        }
        if mutation::is_on(Mutation::SkipFarewells) {
            return;
        }
        let farewells = self.farewells.lock().tick(now);
        for (entity, here) in farewells {
            if let Some(room) = entity.as_room() {
                self.to_room(&room, |room| Frame::Present { room, here });
            }
        }
    }

    /// Someone begins or ends typing here.
    pub(crate) fn tell_typing(&self, room: &RoomId, user: &UserId, typing: bool) {
        let user = user.clone();
        self.to_room(room, |room| Frame::Typing { room, user, typing });
    }

    /// Read marks that were written here.
    pub(crate) fn tell_read(&self, room: &RoomId, user: &UserId, up_to: Sequence) {
        let user = user.clone();
        self.to_room(room, |room| Frame::Read { room, user, up_to });
    }

    /// Who is present here.
    pub(super) fn tell_here(&self, room: &RoomId, here: super::others::Present, ask: bool) {
        let here = Here {
            node: self.me.clone(),
            incarnation: self.incarnation,
            // Milliseconds of this life: several in one millisecond do not happen, a tick takes longer.
            version: self.now().0,
            count: here.count,
            users: here.users,
            ask,
        };
        self.note_farewell(room, &here);
        self.to_room(room, |room| Frame::Present { room, here });
    }

    /// With its version: whoever has heard it or anything later takes no notice.
    fn note_farewell(&self, room: &RoomId, here: &Here) {
        let (entity, mut farewells) = (EntityId::room(room), self.farewells.lock());
        if here.count > 0 {
            return farewells.end(&entity);
        }
        if !farewells.said(&entity, here.clone(), self.now(), self.limits.tails) {
            metrics::counter!("mussikon_bus_dropped_total", "what" => "farewell").increment(1);
        }
    }

    fn to_room(&self, room: &RoomId, frame: impl FnOnce(RoomId) -> Frame) {
        let to = Subject::Entity(Token::of(&EntityId::room(room)));
        self.send(to, &frame(room.clone()), self.traces.begin());
    }

    /// Takes a hint in.
    pub(super) fn hear(&self, to: Subject, message: &Message) {
        let frame = match frame::decode(&message.payload) {
            Ok((frame, _)) => frame,
            Err(error) => {
                metrics::counter!("mussikon_bus_dropped_total", "what" => "unreadable")
                    .increment(1);
                return tracing::warn!(%error, ?to, trace = %message.trace, "a hint was not understood");
            }
        };
        match frame {
            Frame::Row {
                entity,
                first,
                head,
                records,
            } => self.hear_row(&entity, first, head, &records),
            Frame::Head { entity, head } => {
                self.tails.lock().superseded(&entity, head);
                self.fanout.heard(&entity, head.sequence);
            }
            Frame::Read { room, user, up_to } => {
                let payload = Payload::Read {
                    room: room.clone(),
                    user,
                    up_to,
                };
                self.fanout.tell(&room, payload, None);
            }
            Frame::Typing { room, user, typing } => self.fanout.types(&room, &user, typing),
            Frame::Present { room, here } => {
                let now = self.now();
                let life = here.incarnation;
                if self.nodes.lock().mentioned(&here.node, life, now) {
                    self.fanout.present_elsewhere(&room, here, now);
                }
            }
            Frame::Added { room, user } => self.fanout.added(&room, &user),
            Frame::Beat(beat) if beat.node == self.me => self.meet_namesake(),
            Frame::Beat(beat) => {
                let now = self.now();
                let (changes, is_new) = {
                    let mut nodes = self.nodes.lock();
                    let known = nodes.peers().get(&beat.node);
                    let is_new = known.is_none_or(|peer| peer.beat.incarnation < beat.incarnation);
                    (nodes.heard(beat, now), is_new)
                };
                if is_new || changes.iter().any(|c| matches!(c, Change::Joined(_))) {
                    // It wants to know of this node at once, too.
                    self.beat();
                }
                if is_new {
                    // It owns nothing yet, perhaps, but it may have told already who is present with it.
                    self.look_at_all(self.limits.look_within_ms);
                }
                self.changed(changes);
            }
            // These come as requests only.
            Frame::Command { .. }
            | Frame::Answer(_)
            | Frame::Warm { .. }
            | Frame::Coming { .. }
            | Frame::Who { .. }
            | Frame::Report { .. } => {}
        }
    }

    fn hear_row(&self, entity: &EntityId, first: Sequence, head: Head, records: &[Record]) {
        self.tails.lock().superseded(entity, head);
        match shown::fresh(entity, records) {
            Ok(shown) => self.fanout.published(entity, first, || shown),
            Err(error) => {
                // Of a later version, perhaps; whoever reads it from the journal says so louder.
                tracing::warn!(%entity, %error, "a row of another node was not understood");
                self.fanout.heard(entity, head.sequence);
            }
        }
    }
}
