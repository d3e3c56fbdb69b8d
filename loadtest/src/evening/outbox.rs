//! What somebody still has to say.

use std::collections::VecDeque;

/// Sends of one person, in their order.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: VecDeque<u32>,
    flight: VecDeque<u32>,
}

impl Outbox {
    /// One more is to be made.
    pub fn add(&mut self, n: u32) {
        self.waiting.push_back(n);
    }

    /// The next one, which is made now and has no answer yet.
    pub fn take(&mut self) -> Option<u32> {
        let n = self.waiting.pop_front()?;
        self.flight.push_back(n);
        Some(n)
    }

    /// The connection is gone: what has no answer is made again, first of all and in its order.
    pub fn disconnected(&mut self) {
        while let Some(n) = self.flight.pop_back() {
            self.waiting.push_front(n);
        }
    }

    /// An answer came; false if there was no such send without one.
    pub fn answered(&mut self, n: u32) -> bool {
        let at = self.flight.iter().position(|one| *one == n);
        at.and_then(|at| self.flight.remove(at)).is_some()
    }

    /// Those that are to be made.
    pub fn waiting(&self) -> impl Iterator<Item = u32> {
        self.waiting.iter().copied()
    }

    /// Everything was said and answered.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.flight.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_answer_is_said_again_before_anything_new_and_in_its_order() {
        let mut outbox = Outbox::default();
        [3, 5, 8].into_iter().for_each(|n| outbox.add(n));
        while outbox.take().is_some() {}
        outbox.add(9);
        assert!(outbox.answered(5) && !outbox.answered(5) && !outbox.answered(9));
        outbox.disconnected();
        assert_eq!(outbox.waiting().collect::<Vec<_>>(), [3, 8, 9]);
        assert!(!outbox.is_empty() && !outbox.answered(3));
    }
}
