//! Last words are said again a few times, so that a lost one leaves nothing wrong that nobody would look at again. Pure.

use std::collections::BTreeMap;

use crate::ids::{EntityId, Timestamp};
use crate::journal::Head;
use crate::schedule::Schedule;

/// When a word is repeated, after it was said first, in milliseconds.
pub const REPEATS: [u64; 5] = [250, 500, 1_000, 2_000, 4_000];

/// Words in one tick at most; the rest waits for the next, so that news of other entities are not pushed out.
const AT_ONCE: usize = 1_000;

/// The last word about each entity that is being repeated.
#[derive(Debug)]
pub struct Repeats<W> {
    words: BTreeMap<EntityId, Word<W>>,
    due: Schedule<EntityId>,
}

#[derive(Debug)]
struct Word<W> {
    word: W,
    said: Timestamp,
    /// Repeats so far.
    repeated: usize,
}

impl<W> Default for Repeats<W> {
    fn default() -> Self {
        Self {
            words: BTreeMap::new(),
            due: Schedule::default(),
        }
    }
}

impl<W: Clone> Repeats<W> {
    /// A word was said here, instead of any before. False if too many are being repeated already.
    pub fn said(&mut self, entity: &EntityId, word: W, now: Timestamp, most: usize) -> bool {
        if !self.words.contains_key(entity) && self.words.len() >= most {
            return false;
        }
        let word = Word {
            word,
            said: now,
            repeated: 0,
        };
        self.words.insert(entity.clone(), word);
        self.due.set(entity.clone(), now.plus_millis(REPEATS[0]));
        true
    }

    /// The last word holds no longer.
    pub fn end(&mut self, entity: &EntityId) {
        if self.words.remove(entity).is_some() {
            self.due.remove(entity);
        }
    }

    /// What is to be said again now.
    pub fn tick(&mut self, now: Timestamp) -> Vec<(EntityId, W)> {
        let mut again = Vec::new();
        while again.len() < AT_ONCE
            && let Some(entity) = self.due.pop(now)
        {
            let Some(word) = self.words.get_mut(&entity) else {
                continue;
            };
            again.push((entity.clone(), word.word.clone()));
            word.repeated += 1;
            match REPEATS.get(word.repeated) {
                Some(after) => {
                    // A late tick does not make the rest come in a heap.
                    let due = word.said.plus_millis(*after).max(now.plus_millis(1));
                    self.due.set(entity, due);
                }
                None => {
                    self.words.remove(&entity);
                }
            }
        }
        again
    }
}

impl Repeats<Head> {
    /// Another node appended: it repeats now.
    pub fn superseded(&mut self, entity: &EntityId, head: Head) {
        let old = self.words.get(entity);
        if old.is_some_and(|old| old.word.sequence < head.sequence) {
            self.end(entity);
        }
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

    fn said(heads: &mut Repeats<Head>, until: u64) -> Vec<(u64, u64)> {
        let each = (0..=until).flat_map(|ms| {
            let told = heads.tick(Timestamp(ms));
            told.into_iter().map(move |(_, head)| (ms, head.sequence.0))
        });
        each.collect()
    }

    #[test]
    fn a_head_is_repeated_five_times_and_then_never_again() {
        let mut heads = Repeats::default();
        assert!(heads.said(&entity("r"), head(3), Timestamp(0), 10));
        let expected = REPEATS.map(|ms| (ms, 3));
        assert_eq!(said(&mut heads, 20_000), expected);
        assert!(heads.words.is_empty() && heads.due.is_empty());
    }

    #[test]
    fn a_further_append_begins_anew_and_one_of_another_node_ends_it() {
        let mut heads = Repeats::default();
        heads.said(&entity("r"), head(3), Timestamp(0), 10);
        heads.tick(Timestamp(600));
        heads.said(&entity("r"), head(4), Timestamp(700), 10);
        heads.superseded(&entity("r"), head(4));
        let again = heads.tick(Timestamp(950));
        assert_eq!(again, [(entity("r"), head(4))]);
        heads.superseded(&entity("r"), head(5));
        assert_eq!(said(&mut heads, 20_000), []);
        assert!(heads.due.is_empty());
    }

    #[test]
    fn the_bound_holds_for_new_ones_and_a_late_tick_repeats_one_at_a_time() {
        let mut heads = Repeats::default();
        assert!(heads.said(&entity("a"), head(1), Timestamp(0), 1));
        assert!(!heads.said(&entity("b"), head(1), Timestamp(0), 1));
        assert!(heads.said(&entity("a"), head(2), Timestamp(0), 1));
        assert_eq!(heads.tick(Timestamp(60_000)).len(), 1);
        assert_eq!(heads.tick(Timestamp(60_000)).len(), 0);
        assert_eq!(heads.tick(Timestamp(60_001)).len(), 1);
    }

    #[test]
    fn many_that_are_due_at_once_are_said_some_at_a_time() {
        let mut heads = Repeats::default();
        for n in 0..=AT_ONCE {
            heads.said(&entity(&format!("r{n}")), head(1), Timestamp(0), usize::MAX);
        }
        let due = Timestamp(REPEATS[0]);
        assert_eq!(heads.tick(due).len(), AT_ONCE);
        assert_eq!(heads.tick(due).len(), 1);
        assert_eq!(heads.tick(due).len(), 0);
    }
}
