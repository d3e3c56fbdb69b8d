//! The heads of recently written journals, in memory: two generations, so that a head that is used
//! within one lifetime of the younger one stays, and the size is bounded without a list to maintain.

use std::collections::HashMap;

use crate::ids::EntityId;
use crate::journal::Head;

pub(super) struct HeadCache {
    young: HashMap<EntityId, Head>,
    old: HashMap<EntityId, Head>,
    half: usize,
}

impl HeadCache {
    /// Keeps at most `capacity` heads.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            half: (capacity / 2).max(1),
        }
    }

    pub(super) fn get(&self, entity: &EntityId) -> Option<Head> {
        let found = self.young.get(entity).or_else(|| self.old.get(entity));
        found.copied()
    }

    pub(super) fn put(&mut self, entity: EntityId, head: Head) {
        if self.young.len() >= self.half && !self.young.contains_key(&entity) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(entity, head);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{EntityKind, Sequence};

    #[test]
    fn keeps_what_is_written_lately_and_never_more_than_its_capacity() {
        let mut cache = HeadCache::new(10);
        let entity = |n: u64| EntityId::new(EntityKind::Room, &n.to_string()).expect("valid");
        let head = |n| Head {
            sequence: Sequence(n),
            ..Head::default()
        };
        for n in 1..=100 {
            cache.put(entity(n), head(n));
            cache.put(entity(0), head(n));
            assert_eq!(cache.get(&entity(0)), Some(head(n)), "in use all the time");
            assert_eq!(cache.get(&entity(n)), Some(head(n)), "just written");
            assert!(cache.young.len() + cache.old.len() <= 10);
        }
        assert_eq!(cache.get(&entity(1)), None);
    }
}
