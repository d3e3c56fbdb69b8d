//! What clients write about requests.

use actors::ids::UserId;
use actors::machines::request::{Mode, Outcome, RequestInput, RequestState};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::api::gig::{BudgetShape, Money, PlaceShape, WindowShape};
use crate::api::words;
use crate::rfc3339::Rfc3339;

/// A request as its organizer writes it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewRequest {
    /// What the event is called.
    #[schema(max_length = 255)]
    title: Option<String>,
    /// The kind of event.
    #[schema(value_type = words::Term)]
    event_type: String,
    /// The instrument that is looked for.
    #[schema(value_type = words::Term)]
    instrument: String,
    /// Further instruments that would be welcome.
    #[serde(default)]
    #[schema(max_items = 5, value_type = Vec<words::Term>, required = false)]
    more_instruments: Vec<String>,
    /// The genre, if one is wanted.
    #[schema(value_type = Option<words::Term>)]
    genre: Option<String>,
    window: WindowShape,
    place: PlaceShape,
    budget: BudgetShape,
    /// What is expected. A draft may lack it.
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// How many will listen.
    #[schema(minimum = 1, maximum = 100_000)]
    attendees: Option<u32>,
    /// What to wear.
    #[schema(max_length = 100)]
    dress_code: Option<String>,
    /// What is there and what is to be brought.
    #[schema(max_length = 500)]
    equipment: Option<String>,
    mode: ModeWord,
    /// How far from the place the first search looks, in kilometres.
    #[schema(minimum = 0, maximum = 200)]
    radius_km: Option<f64>,
    /// Until when musicians are looked for.
    deadline: Option<Rfc3339>,
}

/// How a request comes to its musician: the first who accepts, or who the organizer chooses of those who apply.
#[derive(Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "camelCase")]
#[schema(as = Mode)]
pub enum ModeWord {
    FirstAccept,
    OrganizerChooses,
}

impl From<NewRequest> for RequestInput {
    fn from(wish: NewRequest) -> Self {
        Self {
            title: wish.title,
            event_type: wish.event_type,
            instrument: wish.instrument,
            more_instruments: wish.more_instruments,
            genre: wish.genre,
            window: wish.window.into(),
            place: wish.place.into(),
            budget: wish.budget.into(),
            description: wish.description.unwrap_or_default(),
            attendees: wish.attendees,
            dress_code: wish.dress_code,
            equipment: wish.equipment,
            mode: match wish.mode {
                ModeWord::FirstAccept => Mode::FirstAccept,
                ModeWord::OrganizerChooses => Mode::OrganizerChooses,
            },
            radius_km: wish.radius_km,
            deadline: wish.deadline.map(|Rfc3339(at)| at),
        }
    }
}

/// A reason that may be left out.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reason {
    /// Why.
    #[schema(max_length = 500)]
    pub reason: Option<String>,
}

/// A reason that must be given.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Because {
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// An application.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewApplication {
    /// For the whole gig.
    pub rate: Money,
    /// In the musician's words.
    #[schema(max_length = 500)]
    pub words: Option<String>,
}

/// Which musician.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Chosen {
    #[schema(value_type = words::UserId)]
    pub musician_id: UserId,
}

/// Which musician is not wanted, and why.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rejected {
    #[schema(value_type = words::UserId)]
    pub musician_id: UserId,
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// How a dispute ends.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resolution {
    pub outcome: OutcomeWord,
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    pub details: String,
}

/// As played, or as called off.
#[derive(Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "camelCase")]
#[schema(as = Outcome)]
pub enum OutcomeWord {
    Completed,
    Cancelled,
}

impl From<OutcomeWord> for Outcome {
    fn from(word: OutcomeWord) -> Self {
        match word {
            OutcomeWord::Completed => Outcome::Completed,
            OutcomeWord::Cancelled => Outcome::Cancelled,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MyRequests {
    /// Only those that the caller organizes, or has another part in.
    #[param(value_type = MyRole, required = false)]
    pub role: Option<MyRole>,
    /// Only those in this state.
    #[param(value_type = StateWord, required = false)]
    pub state: Option<StateWord>,
    /// `next` of the page before.
    #[param(value_type = words::Cursor, required = false)]
    pub cursor: Option<String>,
    /// Most requests on the page.
    #[param(minimum = 1, maximum = 100, default = 50, nullable = false)]
    pub limit: Option<usize>,
}

/// A part in a request.
#[derive(Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "camelCase")]
pub enum MyRole {
    Organizer,
    Musician,
}

/// Where a request stands.
#[derive(Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "camelCase")]
#[schema(as = RequestState)]
pub enum StateWord {
    Draft,
    Pending,
    Active,
    InReview,
    Assigned,
    InProgress,
    Completed,
    Cancelled,
    Expired,
    Disputed,
}

impl From<StateWord> for RequestState {
    fn from(word: StateWord) -> Self {
        match word {
            StateWord::Draft => RequestState::Draft,
            StateWord::Pending => RequestState::Pending,
            StateWord::Active => RequestState::Active,
            StateWord::InReview => RequestState::InReview,
            StateWord::Assigned => RequestState::Assigned,
            StateWord::InProgress => RequestState::InProgress,
            StateWord::Completed => RequestState::Completed,
            StateWord::Cancelled => RequestState::Cancelled,
            StateWord::Expired => RequestState::Expired,
            StateWord::Disputed => RequestState::Disputed,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OpenQuery {
    /// The instrument.
    #[param(value_type = words::Term)]
    pub instrument: String,
    /// Where: degrees north.
    #[param(minimum = -90, maximum = 90)]
    pub lat: f64,
    /// Where: degrees east.
    #[param(minimum = -180, maximum = 180)]
    pub lng: f64,
    /// Within so many kilometres.
    #[param(minimum = 0, maximum = 500, default = 50, nullable = false)]
    pub radius_km: Option<f64>,
    /// `next` of the page before, with everything else as it was for that.
    #[param(value_type = words::Cursor, required = false)]
    pub cursor: Option<String>,
    /// Most requests on the page.
    #[param(minimum = 1, maximum = 100, default = 50, nullable = false)]
    pub limit: Option<usize>,
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PendingQuery {
    /// `next` of the page before.
    #[param(value_type = words::Cursor, required = false)]
    pub cursor: Option<String>,
    /// Most requests on the page.
    #[param(minimum = 1, maximum = 100, default = 50, nullable = false)]
    pub limit: Option<usize>,
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// `next` of the page before.
    #[param(value_type = words::Cursor, required = false)]
    pub cursor: Option<String>,
    /// Most lines on the page.
    #[param(minimum = 1, maximum = 100, default = 50, nullable = false)]
    pub limit: Option<usize>,
}
