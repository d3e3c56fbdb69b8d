//! What callers send of profile, hours and busy times, not yet looked at.

use serde::{Deserialize, Serialize};

use crate::machines::terms::{Cents, Place, Window};

/// A whole profile, in place of the one there is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ProfileInput {
    /// Name as others see it.
    pub name: String,
    /// About oneself; may be empty.
    pub bio: String,
    /// Offers music: needs the role of a musician, or of an admin.
    pub musician: bool,
    /// Takes requests at all.
    pub available: bool,
    /// Instruments and the years on each, the most important first.
    pub instruments: Vec<(String, u32)>,
    /// Genres.
    pub genres: Vec<String>,
    /// What an hour costs.
    pub hourly_rate: Option<Cents>,
    /// Where.
    pub place: Option<Place>,
    /// How far from there, in kilometres; rounded up.
    pub radius_km: f64,
}

/// Hours on the wall clock.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HoursInput {
    /// Beginning, `18:00`.
    pub from: String,
    /// End, `23:00`, up to `24:00`; one that is not behind the beginning lies in the following day.
    pub to: String,
}

/// Hours of every week.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WeekInput {
    /// Monday is 1, Sunday is 7.
    pub weekday: u8,
    /// When.
    pub hours: HoursInput,
}

/// Hours of one day.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DateInput {
    /// The day, `2026-06-30`.
    pub date: String,
    /// When; none at all: not on that day.
    pub hours: Vec<HoursInput>,
}

/// All hours, in place of those there are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AvailabilityInput {
    /// `Europe/Madrid`, or an offset such as `+02:00`.
    pub zone: String,
    /// Hours by weekday; `None`: at any time.
    pub weekly: Option<Vec<WeekInput>>,
    /// Exceptions by date.
    pub dates: Vec<DateInput>,
}

/// A time at which the user plays for nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusyInput {
    /// When.
    pub window: Window,
    /// Why, for the user alone; may be empty.
    pub note: String,
}

impl ProfileInput {
    pub(super) fn weight(&self) -> usize {
        let instruments = self.instruments.iter().map(|(name, _)| name.len() + 32);
        let genres = self.genres.iter().map(|genre| genre.len() + 24);
        let place = self
            .place
            .as_ref()
            .map_or(0, |place| place.address.len() + 48);
        self.name.len()
            + self.bio.len()
            + instruments.sum::<usize>()
            + genres.sum::<usize>()
            + place
    }
}

impl HoursInput {
    fn weight(&self) -> usize {
        self.from.len() + self.to.len() + 48
    }
}

impl AvailabilityInput {
    pub(super) fn weight(&self) -> usize {
        let weekly = self
            .weekly
            .iter()
            .flatten()
            .map(|week| week.hours.weight() + 8);
        let dates = self.dates.iter().map(|date| {
            let hours = date.hours.iter().map(HoursInput::weight);
            date.date.len() + 48 + hours.sum::<usize>()
        });
        self.zone.len() + weekly.sum::<usize>() + dates.sum::<usize>()
    }
}
