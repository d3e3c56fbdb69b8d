//! What the consequences in the table of transitions are: errands.

use super::event::RequestEvent;
use super::state::Facts;
use super::transitions::Effect;
use super::{Request, RequestEntry, Standing};
use crate::ids::{RoomId, UserId};
use crate::machines::errand::Errand;
use crate::machines::notice::Notice;
use crate::machines::terms::{Demand, Place};

/// Errands that one event may bring about, whatever the limits were when it was decided.
const MOST: usize = 1_000;

/// What must be known of the state before an event to do what follows from it.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// Whose time was being held.
    reserving: Option<UserId>,
    /// Who had it.
    assigned: Option<UserId>,
    /// Who still might have come to have it, if they are to be told.
    alive: Vec<(UserId, Standing)>,
}

impl Before {
    pub fn of(facts: Option<&Facts>, effects: &[Effect]) -> Self {
        let Some(facts) = facts else {
            return Self::default();
        };
        let alive = |part: Standing| {
            matches!(
                part,
                Standing::Offered | Standing::Applied | Standing::Waiting | Standing::Reserving
            )
        };
        let parts = facts.parts.iter().filter(|(_, part)| alive(part.standing));
        let parts = parts.filter(|_| effects.contains(&Effect::TellOthers));
        Self {
            reserving: facts.pending.as_ref().map(|p| p.musician.clone()),
            assigned: facts.assigned.clone(),
            alive: parts
                .map(|(user, part)| (user.clone(), part.standing))
                .collect(),
        }
    }
}

impl Request {
    /// What is to be done elsewhere now that an entry is in the state.
    pub(super) fn errands_of(
        &self,
        effects: &[Effect],
        before: &Before,
        entry: &RequestEntry,
    ) -> Vec<Errand> {
        let Some(facts) = self.facts.as_deref() else {
            return Vec::new();
        };
        let mut errands = Vec::new();
        for effect in effects {
            self.carry(*effect, facts, before, entry, &mut errands);
        }
        errands.truncate(MOST);
        errands
    }

    fn carry(
        &self,
        effect: Effect,
        facts: &Facts,
        before: &Before,
        entry: &RequestEntry,
        out: &mut Vec<Errand>,
    ) {
        let musician = entry.event.musician();
        let musician = musician
            .or(facts.assigned.as_ref())
            .or(before.assigned.as_ref());
        match effect {
            Effect::Confirm => {
                let musician = facts.assigned.clone();
                out.extend(musician.map(|musician| Errand::Confirm { musician }));
            }
            Effect::Release => {
                let held = before.reserving.as_ref().or(before.assigned.as_ref());
                let musician = held.cloned();
                out.extend(musician.map(|musician| Errand::Release { musician }));
            }
            Effect::GiveBack => {
                let musician = before.assigned.clone();
                out.extend(musician.map(|musician| Errand::GiveBack { musician }));
            }
            Effect::Reserve => out.extend(facts.reservation(entry)),
            Effect::ReserveNext => match facts.reservation(entry) {
                Some(reserve) => out.push(reserve),
                None => self.carry(Effect::TellOrganizer, facts, before, entry, out),
            },
            Effect::Search => out.extend(facts.search(entry)),
            Effect::OpenRoom => out.extend(musician.map(|m| self.room_of(facts, m))),
            Effect::KeepRoom => {
                let musician = before.assigned.as_ref();
                out.extend(musician.map(|m| self.room_of(facts, m)));
            }
            Effect::LeaveRoom => {
                let gone = before.assigned.iter().cloned().collect();
                out.push(self.arrange(facts, vec![facts.organizer.clone()], gone));
            }
            Effect::TellCandidates => {
                if let RequestEvent::Offered { candidates, .. } = &entry.event {
                    let notices = candidates.iter().enumerate().map(|(rank, one)| {
                        let notice = self.offer_notice(facts, rank, one, entry);
                        tell(&one.user, notice)
                    });
                    out.extend(notices);
                }
            }
            Effect::TellOrganizer if entry.by.as_ref() != Some(&facts.organizer) => {
                let notice = self.notice_to_organizer(facts, entry, musician);
                out.extend(notice.map(|notice| tell(&facts.organizer, notice)));
            }
            Effect::TellMusician if entry.by.as_ref() != musician => {
                let notice = self.notice_to_musician(facts, entry);
                let pair = musician.zip(notice);
                out.extend(pair.map(|(musician, notice)| tell(musician, notice)));
            }
            Effect::TellOthers => {
                let others = before.alive.iter();
                let others = others.filter(|(user, _)| !facts.is_assigned(user));
                out.extend(others.map(|(user, standing)| {
                    tell(user, self.notice_to_other(facts, entry, *standing))
                }));
            }
            Effect::TellNobodyFound => {
                if let RequestEvent::RanOut {
                    nobody, told: true, ..
                } = &entry.event
                {
                    let notice = self.nobody_notice(facts, nobody);
                    out.push(tell(&facts.organizer, notice));
                }
            }
            Effect::TellOrganizer | Effect::TellMusician => {}
        }
    }

    /// The room with organizer and musician in it, and without those who gave the request back before.
    fn room_of(&self, facts: &Facts, musician: &UserId) -> Errand {
        let members = vec![facts.organizer.clone(), musician.clone()];
        let gone = facts.who(Standing::DroppedOut).cloned().collect();
        self.arrange(facts, members, gone)
    }

    fn arrange(&self, facts: &Facts, members: Vec<UserId>, gone: Vec<UserId>) -> Errand {
        Errand::Arrange {
            room: RoomId::of_request(&self.id),
            owner: facts.organizer.clone(),
            members,
            gone,
        }
    }
}

impl Facts {
    fn reservation(&self, entry: &RequestEntry) -> Option<Errand> {
        let pending = self.pending.as_ref()?;
        let (hold_ms, reach_km) = match &entry.event {
            RequestEvent::Accepted { hold_ms, reach_km } => (*hold_ms, *reach_km),
            RequestEvent::Chosen { hold_ms, .. } => (*hold_ms, None),
            RequestEvent::LetGo { next, .. } | RequestEvent::SlotRefused { next, .. } => {
                let next = next.as_ref()?;
                (next.hold_ms, next.reach_km)
            }
            _ => return None,
        };
        let demand = reach_km.map(|reach_km| Box::new(self.demand(reach_km)));
        Some(Errand::Reserve {
            musician: pending.musician.clone(),
            window: self.brief.gig.window,
            hold_ms,
            demand,
        })
    }

    fn demand(&self, reach_km: u32) -> Demand {
        let gig = &self.brief.gig;
        let address = String::new();
        Demand {
            instrument: gig.instrument.clone(),
            place: Place {
                address,
                ..gig.place
            },
            reach_km,
        }
    }

    fn search(&self, entry: &RequestEntry) -> Option<Errand> {
        let aim = entry.event.aim()?;
        Some(Errand::Search {
            gig: Box::new(self.brief.gig.clone()),
            radius_km: aim.radius_km,
            except: self.except(),
            limit: aim.limit,
        })
    }
}

fn tell(user: &UserId, notice: Notice) -> Errand {
    let user = user.clone();
    Errand::Notify { user, notice }
}
