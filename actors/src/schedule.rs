//! Keys that are due at some time, each at one time only. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::Timestamp;

/// When each key is due.
#[derive(Debug)]
pub(crate) struct Schedule<K> {
    due: BTreeSet<(Timestamp, K)>,
    times: BTreeMap<K, Timestamp>,
}

impl<K> Default for Schedule<K> {
    fn default() -> Self {
        Self {
            due: BTreeSet::new(),
            times: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone> Schedule<K> {
    /// The key is due then, and at no other time.
    pub fn set(&mut self, key: K, at: Timestamp) {
        self.remove(&key);
        self.due.insert((at, key.clone()));
        self.times.insert(key, at);
    }

    /// The key is not due any more.
    pub fn remove(&mut self, key: &K) {
        if let Some((key, at)) = self.times.remove_entry(key) {
            self.due.remove(&(at, key));
        }
    }

    /// When the key is due.
    pub fn time(&self, key: &K) -> Option<Timestamp> {
        self.times.get(key).copied()
    }

    /// Takes out the key that is due first, if it is due now.
    pub fn pop(&mut self, now: Timestamp) -> Option<K> {
        if self.due.first().is_none_or(|(due, _)| *due > now) {
            return None;
        }
        let (_, key) = self.due.pop_first()?;
        self.times.remove(&key);
        Some(key)
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.due.is_empty() && self.times.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_due_once_at_its_last_time_and_the_earliest_comes_first() {
        let mut schedule = Schedule::default();
        schedule.set("a", Timestamp(5));
        schedule.set("b", Timestamp(3));
        schedule.set("c", Timestamp(4));
        schedule.set("a", Timestamp(1));
        schedule.remove(&"c");
        schedule.remove(&"d");
        assert_eq!(
            (schedule.time(&"a"), schedule.time(&"c")),
            (Some(Timestamp(1)), None)
        );
        assert_eq!(schedule.pop(Timestamp(0)), None);
        assert_eq!(schedule.pop(Timestamp(3)), Some("a"));
        assert_eq!(schedule.pop(Timestamp(3)), Some("b"));
        assert_eq!(schedule.pop(Timestamp(9)), None);
        assert!(schedule.is_empty());
    }
}
