//! Counts of trouble with the store, of one entity and of all on a node, for metrics and for operators who ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How often something happened; what counts here counts for the whole as well.
#[derive(Debug, Default)]
pub struct Tally {
    conflicts: AtomicU64,
    in_doubt: AtomicU64,
    whole: Option<Arc<Tally>>,
}

impl Tally {
    /// A count of a part.
    pub fn part_of(whole: Arc<Tally>) -> Arc<Self> {
        Arc::new(Self {
            whole: Some(whole),
            ..Self::default()
        })
    }

    /// Appends refused because another writer had moved the head.
    pub fn conflicts(&self) -> u64 {
        self.conflicts.load(Ordering::Relaxed)
    }

    /// Appends whose outcome had to be found out by a later read.
    pub fn in_doubt(&self) -> u64 {
        self.in_doubt.load(Ordering::Relaxed)
    }

    pub(crate) fn lost_an_append(&self) {
        metrics::counter!("mussikon_append_conflicts_total").increment(1);
        self.each(|tally| &tally.conflicts);
    }

    pub(crate) fn was_in_doubt(&self) {
        metrics::counter!("mussikon_appends_in_doubt_total").increment(1);
        self.each(|tally| &tally.in_doubt);
    }

    fn each(&self, count: impl Fn(&Tally) -> &AtomicU64) {
        count(self).fetch_add(1, Ordering::Relaxed);
        if let Some(whole) = &self.whole {
            count(whole).fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_to_a_part_counts_for_the_whole() {
        let whole = Arc::new(Tally::default());
        let (one, other) = (Tally::part_of(whole.clone()), Tally::part_of(whole.clone()));
        one.lost_an_append();
        one.was_in_doubt();
        other.lost_an_append();
        let counts = |tally: &Tally| (tally.conflicts(), tally.in_doubt());
        assert_eq!((counts(&one), counts(&other)), ((1, 1), (1, 0)));
        assert_eq!(counts(&whole), (2, 1));
    }
}
