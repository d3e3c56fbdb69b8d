//! What a user's entity knows: profile, hours, busy times, requests' times, keys, errands.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::view::{Agenda, BusyView, SlotState, SlotView};
use super::{Profile, UserLimits, UserRejection, UserView};
use crate::ids::{EntityId, RequestId, Sequence, Timestamp, UserId};
use crate::machines::errand::Outbox;
use crate::machines::hours::Availability;
use crate::machines::matching::Figures;
use crate::machines::terms::{Caller, Place, PlatformRole, Window};

/// A user as a pure state machine, see [`Machine`](crate::machines::Machine).
#[derive(Debug, Clone)]
pub struct User {
    pub(super) id: UserId,
    pub(super) facts: Facts,
    /// Keys of index rows that the last event took away. No part of the durable state: it follows from that event.
    pub(super) unlisted: Vec<Vec<u8>>,
}

/// All that is durable.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Facts {
    pub head: Sequence,
    /// Last change by the user or an admin.
    pub version: Sequence,
    pub profile: Profile,
    pub availability: Availability,
    pub figures: Figures,
    /// By id.
    pub busy: BTreeMap<Sequence, Busy>,
    pub slots: BTreeMap<RequestId, Slot>,
    /// The oldest first, with the sequences of their events.
    pub keys: VecDeque<(u64, Sequence)>,
    pub outbox: Outbox,
}

/// A busy time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Busy {
    pub window: Window,
    pub note: String,
}

/// A request's time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Slot {
    /// Number of the errand by which the request wanted it.
    pub number: u64,
    /// Number of the request's last errand that was heeded: whatever is older comes late.
    pub last: u64,
    pub window: Window,
    /// What must lie between it and another request's time, in milliseconds.
    pub travel_ms: u64,
    pub hold: Hold,
}

/// How a request's time stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Hold {
    /// Until the request has made up its mind.
    Held {
        /// When it is asked.
        ask_at: Timestamp,
        /// How often it was asked.
        asked: u32,
    },
    /// The request has it.
    Booked,
    /// It is free: remembered for a while only to know late copies. Since when, for the order of forgetting.
    Released(Sequence),
}

impl Slot {
    /// Held or booked.
    pub fn is_taken(&self) -> bool {
        !matches!(self.hold, Hold::Released(_))
    }

    /// Whether too little lies between this and another time with so much travel.
    pub fn collides(&self, window: &Window, travel_ms: u64) -> bool {
        let travel_ms = travel_ms.max(self.travel_ms);
        self.is_taken() && self.window.widened(travel_ms).overlaps(window)
    }
}

impl User {
    /// A user without a journal.
    pub(super) fn empty(entity: &EntityId) -> Self {
        Self::of(entity, Facts::default())
    }

    pub(super) fn of(entity: &EntityId, facts: Facts) -> Self {
        Self {
            id: entity
                .as_user()
                .expect("the user machine runs entities of kind User only"),
            facts,
            unlisted: Vec::new(),
        }
    }

    /// Sequence of the last event applied.
    pub fn head(&self) -> Sequence {
        self.facts.head
    }

    /// Sequence of the last change by the user or an admin.
    pub fn version(&self) -> Sequence {
        self.facts.version
    }

    /// Times that are held and booked, with what is remembered of released ones.
    pub fn slots_len(&self) -> usize {
        self.facts.slots.len()
    }

    /// Times that are held and booked for requests, by the ids of these.
    pub fn slots(&self) -> impl Iterator<Item = SlotView> {
        self.facts.slots.iter().filter_map(|(request, slot)| {
            let state = match slot.hold {
                Hold::Held { .. } => SlotState::Held,
                Hold::Booked => SlotState::Booked,
                Hold::Released(_) => return None,
            };
            Some(SlotView {
                request: request.clone(),
                window: slot.window,
                state,
            })
        })
    }

    /// The user or an admin.
    pub(super) fn owns(&self, by: &Caller) -> bool {
        by.user == self.id || by.role == PlatformRole::Admin
    }

    /// The user as `by` sees one.
    pub(super) fn view(&self, by: &Caller) -> Result<UserView, UserRejection> {
        let facts = &self.facts;
        let own = self.owns(by);
        if facts.version == Sequence::ZERO && by.user != self.id {
            return Err(UserRejection::UserNotFound);
        }
        let (profile, availability) = if own {
            (facts.profile.clone(), facts.availability.clone())
        } else if facts.profile.musician {
            // Where somebody lives is nobody's business; about how far away, everybody's.
            let profile = Profile {
                place: facts.profile.place.as_ref().map(Place::coarse),
                ..facts.profile.clone()
            };
            (profile, facts.availability.clone())
        } else {
            let profile = Profile {
                name: facts.profile.name.clone(),
                bio: facts.profile.bio.clone(),
                ..Profile::default()
            };
            (profile, Availability::default())
        };
        Ok(UserView {
            user: self.id.clone(),
            version: facts.version,
            profile,
            availability,
            figures: facts.figures,
            agenda: own.then(|| self.agenda()),
        })
    }

    fn agenda(&self) -> Agenda {
        let busy = self.facts.busy.iter().map(|(id, busy)| BusyView {
            id: *id,
            window: busy.window,
            note: busy.note.clone(),
        });
        let (mut busy, mut slots): (Vec<_>, Vec<_>) = (busy.collect(), self.slots().collect());
        busy.sort_by_key(|busy| busy.window);
        slots.sort_by_key(|slot| slot.window);
        Agenda { busy, slots }
    }

    /// The pause before a request is asked for the next time.
    pub(super) fn pause_ms(asked: u32, limits: &UserLimits) -> u64 {
        let doubled = 1_u64.checked_shl(asked.min(32)).unwrap_or(u64::MAX);
        let pause = limits.settle_ms.saturating_mul(doubled);
        pause.min(limits.settle_longest_ms).max(1)
    }
}
