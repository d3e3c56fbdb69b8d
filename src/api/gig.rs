//! Shapes that profiles, requests and searches share: money, places, times, gigs, candidates.

use actors::hub::Seen;
use actors::machines::terms::{Breakdown, Budget, Candidate, Cents, Gig, Place, Term, Window};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use super::words;
use crate::rfc3339::Rfc3339;

/// An amount of money: on the wire a number with at most two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money(pub Cents);

impl Money {
    /// The largest amount that is read, in whole units.
    const MOST: u64 = 1_000_000_000;
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Cents(cents) = self.0;
        match cents % 100 {
            0 => serializer.serialize_u64(cents / 100),
            // The nearest number to two decimals is written with two decimals.
            _ => serializer.serialize_f64(cents as f64 / 100.0),
        }
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let amount = f64::deserialize(deserializer)?;
        let cents = (amount * 100.0).round();
        let exact = (amount * 100.0 - cents).abs() < 1e-4;
        // Neither a NaN nor anything negative passes.
        if exact && (0.0..=Self::MOST as f64 * 100.0).contains(&cents) {
            return Ok(Money(Cents(cents as u64)));
        }
        Err(serde::de::Error::custom(
            "must be an amount with at most two decimals",
        ))
    }
}

impl PartialSchema for Money {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Number))
            .minimum(Some(0))
            .maximum(Some(Self::MOST))
            .multiple_of(Some(0.01))
            .description(Some(
                "An amount in the platform's currency, with at most two decimals.",
            ))
            .into()
    }
}

impl ToSchema for Money {}

/// A place on Earth.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Place)]
pub struct PlaceShape {
    /// Degrees north.
    #[schema(minimum = -90, maximum = 90)]
    lat: f64,
    /// Degrees east.
    #[schema(minimum = -180, maximum = 180)]
    lng: f64,
    /// In words; empty where the place is rounded.
    #[schema(max_length = 500)]
    address: String,
}

impl From<PlaceShape> for Place {
    fn from(place: PlaceShape) -> Self {
        let PlaceShape { lat, lng, address } = place;
        Self { lat, lng, address }
    }
}

impl From<&Place> for PlaceShape {
    fn from(place: &Place) -> Self {
        Self {
            lat: place.lat,
            lng: place.lng,
            address: place.address.clone(),
        }
    }
}

/// A stretch of time: up to, not with, its end.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Window)]
pub struct WindowShape {
    from: Rfc3339,
    to: Rfc3339,
}

impl From<WindowShape> for Window {
    fn from(window: WindowShape) -> Self {
        Self {
            from: window.from.0,
            to: window.to.0,
        }
    }
}

impl From<Window> for WindowShape {
    fn from(window: Window) -> Self {
        Self {
            from: Rfc3339(window.from),
            to: Rfc3339(window.to),
        }
    }
}

/// What an organizer would pay for the whole gig.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Budget)]
pub struct BudgetShape {
    /// The least.
    min: Money,
    /// The most.
    max: Money,
    /// Whether more may be talked about.
    #[serde(default)]
    #[schema(default = false)]
    negotiable: bool,
}

impl From<BudgetShape> for Budget {
    fn from(budget: BudgetShape) -> Self {
        Self {
            min: budget.min.0,
            max: budget.max.0,
            negotiable: budget.negotiable,
        }
    }
}

impl From<Budget> for BudgetShape {
    fn from(budget: Budget) -> Self {
        Self {
            min: Money(budget.min),
            max: Money(budget.max),
            negotiable: budget.negotiable,
        }
    }
}

/// What is to be played, where, when and for how much.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Gig)]
pub struct GigShape<'a> {
    #[schema(value_type = words::Term)]
    event_type: &'a str,
    #[schema(value_type = words::Term)]
    instrument: &'a str,
    #[schema(value_type = Vec<words::Term>)]
    more_instruments: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = words::Term, required = false)]
    genre: Option<&'a str>,
    window: WindowShape,
    place: PlaceShape,
    budget: BudgetShape,
}

impl<'a> GigShape<'a> {
    /// The wire form of a gig.
    pub fn new(gig: &'a Gig) -> Self {
        Self {
            event_type: gig.event_type.as_str(),
            instrument: gig.instrument.as_str(),
            more_instruments: gig.more_instruments.iter().map(Term::as_str).collect(),
            genre: gig.genre.as_ref().map(Term::as_str),
            window: gig.window.into(),
            place: (&gig.place).into(),
            budget: gig.budget.into(),
        }
    }
}

/// Each criterion of a score by itself, 0 to 1 before its weight, and what is taken off in the end.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = Breakdown)]
pub struct BreakdownShape {
    /// Plays the instrument, and the further ones.
    instrument: f64,
    /// Plays the genre.
    genre: f64,
    /// How near.
    location: f64,
    /// What others said.
    rating: f64,
    /// Years, by what the event asks for.
    experience: f64,
    /// Free at that time.
    availability: f64,
    /// Whether the rate fits the budget.
    budget: f64,
    /// Taken off for cancellations.
    cancellations: f64,
    /// Taken off for slow answers.
    response: f64,
}

impl From<Breakdown> for BreakdownShape {
    fn from(of: Breakdown) -> Self {
        Self {
            instrument: of.instrument,
            genre: of.genre,
            location: of.location,
            rating: of.rating,
            experience: of.experience,
            availability: of.availability,
            budget: of.budget,
            cancellations: of.cancellations,
            response: of.response,
        }
    }
}

/// A musician who fits, or nearly does.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Candidate)]
pub struct CandidateShape<'a> {
    #[schema(value_type = words::UserId)]
    musician_id: &'a str,
    /// 0 to 1.
    score: f64,
    distance_km: f64,
    /// What the musician asks for the whole gig, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Money, required = false)]
    cost: Option<Money>,
    breakdown: BreakdownShape,
    /// Whether the musician gave a sign of life lately; absent where that was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    online: Option<bool>,
    /// When the musician gave a sign of life last, if ever and if that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Rfc3339, required = false)]
    last_seen_at: Option<Rfc3339>,
}

impl<'a> CandidateShape<'a> {
    /// The wire form of a candidate of whom is known when there was a sign of life.
    pub fn seen(of: &'a Candidate, seen: &Seen) -> Self {
        Self {
            online: Some(seen.is_online(&of.user)),
            last_seen_at: seen.at(&of.user).map(Rfc3339),
            ..Self::new(of)
        }
    }

    /// The wire form of a candidate.
    pub fn new(of: &'a Candidate) -> Self {
        Self {
            online: None,
            last_seen_at: None,
            musician_id: of.user.as_str(),
            score: of.score,
            distance_km: of.distance_km,
            cost: of.cost.map(Money),
            breakdown: of.breakdown.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_keeps_its_cents_both_ways() {
        for (text, cents) in [
            ("0", 0),
            ("150", 15_000),
            ("150.5", 15_050),
            ("0.07", 7),
            ("19.99", 1_999),
            ("1234567.89", 123_456_789),
            ("999999999.99", 99_999_999_999),
        ] {
            let money: Money = serde_json::from_str(text).expect(text);
            assert_eq!(money.0, Cents(cents), "{text}");
            assert_eq!(serde_json::to_string(&money).expect("written"), text);
        }
        assert_eq!(
            serde_json::from_str::<Money>("3.00").ok(),
            Some(Money(Cents(300)))
        );
        for wrong in ["-0.01", "0.001", "19.999", "1e10", "\"3\"", "null"] {
            assert!(serde_json::from_str::<Money>(wrong).is_err(), "{wrong}");
        }
    }
}
