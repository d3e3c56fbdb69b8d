//! Members that leave their room in the middle of a trial and come back to where they were.

use protocol::HubMessage;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use std::collections::VecDeque;

use super::Trial;
use super::books::Books;
use crate::fleet::Fleet;
use crate::hub::{self, HubError};
use crate::plan::Shape;
use crate::target::{ConnectError, push_frame};
use crate::websocket;

/// Names the invocation with which a member joins again.
const AGAIN: &str = "again";
/// Whoever is not back by then never will be.
const GIVE_UP_NS: u64 = 20_000_000_000;
/// Nobody leaves who could not be back so long before the end.
const LAST_NS: u64 = 1_000_000_000;

/// How far a member has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Here,
    Away,
    Upgrading,
    Shaking,
    Joining,
}

/// Who is away, and when the next one leaves.
pub struct Churning {
    stages: Vec<Stage>,
    /// From when on a member is measured: what it missed, it catches up with when it is back.
    since_ns: Vec<u64>,
    /// Who leaves, in turn: members that only listen.
    order: Vec<u32>,
    turn: usize,
    interval_ns: f64,
    left: u64,
    away_ns: u64,
    start_ns: u64,
    end_ns: u64,
    /// Who comes back when; all are away for the same time.
    due: VecDeque<(u64, usize)>,
    /// Who is on the way back since when.
    coming: VecDeque<(u64, usize)>,
}

impl Churning {
    /// So much of the connections leaves in each second, and each is away for `away_ns`. None when nobody can leave: those who
    /// send stay.
    pub fn new(shape: Shape, share_per_second: f64, away_ns: u64, seed: u64) -> Option<Self> {
        let connections = shape.connections();
        let only_listens = |one: &u32| shape.listens(*one) && one % shape.members >= shape.senders;
        let mut order: Vec<u32> = (0..connections).filter(only_listens).collect();
        order.shuffle(&mut SmallRng::seed_from_u64(seed));
        let per_second = f64::from(connections) * share_per_second;
        (!order.is_empty() && per_second > 0.0).then(|| Self {
            stages: vec![Stage::Here; connections as usize],
            since_ns: vec![0; connections as usize],
            order,
            turn: 0,
            interval_ns: 1e9 / per_second,
            left: 0,
            away_ns,
            start_ns: 0,
            end_ns: 0,
            due: VecDeque::new(),
            coming: VecDeque::new(),
        })
    }

    /// Members leave from one moment on, and so that all can be back at the other.
    pub fn between(&mut self, start_ns: u64, end_ns: u64) {
        self.start_ns = start_ns;
        self.end_ns = end_ns.saturating_sub(self.away_ns + LAST_NS);
    }

    /// From when on what arrives at a member is measured.
    #[inline]
    pub fn since_ns(&self, connection: usize) -> u64 {
        self.since_ns[connection]
    }

    /// Whether a member is in its room.
    #[inline]
    pub fn is_here(&self, connection: usize) -> bool {
        self.stages[connection] == Stage::Here
    }

    /// Everybody is back.
    pub fn all_here(&self) -> bool {
        self.due.is_empty() && self.coming.is_empty()
    }

    /// Nobody comes any more: whoever was to come back, those still away included, with the time for which each return was planned.
    fn give_up(&mut self) -> Vec<(u64, usize)> {
        let coming = std::mem::take(&mut self.coming).into_iter();
        let all = coming.chain(std::mem::take(&mut self.due));
        all.filter(|(_, one)| self.stages[*one] != Stage::Here)
            .collect()
    }

    /// Who leaves now, if somebody does.
    fn leaver(&mut self, now_ns: u64) -> Option<usize> {
        let due_ns = self.start_ns + (self.left as f64 * self.interval_ns) as u64;
        if now_ns < due_ns || due_ns >= self.end_ns {
            return None;
        }
        self.left += 1;
        let one = self.order[self.turn] as usize;
        self.turn = (self.turn + 1) % self.order.len();
        // With few members and long ways back, the next one may be away still.
        self.is_here(one).then_some(one)
    }
}

impl<B: Books> Trial<'_, B> {
    /// Lets members go whose time it is, and brings back those who were away long enough. Call it between two turns.
    pub(super) fn churn(&mut self, now_ns: u64) {
        let Some(churning) = &mut self.churn else {
            return;
        };
        if let Some(one) = churning.leaver(now_ns) {
            self.fleet.pool.close(one);
            self.fleet.away.insert(one);
            churning.stages[one] = Stage::Away;
            churning.due.push_back((now_ns + churning.away_ns, one));
        }
        while let Some((due_ns, one)) = churning.due.front().copied()
            && due_ns <= now_ns
        {
            churning.due.pop_front();
            churning.stages[one] = Stage::Upgrading;
            churning.coming.push_back((due_ns, one));
            if begin(self.fleet, one).is_err() {
                // Its time runs out like that of any other that never comes.
                self.fleet.pool.close(one);
            }
        }
        while let Some((due_ns, one)) = churning.coming.front().copied() {
            let is_back = churning.is_here(one) || churning.stages[one] == Stage::Away;
            let is_lost = now_ns > due_ns + GIVE_UP_NS;
            if !is_back && !is_lost {
                break;
            }
            churning.coming.pop_front();
            if is_lost && !is_back {
                churning.stages[one] = Stage::Away;
                self.fleet.pool.close(one);
                self.books.back(due_ns, None);
                self.ledger.fault().disconnected += 1;
            }
        }
    }

    /// The trial is over. Members who are still away, or on their way, never came back.
    pub(super) fn end_churn(&mut self) {
        let Some(churning) = &mut self.churn else {
            return;
        };
        for (due_ns, one) in churning.give_up() {
            churning.stages[one] = Stage::Away;
            self.fleet.pool.close(one);
            self.books.back(due_ns, None);
            self.ledger.fault().disconnected += 1;
        }
    }

    /// Reads what came to a member that is on its way back.
    pub(super) fn read_returning(&mut self, index: usize) {
        let Self {
            fleet,
            churn: Some(churning),
            ledger,
            others,
            ..
        } = self
        else {
            return;
        };
        let encoding = fleet.target.encoding_of(index);
        let room = fleet.shape.room_of_connection(index as u32);
        let room = fleet.target.room_name(fleet.group, room);
        let after = ledger.next(index).saturating_sub(1);
        let stage = &mut churning.stages[index];
        let mut answer = Vec::new();
        let read: Result<(), ConnectError> = fleet.pool.read(index, |bytes| {
            let mut used = 0;
            if *stage == Stage::Upgrading {
                let Some(head) = websocket::upgrade_answer(bytes)? else {
                    return Ok(0);
                };
                push_frame(encoding, &mut answer, &hub::handshake_request(encoding));
                let join = hub::join_room_after(encoding, AGAIN, &room, after)?;
                push_frame(encoding, &mut answer, &join);
                *stage = Stage::Shaking;
                used = head;
            }
            let more = websocket::frames(&bytes[used..], |opcode, payload| {
                match opcode {
                    websocket::TEXT | websocket::BINARY => {}
                    websocket::PING => {
                        websocket::push_frame(
                            &mut answer,
                            websocket::PONG,
                            payload,
                            Some(*b"mask"),
                        );
                        return Ok(());
                    }
                    websocket::CLOSE => return Err(HubError::Closed("close frame".into()).into()),
                    _ => return Ok(()),
                }
                let mut rest = payload;
                if *stage == Stage::Shaking {
                    rest = &payload[hub::handshake_answer(payload)?..];
                    *stage = Stage::Joining;
                }
                if !rest.is_empty() {
                    others.push((index, rest.to_vec()));
                }
                Ok::<_, ConnectError>(())
            })?;
            Ok(used + more)
        });
        let answered = answer.is_empty() || fleet.pool.write(index, &answer).is_ok();
        let understood = self.take_others();
        if read.is_err() || !answered || !understood {
            self.ledger.fault().disconnected += 1;
            self.fleet.pool.close(index);
        }
    }

    /// Looks whether a message tells that a member is in its room again.
    pub(super) fn returned(
        &mut self,
        connection: usize,
        message: &HubMessage,
        now_ns: u64,
    ) -> Result<(), HubError> {
        let (
            Some(churning),
            HubMessage::Completion {
                invocation_id,
                outcome,
                ..
            },
        ) = (&mut self.churn, message)
        else {
            return Ok(());
        };
        if churning.stages[connection] != Stage::Joining || &**invocation_id != AGAIN {
            return Ok(());
        }
        hub::result(outcome)?;
        churning.stages[connection] = Stage::Here;
        churning.since_ns[connection] = now_ns;
        self.fleet.away.remove(&connection);
        let begun = churning.coming.iter().find(|(_, one)| *one == connection);
        if let Some((due_ns, _)) = begun {
            self.books.back(*due_ns, Some(now_ns));
        }
        Ok(())
    }
}

/// A member connects again.
fn begin(fleet: &mut Fleet, one: usize) -> Result<(), ConnectError> {
    let request = fleet.target.upgrade_request(&fleet.target.user(one))?;
    fleet.pool.renew(one, fleet.target.connect(one)?)?;
    fleet.pool.queue(one, &request)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn those_who_only_listen_leave_at_the_asked_rate_and_not_shortly_before_the_end() {
        let shape = Shape {
            rooms: 10,
            members: 10,
            senders: 2,
            listeners: 10,
        };
        // 60 % in a minute: one of the hundred in each second.
        let mut churning = Churning::new(shape, 0.01, S / 2, 7).unwrap();
        churning.between(5 * S, 65 * S);
        let mut left = Vec::new();
        for tenth in 0..800 {
            if let Some(one) = churning.leaver(tenth * S / 10) {
                left.push((tenth, one));
            }
        }
        assert!((57..=59).contains(&left.len()), "{}", left.len());
        assert!(
            left.iter()
                .all(|(at, one)| (50..=635).contains(at) && one % 10 >= 2)
        );
        let mut different: Vec<_> = left.iter().map(|(_, one)| *one).collect();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), left.len(), "all take turns");
    }

    #[test]
    fn whoever_is_not_back_at_the_end_is_named_once() {
        let shape = Shape {
            rooms: 1,
            members: 8,
            senders: 2,
            listeners: 8,
        };
        let mut churning = Churning::new(shape, 0.1, S, 7).unwrap();
        churning.between(0, 60 * S);
        assert!(churning.give_up().is_empty());
        // One is back but not yet crossed off, one joins, and one is away.
        churning.coming = [(S, 2), (2 * S, 3)].into();
        churning.due = [(3 * S, 4)].into();
        churning.stages[3] = Stage::Joining;
        churning.stages[4] = Stage::Away;
        assert!(!churning.all_here());
        assert_eq!(churning.give_up(), [(2 * S, 3), (3 * S, 4)]);
        assert!(churning.all_here() && churning.give_up().is_empty());
    }

    #[test]
    fn nobody_leaves_where_everybody_sends() {
        let all_send = Shape {
            rooms: 2,
            members: 3,
            senders: 3,
            listeners: 3,
        };
        assert!(Churning::new(all_send, 1.0, S, 1).is_none());
    }
}
