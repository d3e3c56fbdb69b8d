//! What clients read of users.

use actors::hub::Seen;
use actors::ids::{Sequence, UserId};
use actors::machines::hours::{Availability, DayHours};
use actors::machines::matching::Figures;
use actors::machines::terms::Term;
use actors::machines::user::{Agenda, SlotState, UserView};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::gig::{Money, PlaceShape};
use crate::api::words;
use crate::rfc3339::Rfc3339;

/// A user's profile.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Profile)]
pub struct ProfileShape<'a> {
    #[schema(value_type = words::UserId)]
    user_id: &'a UserId,
    /// Sequence of the last change by the user or an admin; 0 if there was none.
    #[schema(value_type = words::Sequence)]
    version: Sequence,
    /// Name as others see it; empty until it is given.
    name: &'a str,
    bio: &'a str,
    /// Offers music.
    musician: bool,
    /// Takes requests at all.
    available: bool,
    instruments: Vec<InstrumentShape<'a>>,
    #[schema(value_type = Vec<words::Term>)]
    genres: Vec<&'a str>,
    /// What an hour costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Money, required = false)]
    hourly_rate: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = PlaceShape, required = false)]
    place: Option<PlaceShape>,
    /// How far from there the musician goes, in kilometres.
    radius_km: u32,
    figures: FiguresShape,
}

/// An instrument and the years on it.
#[derive(Serialize, ToSchema)]
#[schema(as = Instrument)]
struct InstrumentShape<'a> {
    #[schema(value_type = words::Term)]
    name: &'a str,
    years: u32,
}

/// What others made of a user.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Figures)]
struct FiguresShape {
    /// Average of the reviews, 0 to 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    rating: Option<f64>,
    /// How many reviews.
    reviews: u32,
    /// Cancellations lately.
    cancellations: u32,
    /// How long an answer takes on average, in minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    response_minutes: Option<u32>,
}

impl From<&Figures> for FiguresShape {
    fn from(of: &Figures) -> Self {
        Self {
            rating: of.rating,
            reviews: of.reviews,
            cancellations: of.cancellations,
            response_minutes: of.response_minutes,
        }
    }
}

impl<'a> ProfileShape<'a> {
    /// The wire form of a profile.
    pub fn new(view: &'a UserView) -> Self {
        let profile = &view.profile;
        let instruments = profile.instruments.iter();
        Self {
            user_id: &view.user,
            version: view.version,
            name: &profile.name,
            bio: &profile.bio,
            musician: profile.musician,
            available: profile.available,
            instruments: instruments
                .map(|one| InstrumentShape {
                    name: one.name.as_str(),
                    years: one.years,
                })
                .collect(),
            genres: profile.genres.iter().map(Term::as_str).collect(),
            hourly_rate: profile.hourly_rate.map(Money),
            place: profile.place.as_ref().map(Into::into),
            radius_km: profile.radius_km,
            figures: (&view.figures).into(),
        }
    }
}

/// A user as others see one: the profile, when the user plays, and whether the user is about.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Musician)]
pub struct MusicianShape<'a> {
    profile: ProfileShape<'a>,
    availability: AvailabilityShape<'a>,
    /// Whether the user gave a sign of life lately.
    online: bool,
    /// When the user gave one last, if ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Rfc3339, required = false)]
    last_seen_at: Option<Rfc3339>,
}

impl<'a> MusicianShape<'a> {
    /// The wire form of a view.
    pub fn new(view: &'a UserView, seen: &Seen) -> Self {
        Self {
            profile: ProfileShape::new(view),
            availability: AvailabilityShape::new(&view.availability),
            online: seen.is_online(&view.user),
            last_seen_at: seen.at(&view.user).map(Rfc3339),
        }
    }
}

/// When somebody plays, on the wall clock of a zone.
#[derive(Serialize, ToSchema)]
#[schema(as = Availability)]
pub struct AvailabilityShape<'a> {
    /// `Europe/Madrid`, or an offset such as `+02:00`.
    zone: &'a str,
    /// Hours by weekday; absent: at any time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<WeekHours>, required = false)]
    weekly: Option<Vec<WeekHours>>,
    /// Exceptions by date.
    dates: Vec<DateHours>,
}

/// Hours of every week.
#[derive(Serialize, ToSchema)]
struct WeekHours {
    /// Monday is 1, Sunday is 7.
    #[schema(minimum = 1, maximum = 7)]
    weekday: u8,
    #[schema(value_type = words::ClockTime)]
    from: String,
    #[schema(value_type = words::ClockTime)]
    to: String,
}

/// Hours of one day in place of those of its weekday.
#[derive(Serialize, ToSchema)]
struct DateHours {
    #[schema(value_type = words::Date)]
    date: String,
    /// None at all: not on that day.
    hours: Vec<Hours>,
}

/// Hours on the wall clock; an end that is not behind the beginning lies in the following day.
#[derive(Serialize, ToSchema)]
struct Hours {
    #[schema(value_type = words::ClockTime)]
    from: String,
    #[schema(value_type = words::ClockTime)]
    to: String,
}

const DAY_MINUTES: u16 = 24 * 60;

/// Minutes since midnight as they are written. The end of a day has a name of its own, every later one is the next day's.
fn clock(minute: u16) -> String {
    let of_day = match minute {
        DAY_MINUTES => minute,
        _ => minute % DAY_MINUTES,
    };
    format!("{:02}:{:02}", of_day / 60, of_day % 60)
}

fn hours(of: &DayHours) -> Hours {
    Hours {
        from: clock(of.from),
        to: clock(of.to),
    }
}

impl<'a> AvailabilityShape<'a> {
    /// The wire form of hours.
    pub fn new(of: &'a Availability) -> Self {
        let weekly = of.weekly.as_ref();
        let dates = of.dates.iter();
        Self {
            zone: of.zone.as_str(),
            weekly: weekly.map(|weekly| {
                let of = |week: &actors::machines::hours::WeekHours| {
                    let Hours { from, to } = hours(&week.hours);
                    let weekday = week.weekday;
                    WeekHours { weekday, from, to }
                };
                weekly.iter().map(of).collect()
            }),
            dates: dates
                .map(|date| DateHours {
                    date: date.day.to_string(),
                    hours: date.hours.iter().map(hours).collect(),
                })
                .collect(),
        }
    }
}

/// Times that are taken, by their beginnings.
#[derive(Serialize, ToSchema)]
#[schema(as = Agenda)]
pub struct AgendaShape<'a> {
    busy: Vec<BusyShape<'a>>,
    /// Times of requests.
    requests: Vec<SlotShape<'a>>,
}

/// A busy time.
#[derive(Serialize, ToSchema)]
#[schema(as = Busy)]
struct BusyShape<'a> {
    #[schema(value_type = words::Sequence)]
    id: Sequence,
    from: Rfc3339,
    to: Rfc3339,
    /// Why; only the user reads it.
    note: &'a str,
}

/// A time that a request holds or has.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Slot)]
struct SlotShape<'a> {
    #[schema(value_type = words::RequestId)]
    request_id: &'a str,
    from: Rfc3339,
    to: Rfc3339,
    /// `held` until the request has made up its mind, then `booked`.
    state: &'static str,
}

impl<'a> AgendaShape<'a> {
    /// The wire form of an agenda.
    pub fn new(of: &'a Agenda) -> Self {
        let busy = of.busy.iter().map(|one| BusyShape {
            id: one.id,
            from: Rfc3339(one.window.from),
            to: Rfc3339(one.window.to),
            note: &one.note,
        });
        let requests = of.slots.iter().map(|slot| SlotShape {
            request_id: slot.request.as_str(),
            from: Rfc3339(slot.window.from),
            to: Rfc3339(slot.window.to),
            state: match slot.state {
                SlotState::Held => "held",
                SlotState::Booked => "booked",
            },
        });
        Self {
            busy: busy.collect(),
            requests: requests.collect(),
        }
    }
}

/// A time was blocked.
#[derive(Serialize, ToSchema)]
pub struct BusyAdded {
    /// Its id.
    #[schema(value_type = words::Sequence)]
    pub id: Sequence,
}
