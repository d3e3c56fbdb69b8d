//! What came in last from whom, so that a repeat is known for one.
//!
//! Of each source is kept the highest number that came from it, and where its last notification stands. Sources are
//! kept in the order of their last notifications and the oldest go first: a repeat is known as long as fewer than
//! `sources` others have sent something since. Repeats come within the time that a crashed node takes to come back or to
//! be replaced, so that the bound is far from what one inbox takes in meanwhile.

use std::collections::BTreeMap;

use super::Source;
use crate::ids::{EntityId, Sequence};
use crate::machines::repeat_key::RepeatKey;

/// Identity of a source: 128 bits of BLAKE3.
pub(super) type SourceKey = [u64; 2];

/// What came last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// The highest number.
    pub number: u64,
    /// Where its notification stands.
    pub sequence: Sequence,
}

/// The memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Sources {
    seen: BTreeMap<SourceKey, Seen>,
    /// By the last notification.
    order: BTreeMap<Sequence, SourceKey>,
}

impl Sources {
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    pub fn find(&self, key: &SourceKey) -> Option<Seen> {
        self.seen.get(key).copied()
    }

    /// How many there are with one more.
    pub fn len_with(&self, key: &SourceKey) -> usize {
        self.len() + usize::from(!self.seen.contains_key(key))
    }

    /// Something came.
    pub fn insert(&mut self, key: SourceKey, number: u64, sequence: Sequence) {
        if let Some(before) = self.seen.insert(key, Seen { number, sequence }) {
            self.order.remove(&before.sequence);
        }
        self.order.insert(sequence, key);
    }

    /// Forgets the oldest until no more than so many are left.
    pub fn bound(&mut self, most: usize) {
        while self.len() > most
            && let Some((_, key)) = self.order.pop_first()
        {
            self.seen.remove(&key);
        }
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (SourceKey, Seen)> {
        let seen = |key: &SourceKey| Some((*key, *self.seen.get(key)?));
        self.order.values().filter_map(seen)
    }

    /// Whether the parts agree with each other: for invariant I4.
    pub fn is_consistent(&self) -> bool {
        let stands = |(key, seen): (&SourceKey, &Seen)| self.order.get(&seen.sequence) == Some(key);
        self.seen.len() == self.order.len() && self.seen.iter().all(stands)
    }

    /// Loses an entry without telling the other part.
    #[cfg(test)]
    pub fn damage(&mut self) {
        self.order.pop_first();
    }
}

/// An entity as a source.
pub(super) fn entity_key(from: &EntityId) -> SourceKey {
    key(from.kind as u8, from.id().as_bytes())
}

/// What an operator marked with a key is a source of its own, from which one thing comes.
pub(super) fn post_key(of: RepeatKey) -> SourceKey {
    key(0, &of.key().to_le_bytes())
}

/// Source and number of what came in; `None` of what bears no mark. The number of a post tells it from others with its key.
pub(super) fn key_of(source: &Source) -> Option<(SourceKey, u64)> {
    match source {
        Source::Entity { from, number } => Some((entity_key(from), *number)),
        Source::Posted { key, .. } => key.map(|key| {
            let of = RepeatKey::of(key);
            (post_key(of), of.wish())
        }),
    }
}

/// `sort` is the code of a kind of entities, none of which is 0.
fn key(sort: u8, id: &[u8]) -> SourceKey {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[sort]);
    hasher.update(id);
    let hash = hasher.finalize();
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&hash.as_bytes()[at..at + 8]);
        u64::from_le_bytes(word)
    };
    [word(0), word(8)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::EntityKind;

    #[test]
    fn whoever_sent_nothing_for_longest_is_forgotten_first() {
        let mut sources = Sources::default();
        sources.insert([1, 1], 5, Sequence(1));
        sources.insert([2, 2], 5, Sequence(2));
        sources.insert([1, 1], 6, Sequence(3));
        assert_eq!(sources.len_with(&[1, 1]), 2);
        assert_eq!(sources.len_with(&[3, 3]), 3);
        sources.insert([3, 3], 1, Sequence(4));
        sources.bound(2);
        assert!(sources.is_consistent());
        assert_eq!(sources.find(&[2, 2]), None);
        let seen = sources.find(&[1, 1]).expect("it sent again");
        assert_eq!((seen.number, seen.sequence), (6, Sequence(3)));
        sources.bound(0);
        assert_eq!(sources, Sources::default());
    }

    #[test]
    fn entities_of_two_kinds_and_posts_are_different_sources() {
        let entity = |kind| EntityId::new(kind, "12345678").expect("an id");
        let number = u64::from_le_bytes(*b"12345678");
        let keys = [
            entity_key(&entity(EntityKind::Request)),
            entity_key(&entity(EntityKind::User)),
            post_key(RepeatKey::of(number << 24)),
        ];
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    }
}
