//! Who received what: each message exactly once, in order, none missing, the same for every member of a room.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::faults::Faults;
use crate::plan::Plan;
use crate::stamp::Stamp;

/// One connection's position in its room. Lives as long as the connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Member {
    /// The sequence that must come next.
    pub next: u64,
    received: u64,
    digest: u64,
}

/// The bookkeeping of one trial.
pub struct Ledger {
    plan: Plan,
    expects_acknowledgements: bool,
    members: Vec<Member>,
    /// Per send: the sequence at which the first member of its room saw it; 0 is none.
    seen: Vec<u64>,
    /// Per send: the sequence in its acknowledgement; 0 is none, [`REFUSED`] an error.
    answered: Vec<u64>,
    /// Per sender: its highest index seen, plus one.
    newest: Vec<u32>,
    sent: u32,
    received: u64,
    answers: u64,
    stale: u64,
    faults: Faults,
}

/// What the members here of one room received, to be compared with those that other processes hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomRun {
    /// Sends from here that were not refused.
    pub accepted: u64,
    /// Members by what they received: how many messages, their digest, and how many members received just that.
    pub received: Vec<(u64, u64, u64)>,
}

const REFUSED: u64 = u64::MAX;

impl Ledger {
    /// Starts the books of `plan` for members at the given positions.
    pub fn new(plan: Plan, expects_acknowledgements: bool, positions: Vec<Member>) -> Self {
        let members: Vec<_> = positions
            .into_iter()
            .map(|member| Member {
                next: member.next,
                ..Member::default()
            })
            .collect();
        Self {
            expects_acknowledgements,
            seen: vec![0; plan.total as usize],
            answered: vec![0; plan.total as usize],
            newest: vec![0; members.len()],
            members,
            plan,
            sent: 0,
            received: 0,
            answers: 0,
            stale: 0,
            faults: Faults::default(),
        }
    }

    /// The next send has left; they leave in the order of the plan.
    pub fn sent(&mut self) {
        self.sent += 1;
    }

    /// A delivery at a connection; true when it belongs to this trial.
    #[inline]
    pub fn delivered(&mut self, connection: usize, sequence: u64, stamp: Stamp) -> bool {
        self.advance(connection, sequence);
        let own = stamp.trial == self.plan.trial;
        if !own && self.plan.sibling(stamp).is_none() {
            self.stale += 1;
            return false;
        }
        let member = &mut self.members[connection];
        member.received += 1;
        let which = u64::from(stamp.trial) << 32 | u64::from(stamp.index);
        member.digest = (member.digest.rotate_left(5) ^ which).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.received += 1;
        // What others sent, their own first members look at.
        if own && (connection as u32).is_multiple_of(self.plan.shape.members) {
            self.witness(connection as u32, sequence, stamp.index);
        }
        true
    }

    /// An event of the room's journal at a connection, message or not: sequences count up by one.
    #[inline]
    pub fn advance(&mut self, connection: usize, sequence: u64) {
        let member = &mut self.members[connection];
        if sequence == member.next {
            member.next += 1;
        } else if sequence < member.next {
            self.faults.repeated += 1;
        } else {
            self.faults.skipped += sequence - member.next;
            member.next = sequence + 1;
        }
    }

    fn witness(&mut self, connection: u32, sequence: u64, index: u32) {
        let shape = self.plan.shape;
        if index >= self.sent || shape.room_of(index) != shape.room_of_connection(connection) {
            self.faults.foreign += 1;
            return;
        }
        let seen = &mut self.seen[index as usize];
        if *seen != 0 {
            self.faults.doubled += 1;
        }
        *seen = sequence;
        let newest = &mut self.newest[shape.sender_of(index) as usize];
        if index < *newest {
            self.faults.overtaken += 1;
        }
        *newest = (*newest).max(index + 1);
    }

    /// An acknowledgement with its sequence, or `None` for an error; true when it belongs to this trial.
    pub fn answered(&mut self, stamp: Stamp, sequence: Option<u64>) -> bool {
        if stamp.trial != self.plan.trial {
            self.stale += 1;
            return false;
        }
        if stamp.index >= self.sent || self.answered[stamp.index as usize] != 0 {
            self.faults.misacknowledged += 1;
            return false;
        }
        self.answered[stamp.index as usize] = sequence.unwrap_or(REFUSED);
        self.faults.refused += u64::from(sequence.is_none());
        self.answers += 1;
        true
    }

    /// Something happened that must not.
    pub fn fault(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// Deliveries of this trial so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Everything that happened, to see progress: grows while anything still arrives.
    pub fn progress(&self) -> u64 {
        self.received + self.answers + self.stale
    }

    /// Nothing more is to come.
    pub fn is_complete(&self) -> bool {
        let siblings = self.plan.siblings.iter();
        let others: u64 = siblings.map(|one| u64::from(one.total)).sum();
        let accepted = u64::from(self.sent) - self.faults.refused + others;
        let answered = !self.expects_acknowledgements || self.answers >= u64::from(self.sent);
        answered && self.received >= accepted * u64::from(self.plan.shape.listeners)
    }

    /// Where a connection stands in its room.
    pub fn next(&self, connection: usize) -> u64 {
        self.members[connection].next
    }

    /// Closes the books: what was wrong, and where every member stands now.
    pub fn close(mut self) -> (Faults, Vec<Member>) {
        let expected = self.close_sends();
        let shape = self.plan.shape;
        for (room, members) in self.members.chunks(shape.members as usize).enumerate() {
            for member in &members[..shape.listeners as usize] {
                self.faults.missing += expected[room].saturating_sub(member.received);
                let same =
                    (member.received, member.digest) == (members[0].received, members[0].digest);
                self.faults.diverged += u64::from(!same);
            }
        }
        (self.faults, self.members)
    }

    /// The same when others hold members of the same rooms: whether something is missing, only all together can tell.
    pub fn close_part(mut self) -> (Faults, Vec<RoomRun>) {
        let accepted = self.close_sends();
        let shape = self.plan.shape;
        let rooms = self.members.chunks(shape.members as usize).zip(accepted);
        let run = |(members, accepted): (&[Member], u64)| {
            let mut received = BTreeMap::new();
            for member in &members[..shape.listeners as usize] {
                *received
                    .entry((member.received, member.digest))
                    .or_default() += 1u64;
            }
            let told = received
                .into_iter()
                .map(|((count, digest), members)| (count, digest, members));
            RoomRun {
                accepted,
                received: told.collect(),
            }
        };
        (self.faults, rooms.map(run).collect())
    }

    /// Compares every send with its acknowledgement; how many of each room should have arrived.
    fn close_sends(&mut self) -> Vec<u64> {
        let shape = self.plan.shape;
        let mut expected = vec![0u64; shape.rooms as usize];
        for index in 0..self.sent {
            let (seen, answered) = (self.seen[index as usize], self.answered[index as usize]);
            if answered != REFUSED {
                expected[shape.room_of(index) as usize] += 1;
            }
            match answered {
                0 => self.faults.unacknowledged += u64::from(self.expects_acknowledgements),
                REFUSED => self.faults.misacknowledged += u64::from(seen != 0),
                sequence => self.faults.misacknowledged += u64::from(seen != 0 && seen != sequence),
            }
        }
        expected
    }
}

/// Compares what several processes received in one room: each member must have got all that any of them sent, in the order
/// in which the others got it.
pub fn compare_parts(parts: &[&RoomRun]) -> Faults {
    let accepted: u64 = parts.iter().map(|part| part.accepted).sum();
    let mut runs: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    for (count, digest, members) in parts.iter().flat_map(|part| &part.received) {
        *runs.entry((*count, *digest)).or_default() += members;
    }
    // Who differs from most is the one that is wrong.
    let usual = runs.iter().max_by_key(|(_, members)| **members);
    let usual = usual.map(|(run, _)| *run);
    let mut faults = Faults::default();
    for (run, members) in &runs {
        faults.missing += accepted.saturating_sub(run.0) * members;
        faults.diverged += members * u64::from(Some(*run) != usual);
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Shape;

    /// Two rooms of two; sends 0 and 2 go to room 0 (members 0 and 1), sends 1 and 3 to room 1 (members 2 and 3).
    fn ledger() -> Ledger {
        let shape = Shape {
            rooms: 2,
            members: 2,
            senders: 1,
            listeners: 2,
        };
        let mut plan = Plan::new(9, shape, 8.0, 0.0, 1.0);
        plan.total = 4;
        let at_ten = Member {
            next: 11,
            ..Member::default()
        };
        let mut ledger = Ledger::new(plan, true, vec![at_ten; 4]);
        (0..4).for_each(|_| ledger.sent());
        ledger
    }

    const GOOD: [(usize, u64, u32); 8] = [
        (0, 11, 0),
        (1, 11, 0),
        (2, 11, 1),
        (3, 11, 1),
        (0, 12, 2),
        (1, 12, 2),
        (2, 12, 3),
        (3, 12, 3),
    ];

    fn close_after(deliveries: &[(usize, u64, u32)], answers: &[(u32, Option<u64>)]) -> Faults {
        let mut ledger = ledger();
        for &(connection, sequence, index) in deliveries {
            ledger.delivered(connection, sequence, Stamp { trial: 9, index });
        }
        for &(index, sequence) in answers {
            ledger.answered(Stamp { trial: 9, index }, sequence);
        }
        ledger.close().0
    }

    const ANSWERS: [(u32, Option<u64>); 4] =
        [(0, Some(11)), (1, Some(11)), (2, Some(12)), (3, Some(12))];

    #[test]
    fn a_correct_run_has_no_faults_and_is_complete_only_at_its_end() {
        let mut ledger = ledger();
        for (count, (connection, sequence, index)) in GOOD.into_iter().enumerate() {
            assert!(!ledger.is_complete(), "after {count} deliveries");
            assert!(ledger.delivered(connection, sequence, Stamp { trial: 9, index }));
        }
        for (index, sequence) in ANSWERS {
            assert!(!ledger.is_complete());
            assert!(ledger.answered(Stamp { trial: 9, index }, sequence));
        }
        assert!(ledger.is_complete());
        assert!(
            !ledger.delivered(0, 13, Stamp { trial: 8, index: 0 }),
            "a late one of an earlier trial"
        );
        let (faults, members) = ledger.close();
        assert!(faults.none(), "{faults:?}");
        assert_eq!(
            members.iter().map(|member| member.next).collect::<Vec<_>>(),
            [14, 13, 13, 13]
        );
    }

    #[test]
    fn parts_of_a_room_in_several_processes_must_have_received_the_same() {
        let part = |accepted, received: &[(u64, u64, u64)]| RoomRun {
            accepted,
            received: received.to_vec(),
        };
        let compare = |parts: &[RoomRun]| compare_parts(&parts.iter().collect::<Vec<_>>());
        let right = [part(60, &[(100, 7, 250)]), part(40, &[(100, 7, 250)])];
        assert!(compare(&right).none());
        let lost = [
            part(60, &[(100, 7, 250)]),
            part(40, &[(97, 9, 1), (100, 7, 249)]),
        ];
        let faults = compare(&lost);
        assert_eq!((faults.missing, faults.diverged), (3, 1));
        let other_order = [part(60, &[(100, 7, 250)]), part(40, &[(100, 8, 249)])];
        assert_eq!(compare(&other_order).diverged, 249);
        let nobody_got_it = [part(60, &[(99, 7, 250)]), part(40, &[(99, 7, 250)])];
        let faults = compare(&nobody_got_it);
        assert_eq!((faults.missing, faults.diverged), (500, 0));
    }

    #[test]
    fn what_another_process_sends_to_the_room_is_counted_and_digested_but_not_looked_at() {
        let mut ledger = ledger();
        ledger.plan.siblings.push(crate::plan::Sibling {
            trial: 10,
            times: ledger.plan.times.clone(),
            total: 1,
        });
        let theirs = Stamp {
            trial: 10,
            index: 0,
        };
        for (connection, sequence, index) in GOOD {
            ledger.delivered(connection, sequence, Stamp { trial: 9, index });
        }
        assert!(ledger.delivered(0, 13, theirs));
        assert!(ledger.delivered(1, 13, theirs));
        assert!(
            !ledger.delivered(
                1,
                14,
                Stamp {
                    trial: 10,
                    index: 1
                }
            ),
            "nobody planned it"
        );
        let (_, rooms) = ledger.close_part();
        let of = |room: usize| {
            let runs = &rooms[room].received;
            (rooms[room].accepted, runs.len(), runs[0].0, runs[0].2)
        };
        assert_eq!((of(0), of(1)), ((2, 1, 3, 2), (2, 1, 2, 2)));
    }

    #[test]
    fn a_lost_delivery_is_missing_at_that_member() {
        let mut lost = GOOD.to_vec();
        lost.remove(3);
        let faults = close_after(&lost, &ANSWERS);
        assert_eq!((faults.missing, faults.skipped, faults.diverged), (1, 1, 1));
        let faults = close_after(&GOOD[..7], &ANSWERS);
        assert_eq!(
            (faults.missing, faults.skipped, faults.diverged),
            (1, 0, 1),
            "lost at the tail"
        );
    }

    #[test]
    fn a_duplicate_and_a_swap_are_seen() {
        let mut twice = GOOD.to_vec();
        twice.insert(4, GOOD[3]);
        let faults = close_after(&twice, &ANSWERS);
        assert_eq!(
            (faults.repeated, faults.diverged, faults.missing),
            (1, 1, 0)
        );
        let mut swapped = GOOD.to_vec();
        swapped.swap(1, 5);
        let faults = close_after(&swapped, &ANSWERS);
        assert_eq!(
            (faults.skipped, faults.repeated, faults.diverged),
            (1, 1, 1)
        );
    }

    #[test]
    fn a_send_stored_twice_or_out_of_its_senders_order_or_in_another_room_is_seen() {
        let stored_twice = [(0, 11, 0), (1, 11, 0), (0, 12, 0), (1, 12, 0)];
        let faults = close_after(&stored_twice, &[]);
        assert_eq!(
            (faults.doubled, faults.missing, faults.unacknowledged),
            (1, 4, 4)
        );
        let overtaken = [(0, 11, 2), (1, 11, 2), (0, 12, 0), (1, 12, 0)];
        assert_eq!(close_after(&overtaken, &[]).overtaken, 1);
        assert_eq!(close_after(&[(0, 11, 1)], &[]).foreign, 1);
        assert_eq!(close_after(&[(0, 11, 77)], &[]).foreign, 1, "never sent");
    }

    #[test]
    fn acknowledgements_must_name_the_delivered_sequence_once() {
        let wrong = [(0, Some(12)), ANSWERS[1], ANSWERS[2], ANSWERS[3]];
        assert_eq!(close_after(&GOOD, &wrong).misacknowledged, 1);
        let twice = [ANSWERS[0], ANSWERS[0], ANSWERS[1], ANSWERS[2], ANSWERS[3]];
        assert_eq!(close_after(&GOOD, &twice).misacknowledged, 1);
        let refused = [ANSWERS[0], ANSWERS[1], ANSWERS[2], (3, None)];
        let faults = close_after(&GOOD[..6], &refused);
        assert_eq!(
            (faults.refused, faults.missing),
            (1, 0),
            "a refused send is not missing"
        );
        assert_eq!(
            close_after(&GOOD, &refused).misacknowledged,
            1,
            "but it must not arrive"
        );
    }
}
