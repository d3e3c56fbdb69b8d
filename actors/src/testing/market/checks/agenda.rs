//! Musicians' times as the journals tell them, without the machine: held, booked, released, in the order in which it landed;
//! and who has which request.

use std::collections::BTreeMap;

use crate::ids::{RequestId, Timestamp, UserId};
use crate::machines::request::{RequestEntry, RequestEvent, RequestState};
use crate::machines::terms::Window;
use crate::machines::user::UserEvent;
use crate::testing::market::books::{Books, Moment};

/// A time that is taken.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// Number of the wish by which it was taken.
    pub number: u64,
    /// Which time.
    pub window: Window,
    /// To get from one place to another.
    pub travel_ms: u64,
    /// For good.
    pub booked: bool,
    /// Since when.
    pub at: Timestamp,
}

/// A request that has a musician.
#[derive(Debug, Clone)]
pub struct Had {
    /// Who has it.
    pub musician: UserId,
    /// When it is played.
    pub window: Window,
    /// Since when.
    pub at: Timestamp,
}

/// Everything at one moment.
#[derive(Default)]
pub struct Agenda {
    /// Times that are taken, by musician and request.
    pub taken: BTreeMap<(UserId, RequestId), Taken>,
    /// Requests that have a musician.
    pub had: BTreeMap<RequestId, Had>,
    windows: BTreeMap<RequestId, Window>,
}

/// Goes from moment to moment; after each, `look` sees what is taken and had, with the musicians whom it concerned.
pub fn go(
    books: &Books<'_>,
    mut look: impl FnMut(&Agenda, &[UserId]) -> Result<(), String>,
) -> Result<Agenda, String> {
    let mut agenda = Agenda::default();
    for moment in &books.moments {
        let concerned = match moment {
            Moment::Request(id, entries) => agenda.request(id, entries),
            Moment::User(id, events) => {
                events.iter().for_each(|event| agenda.user(id, event));
                vec![id.clone()]
            }
            Moment::Inbox(..) | Moment::Room(..) => continue,
        };
        look(&agenda, &concerned)?;
    }
    Ok(agenda)
}

impl Agenda {
    fn request(&mut self, id: &RequestId, entries: &[RequestEntry]) -> Vec<UserId> {
        let mut concerned = Vec::new();
        for entry in entries {
            match &entry.event {
                RequestEvent::Created { brief } | RequestEvent::Edited { brief } => {
                    self.windows.insert(id.clone(), brief.gig.window);
                }
                RequestEvent::Assigned { musician, .. } => {
                    concerned.push(musician.clone());
                    if let Some(window) = self.windows.get(id) {
                        let had = Had {
                            musician: musician.clone(),
                            window: *window,
                            at: entry.at,
                        };
                        self.had.insert(id.clone(), had);
                    }
                }
                RequestEvent::DroppedOut { .. } => drop(self.had.remove(id)),
                _ if entry.to == RequestState::Cancelled => drop(self.had.remove(id)),
                _ => {}
            }
        }
        concerned
    }

    fn user(&mut self, user: &UserId, event: &UserEvent) {
        let key = |request: &RequestId| (user.clone(), request.clone());
        match event {
            UserEvent::SlotHeld {
                request,
                number,
                window,
                travel_ms,
                at,
                ..
            } => {
                let taken = Taken {
                    number: *number,
                    window: *window,
                    travel_ms: *travel_ms,
                    booked: false,
                    at: *at,
                };
                self.taken.insert(key(request), taken);
            }
            UserEvent::SlotBooked { request, .. } => {
                if let Some(taken) = self.taken.get_mut(&key(request)) {
                    taken.booked = true;
                }
            }
            UserEvent::SlotReleased { request, .. } | UserEvent::SlotGivenBack { request, .. } => {
                self.taken.remove(&key(request));
            }
            UserEvent::Forgotten { requests, .. } => {
                for request in requests {
                    self.taken.remove(&key(request));
                }
            }
            _ => {}
        }
    }

    /// Times of one musician.
    pub fn of<'a>(
        &'a self,
        musician: &'a UserId,
    ) -> impl Iterator<Item = (&'a RequestId, &'a Taken)> {
        let all = self.taken.iter();
        all.filter(move |((user, _), _)| user == musician)
            .map(|((_, request), taken)| (request, taken))
    }

    /// Requests that one musician has.
    pub fn had_by<'a>(
        &'a self,
        musician: &'a UserId,
    ) -> impl Iterator<Item = (&'a RequestId, &'a Had)> {
        self.had
            .iter()
            .filter(move |(_, had)| had.musician == *musician)
    }
}
