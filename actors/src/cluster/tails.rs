//! What was appended last is said again a few times: a lost last hint leaves no gap that anyone could see. Pure.

use std::collections::BTreeMap;

use crate::ids::{EntityId, Timestamp};
use crate::journal::Head;
use crate::schedule::Schedule;

/// When a head is repeated, after the append that made it, in milliseconds.
pub const REPEATS: [u64; 5] = [250, 500, 1_000, 2_000, 4_000];

/// The heads that are being repeated.
#[derive(Debug, Default)]
pub struct Tails {
    tails: BTreeMap<EntityId, Tail>,
    due: Schedule<EntityId>,
}

#[derive(Debug, Clone, Copy)]
struct Tail {
    head: Head,
    appended: Timestamp,
    /// Repeats so far.
    told: usize,
}

impl Tails {
    /// An append became durable here. False if too many are being repeated already.
    pub fn appended(&mut self, entity: &EntityId, head: Head, now: Timestamp, most: usize) -> bool {
        if !self.tails.contains_key(entity) && self.tails.len() >= most {
            return false;
        }
        let tail = Tail {
            head,
            appended: now,
            told: 0,
        };
        self.tails.insert(entity.clone(), tail);
        self.due.set(entity.clone(), now.plus_millis(REPEATS[0]));
        true
    }

    /// Another node appended: it repeats now.
    pub fn superseded(&mut self, entity: &EntityId, head: Head) {
        let old = self.tails.get(entity);
        if old.is_some_and(|old| old.head.sequence < head.sequence) {
            self.tails.remove(entity);
            self.due.remove(entity);
        }
    }

    /// The heads to say again now.
    pub fn tick(&mut self, now: Timestamp) -> Vec<(EntityId, Head)> {
        let mut said = Vec::new();
        while let Some(entity) = self.due.pop(now) {
            let Some(tail) = self.tails.get_mut(&entity) else {
                continue;
            };
            said.push((entity.clone(), tail.head));
            tail.told += 1;
            match REPEATS.get(tail.told) {
                Some(after) => {
                    // A late tick does not make the rest come in a heap.
                    let due = tail.appended.plus_millis(*after).max(now.plus_millis(1));
                    self.due.set(entity, due);
                }
                None => {
                    self.tails.remove(&entity);
                }
            }
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{EntityKind, Sequence};
    use crate::journal::Digest;

    fn entity(name: &str) -> EntityId {
        EntityId::new(EntityKind::Room, name).expect("valid")
    }

    fn head(sequence: u64) -> Head {
        Head {
            sequence: Sequence(sequence),
            digest: Digest::default(),
        }
    }

    fn said(tails: &mut Tails, until: u64) -> Vec<(u64, u64)> {
        let each = (0..=until).flat_map(|ms| {
            let told = tails.tick(Timestamp(ms));
            told.into_iter().map(move |(_, head)| (ms, head.sequence.0))
        });
        each.collect()
    }

    #[test]
    fn a_head_is_repeated_five_times_and_then_never_again() {
        let mut tails = Tails::default();
        assert!(tails.appended(&entity("r"), head(3), Timestamp(0), 10));
        let expected = REPEATS.map(|ms| (ms, 3));
        assert_eq!(said(&mut tails, 20_000), expected);
        assert!(tails.tails.is_empty() && tails.due.is_empty());
    }

    #[test]
    fn a_further_append_begins_anew_and_one_of_another_node_ends_it() {
        let mut tails = Tails::default();
        tails.appended(&entity("r"), head(3), Timestamp(0), 10);
        tails.tick(Timestamp(600));
        tails.appended(&entity("r"), head(4), Timestamp(700), 10);
        tails.superseded(&entity("r"), head(4));
        let again = tails.tick(Timestamp(950));
        assert_eq!(again, [(entity("r"), head(4))]);
        tails.superseded(&entity("r"), head(5));
        assert_eq!(said(&mut tails, 20_000), []);
        assert!(tails.due.is_empty());
    }

    #[test]
    fn the_bound_holds_for_new_ones_and_a_late_tick_repeats_one_at_a_time() {
        let mut tails = Tails::default();
        assert!(tails.appended(&entity("a"), head(1), Timestamp(0), 1));
        assert!(!tails.appended(&entity("b"), head(1), Timestamp(0), 1));
        assert!(tails.appended(&entity("a"), head(2), Timestamp(0), 1));
        assert_eq!(tails.tick(Timestamp(60_000)).len(), 1);
        assert_eq!(tails.tick(Timestamp(60_000)).len(), 0);
        assert_eq!(tails.tick(Timestamp(60_001)).len(), 1);
    }
}
