//! Which entries of a cache go first: those that were used least recently.

use crate::ids::Sequence;

/// The places above `bound` that were used longest ago, in no order; entries are when each was used, and where it is.
pub(super) fn least_used(
    entries: impl ExactSizeIterator<Item = (u64, Sequence)>,
    bound: usize,
) -> Vec<Sequence> {
    let excess = entries.len().saturating_sub(bound);
    if excess == 0 {
        return Vec::new();
    }
    let mut order: Vec<(u64, Sequence)> = entries.collect();
    if excess < order.len() {
        order.select_nth_unstable(excess);
    }
    let gone = order.into_iter().take(excess);
    gone.map(|(_, sequence)| sequence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_goes_and_no_more_than_must() {
        let entries = [(5, 1), (2, 2), (9, 3), (1, 4)].map(|(used, at)| (used, Sequence(at)));
        let gone = |bound| {
            let mut gone = least_used(entries.into_iter(), bound);
            gone.sort_unstable();
            gone.iter().map(|at| at.0).collect::<Vec<_>>()
        };
        assert!(gone(4).is_empty());
        assert!(gone(9).is_empty());
        assert_eq!(gone(2), [2, 4]);
        assert_eq!(gone(0), [1, 2, 3, 4]);
    }
}
