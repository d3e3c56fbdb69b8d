//! What stands at older sequences that commands named, as far as marking them goes. The unread ones are known anyway.

use std::collections::BTreeMap;

use crate::ids::Sequence;
use crate::machines::recency::least_used;

/// What stands at a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    /// No notification.
    Nothing,
    /// A notification that was read.
    Read,
    /// One that was put away.
    Dismissed,
}

/// A bounded cache over the journal; bounded by [`Known::sweep`], which wants everything to be durable.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// With the use that was the last.
    found: BTreeMap<Sequence, (Stands, u64)>,
    uses: u64,
}

impl Known {
    pub fn len(&self) -> usize {
        self.found.len()
    }

    pub fn get(&self, sequence: Sequence) -> Option<Stands> {
        self.found.get(&sequence).map(|(stands, _)| *stands)
    }

    pub fn iter(&self) -> impl Iterator<Item = (Sequence, Stands)> {
        self.found.iter().map(|(at, (stands, _))| (*at, *stands))
    }

    /// An event says what stands there now.
    pub fn set(&mut self, sequence: Sequence, stands: Stands) {
        self.uses += 1;
        self.found.insert(sequence, (stands, self.uses));
    }

    /// The journal says what stood there; events that came since know better.
    pub fn load(&mut self, sequence: Sequence, stands: Stands) {
        self.uses += 1;
        let used = self.uses;
        let known = self.found.entry(sequence).or_insert((stands, used));
        known.1 = used;
    }

    /// Forgets the least recently used above `bound`.
    pub fn sweep(&mut self, bound: usize) {
        let uses = self.found.iter().map(|(at, (_, used))| (*used, *at));
        for sequence in least_used(uses, bound) {
            self.found.remove(&sequence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_events_said_is_not_shadowed_and_the_least_used_goes_first() {
        let mut known = Known::default();
        known.set(Sequence(1), Stands::Dismissed);
        known.load(Sequence(2), Stands::Nothing);
        known.load(Sequence(3), Stands::Read);
        known.load(Sequence(1), Stands::Read);
        assert_eq!(known.get(Sequence(1)), Some(Stands::Dismissed));
        known.sweep(2);
        let left: Vec<u64> = known.iter().map(|(at, _)| at.0).collect();
        assert_eq!(left, [1, 3]);
    }
}
