//! What a caller may see of a request.

use serde::{Deserialize, Serialize};

use super::event::Nobody;
use super::input::Texts;
use super::soft;
use super::state::{Application, Facts, Offer, Part};
use super::{Mode, Request, RequestRejection, RequestState, Standing};
use crate::ids::{RequestId, RoomId, Sequence, Timestamp, UserId};
use crate::machines::terms::{Caller, FieldError, Gig, PlatformRole};

/// A request as one caller sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestView {
    /// The request.
    pub id: RequestId,
    /// Sequence of its last event: what an edit may name.
    pub sequence: Sequence,
    /// The state.
    pub state: RequestState,
    /// How it comes to its musician.
    pub mode: Mode,
    /// Who looks for musicians.
    pub organizer: UserId,
    /// What is to be played, where, when and for how much; for whoever has no part in it, where within about a kilometre.
    pub gig: Gig,
    /// How many will listen.
    pub attendees: Option<u32>,
    /// Free texts.
    pub texts: Texts,
    /// Until when musicians are looked for; before it is submitted, what the organizer wrote.
    pub deadline: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// The caller's own part.
    pub mine: Option<PartView>,
    /// What only the two sides, moderators and admins see; its presence tells whether the caller may see the audit. The
    /// musician who has it sees of it nobody else's part, nor the search.
    pub inside: Option<Box<Inside>>,
}

impl RequestView {
    /// Whether the caller may know all of the request, everybody's part included.
    pub fn is_whole_for(&self, caller: &Caller) -> bool {
        sees_all(&self.organizer, caller)
    }
}

/// The organizer, and who settles disputes.
pub(super) fn sees_all(organizer: &UserId, caller: &Caller) -> bool {
    let moderates = matches!(caller.role, PlatformRole::Moderator | PlatformRole::Admin);
    moderates || *organizer == caller.user
}

/// A musician's part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartView {
    /// Who.
    pub musician: UserId,
    /// How the musician stands.
    pub standing: Standing,
    /// Since when.
    pub since: Timestamp,
    /// What the musician was offered, with the score.
    pub offer: Option<Offer>,
    /// What the musician offered.
    pub application: Option<Application>,
    /// Why, if a reason was given.
    pub reason: Option<String>,
}

/// What only some see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inside {
    /// Who has it.
    pub assigned: Option<UserId>,
    /// Whose time is being held.
    pub reserving: Option<UserId>,
    /// Who waits meanwhile, the first first.
    pub waiting: Vec<UserId>,
    /// Everybody who ever had a part, by id.
    pub parts: Vec<PartView>,
    /// Why it came into its state, if a reason was given.
    pub reason: Option<String>,
    /// The room, once there is one.
    pub room: Option<RoomId>,
    /// How far from the place the first search looks, in kilometres, if the organizer said so.
    pub radius_km: Option<f64>,
    /// Where the search stands, while there is one.
    pub search: Option<SearchView>,
    /// When it began, if anybody said so.
    pub started_at: Option<Timestamp>,
    /// When it was completed.
    pub completed_at: Option<Timestamp>,
    /// What is unusual about it.
    pub warnings: Vec<FieldError>,
}

/// Where the search stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchView {
    /// Radius of the last search, in kilometres.
    pub radius_km: f64,
    /// Waves of offers so far.
    pub waves: u32,
    /// When the next search is due.
    pub next_at: Timestamp,
    /// What the organizer was told last, if nobody was found.
    pub nobody: Option<Nobody>,
}

impl Request {
    /// The request as a caller sees it.
    pub(super) fn view(&self, caller: &Caller) -> Result<RequestView, RequestRejection> {
        let facts = self.seen_by(caller)?;
        let brief = &facts.brief;
        let mine = facts.parts.get_key_value(&caller.user);
        let inside = if sees_all(&facts.organizer, caller) {
            Some(Box::new(self.inside(facts)))
        } else if facts.is_assigned(&caller.user) {
            Some(Box::new(self.inside_of(facts, &caller.user)))
        } else {
            None
        };
        Ok(RequestView {
            id: self.id.clone(),
            sequence: self.head,
            state: facts.state,
            mode: brief.mode,
            organizer: facts.organizer.clone(),
            gig: facts.gig_for(caller),
            attendees: brief.attendees,
            texts: brief.texts.clone(),
            deadline: facts.deadline.or(brief.deadline),
            created_at: facts.created_at,
            updated_at: facts.updated_at,
            mine: mine.map(shown),
            inside,
        })
    }

    /// What concerns the musician who has it: competitors' rates, words and reasons do not, nor does the search.
    fn inside_of(&self, facts: &Facts, musician: &UserId) -> Inside {
        let mine = facts.parts.get_key_value(musician);
        Inside {
            reserving: None,
            waiting: Vec::new(),
            parts: mine.map(shown).into_iter().collect(),
            radius_km: None,
            search: None,
            warnings: Vec::new(),
            ..self.inside(facts)
        }
    }

    fn inside(&self, facts: &Facts) -> Inside {
        let had = [Standing::Assigned, Standing::DroppedOut, Standing::Released];
        let has_room = facts
            .parts
            .values()
            .any(|part| had.contains(&part.standing));
        let search = facts.hunt.as_ref().map(|hunt| SearchView {
            radius_km: hunt.radius_km,
            waves: hunt.wave,
            next_at: hunt.next_at,
            nobody: hunt.told.clone(),
        });
        Inside {
            assigned: facts.assigned.clone(),
            reserving: facts.pending.as_ref().map(|p| p.musician.clone()),
            waiting: facts.standbys.iter().cloned().collect(),
            parts: facts.parts.iter().map(shown).collect(),
            reason: facts.reason.clone(),
            room: has_room.then(|| RoomId::of_request(&self.id)),
            radius_km: facts.brief.radius_km,
            search,
            started_at: facts.started_at,
            completed_at: facts.completed_at,
            warnings: soft::unusual(&facts.brief),
        }
    }
}

impl Facts {
    /// Whoever is asked must know where to drive; nobody else has to know where a feast is held.
    fn gig_for(&self, caller: &Caller) -> Gig {
        let gig = self.brief.gig.clone();
        if sees_all(&self.organizer, caller) || self.parts.contains_key(&caller.user) {
            return gig;
        }
        Gig {
            place: gig.place.coarse(),
            ..gig
        }
    }
}

fn shown((user, part): (&UserId, &Part)) -> PartView {
    PartView {
        musician: user.clone(),
        standing: part.standing,
        since: part.since,
        offer: part.offer.clone(),
        application: part.application.clone(),
        reason: part.reason.clone(),
    }
}
