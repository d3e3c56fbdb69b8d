//! Brings a profile, figures and a busy time into order, or names everything that is wrong with them.

use std::collections::BTreeSet;

use super::state::Busy;
use super::texts::Problems;
use super::{BusyInput, Instrument, Profile, ProfileInput, UserLimits, UserRejection};
use crate::ids::Timestamp;
use crate::machines::matching::Figures;
use crate::machines::terms::{Place, Term};

pub(super) fn profile(input: &ProfileInput, limits: &UserLimits) -> Result<Profile, UserRejection> {
    let mut problems = Problems::default();
    let name = problems.line("name", &input.name, 1, limits.name_chars);
    let bio = problems.lines("bio", &input.bio, limits.bio_chars);
    let instruments = instruments(&mut problems, &input.instruments, limits);
    let genres = genres(&mut problems, &input.genres, limits);
    if let Some(rate) = input.hourly_rate.filter(|rate| rate.0 > limits.rate_cents) {
        let problem = format!(
            "must be at most {} cents, not {}",
            limits.rate_cents, rate.0
        );
        problems.add("hourlyRate", problem);
    }
    let place = input.place.as_ref();
    let place = place.map(|given| self::place(&mut problems, given, limits));
    let radius_km = radius(&mut problems, input.radius_km, limits);
    if input.musician && input.available {
        if input.instruments.is_empty() {
            problems.add(
                "instruments",
                "must be given by a musician who takes requests",
            );
        }
        if input.place.is_none() {
            problems.add("place", "must be given by a musician who takes requests");
        }
    }
    problems.done(Profile {
        name,
        bio,
        musician: input.musician,
        available: input.available,
        instruments,
        genres,
        hourly_rate: input.hourly_rate,
        place,
        radius_km,
    })
}

fn instruments(
    problems: &mut Problems,
    input: &[(String, u32)],
    limits: &UserLimits,
) -> Vec<Instrument> {
    let mut named = BTreeSet::new();
    let mut found = Vec::new();
    if !problems.fits("instruments", input.len(), limits.instruments) {
        return found;
    }
    for (at, (name, years)) in input.iter().enumerate() {
        let field = format!("instruments[{at}].name");
        if *years > limits.years {
            let problem = format!("must be at most {}", limits.years);
            problems.add(format!("instruments[{at}].years"), problem);
        }
        if let Some(name) = new_term(problems, &field, name, &mut named) {
            let years = *years;
            found.push(Instrument { name, years });
        }
    }
    found
}

fn genres(problems: &mut Problems, input: &[String], limits: &UserLimits) -> Vec<Term> {
    let mut named = BTreeSet::new();
    if !problems.fits("genres", input.len(), limits.genres) {
        return Vec::new();
    }
    let named = input
        .iter()
        .enumerate()
        .filter_map(|(at, genre)| new_term(problems, &format!("genres[{at}]"), genre, &mut named));
    named.collect()
}

/// A term that was not named before.
fn new_term(
    problems: &mut Problems,
    field: &str,
    text: &str,
    named: &mut BTreeSet<Term>,
) -> Option<Term> {
    let term = problems.term(field, text)?;
    if !named.insert(term.clone()) {
        problems.add(field, "is named twice");
        return None;
    }
    Some(term)
}

fn place(problems: &mut Problems, given: &Place, limits: &UserLimits) -> Place {
    // A comparison with NaN is false, so that only numbers pass.
    if !(-90.0..=90.0).contains(&given.lat) {
        problems.add("place.lat", "must be between -90 and 90");
    }
    if !(-180.0..=180.0).contains(&given.lng) {
        problems.add("place.lng", "must be between -180 and 180");
    }
    let address = problems.line("place.address", &given.address, 0, limits.address_chars);
    Place {
        lat: given.lat,
        lng: given.lng,
        address,
    }
}

fn radius(problems: &mut Problems, km: f64, limits: &UserLimits) -> u32 {
    if (0.0..=f64::from(limits.radius_km)).contains(&km) {
        return km.ceil() as u32;
    }
    problems.add(
        "radiusKm",
        format!("must be between 0 and {}", limits.radius_km),
    );
    0
}

pub(super) fn figures(figures: &Figures) -> Result<Figures, UserRejection> {
    let mut problems = Problems::default();
    let rating = figures.rating.unwrap_or(0.0);
    if !(0.0..=5.0).contains(&rating) {
        problems.add("rating", "must be between 0 and 5");
    }
    if figures.rating.is_some() != (figures.reviews > 0) {
        problems.add("reviews", "must be given with a rating, and only then");
    }
    problems.done(*figures)
}

pub(super) fn busy(
    input: &BusyInput,
    now: Timestamp,
    limits: &UserLimits,
) -> Result<Busy, UserRejection> {
    let mut problems = Problems::default();
    let window = input.window;
    if window.to <= window.from {
        problems.add("to", "must lie behind the beginning");
    } else if window.millis() > limits.busy_longest_ms {
        let days = limits.busy_longest_ms / (24 * 60 * 60 * 1_000);
        problems.add(
            "to",
            format!("must lie at most {days} days behind the beginning"),
        );
    } else if window.to <= now {
        problems.add("to", "must not be over");
    }
    if window.from > now.plus_millis(limits.ahead_ms) {
        problems.add("from", "lies too far ahead");
    }
    let note = problems.line("note", &input.note, 0, limits.note_chars);
    problems.done(Busy { window, note })
}
