//! What an entity wants done elsewhere once its own decision is durable, and where that waits until it is done.
//!
//! An errand is carried out at least once and, between the same two entities, in order: whoever is asked must take a
//! repeat for what it is. Every errand has a number that never comes back in its entity's life, and the greater number is
//! the later wish, also if a late copy of an earlier errand arrives after it. Nobody waits for an answer: what the asking
//! entity must know comes back to it as a command that names the errand.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::notice::Notice;
use super::terms::{Demand, Gig, Window};
use crate::ids::{EntityId, RequestId, RoomId, Sequence, UserId};

/// Something to be done by another entity, or by the hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Errand {
    /// A user is told: the inbox takes it in, once.
    Notify {
        /// Whom.
        user: UserId,
        /// What.
        notice: Notice,
    },
    /// A musician's time is to be held for the asking request. Comes back as `RequestCommand::SlotAnswered`.
    Reserve {
        /// Whose time.
        musician: UserId,
        /// Which.
        window: Window,
        /// Whoever holds it asks after so many milliseconds whether it is still wanted, unless it was confirmed.
        hold_ms: u64,
        /// What is expected of whoever gets it; nothing if somebody has looked at that.
        #[serde(default)]
        demand: Option<Box<Demand>>,
    },
    /// The time that was held for the asking request is booked.
    Confirm {
        /// Whose time.
        musician: UserId,
    },
    /// The time that was held or booked for the asking request is free again.
    Release {
        /// Whose time.
        musician: UserId,
    },
    /// The musician gave back the time that was booked for the asking request: it is free again, and that is counted.
    GiveBack {
        /// Whose time.
        musician: UserId,
    },
    /// Does a request still want the time that the asking musician holds for it? Comes back as
    /// `UserCommand::SlotSettled`.
    Settle {
        /// The request.
        request: RequestId,
        /// The number of the errand by which it asked for the time.
        reserved_by: u64,
    },
    /// A room is to exist with this owner and exactly these members of those that the asking request has ever put there.
    Arrange {
        /// The room.
        room: RoomId,
        /// Its owner.
        owner: UserId,
        /// Who must be in it.
        members: Vec<UserId>,
        /// Who must not be in it any more.
        gone: Vec<UserId>,
    },
    /// Musicians are to be found. Comes back as `RequestCommand::CandidatesFound`.
    Search {
        /// For what.
        gig: Box<Gig>,
        /// Within so many kilometres.
        radius_km: f64,
        /// Not these.
        except: Vec<UserId>,
        /// At most so many.
        limit: usize,
    },
}

impl Errand {
    /// Who is asked: errands to the same one are carried out in order. A search is asked of the hub.
    pub fn target(&self) -> Option<EntityId> {
        Some(match self {
            Errand::Notify { user, .. } => EntityId::inbox(user),
            Errand::Reserve { musician, .. }
            | Errand::Confirm { musician }
            | Errand::Release { musician }
            | Errand::GiveBack { musician } => EntityId::user(musician),
            Errand::Settle { request, .. } => EntityId::request(request),
            Errand::Arrange { room, .. } => EntityId::room(room),
            Errand::Search { .. } => return None,
        })
    }
}

/// An entity's errands that are not known to be done, in order. Part of its state: the event that brings an errand about
/// puts it here when it is applied, and whoever replays the journal comes to the same.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Outbox {
    waiting: VecDeque<(u64, Errand)>,
    /// The last number given.
    last: u64,
}

/// Errands that one event may bring about.
const PER_EVENT: u64 = 1 << 10;

impl Outbox {
    /// An event brings an errand about: the `index`th of its own. Answers its number.
    pub fn push(&mut self, event: Sequence, index: usize, errand: Errand) -> u64 {
        debug_assert!((index as u64) < PER_EVENT, "an event with too many errands");
        let number = Self::number(event, index);
        self.waiting.push_back((number, errand));
        self.last = number;
        number
    }

    /// The number of an event's `index`th errand.
    pub fn number(event: Sequence, index: usize) -> u64 {
        event.0 * PER_EVENT + index as u64
    }

    /// The event that brought an errand about.
    pub fn event_of(number: u64) -> Sequence {
        Sequence(number / PER_EVENT)
    }

    /// An errand is done, or needs not be done any more.
    pub fn done(&mut self, number: u64) {
        let found = self.waiting.binary_search_by_key(&number, |(n, _)| *n);
        if let Ok(at) = found {
            self.waiting.remove(at);
        }
    }

    /// All errands up to and with this number are done.
    pub fn done_up_to(&mut self, number: u64) {
        while self.waiting.front().is_some_and(|(n, _)| *n <= number) {
            self.waiting.pop_front();
        }
    }

    /// All errands up to and with this number are done; 0 if there never was one.
    pub fn done_below(&self) -> u64 {
        let first = self.waiting.front();
        first.map_or(self.last, |(number, _)| number - 1)
    }

    /// What waits, in order.
    pub fn waiting(&self) -> impl Iterator<Item = (u64, &Errand)> {
        self.waiting
            .iter()
            .map(|(number, errand)| (*number, errand))
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confirm(name: &str) -> Errand {
        let musician = UserId::parse(name).expect("a user id");
        Errand::Confirm { musician }
    }

    #[test]
    fn numbers_grow_with_events_and_name_them_again() {
        let mut outbox = Outbox::default();
        let first = outbox.push(Sequence(3), 0, confirm("ann"));
        let second = outbox.push(Sequence(3), 1, confirm("bob"));
        let third = outbox.push(Sequence(4), 0, confirm("ann"));
        assert!(first < second && second < third);
        assert_eq!(Outbox::event_of(second), Sequence(3));
        assert_eq!(Outbox::event_of(third), Sequence(4));
        outbox.done(second);
        outbox.done(second);
        assert_eq!(
            outbox
                .waiting()
                .map(|(number, _)| number)
                .collect::<Vec<_>>(),
            [first, third]
        );
        assert_eq!(outbox.done_below(), first - 1);
        outbox.done_up_to(first);
        assert_eq!((outbox.len(), outbox.done_below()), (1, third - 1));
        outbox.done_up_to(u64::MAX);
        assert!(outbox.is_empty());
        assert_eq!(outbox.done_below(), third);
    }
}
