//! Seeded people of a market: they look, wish what makes sense by what they saw last, now and then what does not, and
//! wish it again under the same key when they were not told what became of it.

mod asking;
mod inbox;
mod musician;
mod organizer;
mod plan;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use self::asking::Ask;
use super::history::SharedHistory;
use crate::ids::{RequestId, Sequence, Timestamp, UserId};
use crate::machines::request::{Change, RequestState, RequestView};
use crate::machines::terms::{Caller, PlatformRole};
use crate::testing::workload::Site;

pub use plan::{Fair, Lot};

/// One person, on no node in particular.
pub struct Person {
    caller: Caller,
    /// Stands in front of all keys of this person.
    number: u64,
    fair: Arc<Fair>,
    rng: StdRng,
    history: SharedHistory,
    memory: Arc<Mutex<Memory>>,
    keys: u64,
    at_once: usize,
}

/// What a person knows, written by whatever is asked.
#[derive(Default)]
struct Memory {
    /// Requests as they were seen last.
    views: BTreeMap<RequestId, RequestView>,
    /// The inbox: unread, and the last sequence.
    unread: Vec<Sequence>,
    inbox_head: Sequence,
    /// Busy times of one's own.
    busy: Vec<Sequence>,
    /// The own profile is there.
    known: bool,
    /// Wishes whose fate is not known for sure, by their keys; and those that were granted last.
    unsure: BTreeMap<u64, Ask>,
    granted: BTreeMap<u64, Ask>,
    under_way: usize,
}

/// Granted wishes that are remembered to be wished again.
const GRANTED: usize = 4;

impl Person {
    /// Somebody of a fair.
    pub fn new(
        number: u64,
        caller: Caller,
        seed: u64,
        fair: Arc<Fair>,
        history: SharedHistory,
    ) -> Self {
        Self {
            caller,
            number,
            fair,
            rng: StdRng::seed_from_u64(seed),
            history,
            memory: Arc::default(),
            keys: 0,
            at_once: 3,
        }
    }

    /// Who.
    pub fn user(&self) -> &UserId {
        &self.caller.user
    }

    /// Does one thing at some node, drawn from the seed. The time is the true one.
    pub fn act(&mut self, sites: &[Site<'_>], now: Timestamp) {
        if sites.is_empty() || self.memory.lock().under_way >= self.at_once {
            return;
        }
        let site = &sites[self.rng.random_range(0..sites.len())];
        let ask = match self.rng.random_range(0..100) {
            0..12 => self.again(),
            12..36 => Some(self.look()),
            36..40 => Some(self.nonsense()),
            40..50 => self.mind_inbox(),
            _ => match self.caller.role {
                PlatformRole::Musician => self.play(now),
                PlatformRole::Organizer => self.organize(now),
                _ => self.moderate(),
            },
        };
        match ask {
            Some(ask) => self.ask(site, ask),
            None => {
                let ask = self.look();
                self.ask(site, ask);
            }
        }
    }

    /// Wishes everything again that was not answered for certain.
    pub fn insist(&mut self, sites: &[Site<'_>]) {
        let unsure: Vec<u64> = self.memory.lock().unsure.keys().copied().collect();
        for key in unsure {
            let ask = self.memory.lock().unsure.remove(&key);
            if let Some((ask, site)) = ask.zip(sites.first()) {
                self.ask(site, ask);
            }
        }
    }

    /// A wish whose fate is not known, or one that was granted, under the same key.
    fn again(&mut self) -> Option<Ask> {
        let granted = self.rng.random_range(0..4) == 0;
        let mut memory = self.memory.lock();
        if granted {
            let index = self.rng.random_range(0..memory.granted.len().max(1));
            return memory.granted.values().nth(index).cloned();
        }
        let index = self.rng.random_range(0..memory.unsure.len().max(1));
        let key = memory.unsure.keys().nth(index).copied()?;
        memory.unsure.remove(&key)
    }

    fn look(&mut self) -> Ask {
        match self.rng.random_range(0..12) {
            0 => Ask::Lists(self.some_lot().input.clone()),
            1 => Ask::Page,
            _ => Ask::View(self.some_lot().id.clone()),
        }
    }

    fn some_lot(&mut self) -> Lot {
        let fair = self.fair.clone();
        fair.lots[self.rng.random_range(0..fair.lots.len())].clone()
    }

    fn key(&mut self) -> u64 {
        self.keys += 1;
        // The low bits of a key tell what was wished, the others by whom and which wish: each is unlike all others.
        (self.number << 48) | (self.keys << 24)
    }

    /// A step of a request, under a new key.
    fn step(&mut self, request: &RequestId, change: Change) -> Option<Ask> {
        let request = request.clone();
        let key = self.key();
        let waits = self.rng.random_range(0..3) == 0;
        Some(Ask::Step {
            request,
            key,
            change,
            waits,
        })
    }

    /// Something that need not make sense.
    fn nonsense(&mut self) -> Ask {
        let lot = self.some_lot();
        let musicians = &self.fair.musicians;
        let musician = musicians[self.rng.random_range(0..musicians.len())].clone();
        let reason = || "for no reason".to_owned();
        let change = match self.rng.random_range(0..12) {
            0 => Change::Accept,
            1 => Change::Decline { reason: None },
            2 => Change::Withdraw { reason: None },
            3 => Change::Choose { musician },
            4 => Change::RejectApplication {
                musician,
                reason: reason(),
            },
            5 => Change::Review,
            6 => Change::Reopen,
            7 => Change::DropOut { reason: reason() },
            8 => Change::Start,
            9 => Change::Complete,
            10 => Change::Dispute { reason: reason() },
            _ => Change::Submit { expected: None },
        };
        let key = self.key();
        Ask::Step {
            request: lot.id,
            key,
            change,
            waits: false,
        }
    }

    /// What a moderator does: lets requests pass, sends them back, settles disputes.
    fn moderate(&mut self) -> Option<Ask> {
        let id = self.some_lot().id;
        let state = self.memory.lock().views.get(&id).map(|view| view.state)?;
        let change = match (state, self.rng.random_range(0..10)) {
            (RequestState::Pending, 0..2) => Change::Refuse {
                reason: "say more".into(),
            },
            (RequestState::Pending, _) => Change::Approve,
            (RequestState::Disputed, luck) => Change::Resolve {
                outcome: match luck < 5 {
                    true => crate::machines::request::Outcome::Completed,
                    false => crate::machines::request::Outcome::Cancelled,
                },
                details: "settled".into(),
            },
            _ => return None,
        };
        self.step(&id, change)
    }
}
