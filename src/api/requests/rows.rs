//! Lists of requests, and of what is in one, as clients read them.

use std::cmp::Ordering;

use actors::ids::{Sequence, UserId};
use actors::machines::request::{AuditEntry, PartView, RequestCard};
use serde::Serialize;
use utoipa::ToSchema;

use super::shapes::{ApplicationShape, OfferShape, SearchShape};
use crate::api::gig::GigShape;
use crate::api::{cursor, words};
use crate::rfc3339::Rfc3339;

/// A request in a list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestEntry<'a> {
    #[schema(value_type = words::RequestId)]
    request_id: &'a str,
    state: &'static str,
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    title: Option<&'a str>,
    gig: GigShape<'a>,
    #[schema(value_type = words::UserId)]
    organizer_id: &'a UserId,
    /// Who has it, for the two sides only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = words::UserId, required = false)]
    assigned_id: Option<&'a UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Rfc3339, required = false)]
    deadline: Option<Rfc3339>,
    created_at: Rfc3339,
    updated_at: Rfc3339,
    /// How the caller stands, if the caller is no organizer of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    standing: Option<&'static str>,
}

impl<'a> RequestEntry<'a> {
    /// The wire form of a card.
    pub fn new(card: &'a RequestCard) -> Self {
        Self {
            request_id: card.id.as_str(),
            state: card.state.as_str(),
            mode: card.mode.as_str(),
            title: card.title.as_deref(),
            gig: GigShape::new(&card.gig),
            organizer_id: &card.organizer,
            assigned_id: card.assigned.as_ref(),
            deadline: card.deadline.map(Rfc3339),
            created_at: Rfc3339(card.created_at),
            updated_at: Rfc3339(card.updated_at),
            standing: card.standing.map(|standing| standing.as_str()),
        }
    }
}

cursor::page! {
    /// A page of requests.
    Requests of RequestEntry<'a>
}

/// An open request and how far it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenRequest<'a> {
    request: RequestEntry<'a>,
    distance_km: f64,
}

impl<'a> OpenRequest<'a> {
    /// The wire form of a card at a distance.
    pub fn new(card: &'a RequestCard, distance_km: f64) -> Self {
        Self {
            request: RequestEntry::new(card),
            distance_km,
        }
    }
}

/// A page of open requests, the nearest first.
#[derive(Serialize, ToSchema)]
pub struct OpenRequests<'a> {
    /// What is on the page.
    pub items: Vec<OpenRequest<'a>>,
    /// Give this as `cursor` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = words::Cursor, required = false)]
    pub next: Option<String>,
    /// False if there are so many around the place that not all were looked at: then there may be nearer ones.
    pub complete: bool,
}

/// Who applied.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationEntry<'a> {
    #[schema(value_type = words::UserId)]
    musician_id: &'a UserId,
    standing: &'static str,
    application: ApplicationShape<'a>,
    /// Why, if a reason was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<&'a str>,
}

impl<'a> ApplicationEntry<'a> {
    /// The wire form of a part, if the musician applied.
    pub fn new(part: &'a PartView) -> Option<Self> {
        Some(Self {
            musician_id: &part.musician,
            standing: part.standing.as_str(),
            application: ApplicationShape::of(part)?,
            reason: part.reason.as_deref(),
        })
    }
}

/// Applications, by musician.
#[derive(Serialize, ToSchema)]
pub struct Applications<'a> {
    pub items: Vec<ApplicationEntry<'a>>,
}

/// Who was offered a request.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CandidateEntry<'a> {
    #[schema(value_type = words::UserId)]
    musician_id: &'a UserId,
    standing: &'static str,
    offer: OfferShape,
}

impl<'a> CandidateEntry<'a> {
    /// The wire form of a part, if the musician was offered the request.
    pub fn new(part: &'a PartView) -> Option<Self> {
        Some(Self {
            musician_id: &part.musician,
            standing: part.standing.as_str(),
            offer: OfferShape::of(part)?,
        })
    }

    /// The one with the higher score first.
    pub fn better(one: &Self, other: &Self) -> Ordering {
        other.offer.score.total_cmp(&one.offer.score)
    }
}

/// Who was offered a request, the best first, and where the search stands.
#[derive(Serialize, ToSchema)]
pub struct Candidates<'a> {
    pub items: Vec<CandidateEntry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = SearchShape, required = false)]
    pub search: Option<SearchShape<'a>>,
}

/// A change of a request.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditLine<'a> {
    #[schema(value_type = words::Sequence)]
    sequence: Sequence,
    at: Rfc3339,
    /// Who; absent for the hub itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = words::UserId, required = false)]
    by: Option<&'a UserId>,
    /// In which capacity: `owner`, `assigned`, `organizer`, `musician`, `moderator`, `admin`, `user` or `system`.
    role: &'static str,
    action: &'static str,
    /// The state before.
    from: &'static str,
    /// The state after.
    to: &'static str,
    /// Whom it is about besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = words::UserId, required = false)]
    musician_id: Option<&'a UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<&'a str>,
}

impl<'a> AuditLine<'a> {
    /// The wire form of a line.
    pub fn new(of: &'a AuditEntry) -> Self {
        Self {
            sequence: of.sequence,
            at: Rfc3339(of.at),
            by: of.by.as_ref(),
            role: of.role.as_str(),
            action: of.action.as_str(),
            from: of.from.as_str(),
            to: of.to.as_str(),
            musician_id: of.musician.as_ref(),
            reason: of.reason.as_deref(),
        }
    }
}

cursor::page! {
    /// A page of a request's audit.
    Audit of AuditLine<'a>
}
