//! The timetable of an evening: everything that anybody intends, in the order of time, decided by the seed alone.
//!
//! It is made as it is needed, a few seconds ahead, so that a long evening takes no more memory than a short one.

use rand::Rng;
use rand::rngs::SmallRng;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::cast::{Cast, Kind};
use super::chance::{Purpose, exponential_s, geometric, log_normal_s, ns, stream};
use super::curve::Curve;
use super::engine::AHEAD_NS;
use super::spec::EveningSpec;
use super::visits::{Ending, Visits};

/// Shortest time that somebody types; the longest is as far ahead as the plan is known.
const TYPES_AT_LEAST_NS: u64 = 200_000_000;
/// Members that are looked at for one who talks, and rooms for one in which somebody is there.
const LOOKS: usize = 8;

/// What somebody intends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// Sends a message: operation `n`.
    Send {
        /// Which operation.
        n: u32,
        /// Who, and where.
        slot: u32,
        /// When the others are told that somebody types; 0 if they are not.
        typing_ns: u64,
    },
    /// A visit ends.
    Leave {
        /// Whose.
        user: u32,
        /// How.
        how: Ending,
    },
    /// The next visit begins.
    Return {
        /// Whose.
        user: u32,
    },
    /// Stops reading.
    Pause {
        /// Who.
        user: u32,
    },
    /// Reads on.
    Resume {
        /// Who.
        user: u32,
    },
    /// Reads a page of history.
    History {
        /// Who, and where.
        slot: u32,
    },
    /// Begins to type.
    Type {
        /// Who, and where.
        slot: u32,
    },
    /// Sends once more what the hub wanted later.
    Again {
        /// Who.
        user: u32,
        /// Which operation.
        n: u32,
    },
}

/// Something that is intended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Planned {
    /// When, counted from the beginning of the traffic.
    pub at_ns: u64,
    /// What.
    pub deed: Deed,
}

/// People who talk for a while.
struct Talk {
    /// Slots of those who take part.
    speakers: Vec<u32>,
    /// Messages until it is over.
    left: u32,
}

/// The timetable, from beginning to end.
pub struct Plan<'a> {
    spec: &'a EveningSpec,
    cast: &'a Cast,
    curve: &'a dyn Curve,
    seed: u64,
    end_ns: u64,
    next: u32,
    /// What is intended by people of whom the time before is known.
    people: BinaryHeap<Reverse<Planned>>,
    here: Vec<bool>,
    times: Visits,
    /// Of each person, how often they came back.
    visits: Vec<u32>,
    chance: SmallRng,
    talks: Vec<Talk>,
    /// Talks by when their next message is due.
    due: BinaryHeap<Reverse<(u64, usize)>>,
    free: Vec<usize>,
}

impl<'a> Plan<'a> {
    /// The plan of everybody in `cast`.
    pub fn new(spec: &'a EveningSpec, cast: &'a Cast, curve: &'a dyn Curve, seed: u64) -> Self {
        let users = cast.users() as usize;
        let mut plan = Self {
            spec,
            cast,
            curve,
            seed,
            end_ns: curve.intended_ns(curve.total()),
            next: 0,
            people: BinaryHeap::new(),
            here: vec![true; users],
            times: spec.visits(seed),
            visits: vec![0; users],
            chance: stream(seed, Purpose::Talk, 0),
            talks: Vec::new(),
            due: BinaryHeap::new(),
            free: Vec::new(),
        };
        for user in 0..cast.users() {
            if plan.times.is_visitor(user) {
                plan.leave_after(0, user);
            }
            if is_slow(spec, seed, user) {
                let mut chance = stream(seed, Purpose::Pauses, u64::from(user) | 1 << 32);
                let reads = ns(exponential_s(&mut chance, spec.slow_every_s));
                plan.add(reads, Deed::Pause { user });
            }
            plan.may_read_history(0, user);
        }
        plan
    }

    /// Only what is before the end happens at all.
    fn add(&mut self, at_ns: u64, deed: Deed) {
        if at_ns < self.end_ns {
            self.people.push(Reverse(Planned { at_ns, deed }));
        }
    }

    fn leave_after(&mut self, at_ns: u64, user: u32) {
        let (at_ns, how) = self.times.end(user, self.visits[user as usize], at_ns);
        self.add(at_ns, Deed::Leave { user, how });
    }

    fn may_read_history(&mut self, at_ns: u64, user: u32) {
        let visit = u64::from(self.visits[user as usize]) << 32;
        let mut chance = stream(self.seed, Purpose::History, visit | u64::from(user));
        if chance.random_bool(self.spec.history_share) {
            let slots = self.cast.slots_of(user);
            if !slots.is_empty() {
                let slot = chance.random_range(slots);
                let at_ns = at_ns + ns(exponential_s(&mut chance, self.spec.history_after_s));
                self.add(at_ns, Deed::History { slot });
            }
        }
    }

    /// What somebody does next after this.
    fn go_on(&mut self, Planned { at_ns, deed }: Planned) {
        match deed {
            Deed::Leave { user, .. } => {
                self.here[user as usize] = false;
                let back_ns = self.times.back(user, self.visits[user as usize], at_ns);
                self.add(back_ns, Deed::Return { user });
            }
            Deed::Return { user } => {
                self.here[user as usize] = true;
                self.visits[user as usize] += 1;
                self.leave_after(at_ns, user);
                self.may_read_history(at_ns, user);
            }
            Deed::Pause { user } => self.add(at_ns + ns(self.spec.slow_s), Deed::Resume { user }),
            Deed::Resume { user } => {
                let mut chance = stream(self.seed ^ at_ns, Purpose::Pauses, u64::from(user));
                let reads = ns(exponential_s(&mut chance, self.spec.slow_every_s));
                self.add(at_ns + reads, Deed::Pause { user });
            }
            Deed::Send { .. } | Deed::History { .. } | Deed::Type { .. } | Deed::Again { .. } => {}
        }
    }

    fn send(&mut self, n: u32, at_ns: u64) -> Planned {
        let slot = self.speaker(at_ns);
        let typing_ns = match self.chance.random_bool(self.spec.typing_share) {
            true => {
                let types = ns(log_normal_s(&mut self.chance, self.spec.typing_s));
                at_ns.saturating_sub(types.clamp(TYPES_AT_LEAST_NS, AHEAD_NS))
            }
            false => 0,
        };
        Planned {
            at_ns,
            deed: Deed::Send { n, slot, typing_ns },
        }
    }

    /// Who speaks: somebody of a talk whose next message is due, or of a new one.
    fn speaker(&mut self, at_ns: u64) -> u32 {
        while let Some(&Reverse((due_ns, talk))) = self.due.peek() {
            if due_ns > at_ns {
                break;
            }
            self.due.pop();
            let here = |slot: &&u32| self.here[self.cast.user(**slot) as usize];
            let speakers: Vec<u32> = self.talks[talk]
                .speakers
                .iter()
                .filter(here)
                .copied()
                .collect();
            if let Some(slot) = pick(&mut self.chance, &speakers) {
                self.go_on_talking(talk, at_ns);
                return slot;
            }
            self.free.push(talk);
        }
        self.begin_to_talk(at_ns)
    }

    fn go_on_talking(&mut self, talk: usize, at_ns: u64) {
        self.talks[talk].left -= 1;
        if self.talks[talk].left == 0 {
            return self.free.push(talk);
        }
        let gap = ns(exponential_s(&mut self.chance, self.spec.gap_s));
        self.due.push(Reverse((at_ns + gap, talk)));
    }

    fn begin_to_talk(&mut self, at_ns: u64) -> u32 {
        let mut room = self.pick_room();
        let mut speakers = self.speakers(room);
        for _ in 0..LOOKS {
            if !speakers.is_empty() {
                break;
            }
            room = self.pick_room();
            speakers = self.speakers(room);
        }
        let Some(slot) = speakers.first().copied() else {
            // Nobody is there anywhere: somebody's message waits until they come.
            return self.cast.members(room)[0];
        };
        let left = geometric(&mut self.chance, self.spec.burst_messages);
        let talk = Talk { speakers, left };
        let at = match self.free.pop() {
            Some(at) => {
                self.talks[at] = talk;
                at
            }
            None => {
                self.talks.push(talk);
                self.talks.len() - 1
            }
        };
        self.go_on_talking(at, at_ns);
        slot
    }

    fn pick_room(&mut self) -> u32 {
        let share: f64 = self.chance.random();
        let wanted = match share {
            share if share < self.spec.public_share => Kind::Public,
            share if share < self.spec.public_share + self.spec.direct_share => Kind::Direct,
            _ => Kind::Group,
        };
        // Where there are no such rooms, in whichever there are.
        let all =
            [wanted, Kind::Group, Kind::Direct, Kind::Public].map(|kind| self.cast.of_kind(kind));
        let rooms = all.into_iter().find(|rooms| !rooms.is_empty());
        self.chance.random_range(rooms.unwrap_or(0..1))
    }

    /// Some who are in a room now: those who talk, else anybody.
    fn speakers(&mut self, room: u32) -> Vec<u32> {
        let members = self.cast.members(room);
        let here = |slot: u32| self.here[self.cast.user(slot) as usize];
        let wanted = match self.cast.kind(room) {
            Kind::Direct => 2,
            _ => self.chance.random_range(1..=self.spec.speakers) as usize,
        };
        let mut speakers: Vec<u32> = Vec::new();
        for _ in 0..LOOKS * wanted {
            let slot = members[self.chance.random_range(0..members.len())];
            let fits = here(slot) && (self.cast.talks(self.cast.user(slot)) || wanted == 2);
            if fits && !speakers.contains(&slot) && speakers.len() < wanted {
                speakers.push(slot);
            }
        }
        if speakers.is_empty() {
            speakers.extend(members.iter().copied().find(|&slot| here(slot)));
        }
        speakers
    }
}

/// Whether somebody stops reading from time to time.
pub fn is_slow(spec: &EveningSpec, seed: u64, user: u32) -> bool {
    stream(seed, Purpose::Pauses, u64::from(user)).random_bool(spec.slow_share)
}

fn pick(chance: &mut SmallRng, all: &[u32]) -> Option<u32> {
    match all.len() {
        0 => None,
        count => Some(all[chance.random_range(0..count)]),
    }
}

impl Iterator for Plan<'_> {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        let send_ns = (self.next < self.curve.total()).then(|| self.curve.intended_ns(self.next));
        let first = self.people.peek().map(|Reverse(planned)| planned.at_ns);
        match (send_ns, first) {
            (Some(send_ns), first) if first.is_none_or(|first| send_ns < first) => {
                let n = self.next;
                self.next += 1;
                Some(self.send(n, send_ns))
            }
            _ => {
                let Reverse(planned) = self.people.pop()?;
                self.go_on(planned);
                Some(planned)
            }
        }
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
