//! The timetable of inboxes: whose notices come up when, who comes and goes, looks and marks. The seed alone decides.

use rand::Rng;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::super::chance::{Purpose, exponential_s, ns, stream};
use super::super::curve::Curve;
use super::super::visits::{Ending, Visits};
use super::spec::InboxSpec;

/// What is intended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// A notice comes up: operation `n`.
    Notice {
        /// Which operation.
        n: u32,
        /// For whom.
        user: u32,
    },
    /// A visit ends.
    Leave {
        /// Whose.
        user: u32,
        /// How.
        how: Ending,
    },
    /// The next visit begins.
    Return {
        /// Whose.
        user: u32,
    },
    /// Somebody looks at the inbox.
    Look {
        /// Who.
        user: u32,
    },
    /// Somebody marks everything as read.
    Mark {
        /// Who.
        user: u32,
    },
    /// Marks once more what the hub wanted later.
    MarkAgain {
        /// Who.
        user: u32,
    },
    /// A notice that the hub wants once more.
    Again {
        /// Which operation.
        n: u32,
    },
}

/// The timetable, from beginning to end, in the order of time.
pub struct Plan<'a> {
    spec: &'a InboxSpec,
    curve: &'a dyn Curve,
    seed: u64,
    end_ns: u64,
    next: u32,
    times: Visits,
    visits: Vec<u32>,
    people: BinaryHeap<Reverse<(u64, Deed)>>,
}

impl<'a> Plan<'a> {
    /// The plan of everybody.
    pub fn new(spec: &'a InboxSpec, curve: &'a dyn Curve, seed: u64) -> Self {
        let mut plan = Self {
            spec,
            curve,
            seed,
            end_ns: curve.intended_ns(curve.total()),
            next: 0,
            times: spec.visits(seed),
            visits: vec![0; spec.users as usize],
            people: BinaryHeap::new(),
        };
        for user in 0..spec.users {
            plan.visit(0, user);
        }
        plan
    }

    /// Only what is before the end happens at all.
    fn add(&mut self, at_ns: u64, deed: Deed) {
        if at_ns < self.end_ns {
            self.people.push(Reverse((at_ns, deed)));
        }
    }

    fn visit(&mut self, at_ns: u64, user: u32) {
        let visit = self.visits[user as usize];
        if self.times.is_visitor(user) {
            let (end_ns, how) = self.times.end(user, visit, at_ns);
            self.add(end_ns, Deed::Leave { user, how });
        }
        let mut chance = stream(
            self.seed,
            Purpose::History,
            u64::from(visit) << 32 | u64::from(user),
        );
        for (share, deed) in [
            (self.spec.look_share, Deed::Look { user }),
            (self.spec.mark_share, Deed::Mark { user }),
        ] {
            let wait = ns(exponential_s(&mut chance, self.spec.look_after_s));
            if chance.random_bool(share) {
                self.add(at_ns + wait, deed);
            }
        }
    }
}

impl Iterator for Plan<'_> {
    type Item = (u64, Deed);

    fn next(&mut self) -> Option<(u64, Deed)> {
        let notice_ns = (self.next < self.curve.total()).then(|| self.curve.intended_ns(self.next));
        let first = self.people.peek().map(|Reverse((at_ns, _))| *at_ns);
        match (notice_ns, first) {
            (Some(notice_ns), first) if first.is_none_or(|first| notice_ns < first) => {
                let n = self.next;
                self.next += 1;
                let user = stream(self.seed, Purpose::Notices, u64::from(n))
                    .random_range(0..self.spec.users);
                Some((notice_ns, Deed::Notice { n, user }))
            }
            _ => {
                let Reverse((at_ns, deed)) = self.people.pop()?;
                match deed {
                    Deed::Leave { user, .. } => {
                        let back_ns = self.times.back(user, self.visits[user as usize], at_ns);
                        self.add(back_ns, Deed::Return { user });
                    }
                    Deed::Return { user } => {
                        self.visits[user as usize] += 1;
                        self.visit(at_ns, user);
                    }
                    Deed::Notice { .. }
                    | Deed::Look { .. }
                    | Deed::Mark { .. }
                    | Deed::MarkAgain { .. }
                    | Deed::Again { .. } => {}
                }
                Some((at_ns, deed))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::curve::Steady;
    use super::*;

    const STEADY: Steady = Steady {
        rate: 50.0,
        warmup_s: 0.0,
        measured_s: 60.0,
    };

    fn all(seed: u64) -> Vec<(u64, Deed)> {
        let spec = InboxSpec {
            users: 200,
            visit_s: 5.0,
            ..InboxSpec::default()
        };
        Plan::new(&spec, &STEADY, seed).collect()
    }

    #[test]
    fn the_seed_decides_everything_and_everything_is_in_the_order_of_time() {
        let plan = all(1);
        assert_eq!(plan, all(1));
        assert_ne!(plan, all(2));
        assert!(plan.is_sorted_by_key(|(at_ns, _)| *at_ns));
        let count = |is: fn(&Deed) -> bool| plan.iter().filter(|(_, deed)| is(deed)).count();
        assert_eq!(count(|deed| matches!(deed, Deed::Notice { .. })), 3_000);
        assert!(count(|deed| matches!(deed, Deed::Look { .. })) > 200);
        assert!(count(|deed| matches!(deed, Deed::Mark { .. })) > 80);
        let (left, back) = (
            count(|deed| matches!(deed, Deed::Leave { .. })),
            count(|deed| matches!(deed, Deed::Return { .. })),
        );
        assert!(
            left > 150 && back <= left && back + 80 > left,
            "{left} {back}"
        );
    }

    #[test]
    fn notices_are_for_everybody_about_equally() {
        let mut counts = [0; 200];
        for (_, deed) in all(3) {
            if let Deed::Notice { user, .. } = deed {
                counts[user as usize] += 1;
            }
        }
        assert!(
            counts.iter().all(|count| (2..40).contains(count)),
            "{counts:?}"
        );
    }
}
