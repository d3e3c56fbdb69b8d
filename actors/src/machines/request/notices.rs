//! What users are told about a request: the facts that titles and messages are made of.

use std::collections::BTreeMap;

use super::event::{Nobody, RequestEvent};
use super::state::Facts;
use super::{Request, RequestEntry, Standing};
use crate::ids::{RoomId, Timestamp, UserId};
use crate::machines::notice::{Notice, NoticeKind, Priority};
use crate::machines::terms::{Candidate, SlotRefusal};

/// Characters of a description that are quoted.
const QUOTED: usize = 200;
/// What the others are told.
const ANOTHER: &str = "Another application was accepted";

/// Facts by name.
struct Told(BTreeMap<String, String>);

impl Told {
    fn add(&mut self, name: &str, value: impl ToString) -> &mut Self {
        self.0.insert(name.into(), value.to_string());
        self
    }

    fn some(&mut self, name: &str, value: Option<impl ToString>) -> &mut Self {
        if let Some(value) = value {
            self.add(name, value);
        }
        self
    }

    fn notice(self, kind: NoticeKind, priority: Priority) -> Notice {
        Notice {
            kind,
            priority,
            data: self.0,
        }
    }
}

impl Request {
    /// What everybody may know, and every notification needs.
    fn told(&self, facts: &Facts) -> Told {
        let gig = &facts.brief.gig;
        let mut told = Told(BTreeMap::new());
        told.add("requestId", &self.id)
            .some("title", facts.brief.texts.title.as_ref())
            .add("eventType", &gig.event_type)
            .add("instrument", &gig.instrument)
            .add("date", written(gig.window.from))
            .add("until", written(gig.window.to))
            .add("location", &gig.place.address)
            .add("budgetMin", gig.budget.min.0)
            .add("budgetMax", gig.budget.max.0)
            .add("organizerId", &facts.organizer);
        told
    }

    /// The same for a step.
    fn stepped(&self, facts: &Facts, entry: &RequestEntry) -> Told {
        let mut told = self.told(facts);
        told.add("oldStatus", entry.from.as_str())
            .add("newStatus", entry.to.as_str())
            .some("reason", entry.event.reason());
        told
    }

    pub(super) fn offer_notice(
        &self,
        facts: &Facts,
        rank: usize,
        one: &Candidate,
        entry: &RequestEntry,
    ) -> Notice {
        let mut told = self.told(facts);
        let description = facts.brief.texts.description.chars();
        let quoted: String = description.take(QUOTED).collect();
        told.add("description", quoted)
            .add("mode", facts.brief.mode.as_str())
            .add("matchScore", format!("{:.3}", one.score))
            .add("distanceKm", format!("{:.1}", one.distance_km));
        let top = match &entry.event {
            RequestEvent::Offered { until, top, .. } => {
                told.add("offerUntil", written(*until));
                rank < *top
            }
            _ => false,
        };
        if top {
            told.notice(NoticeKind::TopMatch, Priority::High)
        } else {
            told.notice(NoticeKind::NewRequest, Priority::Normal)
        }
    }

    /// Nothing where the organizer has no choice to make: who accepts first, and is in the way of whom, is no news.
    pub(super) fn notice_to_organizer(
        &self,
        facts: &Facts,
        entry: &RequestEntry,
        musician: Option<&UserId>,
    ) -> Option<Notice> {
        let mut told = self.stepped(facts, entry);
        let chooses = !facts.first_accept();
        let by = entry.by.as_ref();
        Some(match &entry.event {
            RequestEvent::Applied { rate, .. } => {
                told.some("musicianId", by).add("rate", rate.0);
                told.notice(NoticeKind::MusicianApplication, Priority::Normal)
            }
            RequestEvent::Withdrawn { .. } | RequestEvent::LetGo { .. } if chooses => {
                told.some("musicianId", by)
                    .add("standing", Standing::Withdrawn.as_str());
                told.notice(NoticeKind::StatusChange, Priority::Normal)
            }
            RequestEvent::SlotRefused { .. } if chooses => {
                told.some("musicianId", musician);
                told.notice(NoticeKind::ConflictWarning, Priority::High)
            }
            RequestEvent::Withdrawn { .. }
            | RequestEvent::LetGo { .. }
            | RequestEvent::SlotRefused { .. } => return None,
            RequestEvent::Assigned { .. } => self.assignment(facts, told, musician),
            RequestEvent::Reminded { told: false } => return None,
            RequestEvent::Reminded { .. } => {
                told.some("musicianId", musician);
                told.notice(NoticeKind::EventReminder, Priority::High)
            }
            RequestEvent::DroppedOut { .. } => {
                told.some("musicianId", by);
                told.notice(NoticeKind::StatusChange, Priority::High)
            }
            RequestEvent::Expired => told.notice(NoticeKind::StatusChange, Priority::High),
            _ => told.notice(NoticeKind::StatusChange, Priority::Normal),
        })
    }

    pub(super) fn notice_to_musician(&self, facts: &Facts, entry: &RequestEntry) -> Option<Notice> {
        let mut told = self.stepped(facts, entry);
        Some(match &entry.event {
            RequestEvent::Assigned { musician, .. } => self.assignment(facts, told, Some(musician)),
            RequestEvent::SlotRefused { refusal, .. } => {
                // Only the musician may know what is in the way.
                match refusal {
                    SlotRefusal::Booked { request, window } => told
                        .add("conflictRequestId", request)
                        .add("conflictFrom", written(window.from))
                        .add("conflictUntil", written(window.to)),
                    SlotRefusal::Busy { window } => told
                        .add("conflictFrom", written(window.from))
                        .add("conflictUntil", written(window.to)),
                    _ => &mut told,
                };
                told.notice(NoticeKind::ConflictWarning, Priority::High)
            }
            RequestEvent::ApplicationRejected { .. } => {
                told.notice(NoticeKind::ApplicationRejected, Priority::Normal)
            }
            RequestEvent::Reminded { told: false } => return None,
            RequestEvent::Reminded { .. } => told.notice(NoticeKind::EventReminder, Priority::High),
            RequestEvent::Cancelled { .. } => told.notice(NoticeKind::StatusChange, Priority::High),
            _ => told.notice(NoticeKind::StatusChange, Priority::Normal),
        })
    }

    /// To somebody who was still in it.
    pub(super) fn notice_to_other(
        &self,
        facts: &Facts,
        entry: &RequestEntry,
        standing: Standing,
    ) -> Notice {
        let mut told = self.stepped(facts, entry);
        let taken = matches!(entry.event, RequestEvent::Assigned { .. });
        if taken && standing != Standing::Offered {
            told.add("reason", ANOTHER);
            return told.notice(NoticeKind::ApplicationRejected, Priority::Normal);
        }
        told.notice(NoticeKind::StatusChange, Priority::Normal)
    }

    pub(super) fn nobody_notice(&self, facts: &Facts, nobody: &Nobody) -> Notice {
        let mut told = self.told(facts);
        let reasons: Vec<&str> = nobody
            .reasons
            .iter()
            .map(|reason| reason.as_str())
            .collect();
        told.add("reasons", reasons.join(","));
        let radius = facts
            .hunt
            .as_ref()
            .map(|hunt| format!("{:.0}", hunt.radius_km));
        told.some("radiusKm", radius);
        let alternatives = nobody.alternatives.iter();
        let alternatives: Vec<String> = alternatives.map(|one| one.user.to_string()).collect();
        // Ids may hold anything but line ends.
        told.add("alternatives", alternatives.join("\n"));
        told.notice(NoticeKind::NoMusiciansAvailable, Priority::High)
    }

    fn assignment(&self, facts: &Facts, mut told: Told, musician: Option<&UserId>) -> Notice {
        let rate = musician.and_then(|m| facts.parts.get(m)?.application.as_ref());
        told.some("musicianId", musician)
            .some("rate", rate.map(|application| application.rate.0))
            .add("roomId", RoomId::of_request(&self.id));
        told.notice(NoticeKind::RequestAssignment, Priority::High)
    }
}

/// A time as RFC 3339, in UTC; as milliseconds if it is out of all reason.
fn written(at: Timestamp) -> String {
    let millis = i64::try_from(at.0).ok();
    let time = millis.and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    time.map_or_else(|| at.0.to_string(), |time| time.to_string())
}
