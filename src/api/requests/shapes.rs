//! What clients read of requests.

use actors::ids::{Sequence, UserId};
use actors::machines::request::{Inside, PartView, RequestView, SearchView};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::gig::{BreakdownShape, CandidateShape, GigShape, Money};
use crate::api::words;
use crate::rfc3339::Rfc3339;

/// A request as the caller may see it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Request)]
pub struct RequestShape<'a> {
    #[schema(value_type = words::RequestId)]
    request_id: &'a str,
    /// Sequence of its last event.
    #[schema(value_type = words::Sequence)]
    sequence: Sequence,
    state: &'static str,
    mode: &'static str,
    #[schema(value_type = words::UserId)]
    organizer_id: &'a UserId,
    gig: GigShape<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    title: Option<&'a str>,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    attendees: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    dress_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    equipment: Option<&'a str>,
    /// Until when musicians are looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Rfc3339, required = false)]
    deadline: Option<Rfc3339>,
    created_at: Rfc3339,
    updated_at: Rfc3339,
    /// The caller's own part.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = PartShape, required = false)]
    mine: Option<PartShape<'a>>,
    /// What only the two sides, moderators and admins see; of others' parts the musician who has it sees nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = InsideShape, required = false)]
    inside: Option<InsideShape<'a>>,
}

impl<'a> RequestShape<'a> {
    /// The wire form of a view.
    pub fn new(view: &'a RequestView) -> Self {
        let texts = &view.texts;
        Self {
            request_id: view.id.as_str(),
            sequence: view.sequence,
            state: view.state.as_str(),
            mode: view.mode.as_str(),
            organizer_id: &view.organizer,
            gig: GigShape::new(&view.gig),
            title: texts.title.as_deref(),
            description: &texts.description,
            attendees: view.attendees,
            dress_code: texts.dress_code.as_deref(),
            equipment: texts.equipment.as_deref(),
            deadline: view.deadline.map(Rfc3339),
            created_at: Rfc3339(view.created_at),
            updated_at: Rfc3339(view.updated_at),
            mine: view.mine.as_ref().map(PartShape::new),
            inside: view.inside.as_deref().map(InsideShape::new),
        }
    }
}

/// A musician's part in a request.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Part)]
pub struct PartShape<'a> {
    #[schema(value_type = words::UserId)]
    musician_id: &'a UserId,
    /// How the musician stands: `offered`, `applied`, `reserving`, `assigned` and so on.
    standing: &'static str,
    /// Since when.
    since: Rfc3339,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = OfferShape, required = false)]
    offer: Option<OfferShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = ApplicationShape, required = false)]
    application: Option<ApplicationShape<'a>>,
    /// Why, if a reason was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<&'a str>,
}

impl<'a> PartShape<'a> {
    fn new(part: &'a PartView) -> Self {
        Self {
            musician_id: &part.musician,
            standing: part.standing.as_str(),
            since: Rfc3339(part.since),
            offer: OfferShape::of(part),
            application: ApplicationShape::of(part),
            reason: part.reason.as_deref(),
        }
    }
}

/// What a musician was offered.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Offer)]
pub(super) struct OfferShape {
    /// In which wave, from 1.
    wave: u32,
    /// 0 to 1.
    pub(super) score: f64,
    breakdown: BreakdownShape,
    distance_km: f64,
    /// What the musician asks for the whole gig, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Money, required = false)]
    cost: Option<Money>,
    /// Until when it holds.
    until: Rfc3339,
}

impl OfferShape {
    pub(super) fn of(part: &PartView) -> Option<Self> {
        let offer = part.offer.as_ref()?;
        Some(Self {
            wave: offer.wave,
            score: offer.score,
            breakdown: offer.breakdown.into(),
            distance_km: offer.distance_km,
            cost: offer.cost.map(Money),
            until: Rfc3339(offer.until),
        })
    }
}

/// What a musician offered.
#[derive(Serialize, ToSchema)]
#[schema(as = Application)]
pub(super) struct ApplicationShape<'a> {
    /// For the whole gig.
    rate: Money,
    /// In the musician's words.
    words: &'a str,
    at: Rfc3339,
}

impl<'a> ApplicationShape<'a> {
    pub(super) fn of(part: &'a PartView) -> Option<Self> {
        let application = part.application.as_ref()?;
        Some(Self {
            rate: Money(application.rate),
            words: &application.words,
            at: Rfc3339(application.at),
        })
    }
}

/// What only some see of a request.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Inside)]
struct InsideShape<'a> {
    /// Who has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = words::UserId, required = false)]
    assigned_id: Option<&'a UserId>,
    /// Whose time is being held.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = words::UserId, required = false)]
    reserving_id: Option<&'a UserId>,
    /// Who waits meanwhile, the first first.
    #[schema(value_type = Vec<words::UserId>)]
    waiting_ids: &'a [UserId],
    /// Everybody who ever had a part; for the musician who has it, the own one.
    parts: Vec<PartShape<'a>>,
    /// Why it came into its state, if a reason was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<&'a str>,
    /// The room of the two sides, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = words::RoomId, required = false)]
    room_id: Option<&'a str>,
    /// How far from the place the first search looks, if the organizer said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    radius_km: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = SearchShape, required = false)]
    search: Option<SearchShape<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Rfc3339, required = false)]
    started_at: Option<Rfc3339>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Rfc3339, required = false)]
    completed_at: Option<Rfc3339>,
    /// What is unusual about it.
    warnings: Vec<Warning<'a>>,
}

/// Something unusual, and nothing wrong.
#[derive(Serialize, ToSchema)]
struct Warning<'a> {
    field: &'a str,
    problem: &'a str,
}

impl<'a> InsideShape<'a> {
    fn new(of: &'a Inside) -> Self {
        let warnings = of.warnings.iter().map(|one| Warning {
            field: &one.field,
            problem: &one.problem,
        });
        Self {
            assigned_id: of.assigned.as_ref(),
            reserving_id: of.reserving.as_ref(),
            waiting_ids: &of.waiting,
            parts: of.parts.iter().map(PartShape::new).collect(),
            reason: of.reason.as_deref(),
            room_id: of.room.as_ref().map(|room| room.as_str()),
            radius_km: of.radius_km,
            search: of.search.as_ref().map(SearchShape::new),
            started_at: of.started_at.map(Rfc3339),
            completed_at: of.completed_at.map(Rfc3339),
            warnings: warnings.collect(),
        }
    }
}

/// Where the search for musicians stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SearchState)]
pub struct SearchShape<'a> {
    /// Of the last search.
    radius_km: f64,
    /// Waves of offers so far.
    waves: u32,
    /// When the next search is due.
    next_at: Rfc3339,
    /// Why nobody was found lately: `place`, `instrument`, `date`, `budget`; empty if everybody who fits was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reasons: Option<Vec<&'static str>>,
    /// Who came nearest then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<CandidateShape>, required = false)]
    alternatives: Option<Vec<CandidateShape<'a>>>,
}

impl<'a> SearchShape<'a> {
    /// The wire form of a search.
    pub fn new(of: &'a SearchView) -> Self {
        let nobody = of.nobody.as_ref();
        Self {
            radius_km: of.radius_km,
            waves: of.waves,
            next_at: Rfc3339(of.next_at),
            reasons: nobody.map(|nobody| nobody.reasons.iter().map(|r| r.as_str()).collect()),
            alternatives: nobody.map(|nobody| {
                nobody
                    .alternatives
                    .iter()
                    .map(CandidateShape::new)
                    .collect()
            }),
        }
    }
}
