//! What clients write of themselves.

use actors::machines::terms::Window;
use actors::machines::user::input::{DateInput, HoursInput, WeekInput};
use actors::machines::user::{AvailabilityInput, BusyInput, ProfileInput};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::gig::{Money, PlaceShape};
use crate::api::words;
use crate::rfc3339::Rfc3339;

/// A whole profile.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewProfile {
    /// Name as others see it.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// About oneself.
    #[schema(max_length = 500)]
    bio: Option<String>,
    /// Offers music.
    #[serde(default)]
    #[schema(default = false)]
    musician: bool,
    /// Takes requests at all: needs an instrument and a place.
    #[serde(default)]
    #[schema(default = false)]
    available: bool,
    /// The most important first.
    #[serde(default)]
    #[schema(max_items = 10)]
    instruments: Vec<NewInstrument>,
    #[serde(default)]
    #[schema(max_items = 20, value_type = Vec<words::Term>, required = false)]
    genres: Vec<String>,
    /// What an hour costs.
    hourly_rate: Option<Money>,
    place: Option<PlaceShape>,
    /// How far from there the musician goes, in kilometres.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 500, default = 0)]
    radius_km: f64,
}

/// An instrument and the years on it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewInstrument {
    #[schema(value_type = words::Term)]
    name: String,
    #[schema(minimum = 0, maximum = 80)]
    years: u32,
}

impl From<NewProfile> for ProfileInput {
    fn from(wish: NewProfile) -> Self {
        let instruments = wish.instruments.into_iter();
        Self {
            name: wish.name,
            bio: wish.bio.unwrap_or_default(),
            musician: wish.musician,
            available: wish.available,
            instruments: instruments.map(|one| (one.name, one.years)).collect(),
            genres: wish.genres,
            hourly_rate: wish.hourly_rate.map(|Money(cents)| cents),
            place: wish.place.map(Into::into),
            radius_km: wish.radius_km,
        }
    }
}

/// All hours.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewAvailability {
    /// `Europe/Madrid`, or an offset such as `+02:00`.
    #[schema(min_length = 1, max_length = 64)]
    zone: String,
    /// Hours by weekday; at any time if left out.
    #[schema(max_items = 42)]
    weekly: Option<Vec<WeekShape>>,
    /// Exceptions by date.
    #[serde(default)]
    #[schema(max_items = 120)]
    dates: Vec<DateShape>,
}

/// Hours of every week.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewWeekHours)]
struct WeekShape {
    /// Monday is 1, Sunday is 7.
    #[schema(minimum = 1, maximum = 7)]
    weekday: u8,
    /// Beginning, `18:00`.
    #[schema(value_type = words::ClockTime)]
    from: String,
    /// End, `23:00`, up to `24:00`; one that is not behind the beginning lies in the following day.
    #[schema(value_type = words::ClockTime)]
    to: String,
}

/// Hours on the wall clock.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewHours)]
struct HoursShape {
    /// Beginning, `18:00`.
    #[schema(value_type = words::ClockTime)]
    from: String,
    /// End, `23:00`, up to `24:00`; one that is not behind the beginning lies in the following day.
    #[schema(value_type = words::ClockTime)]
    to: String,
}

/// Hours of one day in place of those of its weekday.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewDateHours)]
struct DateShape {
    /// The day, `2026-06-30`.
    #[schema(value_type = words::Date)]
    date: String,
    /// When; none at all: not on that day.
    #[schema(max_items = 6)]
    hours: Vec<HoursShape>,
}

impl From<HoursShape> for HoursInput {
    fn from(hours: HoursShape) -> Self {
        Self {
            from: hours.from,
            to: hours.to,
        }
    }
}

impl From<NewAvailability> for AvailabilityInput {
    fn from(wish: NewAvailability) -> Self {
        let week = |week: WeekShape| WeekInput {
            weekday: week.weekday,
            hours: HoursInput {
                from: week.from,
                to: week.to,
            },
        };
        let date = |date: DateShape| DateInput {
            date: date.date,
            hours: date.hours.into_iter().map(Into::into).collect(),
        };
        let weekly = wish.weekly;
        Self {
            zone: wish.zone,
            weekly: weekly.map(|weekly| weekly.into_iter().map(week).collect()),
            dates: wish.dates.into_iter().map(date).collect(),
        }
    }
}

/// A time at which the caller plays for nobody.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewBusy {
    from: Rfc3339,
    to: Rfc3339,
    /// Why; only the caller reads it.
    #[schema(max_length = 200)]
    note: Option<String>,
}

impl From<NewBusy> for BusyInput {
    fn from(wish: NewBusy) -> Self {
        Self {
            window: Window {
                from: wish.from.0,
                to: wish.to.0,
            },
            note: wish.note.unwrap_or_default(),
        }
    }
}
