//! Words that users, requests and inboxes share: callers and roles, instruments, money, places, times, the gig itself.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::{RequestId, Timestamp, UserId};

/// What a caller may do on the platform, by the role claim of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PlatformRole {
    /// Reads.
    User,
    /// Offers music.
    Musician,
    /// Looks for musicians.
    Organizer,
    /// Approves requests and settles disputes.
    Moderator,
    /// Everything.
    Admin,
}

impl PlatformRole {
    /// All of them.
    pub const ALL: [PlatformRole; 5] = [
        PlatformRole::User,
        PlatformRole::Musician,
        PlatformRole::Organizer,
        PlatformRole::Moderator,
        PlatformRole::Admin,
    ];

    /// The wire word, as in the role claim.
    pub fn as_str(self) -> &'static str {
        match self {
            PlatformRole::User => "user",
            PlatformRole::Musician => "musician",
            PlatformRole::Organizer => "organizer",
            PlatformRole::Moderator => "moderator",
            PlatformRole::Admin => "admin",
        }
    }

    /// The role of a claim; a role that the platform does not know, or none, is that of a plain user.
    pub fn of_claim(claim: &str) -> Self {
        let known = Self::ALL.into_iter().find(|role| role.as_str() == claim);
        known.unwrap_or(PlatformRole::User)
    }
}

/// Who asks: the authenticated user and the role in the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// The role.
    pub role: PlatformRole,
}

/// Why a text is no term.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TermError {
    /// Nothing is left after trimming, or too much.
    #[error("must have 1 to {max} characters, not {actual}")]
    Length {
        /// Largest length.
        max: usize,
        /// Length found.
        actual: usize,
    },
    /// A control character.
    #[error("must not contain control characters")]
    Control,
}

/// What is wrong with one field of an input. An input is looked at as a whole: whoever gets one gets all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Wire name, with the place in a list where it is one: `instruments[2].years`.
    pub field: String,
    /// What is wrong, to be read after the name.
    pub problem: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.problem)
    }
}

/// A word of a vocabulary (an instrument, a genre, a kind of event): trimmed, in lower case, so that two spellings meet.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Term(Arc<str>);

impl Term {
    /// Longest term, in characters.
    pub const MAX_CHARS: usize = 100;

    /// Trims, lowers and checks.
    pub fn parse(text: &str) -> Result<Self, TermError> {
        let text = text.trim().to_lowercase();
        let actual = text.chars().count();
        if actual == 0 || actual > Self::MAX_CHARS {
            let max = Self::MAX_CHARS;
            return Err(TermError::Length { max, actual });
        }
        if text.chars().any(char::is_control) {
            return Err(TermError::Control);
        }
        Ok(Self(text.into()))
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An amount of money in hundredths of the platform's currency.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Cents(pub u64);

/// A place on Earth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Degrees north, -90 to 90.
    pub lat: f64,
    /// Degrees east, -180 to 180.
    pub lng: f64,
    /// In words.
    pub address: String,
}

/// Mean radius of the Earth, in kilometres.
const EARTH_KM: f64 = 6_371.0;

impl Place {
    /// Great-circle distance in kilometres (haversine formula).
    pub fn km_to(&self, other: &Place) -> f64 {
        let (lat, other_lat) = (self.lat.to_radians(), other.lat.to_radians());
        let (north, east) = (
            (other_lat - lat) / 2.0,
            (other.lng - self.lng).to_radians() / 2.0,
        );
        let chord = north.sin().powi(2) + lat.cos() * other_lat.cos() * east.sin().powi(2);
        2.0 * EARTH_KM * chord.clamp(0.0, 1.0).sqrt().asin()
    }
}

/// A stretch of time: from its beginning up to, not with, its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Window {
    /// Beginning.
    pub from: Timestamp,
    /// End.
    pub to: Timestamp,
}

impl Window {
    /// Whether the two share a moment.
    pub fn overlaps(&self, other: &Window) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// The window with so many milliseconds more on each side.
    pub fn widened(&self, millis: u64) -> Window {
        Window {
            from: Timestamp(self.from.0.saturating_sub(millis)),
            to: self.to.plus_millis(millis),
        }
    }

    /// Its length in milliseconds.
    pub fn millis(&self) -> u64 {
        self.to.since(self.from)
    }
}

/// What an organizer would pay for the whole gig.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// The least.
    pub min: Cents,
    /// The most.
    pub max: Cents,
    /// Whether more may be talked about.
    pub negotiable: bool,
}

/// What is to be played, where, when and for how much: what a search for musicians goes by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gig {
    /// The kind of event.
    pub event_type: Term,
    /// The instrument that is looked for.
    pub instrument: Term,
    /// Further instruments that would be welcome.
    pub more_instruments: Vec<Term>,
    /// The genre, if one is wanted.
    pub genre: Option<Term>,
    /// Beginning and end.
    pub window: Window,
    /// Where.
    pub place: Place,
    /// For how much.
    pub budget: Budget,
}

/// Each criterion of a score by itself, 0 to 1 before its weight, and what is taken off in the end.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Breakdown {
    /// Plays the instrument (and the further ones).
    pub instrument: f64,
    /// Plays the genre.
    pub genre: f64,
    /// How near.
    pub location: f64,
    /// What others said.
    pub rating: f64,
    /// Years, by what the event asks for.
    pub experience: f64,
    /// Free at that time.
    pub availability: f64,
    /// Whether the rate fits the budget.
    pub budget: f64,
    /// Taken off for cancellations.
    pub cancellations: f64,
    /// Taken off for slow answers.
    pub response: f64,
}

/// A musician who fits a gig.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Who.
    pub user: UserId,
    /// 0 to 1, the weighted sum.
    pub score: f64,
    /// From the gig's place, in kilometres.
    pub distance_km: f64,
    /// What the musician asks for the whole gig; `None` if no rate is given.
    pub cost: Option<Cents>,
    /// How the score came about.
    pub breakdown: Breakdown,
}

/// What a request that goes to whoever accepts first expects of a musician: nobody else looks at it. (Where the organizer
/// chooses, the organizer does.)
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Demand {
    /// The instrument.
    pub instrument: Term,
    /// Where it is to be played; without words.
    pub place: Place,
    /// How far around musicians are looked for at most, in kilometres.
    pub reach_km: u32,
}

/// Why a musician's time cannot be held for a request. What it collides with is for the musician's eyes.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum SlotRefusal {
    /// Whoever is asked offers no music.
    #[error("that user is no musician")]
    NotAMusician,
    /// The musician does not play the instrument.
    #[error("the musician does not play that instrument")]
    DoesNotPlay,
    /// The place lies farther away than musicians are looked for, and than the musician goes.
    #[error("the place is too far away from the musician")]
    TooFar,
    /// As many times are held and booked that are not over as one musician may have.
    #[error("the musician has as many requests as one may have")]
    TooManyHeld,
    /// The musician takes no requests at present.
    #[error("the musician takes no requests at present")]
    Paused,
    /// The time is not one at which the musician plays, by weekday or by date.
    #[error("the musician does not play at that time")]
    NotAvailable,
    /// The musician has marked a time as busy that overlaps it.
    #[error("the musician is busy at that time")]
    Busy {
        /// The busy time.
        window: Window,
    },
    /// Another request has a time that overlaps it, or leaves too little to get from one place to the other.
    #[error("the musician is booked at that time")]
    Booked {
        /// That request.
        request: RequestId,
        /// Its time, without the time to travel.
        window: Window,
    },
    /// No time that can be held: it ends before it begins, is too long, is over, or lies too far ahead.
    #[error("that is no time that can be held")]
    NoSuchTime,
    /// As many times are held and booked as one musician may have.
    #[error("the musician has no room for another request")]
    Full,
    /// A late copy: the same request has wished something else since.
    #[error("the request has wished something else since")]
    Outdated,
}

impl SlotRefusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            SlotRefusal::NotAMusician => "not_a_musician",
            SlotRefusal::DoesNotPlay => "does_not_play",
            SlotRefusal::TooFar => "too_far",
            SlotRefusal::TooManyHeld => "too_many_requests_held",
            SlotRefusal::Paused => "musician_paused",
            SlotRefusal::NotAvailable => "musician_not_available",
            SlotRefusal::Busy { .. } => "musician_busy",
            SlotRefusal::Booked { .. } => "musician_booked",
            SlotRefusal::NoSuchTime => "no_such_time",
            SlotRefusal::Full => "musician_full",
            SlotRefusal::Outdated => "outdated",
        }
    }
}

/// What a request says of the time that a musician holds for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SlotFate {
    /// It does not want it, and never will under that number.
    Free,
    /// It may want it yet.
    Held,
    /// It has it.
    Booked,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lat: f64, lng: f64) -> Place {
        let address = String::new();
        Place { lat, lng, address }
    }

    #[test]
    fn distances_are_those_of_the_globe() {
        let (madrid, barcelona) = (at(40.4168, -3.7038), at(41.3874, 2.1686));
        let km = madrid.km_to(&barcelona);
        assert!((km - 505.0).abs() < 2.0, "{km}");
        assert!(madrid.km_to(&madrid) < 1e-9);
        let over_the_date_line = at(0.0, 179.9).km_to(&at(0.0, -179.9));
        assert!(
            (over_the_date_line - 22.24).abs() < 0.1,
            "{over_the_date_line}"
        );
        assert!(
            (at(90.0, 0.0).km_to(&at(-90.0, 0.0)) - EARTH_KM * std::f64::consts::PI).abs() < 1e-6
        );
    }

    #[test]
    fn windows_that_touch_do_not_overlap() {
        let window = |from, to| Window {
            from: Timestamp(from),
            to: Timestamp(to),
        };
        assert!(!window(1, 5).overlaps(&window(5, 9)));
        assert!(window(1, 5).widened(1).overlaps(&window(5, 9)));
        assert!(window(2, 3).overlaps(&window(1, 9)) && window(1, 9).overlaps(&window(2, 3)));
        assert_eq!(window(3, 5).widened(10).from, Timestamp(0));
    }

    #[test]
    fn spellings_of_a_term_meet_and_nonsense_is_refused() {
        assert_eq!(Term::parse("  Guitarra "), Term::parse("guitarra"));
        assert_eq!(
            Term::parse(" "),
            Err(TermError::Length {
                max: 100,
                actual: 0
            })
        );
        assert_eq!(
            Term::parse(&"x".repeat(101)),
            Err(TermError::Length {
                max: 100,
                actual: 101
            })
        );
        assert_eq!(Term::parse("a\u{0}b"), Err(TermError::Control));
    }

    #[test]
    fn a_claim_that_the_platform_does_not_know_gives_no_rights() {
        for role in PlatformRole::ALL {
            assert_eq!(PlatformRole::of_claim(role.as_str()), role);
        }
        for claim in ["", "Admin", "root", "superadmin"] {
            assert_eq!(PlatformRole::of_claim(claim), PlatformRole::User);
        }
    }
}
