//! Which entities' subjects are to be heard: kept a while after the last subscriber, changed at a bounded pace.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{BusLimits, Token};
use crate::ids::Timestamp;
use crate::schedule::Schedule;

/// What to do now.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Subjects to begin with.
    pub subscribe: Vec<Token>,
    /// Subjects to cease with.
    pub unsubscribe: Vec<Token>,
}

/// The state of all interests of a node. Pure: time comes in, changes go out.
#[derive(Debug)]
pub struct Interests {
    limits: BusLimits,
    wanted: BTreeMap<Token, usize>,
    heard: BTreeSet<Token>,
    /// Wanted, and waiting to be subscribed, first come first.
    waiting: VecDeque<Token>,
    /// What stands in that queue, so that nothing stands in it twice.
    queued: BTreeSet<Token>,
    /// Heard and no longer wanted: until when it is heard.
    lingering: Schedule<Token>,
    /// Changes that may be made now, in thousandths.
    budget: u64,
    filled: Timestamp,
}

impl Interests {
    /// No interest.
    pub fn new(limits: BusLimits, now: Timestamp) -> Self {
        let mut interests = Self {
            limits,
            wanted: BTreeMap::new(),
            heard: BTreeSet::new(),
            waiting: VecDeque::new(),
            queued: BTreeSet::new(),
            lingering: Schedule::default(),
            budget: 0,
            filled: now,
        };
        interests.budget = interests.most_budget();
        interests
    }

    /// One more local reader of an entity. False if there are too many already: it will not be heard.
    pub fn want(&mut self, token: Token) -> bool {
        if let Some(readers) = self.wanted.get_mut(&token) {
            *readers += 1;
            return true;
        }
        if self.wanted.len() >= self.limits.interests {
            return false;
        }
        self.wanted.insert(token, 1);
        self.lingering.remove(&token);
        if !self.heard.contains(&token) && self.queued.insert(token) {
            self.waiting.push_back(token);
        }
        true
    }

    /// One reader less.
    pub fn release(&mut self, token: Token, now: Timestamp) {
        let Some(readers) = self.wanted.get_mut(&token) else {
            return;
        };
        *readers -= 1;
        if *readers > 0 {
            return;
        }
        self.wanted.remove(&token);
        if self.heard.contains(&token) {
            let due = now.plus_millis(self.limits.interest_linger_ms);
            self.lingering.set(token, due);
        }
    }

    /// What may be changed now. Beginnings come first: they are missed, endings only cost.
    pub fn tick(&mut self, now: Timestamp) -> Changes {
        let gained = now
            .since(self.filled)
            .saturating_mul(u64::from(self.limits.interest_changes_per_second));
        self.budget = self.budget.saturating_add(gained).min(self.most_budget());
        self.filled = now.max(self.filled);
        let mut changes = Changes::default();
        while self.budget >= 1_000 {
            let Some(token) = self.waiting.pop_front() else {
                break;
            };
            self.queued.remove(&token);
            // Else it was given up while it waited.
            if self.wanted.contains_key(&token) && self.heard.insert(token) {
                self.budget -= 1_000;
                changes.subscribe.push(token);
            }
        }
        while self.budget >= 1_000 {
            let Some(token) = self.lingering.pop(now) else {
                break;
            };
            self.heard.remove(&token);
            self.budget -= 1_000;
            changes.unsubscribe.push(token);
        }
        changes
    }

    /// Subjects heard, and subjects waiting to be.
    pub fn count(&self) -> (usize, usize) {
        (self.heard.len(), self.queued.len())
    }

    /// A tenth of a second may come at once.
    fn most_budget(&self) -> u64 {
        (u64::from(self.limits.interest_changes_per_second) * 100).max(1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{EntityId, EntityKind};

    fn token(n: u32) -> Token {
        Token::of(&EntityId::new(EntityKind::Room, &format!("r{n}")).expect("valid"))
    }

    fn interests(linger: u64, per_second: u32, most: usize) -> Interests {
        let limits = BusLimits {
            interest_linger_ms: linger,
            interest_changes_per_second: per_second,
            interests: most,
            ..BusLimits::default()
        };
        Interests::new(limits, Timestamp(0))
    }

    #[test]
    fn an_interest_lasts_a_while_after_its_last_reader_and_a_new_one_takes_it_over() {
        let mut interests = interests(1_000, 10_000, 10);
        assert!(interests.want(token(1)) && interests.want(token(1)));
        let begun = interests.tick(Timestamp(0));
        assert_eq!(
            (begun.subscribe, begun.unsubscribe),
            (vec![token(1)], vec![])
        );
        interests.release(token(1), Timestamp(5));
        interests.release(token(1), Timestamp(10));
        assert_eq!(interests.tick(Timestamp(900)), Changes::default());
        assert!(interests.want(token(1)));
        assert_eq!(interests.tick(Timestamp(5_000)), Changes::default());
        interests.release(token(1), Timestamp(5_000));
        assert_eq!(interests.tick(Timestamp(6_000)).unsubscribe, [token(1)]);
        assert_eq!(interests.count(), (0, 0));
    }

    #[test]
    fn changes_are_paced_beginnings_first_and_all_of_them_happen() {
        let mut interests = interests(0, 1_000, 1_000);
        for n in 0..250 {
            assert!(interests.want(token(n)));
        }
        let first = interests.tick(Timestamp(0)).subscribe;
        assert_eq!(first.len(), 100);
        for n in 0..100 {
            interests.release(token(n), Timestamp(0));
        }
        let second = interests.tick(Timestamp(100));
        assert_eq!((second.subscribe.len(), second.unsubscribe.len()), (100, 0));
        let third = interests.tick(Timestamp(200));
        assert_eq!((third.subscribe.len(), third.unsubscribe.len()), (50, 50));
        let last = interests.tick(Timestamp(300));
        assert_eq!((last.subscribe.len(), last.unsubscribe.len()), (0, 50));
        assert_eq!(interests.count(), (150, 0));
    }

    #[test]
    fn what_was_given_up_while_it_waited_is_never_subscribed_and_the_bound_holds() {
        let mut interests = interests(0, 10_000, 2);
        assert!(interests.want(token(1)) && interests.want(token(2)));
        assert!(!interests.want(token(3)));
        interests.release(token(3), Timestamp(0));
        interests.release(token(1), Timestamp(0));
        assert_eq!(interests.tick(Timestamp(0)).subscribe, [token(2)]);
    }
}
