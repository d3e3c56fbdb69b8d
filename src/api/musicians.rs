//! Musicians as everybody may find and see them.

use actors::hub::Seen;
use actors::ids::{Timestamp, UserId};
use actors::machines::matching::{Found, Wanted};
use actors::machines::terms::{Budget, Cents, Place, Term, Window};
use actors::machines::user::{UserCommand, UserReply};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::By;
use super::etag::{Conditions, Tag};
use super::gig::{CandidateShape, Money};
use super::input::{At, Params};
use super::profile::out_of_turn;
use super::profile::shapes::MusicianShape;
use super::{Api, json, words};
use crate::error::{HubError, field_error};
use crate::http::problem::Problem;
use crate::rfc3339::Rfc3339;

/// Musicians that are answered if the client does not say how many.
const FOUND: usize = 20;
/// Kilometres around the place if the client does not say how many.
const RADIUS_KM: f64 = 50.0;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(search))
        .routes(routes!(look))
}

/// What is looked for: as much of a gig as is known. What nobody asks for, everybody fulfils.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Search {
    /// The instrument.
    #[param(value_type = words::Term)]
    instrument: String,
    /// Where: degrees north.
    #[param(minimum = -90, maximum = 90)]
    lat: f64,
    /// Where: degrees east.
    #[param(minimum = -180, maximum = 180)]
    lng: f64,
    /// Within so many kilometres.
    #[param(minimum = 0, maximum = 500, default = 50, nullable = false)]
    radius_km: Option<f64>,
    /// The genre.
    #[param(value_type = words::Term, required = false)]
    genre: Option<String>,
    /// The kind of event.
    #[param(value_type = words::Term, required = false)]
    event_type: Option<String>,
    /// Beginning of the gig; together with `to`.
    #[param(value_type = Rfc3339, required = false)]
    from: Option<Rfc3339>,
    /// End of the gig; together with `from`.
    #[param(value_type = Rfc3339, required = false)]
    to: Option<Rfc3339>,
    /// The least that the whole gig pays.
    #[param(value_type = Money, required = false)]
    budget_min: Option<Money>,
    /// The most that the whole gig pays.
    #[param(value_type = Money, required = false)]
    budget_max: Option<Money>,
    /// Whether more may be talked about.
    #[param(default = false, nullable = false)]
    negotiable: Option<bool>,
    /// At most so many musicians.
    #[param(minimum = 1, maximum = 100, default = 20, nullable = false)]
    limit: Option<usize>,
    /// Only those who are online: the best of the first `matching.candidates` who fit.
    #[param(default = false, nullable = false)]
    online_only: Option<bool>,
}

impl Search {
    fn wanted(&self) -> Result<Wanted, HubError> {
        let mut problems = Vec::new();
        let mut term = |field: &str, text: &str| {
            let parsed = Term::parse(text);
            parsed
                .map_err(|error| problems.push(field_error(field, error.to_string())))
                .ok()
        };
        let instrument = term("instrument", &self.instrument);
        let genre = self.genre.as_ref().and_then(|text| term("genre", text));
        let event_type = self.event_type.as_ref();
        let event_type = event_type.and_then(|text| term("eventType", text));
        let window = match (self.from, self.to) {
            (Some(from), Some(to)) if from.0 < to.0 => Some(Window {
                from: from.0,
                to: to.0,
            }),
            (None, None) => None,
            (Some(_), Some(_)) => {
                problems.push(field_error("to", "must lie behind from"));
                None
            }
            (None, Some(_)) => {
                problems.push(field_error("from", "is missing: to is given"));
                None
            }
            (Some(_), None) => {
                problems.push(field_error("to", "is missing: from is given"));
                None
            }
        };
        let (min, max) = (self.budget_min, self.budget_max);
        if let (Some(min), Some(max)) = (min, max)
            && min.0 > max.0
        {
            problems.push(field_error("budgetMax", "must not be below budgetMin"));
        }
        let budget = (min.is_some() || max.is_some()).then(|| Budget {
            min: min.map_or(Cents(0), |money| money.0),
            max: max.map_or(Cents(u64::MAX), |money| money.0),
            negotiable: self.negotiable.unwrap_or_default(),
        });
        match instrument {
            Some(instrument) if problems.is_empty() => Ok(Wanted {
                event_type,
                instrument,
                more_instruments: Vec::new(),
                genre,
                window,
                place: Place {
                    lat: self.lat,
                    lng: self.lng,
                    address: String::new(),
                },
                budget,
            }),
            _ => Err(HubError::invalid(problems)),
        }
    }
}

/// Search musicians
///
/// Those who fit, the best first, each with a score, how it came about, and whether the musician is online; if nobody does, why,
/// and who comes nearest. If only those online are asked for and none is, those who fit otherwise are the alternatives, without
/// reasons.
#[utoipa::path(
    get, path = "/api/musicians", operation_id = "searchMusicians", tag = "musicians",
    params(Search),
    responses((status = 200, description = "Who was found.", body = Musicians)),
)]
async fn search(
    State(api): State<Api>,
    by: By,
    Params(query): Params<Search>,
) -> Result<Response, Problem> {
    let radius_km = query.radius_km.unwrap_or(RADIUS_KM);
    let limit = query.limit.unwrap_or(FOUND);
    let online_only = query.online_only.unwrap_or_default();
    let wanted = query.wanted()?;
    api.admission.search(by.user())?;
    let found = api.hub.musicians(&wanted, radius_km, online_only, limit);
    let (found, seen) = found.await?;
    Ok(json(StatusCode::OK, &Musicians::new(&found, &seen)))
}

/// Look at a musician
///
/// The profile, and when the musician plays. Others see the place rounded to about a kilometre, without its address; of somebody
/// who offers no music they see name and text only.
#[utoipa::path(
    get, path = "/api/musicians/{id}", operation_id = "getMusician", tag = "musicians",
    params(
        ("id" = words::UserId, Path, description = "The user."),
        ("If-None-Match" = Option<String>, Header, description = "ETag of what the client has."),
    ),
    responses(
        (status = 200, description = "The musician; the ETag is made of the profile's version and the last sign of life.", body = MusicianShape),
        (status = 304, description = "The client has it."),
    ),
)]
async fn look(
    State(api): State<Api>,
    by: By,
    conditions: Conditions,
    At(user): At<UserId>,
) -> Result<Response, Problem> {
    let view = UserCommand::View { by: by.0.clone() };
    match api.hub.user(&user, view).await? {
        UserReply::View(view) => {
            let seen = api.hub.seen(vec![user.clone()]).await?;
            let tag = Tag::of_seen(view.version, seen.at(&user).map(|Timestamp(at)| at));
            Ok(conditions.answer(tag, &MusicianShape::new(&view, &seen)))
        }
        other => Err(out_of_turn(&other)),
    }
}

/// What a search found.
#[derive(Serialize, ToSchema)]
pub(super) struct Musicians<'a> {
    /// Those who fit, the best first.
    items: Vec<CandidateShape<'a>>,
    /// If nobody does, why: `place`, `instrument`, `date`, `budget`.
    reasons: Vec<&'static str>,
    /// If nobody does: those who come nearest.
    alternatives: Vec<CandidateShape<'a>>,
}

impl<'a> Musicians<'a> {
    /// The wire form of what was found.
    pub fn new(found: &'a Found, seen: &Seen) -> Self {
        let shown = |one| CandidateShape::seen(one, seen);
        Self {
            items: found.candidates.iter().map(shown).collect(),
            reasons: found.reasons.iter().map(|one| one.as_str()).collect(),
            alternatives: found.alternatives.iter().map(shown).collect(),
        }
    }
}
