//! Who a user is and what music the user offers.

use serde::{Deserialize, Serialize};

use crate::machines::terms::{Cents, Demand, Place, SlotRefusal, Term};

/// An instrument and the years on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// Its name.
    pub name: Term,
    /// Years.
    pub years: u32,
}

/// A profile in order: trimmed, within bounds, nothing named twice.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Profile {
    /// Name as others see it; empty until it is given.
    pub name: String,
    /// About oneself.
    pub bio: String,
    /// Offers music.
    pub musician: bool,
    /// Takes requests at all; one who does not is in no index.
    pub available: bool,
    /// Instruments, the most important first; a musician who takes requests has one at least.
    pub instruments: Vec<Instrument>,
    /// Genres.
    pub genres: Vec<Term>,
    /// What an hour costs.
    pub hourly_rate: Option<Cents>,
    /// Where; a musician who takes requests has one.
    pub place: Option<Place>,
    /// How far from there the user plays, in kilometres.
    pub radius_km: u32,
}

impl Profile {
    /// Whether requests may find this user.
    pub fn is_listed(&self) -> bool {
        self.musician && self.available
    }

    /// Whether this musician can do what a request expects. Whoever accepts may go farther than usual, but not from
    /// beyond where the request looks for musicians, unless that is usual.
    pub(super) fn fulfils(&self, demand: &Demand) -> Result<(), SlotRefusal> {
        let plays = |played: &Instrument| played.name == demand.instrument;
        if !self.instruments.iter().any(plays) {
            return Err(SlotRefusal::DoesNotPlay);
        }
        let reach_km = f64::from(demand.reach_km.max(self.radius_km));
        let is_near = |place: &Place| place.km_to(&demand.place) <= reach_km;
        match &self.place {
            Some(place) if is_near(place) => Ok(()),
            _ => Err(SlotRefusal::TooFar),
        }
    }
}
