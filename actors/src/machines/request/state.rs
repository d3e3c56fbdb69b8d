//! What a request knows: its text, its state, the musicians who have a part, the search, what was wished by which key.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::event::Nobody;
use super::input::Brief;
use super::limits::MOST_KEYS;
use super::{Mode, RequestRejection, RequestState, Standing};
use crate::ids::{EntityId, RequestId, Sequence, Timestamp, UserId};
use crate::machines::errand::Outbox;
use crate::machines::repeat_key::{KeyReused, RepeatKey};
use crate::machines::terms::{Breakdown, Caller, Cents, PlatformRole};

/// A matching request as a pure state machine, see [`Machine`](crate::machines::Machine).
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub(super) id: RequestId,
    pub(super) head: Sequence,
    /// `None` until it is created.
    pub(super) facts: Option<Box<Facts>>,
    pub(super) keys: Keys,
    pub(super) outbox: Outbox,
}

/// Everything that is known once it is created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Facts {
    pub organizer: UserId,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub state: RequestState,
    pub brief: Brief,
    /// Until when musicians are looked for; set when it is submitted.
    pub deadline: Option<Timestamp>,
    /// Everybody who ever had a part.
    pub parts: BTreeMap<UserId, Part>,
    /// Whose time is being held.
    pub pending: Option<Pending>,
    /// Who waits meanwhile, the first first.
    pub standbys: VecDeque<UserId>,
    pub assigned: Option<UserId>,
    /// The search, while it is open.
    pub hunt: Option<Hunt>,
    /// When both sides are to be reminded.
    pub remind_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    /// Why it came into its state, if a reason was given.
    pub reason: Option<String>,
}

/// A musician's part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Part {
    pub standing: Standing,
    /// Since when.
    pub since: Timestamp,
    pub offer: Option<Offer>,
    pub application: Option<Application>,
    /// Why, if a reason was given.
    pub reason: Option<String>,
}

/// What a musician was offered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// In which wave, from 1.
    pub wave: u32,
    /// The score, 0 to 1.
    pub score: f64,
    /// How it came about.
    pub breakdown: Breakdown,
    /// From the place, in kilometres.
    pub distance_km: f64,
    /// What the musician asks for the whole gig, if that is known.
    pub cost: Option<Cents>,
    /// Until when it holds.
    pub until: Timestamp,
}

/// What a musician offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// For the whole gig.
    pub rate: Cents,
    /// In the musician's words.
    pub words: String,
    /// When.
    pub at: Timestamp,
}

/// A reservation whose answer is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub musician: UserId,
    /// Number of the errand.
    pub number: u64,
}

/// Where the search for musicians stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Hunt {
    /// Of the last search.
    pub radius_km: f64,
    /// Waves so far.
    pub wave: u32,
    /// Number of the errand whose answer is waited for.
    pub searching: Option<u64>,
    /// When the next search is due.
    pub next_at: Timestamp,
    /// How often in a row nobody was found in the largest radius.
    pub misses: u32,
    /// What the organizer was told of it last.
    pub told: Option<Nobody>,
}

/// Idempotency keys, the newest last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Keys(VecDeque<(u64, Sequence)>);

impl Keys {
    pub fn remember(&mut self, key: u64, sequence: Sequence) {
        if self.0.len() >= MOST_KEYS {
            self.0.pop_front();
        }
        self.0.push_back((key, sequence));
    }

    /// The event of a wish, if its key is among the last ones.
    pub fn find(&self, key: u64, last: usize) -> Result<Option<Sequence>, KeyReused> {
        let newest = self.0.iter().rev().take(last);
        RepeatKey::of(key).granted(newest)
    }

    pub fn iter(&self) -> impl Iterator<Item = &(u64, Sequence)> {
        self.0.iter()
    }
}

impl Request {
    /// A request without a journal.
    pub(super) fn empty(entity: &EntityId) -> Self {
        Self {
            id: entity
                .as_request()
                .expect("the request machine runs entities of kind Request only"),
            head: Sequence::ZERO,
            facts: None,
            keys: Keys::default(),
            outbox: Outbox::default(),
        }
    }

    /// Sequence of the last event applied.
    pub fn head(&self) -> Sequence {
        self.head
    }

    /// The state, once it is created.
    pub fn state(&self) -> Option<RequestState> {
        self.facts.as_ref().map(|facts| facts.state)
    }

    /// How a musician stands, if there is a part.
    pub fn standing(&self, musician: &UserId) -> Option<Standing> {
        self.facts.as_ref()?.standing(musician)
    }

    /// The musician who has it.
    pub fn assigned(&self) -> Option<&UserId> {
        self.facts.as_ref()?.assigned.as_ref()
    }

    /// The facts for someone who may know of them.
    pub(super) fn seen_by(&self, caller: &Caller) -> Result<&Facts, RequestRejection> {
        let facts = self.facts.as_deref();
        let seen = facts.filter(|facts| facts.is_seen_by(caller));
        seen.ok_or(RequestRejection::NotFound)
    }
}

impl Facts {
    pub fn standing(&self, musician: &UserId) -> Option<Standing> {
        self.parts.get(musician).map(|part| part.standing)
    }

    pub fn is_owner(&self, user: &UserId) -> bool {
        self.organizer == *user
    }

    pub fn is_assigned(&self, user: &UserId) -> bool {
        self.assigned.as_ref() == Some(user)
    }

    pub fn is_reserving(&self, user: &UserId) -> bool {
        self.pending.as_ref().is_some_and(|p| p.musician == *user)
    }

    pub fn first_accept(&self) -> bool {
        self.brief.mode == Mode::FirstAccept
    }

    /// Who stands so.
    pub fn who(&self, standing: Standing) -> impl Iterator<Item = &UserId> {
        let parts = self.parts.iter();
        parts
            .filter(move |(_, part)| part.standing == standing)
            .map(|(user, _)| user)
    }

    /// Whether an application waits for the organizer.
    pub fn any_application(&self) -> bool {
        self.who(Standing::Applied).next().is_some()
    }

    /// Musicians who were offered it.
    pub fn offers(&self) -> usize {
        let parts = self.parts.values();
        parts.filter(|part| part.offer.is_some()).count()
    }

    /// When the next search is due: while somebody's application waits, nobody else is asked.
    pub fn search_due(&self) -> Option<Timestamp> {
        let hunt = self.hunt.as_ref()?;
        let looking = self.state == RequestState::Active && !self.any_application();
        looking.then_some(hunt.next_at)
    }

    /// When it expires if nothing happens.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self.state {
            RequestState::Pending | RequestState::Active => self.deadline,
            // The applications are there; the organizer has until the event begins.
            RequestState::InReview if self.pending.is_none() => Some(self.brief.gig.window.from),
            _ => None,
        }
    }

    /// Whether someone may know of it at all.
    fn is_seen_by(&self, caller: &Caller) -> bool {
        let admin = caller.role == PlatformRole::Admin;
        let moderates = admin || caller.role == PlatformRole::Moderator;
        let open = self.state.is_open();
        self.is_owner(&caller.user)
            || match self.state {
                RequestState::Draft => admin,
                RequestState::Pending => moderates,
                _ => {
                    moderates
                        || self.parts.contains_key(&caller.user)
                        || open
                        || caller.role == PlatformRole::Musician
                }
            }
    }
}
