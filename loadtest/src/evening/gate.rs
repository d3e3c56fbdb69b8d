//! Where people come and go: their lines, and what is due when.

use rand::Rng;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::chance::{Purpose, stream};
use super::lines::Lines;
use super::people::{People, Stage};
use super::visits::Ending;
use crate::clock::Clock;

/// What is due at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due<D> {
    /// The next try of a line.
    Try(usize),
    /// Somebody intends something.
    Deed(D),
}

/// Lines and times. Times of what is due count from the beginning of the traffic.
pub struct Gate<D: Ord> {
    /// The connections.
    pub lines: Lines,
    /// The clock of the run.
    pub clock: Clock,
    /// When the traffic began, by that clock; the end of time before that.
    pub start_ns: u64,
    due: BinaryHeap<Reverse<(u64, Due<D>)>>,
    seed: u64,
    spread_ns: u64,
}

impl<D: Ord + Copy> Gate<D> {
    /// Tries after a loss come within `spread_ms`.
    pub fn new(lines: Lines, clock: Clock, seed: u64, spread_ms: u32) -> Self {
        let spread_ns = u64::from(spread_ms.max(1)) * 1_000_000;
        Self {
            lines,
            clock,
            start_ns: u64::MAX,
            due: BinaryHeap::new(),
            seed,
            spread_ns,
        }
    }

    /// Time since the traffic began.
    pub fn at(&self) -> u64 {
        self.clock.now_ns().saturating_sub(self.start_ns)
    }

    /// Something is due then.
    pub fn push(&mut self, at_ns: u64, deed: D) {
        self.due.push(Reverse((at_ns, Due::Deed(deed))));
    }

    /// Something is due at a random time within the spread, which `number` decides.
    pub fn push_soon(&mut self, line: usize, number: u32, due: Due<D>) {
        let number = u64::from(number) << 32 | line as u64;
        let wait = stream(self.seed, Purpose::Tries, number).random_range(0..self.spread_ns);
        self.due.push(Reverse((self.at() + wait, due)));
    }

    /// What is due now, if anything is, and since when.
    pub fn pop(&mut self) -> Option<(u64, Due<D>)> {
        let at_ns = self.at();
        let Reverse((due_ns, _)) = self.due.peek()?;
        if *due_ns > at_ns {
            return None;
        }
        self.due.pop().map(|Reverse(due)| due)
    }

    /// When the next thing is due, by the clock of the run.
    pub fn next_ns(&self) -> u64 {
        let next = self.due.peek();
        next.map_or(u64::MAX, |Reverse((at_ns, _))| {
            at_ns.saturating_add(self.start_ns)
        })
    }

    /// Whether anybody still intends anything that was due by then.
    pub fn has_deeds(&self, until_ns: u64) -> bool {
        let mut all = self.due.iter();
        all.any(|Reverse((at_ns, due))| *at_ns <= until_ns && matches!(due, Due::Deed(_)))
    }

    /// Nobody intends any more what does not stand this.
    pub fn keep_deeds(&mut self, stands: impl Fn(&D) -> bool) {
        self.due.retain(|Reverse((_, due))| match due {
            Due::Deed(deed) => stands(deed),
            Due::Try(_) => true,
        });
    }

    /// Somebody goes as planned.
    pub fn leave(&mut self, people: &mut People<'_>, line: usize, how: Ending) {
        self.lines.leave(line, how);
        people.go(line, Stage::Away);
        let client = &mut people.clients[line];
        (client.paused, client.is_trying) = (false, false);
    }

    /// Somebody wants to be there again from `at_ns` on.
    pub fn come_back(&mut self, people: &mut People<'_>, line: usize, at_ns: u64) {
        people.go(line, Stage::Coming);
        let client = &mut people.clients[line];
        (client.back_ns, client.since_ns, client.tries) = (at_ns, at_ns, 0);
        self.due.push(Reverse((at_ns, Due::Try(line))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Target;

    fn gate() -> Gate<u32> {
        let target = Target::nowhere();
        let clock = Clock::start();
        Gate::new(Lines::new(&target, clock).unwrap(), clock, 1, 1_000)
    }

    #[test]
    fn what_is_due_comes_in_the_order_of_time_and_nothing_before_its_time() {
        let mut gate = gate();
        assert_eq!(gate.at(), 0, "the traffic has not begun");
        gate.start_ns = gate.clock.now_ns();
        gate.push(2, 20);
        gate.push(1, 10);
        gate.push(u64::MAX, 99);
        gate.push_soon(4, 0, Due::Try(4));
        while gate.at() < 10 {}
        assert_eq!(gate.pop(), Some((1, Due::Deed(10))));
        assert_eq!(gate.pop(), Some((2, Due::Deed(20))));
        assert!(gate.has_deeds(u64::MAX) && !gate.has_deeds(1_000));
        gate.keep_deeds(|deed| *deed != 99);
        assert!(!gate.has_deeds(u64::MAX));
        // The try comes within its second.
        assert!(gate.next_ns() < gate.clock.now_ns() + 1_000_000_000);
    }
}
