//! One entity's live feed on this node: who is subscribed, and how far each of them is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

use crate::delivery::{Block, Delivery, Payload, ResetReason, Shown};
use crate::ids::{EntityId, RoomId, Sequence, UserId};
use crate::mutation::{self, Mutation};

use super::entry::{Entry, Offered, Standing};
use super::others::{Others, Present};
use super::session::SessionCore;

/// Where in a feed a subscription sits; `serial` tells a reused place from the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub index: usize,
    pub serial: u64,
}

/// Where a subscription begins.
pub(crate) struct Start {
    /// The last event that its reader has.
    pub position: Sequence,
    /// The head as the reader joined.
    pub head: Sequence,
    /// What the reader is to be told first.
    pub reset: Option<(Sequence, ResetReason)>,
}

/// The state of a feed, kept under a short lock.
pub(crate) struct Feed {
    entity: EntityId,
    /// The room, if it is one: only of rooms is told who is present.
    room: Option<RoomId>,
    /// The last event known to be durable here; `None` until the first subscriber asked.
    pub position: Option<Sequence>,
    /// A gap is being filled from the journal.
    pub filling: bool,
    /// How often a gap had to be filled.
    pub fills: u64,
    /// The last sequence heard of, which the filling must reach.
    pub wanted: Sequence,
    public: bool,
    entries: Vec<Option<Entry>>,
    free: Vec<usize>,
    serials: u64,
    recent: VecDeque<Arc<Delivery>>,
    recent_events: usize,
    max_recent: usize,
    /// Sessions by user; the keys are who is present.
    present: BTreeMap<UserId, usize>,
    /// Users who left, and when others are to be told.
    pub leaving: BTreeMap<UserId, Instant>,
    /// Users who came and were not announced yet.
    pub coming: BTreeSet<UserId>,
    /// Users who are typing, and until when.
    pub typing: BTreeMap<UserId, Instant>,
    /// Users present on other nodes.
    pub others: Others,
    /// Users who left another node, to be told.
    pub left: BTreeSet<UserId>,
    /// Who was here as other nodes were told last.
    pub here_told: Present,
    /// Another node wants to know who is here.
    pub asked: bool,
    /// What other nodes told may be lost, or came before anyone was here to hear it: they are to tell again.
    pub asks: bool,
}

/// What the caller must do after it has let go of the lock.
#[derive(Default)]
pub(crate) struct After {
    /// Sessions that fell behind.
    pub behind: Vec<Arc<SessionCore>>,
    /// Sessions whose subscription ended with their membership, with the subscription's serial.
    pub ended: Vec<(Arc<SessionCore>, u64)>,
    /// The journal must fill a gap.
    pub gap: bool,
}

impl Feed {
    pub fn new(entity: EntityId, max_recent: usize) -> Self {
        Self {
            room: entity.as_room(),
            entity,
            position: None,
            filling: false,
            fills: 0,
            wanted: Sequence::ZERO,
            public: false,
            entries: Vec::new(),
            free: Vec::new(),
            serials: 0,
            recent: VecDeque::new(),
            recent_events: 0,
            max_recent,
            present: BTreeMap::new(),
            leaving: BTreeMap::new(),
            coming: BTreeSet::new(),
            typing: BTreeMap::new(),
            others: Others::default(),
            left: BTreeSet::new(),
            here_told: Present::default(),
            asked: false,
            asks: true,
        }
    }

    pub fn is_unused(&self) -> bool {
        self.present.is_empty() && self.leaving.is_empty() && !self.filling
    }

    /// Users with at least one subscription on any node.
    pub fn present(&self) -> BTreeSet<&UserId> {
        self.present.keys().chain(self.others.users()).collect()
    }

    /// How many; users whom another node only counts count once for each such node.
    pub fn present_count(&self) -> usize {
        // Two nodes may name the same user; those who are here need no look at each.
        let elsewhere = self.others.users().filter(|user| !self.is_here(user));
        let elsewhere: BTreeSet<&UserId> = elsewhere.collect();
        self.present.len() + elsewhere.len() + self.others.nameless() as usize
    }

    /// Users with a subscription on this node.
    pub fn locals(&self) -> impl Iterator<Item = &UserId> {
        self.present.keys()
    }

    pub fn is_here(&self, user: &UserId) -> bool {
        self.present.contains_key(user)
    }

    pub fn is_present(&self, user: &UserId) -> bool {
        self.is_here(user) || self.others.has(user)
    }

    pub fn add(&mut self, session: Arc<SessionCore>, start: Start, public: bool) -> Place {
        self.public = public;
        self.serials += 1;
        let user = session.user.clone();
        let entry = Some(Entry {
            entity: self.entity.clone(),
            session,
            serial: self.serials,
            position: start.position,
            standing: Standing::Waiting,
            since: start.head,
            reset: start.reset,
            over: false,
        });
        let index = match self.free.pop() {
            Some(index) => {
                self.entries[index] = entry;
                index
            }
            None => {
                self.entries.push(entry);
                self.entries.len() - 1
            }
        };
        let sessions = self.present.entry(user.clone()).or_default();
        *sessions += 1;
        // Also somebody who was elsewhere until now, and of whom nobody was told yet.
        let known = self.leaving.remove(&user).is_some() | self.left.remove(&user);
        let returned = *sessions == 1 && known;
        let is_new = *sessions == 1 && !returned && self.room.is_some();
        if is_new && !self.others.has(&user) {
            self.coming.insert(user);
        }
        Place {
            index,
            serial: self.serials,
        }
    }

    pub fn remove(&mut self, place: Place, tell_at: Instant) -> bool {
        let Some(slot) = self.entries.get_mut(place.index) else {
            return false;
        };
        if slot.as_ref().is_none_or(|e| e.serial != place.serial) {
            return false;
        }
        let Some(entry) = slot.take() else {
            return false;
        };
        self.free.push(place.index);
        let user = entry.session.user.clone();
        if let Some(sessions) = self.present.get_mut(&user) {
            *sessions -= 1;
            if *sessions == 0 {
                self.present.remove(&user);
                if !self.coming.remove(&user) && self.room.is_some() {
                    self.leaving.insert(user, tell_at);
                }
            }
        }
        true
    }

    pub fn entry(&mut self, place: Place) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(place.index)?.as_mut()?;
        (entry.serial == place.serial).then_some(entry)
    }

    /// Takes in consecutive durable events and hands them to the live subscriptions.
    pub fn publish(&mut self, first: Sequence, events: &[Shown], after: &mut After) {
        let block = Block {
            entity: self.entity.clone(),
            first,
            events: events.to_vec(),
        };
        let last = block.last();
        let Some(position) = self.position else {
            self.position = Some(last);
            return;
        };
        if last <= position {
            return;
        }
        if first > position.next() && !mutation::is_on(Mutation::IgnoreGaps) {
            after.gap = self.heard(last);
            return;
        }
        let Some(block) = block.above(position) else {
            return;
        };
        self.position = Some(last);
        let deletes = block.events.iter().any(Shown::is_deletion);
        let delivery = Delivery::new(Payload::Events(block));
        let public = self.public;
        for entry in self.entries.iter_mut().flatten().filter(|e| e.is_live()) {
            match entry.offer(&delivery, public) {
                Offered::Accepted => {}
                Offered::Ended => after.ended.push((entry.session.clone(), entry.serial)),
                Offered::Full => {
                    entry.standing = Standing::Behind;
                    after.behind.push(entry.session.clone());
                }
                // The connection's own end removes the subscription.
                Offered::Closed => entry.standing = Standing::Behind,
            }
        }
        if deletes && !mutation::is_on(Mutation::KeepDeleted) {
            // What was kept for latecomers may hold the text that is gone.
            self.recent.clear();
            self.recent_events = 0;
        } else {
            self.remember(delivery);
        }
    }

    /// Takes in what was read from the journal. If its beginning is no longer retained, those who have
    /// not seen that far go on by catching up, which tells them.
    pub fn publish_filled(&mut self, first: Sequence, events: &[Shown], after: &mut After) {
        let before = Sequence(first.0 - 1);
        if self.position.is_some_and(|position| position < before) {
            self.position = Some(before);
            for entry in self.entries.iter_mut().flatten() {
                if entry.is_live() && entry.position < before {
                    entry.standing = Standing::Behind;
                    after.behind.push(entry.session.clone());
                }
            }
        }
        self.publish(first, events, after);
    }

    /// The journal reaches at least to `head`; true if filling the gap is now up to the caller.
    pub fn heard(&mut self, head: Sequence) -> bool {
        if self.position.is_none_or(|position| position >= head) {
            return false;
        }
        if mutation::is_on(Mutation::TrustToldHead) {
            self.position = Some(head);
            return false;
        }
        self.wanted = head.max(self.wanted);
        !std::mem::replace(&mut self.filling, true)
    }

    /// Events that are known of and have not been handed on yet.
    pub fn lag(&self) -> u64 {
        let position = self.position.unwrap_or(self.wanted);
        self.wanted.0.saturating_sub(position.0)
    }

    /// Subscriptions that are being brought forward from the journal.
    pub fn behind(&self) -> usize {
        let entries = self.entries.iter().flatten();
        entries.filter(|e| e.standing == Standing::Behind).count()
    }

    /// Where filling must go on from; when nothing is missing or nobody listens any more, it is over.
    pub fn missing(&mut self) -> Option<Sequence> {
        let position = self.position.unwrap_or_default();
        self.filling = position < self.wanted && !self.present.is_empty();
        self.filling.then_some(position)
    }

    fn remember(&mut self, delivery: Arc<Delivery>) {
        let Payload::Events(block) = &delivery.payload else {
            return;
        };
        self.recent_events += block.events.len();
        self.recent.push_back(delivery);
        while self.recent_events > self.max_recent {
            let Some(oldest) = self.recent.pop_front() else {
                break;
            };
            if let Payload::Events(block) = &oldest.payload {
                self.recent_events -= block.events.len();
            }
        }
    }

    /// The kept live delivery that continues exactly after this position.
    pub fn recent_after(&self, position: Sequence) -> Option<Arc<Delivery>> {
        let found = self.recent.iter().find(|delivery| match &delivery.payload {
            Payload::Events(block) => block.first == position.next(),
            _ => false,
        });
        found.cloned()
    }

    /// Hands something that is not journaled to all live subscriptions, but not to `except`.
    /// It may be dropped by a full queue: it tells nothing that cannot be asked for.
    pub fn tell(&self, payload: Payload, except: Option<&UserId>) {
        let delivery = Delivery::new(payload);
        for entry in self.entries.iter().flatten().filter(|e| e.is_live()) {
            if except != Some(&entry.session.user) {
                let _ = entry.session.outlet.push(&delivery);
            }
        }
    }

    /// Ends a user's "is typing" and tells the others; they would show it for ever otherwise. False if
    /// there was nothing to end.
    pub fn stop_typing(&mut self, user: &UserId) -> bool {
        let Some(room) = self.room.clone() else {
            return false;
        };
        if self.typing.remove(user).is_none() {
            return false;
        }
        let payload = Payload::Typing {
            room,
            user: user.clone(),
            typing: false,
        };
        self.tell(payload, Some(user));
        true
    }

    /// Offers a subscription its next events, or `None` for only what it is to be told before them.
    pub fn offer(&mut self, place: Place, delivery: Option<&Arc<Delivery>>) -> Option<Offered> {
        let public = self.public;
        let entry = self.entry(place)?;
        Some(match delivery {
            Some(delivery) => entry.offer(delivery, public),
            None => entry.offer_reset(),
        })
    }

    pub fn entity(&self) -> &EntityId {
        &self.entity
    }

    /// The room that only its members may read, if this is the feed of one.
    pub fn members_only(&self) -> Option<&RoomId> {
        self.room.as_ref().filter(|_| !self.public)
    }

    /// The room that this is the feed of, if it is one.
    pub fn room(&self) -> Option<&RoomId> {
        self.room.as_ref()
    }
}
