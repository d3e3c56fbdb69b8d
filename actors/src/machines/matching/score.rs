//! How well a musician fits: seven criteria, each 0 to 1, weighted and added up, less what cancellations and slow answers
//! cost. A pure function; the API shows its parts.

use super::card::{CardHead, MusicianCard};
use super::limits::MatchingLimits;
use crate::machines::terms::{Breakdown, Budget, Cents, Gig, Place, Term, Window};

const HOUR_MS: u128 = 3_600_000;

/// What is looked for: a gig, or as much of one as is known. What nobody asks for, everybody fulfils.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The kind of event.
    pub event_type: Option<Term>,
    /// The instrument.
    pub instrument: Term,
    /// Further instruments that would be welcome.
    pub more_instruments: Vec<Term>,
    /// The genre.
    pub genre: Option<Term>,
    /// When.
    pub window: Option<Window>,
    /// Where.
    pub place: Place,
    /// For how much in all; judged if it is known for how long.
    pub budget: Option<Budget>,
}

impl From<&Gig> for Wanted {
    fn from(gig: &Gig) -> Self {
        Self {
            event_type: Some(gig.event_type.clone()),
            instrument: gig.instrument.clone(),
            more_instruments: gig.more_instruments.clone(),
            genre: gig.genre.clone(),
            window: Some(gig.window),
            place: gig.place.clone(),
            budget: Some(gig.budget),
        }
    }
}

/// A score and how it came about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// 0 to 1.
    pub score: f64,
    /// From the place of the gig, in kilometres.
    pub distance_km: f64,
    /// For the whole gig.
    pub cost: Option<Cents>,
    /// Its parts.
    pub breakdown: Breakdown,
}

/// Scores a card.
pub fn score(wanted: &Wanted, card: &MusicianCard, limits: &MatchingLimits) -> Scored {
    let distance_km = wanted.place.km_to(&card.head.place());
    let cost = cost(wanted, &card.head);
    let free = wanted.window.is_none_or(|window| card.is_free(&window));
    let figures = &card.head.figures;
    let breakdown = Breakdown {
        instrument: instrument(wanted, card, limits),
        genre: genre(wanted, card),
        location: location(distance_km, limits),
        rating: share(figures.rating.map_or(limits.unrated, |rating| rating / 5.0)),
        experience: experience(wanted, card, limits),
        availability: if free { 1.0 } else { 0.0 },
        budget: budget(wanted, cost, limits),
        cancellations: cancellations(figures.cancellations, limits),
        response: response(figures.response_minutes, limits),
    };
    Scored {
        score: total(&breakdown, limits),
        distance_km,
        cost,
        breakdown,
    }
}

/// The weighted sum less what is taken off, 0 to 1.
pub fn total(parts: &Breakdown, limits: &MatchingLimits) -> f64 {
    let weighted = [
        (limits.weight_instrument, parts.instrument),
        (limits.weight_genre, parts.genre),
        (limits.weight_location, parts.location),
        (limits.weight_rating, parts.rating),
        (limits.weight_experience, parts.experience),
        (limits.weight_availability, parts.availability),
        (limits.weight_budget, parts.budget),
    ];
    let sum: f64 = weighted.iter().map(|(weight, part)| weight * part).sum();
    share(sum - parts.cancellations - parts.response)
}

/// What the musician asks for the whole gig, in full cents.
pub fn cost(wanted: &Wanted, head: &CardHead) -> Option<Cents> {
    let (rate, window) = (head.hourly_rate?, wanted.window?);
    let cents = (u128::from(rate.0) * u128::from(window.millis())).div_ceil(HOUR_MS);
    Some(Cents(u64::try_from(cents).unwrap_or(u64::MAX)))
}

fn instrument(wanted: &Wanted, card: &MusicianCard, limits: &MatchingLimits) -> f64 {
    if card.years_on(&wanted.instrument).is_none() {
        return 0.0;
    }
    let more = &wanted.more_instruments;
    if more.is_empty() {
        return 1.0;
    }
    let played = more
        .iter()
        .filter(|more| card.years_on(more).is_some())
        .count();
    share(1.0 - limits.further_share * (1.0 - played as f64 / more.len() as f64))
}

fn genre(wanted: &Wanted, card: &MusicianCard) -> f64 {
    match &wanted.genre {
        Some(genre) if !card.genres.contains(genre) => 0.0,
        _ => 1.0,
    }
}

fn location(km: f64, limits: &MatchingLimits) -> f64 {
    if km <= limits.near_km {
        return 1.0;
    }
    let span = limits.far_km - limits.near_km;
    // Also where the two are mixed up: then nothing lies between near and far.
    if span <= 0.0 {
        return 0.0;
    }
    share((limits.far_km - km) / span)
}

fn experience(wanted: &Wanted, card: &MusicianCard, limits: &MatchingLimits) -> f64 {
    let years = card.years_on(&wanted.instrument).unwrap_or(0);
    let formal = wanted.event_type.as_ref().is_some_and(|event| {
        let formal = limits.formal_events.iter();
        formal.into_iter().any(|formal| formal == event.as_str())
    });
    if formal {
        step(years, &limits.formal_years, &limits.formal_scores)
    } else {
        step(years, &limits.informal_years, &limits.informal_scores)
    }
}

/// The score of the first step that is reached; the last one if none is.
fn step(years: u32, steps: &[u32], scores: &[f64]) -> f64 {
    let reached = steps.iter().position(|step| years >= *step);
    let score = scores.get(reached.unwrap_or(steps.len()));
    share(score.copied().unwrap_or(0.0))
}

/// A price below the least that the organizer would pay is as good as one within: who asks for less is no worse a choice.
fn budget(wanted: &Wanted, cost: Option<Cents>, limits: &MatchingLimits) -> f64 {
    let (Some(budget), Some(_)) = (wanted.budget, wanted.window) else {
        return 1.0;
    };
    let Some(cost) = cost else {
        return share(limits.unpriced);
    };
    if cost <= budget.max {
        return 1.0;
    }
    let up_to = |factor: f64| cost.0 as f64 <= budget.max.0 as f64 * factor;
    if !budget.negotiable {
        return share(if up_to(limits.fixed_factor) {
            limits.fixed_score
        } else {
            0.0
        });
    }
    let steps = limits
        .negotiable_factors
        .iter()
        .zip(limits.negotiable_scores);
    let reached = steps.into_iter().find(|(factor, _)| up_to(**factor));
    share(reached.map_or(0.0, |(_, score)| score))
}

fn cancellations(count: u32, limits: &MatchingLimits) -> f64 {
    let penalties = &limits.cancellation_penalties;
    match count as usize {
        0 => 0.0,
        count => share(penalties[count.min(penalties.len()) - 1]),
    }
}

fn response(minutes: Option<u32>, limits: &MatchingLimits) -> f64 {
    let Some(minutes) = minutes else {
        return 0.0;
    };
    let steps = limits.response_hours.iter().zip(limits.response_penalties);
    let slow = steps.filter(|(hours, _)| u64::from(minutes) > hours.saturating_mul(60));
    share(slow.last().map_or(0.0, |(_, penalty)| penalty))
}

/// 0 to 1; what is no number counts nothing.
fn share(of: f64) -> f64 {
    if of.is_nan() { 0.0 } else { of.clamp(0.0, 1.0) }
}
