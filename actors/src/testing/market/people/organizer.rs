//! What organizers do: they write, submit, choose, call off, begin and end.

use rand::Rng;

use super::asking::Ask;
use super::{Lot, Person};
use crate::ids::{RoomId, Timestamp, UserId};
use crate::machines::request::{Change, Mode, RequestState, RequestView, Standing};

impl Person {
    pub(super) fn organize(&mut self, now: Timestamp) -> Option<Ask> {
        let fair = self.fair.clone();
        let mine: Vec<&Lot> = fair
            .lots
            .iter()
            .filter(|lot| lot.organizer == self.caller.user)
            .collect();
        if mine.is_empty() {
            return None;
        }
        let lot = mine[self.rng.random_range(0..mine.len())];
        let view = self.memory.lock().views.get(&lot.id).cloned();
        let Some(view) = view else {
            let input = Box::new(lot.input.clone());
            return self.step(&lot.id, Change::Create { input });
        };
        let change = match view.state {
            RequestState::Draft => self.write(lot, &view),
            RequestState::Pending => self.rarely(Change::Cancel {
                reason: "waited too long".into(),
            }),
            RequestState::Active | RequestState::InReview => self.choose(&view),
            RequestState::Assigned => return self.prepare(lot, now),
            RequestState::InProgress => Some(Change::Complete),
            RequestState::Completed => self.rarely(Change::Dispute {
                reason: "out of tune".into(),
            }),
            RequestState::Cancelled | RequestState::Expired | RequestState::Disputed => None,
        };
        self.step(&lot.id, change?)
    }

    fn rarely(&mut self, change: Change) -> Option<Change> {
        (self.rng.random_range(0..20) == 0).then_some(change)
    }

    fn write(&mut self, lot: &Lot, view: &RequestView) -> Option<Change> {
        let expected = self.rng.random_bool(0.7).then_some(view.sequence);
        match self.rng.random_range(0..10) {
            0..2 => {
                self.keys += 1;
                let mut input = lot.input.clone();
                input.title = Some(format!("draft {}", self.keys));
                let input = Box::new(input);
                Some(Change::Edit { input, expected })
            }
            2 => self.rarely(Change::Cancel {
                reason: "not needed".into(),
            }),
            _ => Some(Change::Submit { expected }),
        }
    }

    fn choose(&mut self, view: &RequestView) -> Option<Change> {
        if self.rng.random_range(0..60) == 0 {
            let reason = "called off".into();
            return Some(Change::Cancel { reason });
        }
        if view.mode == Mode::FirstAccept {
            return None;
        }
        let parts = view.inside.iter().flat_map(|inside| &inside.parts);
        let applied = parts.filter(|part| part.standing == Standing::Applied);
        let applied: Vec<UserId> = applied.map(|part| part.musician.clone()).collect();
        let luck = self.rng.random_range(0..10);
        if applied.is_empty() {
            let review = view.state == RequestState::InReview;
            return (review && luck < 5).then_some(Change::Reopen);
        }
        let musician = applied[self.rng.random_range(0..applied.len())].clone();
        Some(match luck {
            0..6 => Change::Choose { musician },
            6 => Change::RejectApplication {
                musician,
                reason: "another time".into(),
            },
            7 => Change::Review,
            8 => Change::Reopen,
            _ => return None,
        })
    }

    /// Somebody has the request.
    fn prepare(&mut self, lot: &Lot, now: Timestamp) -> Option<Ask> {
        let change = match self.rng.random_range(0..20) {
            0 => Change::Cancel {
                reason: "rain".into(),
            },
            1 => Change::Dispute {
                reason: "not as agreed".into(),
            },
            2..4 => {
                let room = RoomId::of_request(&lot.id);
                let guest = self.fair.guest.clone();
                return Some(Ask::Invite { room, guest });
            }
            _ if now >= lot.input.window.to => Change::Complete,
            _ if now >= lot.begins() => Change::Start,
            _ => return None,
        };
        self.step(&lot.id, change)
    }
}
