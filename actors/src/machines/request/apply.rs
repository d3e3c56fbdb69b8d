//! What each event does to the state, and the errands that it brings about. Total: whatever was journaled applies.

use std::collections::{BTreeMap, VecDeque};

use super::errands::Before;
use super::event::{Aim, Next, RequestEvent};
use super::input::Brief;
use super::state::{Application, Facts, Hunt, Offer, Part, Pending, Request};
use super::{RequestEntry, RequestState, Standing, transitions};
use crate::ids::{Sequence, Timestamp, UserId};
use crate::machines::errand::Errand;
use crate::machines::terms::Candidate;

impl Request {
    pub(super) fn apply_entry(&mut self, sequence: Sequence, entry: &RequestEntry) {
        debug_assert_eq!(sequence, self.head.next(), "events apply in order");
        self.head = sequence;
        if let Some(key) = entry.key {
            self.keys.remember(key, sequence);
        }
        let row = transitions::of(entry);
        let effects = row.map_or(&[][..], |row| row.effects);
        let before = Before::of(self.facts.as_deref(), effects);
        match (&entry.event, &entry.by, &mut self.facts) {
            (RequestEvent::Created { brief }, Some(by), None) => {
                self.facts = Some(Box::new(Facts::new(by, entry.at, brief)));
            }
            (_, _, Some(facts)) => facts.take(entry),
            // Only an entry that another version wrote by rules of its own comes here.
            _ => return,
        }
        let errands = self.errands_of(effects, &before, entry);
        for (index, errand) in errands.into_iter().enumerate() {
            let (reserves, searches) = (
                matches!(errand, Errand::Reserve { .. }),
                matches!(errand, Errand::Search { .. }),
            );
            let number = self.outbox.push(sequence, index, errand);
            let Some(facts) = &mut self.facts else {
                continue;
            };
            if let Some(pending) = facts.pending.as_mut().filter(|_| reserves) {
                pending.number = number;
            }
            if let Some(hunt) = facts.hunt.as_mut().filter(|_| searches) {
                hunt.searching = Some(number);
            }
        }
    }
}

impl Facts {
    fn new(by: &UserId, at: Timestamp, brief: &Brief) -> Self {
        Self {
            organizer: by.clone(),
            created_at: at,
            updated_at: at,
            state: RequestState::Draft,
            brief: brief.clone(),
            deadline: None,
            parts: BTreeMap::new(),
            pending: None,
            standbys: VecDeque::new(),
            assigned: None,
            hunt: None,
            remind_at: None,
            started_at: None,
            completed_at: None,
            reason: None,
        }
    }

    fn take(&mut self, entry: &RequestEntry) {
        let at = entry.at;
        self.change(entry);
        self.updated_at = at;
        if entry.from == entry.to {
            return;
        }
        self.state = entry.to;
        if entry.to == RequestState::Cancelled {
            self.called_off(at);
        }
        if entry.to == RequestState::Completed {
            self.completed_at.get_or_insert(at);
        }
        self.reason = match &entry.event {
            RequestEvent::Refused { .. }
            | RequestEvent::DroppedOut { .. }
            | RequestEvent::Cancelled { .. }
            | RequestEvent::Disputed { .. }
            | RequestEvent::Resolved { .. } => entry.event.reason().map(Into::into),
            _ => None,
        };
        if entry.to != RequestState::Assigned {
            self.remind_at = None;
        }
        match (&mut self.hunt, entry.to) {
            (_, RequestState::Active) => {}
            // A search that is cut short is made again once musicians are looked for again.
            (Some(hunt), RequestState::InReview) => {
                if hunt.searching.take().is_some() {
                    hunt.next_at = at;
                }
            }
            _ => self.hunt = None,
        }
    }

    fn change(&mut self, entry: &RequestEntry) {
        let at = entry.at;
        match (&entry.event, &entry.by) {
            (RequestEvent::Created { brief } | RequestEvent::Edited { brief }, _) => {
                self.brief = (**brief).clone();
            }
            (RequestEvent::Submitted { deadline, aim }, _) => {
                self.deadline = Some(*deadline);
                self.hunt = aim.as_ref().map(Hunt::new);
            }
            (RequestEvent::Approved { aim }, _) => self.hunt = Some(Hunt::new(aim)),
            (RequestEvent::Refused { .. }, _) => self.deadline = None,
            (RequestEvent::Searched { aim } | RequestEvent::Reopened { aim }, _) => {
                self.aim_at(aim)
            }
            (
                RequestEvent::Offered {
                    candidates,
                    until,
                    next_at,
                    ..
                },
                _,
            ) => self.offered(candidates, *until, *next_at, at),
            (
                RequestEvent::RanOut {
                    nobody,
                    told,
                    next_at,
                },
                _,
            ) => {
                if let Some(hunt) = &mut self.hunt {
                    hunt.searching = None;
                    hunt.next_at = *next_at;
                    hunt.misses = hunt.misses.saturating_add(1);
                    if *told {
                        hunt.told = Some(nobody.clone());
                    }
                }
            }
            (event, Some(by)) => self.answer(event, by, at),
            (event, None) => self.outcome(event, at),
        }
    }

    /// What a user did.
    fn answer(&mut self, event: &RequestEvent, by: &UserId, at: Timestamp) {
        match event {
            RequestEvent::Declined { reason } => {
                self.stands(by, Standing::Declined, at, reason.clone());
                self.hasten(at);
            }
            RequestEvent::Applied { rate, words } => {
                self.stands(by, Standing::Applied, at, None);
                let application = Application {
                    rate: *rate,
                    words: words.clone(),
                    at,
                };
                if let Some(part) = self.parts.get_mut(by) {
                    part.application = Some(application);
                }
            }
            RequestEvent::Withdrawn { reason } => {
                self.standbys.retain(|user| user != by);
                self.stands(by, Standing::Withdrawn, at, reason.clone());
            }
            RequestEvent::LetGo { reason, next } => {
                self.stands(by, Standing::Withdrawn, at, reason.clone());
                self.reserve_next(next.as_ref(), at);
            }
            RequestEvent::ApplicationRejected { musician, reason } => {
                self.stands(musician, Standing::Rejected, at, Some(reason.clone()));
            }
            RequestEvent::Accepted { .. } => self.reserve(by, at),
            RequestEvent::StoodBy => {
                self.stands(by, Standing::Waiting, at, None);
                self.standbys.push_back(by.clone());
            }
            RequestEvent::Chosen { musician, .. } => self.reserve(musician, at),
            RequestEvent::DroppedOut {
                reason,
                deadline,
                aim,
            } => {
                self.assigned = None;
                self.stands(by, Standing::DroppedOut, at, Some(reason.clone()));
                self.deadline = Some(*deadline);
                self.hunt = Some(Hunt::new(aim));
            }
            RequestEvent::Started => self.started_at = Some(at),
            _ => {}
        }
    }

    /// What came by itself.
    fn outcome(&mut self, event: &RequestEvent, at: Timestamp) {
        match event {
            RequestEvent::Assigned {
                musician,
                remind_at,
            } => {
                self.stands(musician, Standing::Assigned, at, None);
                self.assigned = Some(musician.clone());
                self.remind_at = *remind_at;
                self.close(at);
            }
            RequestEvent::SlotRefused {
                musician,
                refusal,
                next,
            } => {
                let reason = Some(refusal.code().into());
                self.stands(musician, Standing::Conflicted, at, reason);
                self.reserve_next(next.as_ref(), at);
            }
            RequestEvent::Expired => self.close(at),
            RequestEvent::Reminded { .. } => self.remind_at = None,
            _ => {}
        }
    }

    fn stands(&mut self, user: &UserId, standing: Standing, at: Timestamp, reason: Option<String>) {
        let part = self.parts.entry(user.clone()).or_insert_with(|| Part {
            standing,
            since: at,
            offer: None,
            application: None,
            reason: None,
        });
        part.standing = standing;
        part.since = at;
        part.reason = reason;
    }

    fn reserve(&mut self, musician: &UserId, at: Timestamp) {
        self.stands(musician, Standing::Reserving, at, None);
        // The number is that of the errand, which is on its way.
        self.pending = Some(Pending {
            musician: musician.clone(),
            number: 0,
        });
    }

    fn reserve_next(&mut self, next: Option<&Next>, at: Timestamp) {
        self.pending = None;
        if let Some(next) = next {
            self.standbys.retain(|user| *user != next.musician);
            self.reserve(&next.musician, at);
        }
    }

    fn aim_at(&mut self, aim: &Aim) {
        match &mut self.hunt {
            Some(hunt) => {
                hunt.radius_km = aim.radius_km;
                hunt.next_at = aim.again_at;
            }
            None => self.hunt = Some(Hunt::new(aim)),
        }
    }

    fn offered(
        &mut self,
        candidates: &[Candidate],
        until: Timestamp,
        next_at: Timestamp,
        at: Timestamp,
    ) {
        let Some(hunt) = &mut self.hunt else { return };
        hunt.wave = hunt.wave.saturating_add(1);
        hunt.searching = None;
        hunt.next_at = next_at;
        hunt.misses = 0;
        let wave = hunt.wave;
        for one in candidates {
            self.stands(&one.user, Standing::Offered, at, None);
            let Some(part) = self.parts.get_mut(&one.user) else {
                continue;
            };
            part.application = None;
            part.offer = Some(Offer {
                wave,
                score: one.score,
                breakdown: one.breakdown,
                distance_km: one.distance_km,
                cost: one.cost,
                until,
            });
        }
    }

    /// When nobody of the last wave is left to answer, the next one need not be waited for.
    fn hasten(&mut self, at: Timestamp) {
        let Some(hunt) = &mut self.hunt else { return };
        let waits = self.parts.values().any(|part| {
            let wave = part.offer.as_ref().map(|offer| offer.wave);
            part.standing == Standing::Offered && wave == Some(hunt.wave)
        });
        if !waits && hunt.searching.is_none() {
            hunt.next_at = hunt.next_at.min(at);
        }
    }

    /// It went to somebody, or is over: whoever was still in it is not any more.
    fn close(&mut self, at: Timestamp) {
        self.pending = None;
        self.standbys.clear();
        for part in self.parts.values_mut() {
            let standing = match part.standing {
                Standing::Applied | Standing::Waiting | Standing::Reserving => Standing::Missed,
                Standing::Offered => Standing::Lapsed,
                _ => continue,
            };
            part.standing = standing;
            part.since = at;
        }
    }

    fn called_off(&mut self, at: Timestamp) {
        self.close(at);
        if let Some(musician) = self.assigned.take() {
            self.stands(&musician, Standing::Released, at, None);
        }
    }
}

impl Hunt {
    fn new(aim: &Aim) -> Self {
        Self {
            radius_km: aim.radius_km,
            wave: 0,
            searching: None,
            next_at: aim.again_at,
            misses: 0,
            told: None,
        }
    }
}
