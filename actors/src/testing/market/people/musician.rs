//! What musicians do: they introduce themselves, accept, apply, take back, drop out, keep their calendars.

use rand::Rng;

use super::asking::Ask;
use super::{Lot, Person};
use crate::ids::Timestamp;
use crate::machines::request::{Change, Mode, RequestState, RequestView, Standing};
use crate::machines::terms::{Cents, Place, Window};
use crate::machines::user::{BusyInput, ProfileInput, UserCommand};

/// Where all lots are, and most musicians.
const HOME: (f64, f64) = (40.4, -3.7);
/// Some live so many degrees farther south: found once the search has widened.
const AFAR: f64 = 0.4;

impl Person {
    pub(super) fn play(&mut self, now: Timestamp) -> Option<Ask> {
        if !self.memory.lock().known {
            return Some(self.introduce(true));
        }
        if self.rng.random_range(0..12) == 0 {
            return self.keep_calendar(now);
        }
        let lot = self.some_lot();
        let view = self.memory.lock().views.get(&lot.id).cloned()?;
        let standing = view.mine.as_ref().map(|part| part.standing);
        let change = match (view.state, standing) {
            (_, Some(Standing::Assigned)) => self.with_it(&lot, now),
            (RequestState::Active | RequestState::InReview, standing) => {
                self.answer(&view, standing)
            }
            _ => None,
        };
        self.step(&lot.id, change?)
    }

    fn answer(&mut self, view: &RequestView, standing: Option<Standing>) -> Option<Change> {
        let luck = self.rng.random_range(0..20);
        let reason = || Some("cannot".to_owned());
        match standing {
            Some(Standing::Reserving | Standing::Waiting | Standing::Applied) => {
                return (luck < 4).then(|| Change::Withdraw { reason: reason() });
            }
            Some(Standing::Offered) if luck < 3 => {
                return Some(Change::Decline { reason: reason() });
            }
            _ => {}
        }
        match view.mode {
            Mode::FirstAccept if luck < 16 => Some(Change::Accept),
            Mode::OrganizerChooses if luck < 16 => Some(Change::Apply {
                rate: Cents(self.rng.random_range(10_000..90_000)),
                words: "with pleasure".into(),
            }),
            _ => None,
        }
    }

    /// What becomes of a request that one has.
    fn with_it(&mut self, lot: &Lot, now: Timestamp) -> Option<Change> {
        Some(match self.rng.random_range(0..20) {
            0..3 => Change::DropOut {
                reason: "ill".into(),
            },
            3 => Change::Dispute {
                reason: "not as agreed".into(),
            },
            _ if now >= lot.input.window.to => Change::Complete,
            _ if now >= lot.begins() => Change::Start,
            _ => return None,
        })
    }

    /// A profile unlike all before.
    fn introduce(&mut self, available: bool) -> Ask {
        let key = self.key();
        let south = if self.number.is_multiple_of(4) {
            AFAR
        } else {
            0.0
        };
        let moved = f64::from(self.rng.random_range(0..40_u32)) / 1_000.0;
        let profile = ProfileInput {
            name: format!("{} as of {key}", self.caller.user),
            bio: String::new(),
            musician: true,
            available,
            instruments: vec![("guitar".into(), 5), ("voice".into(), 2)],
            genres: vec!["jazz".into()],
            hourly_rate: Some(Cents(5_000)),
            place: Some(Place {
                lat: HOME.0 - south + moved,
                lng: HOME.1,
                address: "Calle Mayor".into(),
            }),
            radius_km: 100.0,
        };
        Ask::User {
            key,
            command: UserCommand::SetProfile {
                by: self.caller.clone(),
                key: Some(key),
                expected: None,
                profile,
            },
        }
    }

    fn keep_calendar(&mut self, now: Timestamp) -> Option<Ask> {
        let by = self.caller.clone();
        let luck = self.rng.random_range(0..10);
        match luck {
            0..4 => return Some(self.introduce(true)),
            4 => return Some(self.introduce(false)),
            _ => {}
        }
        let key = self.key();
        let busy = self.memory.lock().busy.pop();
        let command = match busy.filter(|_| luck < 8) {
            Some(id) => UserCommand::Unblock {
                by,
                key: Some(key),
                id,
            },
            None => {
                let from = now.plus_millis(self.rng.random_range(5_000..60_000));
                let to = from.plus_millis(self.rng.random_range(1_000..5_000));
                let busy = BusyInput {
                    window: Window { from, to },
                    note: format!("busy {key}"),
                };
                UserCommand::Block {
                    by,
                    key: Some(key),
                    busy,
                }
            }
        };
        Some(Ask::User { key, command })
    }
}
