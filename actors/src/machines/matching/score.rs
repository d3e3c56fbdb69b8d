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
    let distance_km = wanted.place.km_to(&card.head.near());
    let cost = cost(wanted, &card.head);
    let free = wanted.window.is_none_or(|window| card.is_free(&window));
    let figures = &card.head.figures;
    let breakdown = Breakdown {
        instrument: instrument(wanted, card, limits),
        genre: genre(wanted, card),
        location: location(distance_km, limits),
        rating: rating(figures.rating, limits),
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

/// No card with this head scores higher: what the rest of it tells is taken for the best.
pub fn at_most(wanted: &Wanted, head: &CardHead, km: f64, limits: &MatchingLimits) -> f64 {
    let figures = &head.figures;
    let best = Breakdown {
        instrument: 1.0,
        genre: 1.0,
        location: location(km, limits),
        rating: rating(figures.rating, limits),
        experience: 1.0,
        availability: 1.0,
        budget: budget(wanted, cost(wanted, head), limits),
        cancellations: cancellations(figures.cancellations, limits),
        response: response(figures.response_minutes, limits),
    };
    total(&best, limits)
}

/// No musician so far away, or further, scores higher.
pub fn at_most_from(km: f64, limits: &MatchingLimits) -> f64 {
    let best = Breakdown {
        instrument: 1.0,
        genre: 1.0,
        location: location(km, limits),
        rating: 1.0,
        experience: 1.0,
        availability: 1.0,
        budget: 1.0,
        ..Breakdown::default()
    };
    total(&best, limits)
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

fn rating(rating: Option<f64>, limits: &MatchingLimits) -> f64 {
    share(rating.map_or(limits.unrated, |rating| rating / 5.0))
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
    let mut slow = steps.filter(|(hours, _)| u64::from(minutes) > hours.saturating_mul(60));
    share(slow.next_back().map_or(0.0, |(_, penalty)| penalty))
}

/// 0 to 1; what is no number counts nothing.
fn share(of: f64) -> f64 {
    if of.is_nan() { 0.0 } else { of.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::Timestamp;
    use crate::machines::hours::Availability;
    use crate::machines::matching::Figures;
    use crate::machines::matching::cells::COARSE_KM;

    const HOUR: u64 = 3_600_000;

    fn term(text: &str) -> Term {
        Term::parse(text).expect("a term")
    }

    fn at(lat: f64, lng: f64) -> Place {
        let address = String::new();
        Place { lat, lng, address }
    }

    /// Four hours of jazz on the guitar at a wedding in Madrid, for 400 to 800.
    fn wanted() -> Wanted {
        let from = Timestamp(1_000 * HOUR);
        let to = from.plus_millis(4 * HOUR);
        Wanted {
            event_type: Some(term("boda")),
            instrument: term("guitarra"),
            more_instruments: Vec::new(),
            genre: Some(term("jazz")),
            window: Some(Window { from, to }),
            place: at(40.4, -3.7),
            budget: Some(Budget {
                min: Cents(40_000),
                max: Cents(80_000),
                negotiable: true,
            }),
        }
    }

    /// Whoever is meant.
    fn card() -> MusicianCard {
        MusicianCard {
            head: CardHead {
                lat: 40.4,
                lng: -3.7,
                radius_km: 100,
                hourly_rate: Some(Cents(15_000)),
                figures: Figures {
                    rating: Some(5.0),
                    reviews: 3,
                    ..Figures::default()
                },
            },
            instruments: vec![(term("guitarra"), 5)],
            genres: vec![term("jazz")],
            availability: Availability::default(),
            taken: Vec::new(),
        }
    }

    fn of(change: impl FnOnce(&mut Wanted, &mut MusicianCard)) -> Scored {
        let (mut wanted, mut card) = (wanted(), card());
        change(&mut wanted, &mut card);
        score(&wanted, &card, &MatchingLimits::default())
    }

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn whoever_fits_in_everything_has_a_full_score_and_its_parts() {
        let scored = of(|_, _| {});
        assert!(close(scored.score, 1.0), "{scored:?}");
        assert_eq!(scored.cost, Some(Cents(60_000)));
        assert!(scored.distance_km < COARSE_KM);
        let full = Breakdown {
            instrument: 1.0,
            genre: 1.0,
            location: 1.0,
            rating: 1.0,
            experience: 1.0,
            availability: 1.0,
            budget: 1.0,
            cancellations: 0.0,
            response: 0.0,
        };
        assert_eq!(scored.breakdown, full);
    }

    #[test]
    fn each_weight_is_what_its_criterion_costs_when_it_is_missed() {
        let missed = [
            (0.25, of(|_, card| card.instruments.clear()).score + 0.07),
            (0.20, of(|_, card| card.genres.clear()).score),
            (0.15, of(|_, card| card.head.lat = 0.0).score),
            (
                0.15,
                of(|_, card| card.head.figures.rating = Some(0.0)).score,
            ),
            (
                0.10,
                of(|_, card| card.availability.weekly = Some(vec![])).score,
            ),
            (
                0.05,
                of(|_, card| card.head.hourly_rate = Some(Cents(90_000))).score,
            ),
        ];
        for (weight, score) in missed {
            // Who does not play the instrument has no years on it either.
            assert!(close(score, 1.0 - weight), "{weight}: {score}");
        }
    }

    #[test]
    fn the_location_falls_from_fifty_to_a_hundred_kilometres() {
        let limits = MatchingLimits::default();
        for (km, part) in [
            (0.0, 1.0),
            (50.0, 1.0),
            (75.0, 0.5),
            (100.0, 0.0),
            (9e9, 0.0),
        ] {
            assert!(close(location(km, &limits), part), "{km}");
        }
        let mixed_up = MatchingLimits {
            near_km: 100.0,
            far_km: 50.0,
            ..limits
        };
        assert_eq!(
            (location(100.0, &mixed_up), location(101.0, &mixed_up)),
            (1.0, 0.0)
        );
    }

    #[test]
    fn experience_counts_more_where_it_is_formal() {
        let years = |event: &str, years: u32| {
            let scored = of(|wanted, card| {
                wanted.event_type = Some(term(event));
                card.instruments[0].1 = years;
            });
            scored.breakdown.experience
        };
        assert_eq!(
            [0, 1, 3, 5, 50].map(|n| years("boda", n)),
            [0.3, 0.6, 0.8, 1.0, 1.0]
        );
        assert_eq!([0, 1, 3, 5].map(|n| years("bar", n)), [0.6, 0.8, 1.0, 1.0]);
    }

    #[test]
    fn a_price_above_the_budget_counts_less_by_how_firm_it_is() {
        let budget = |negotiable: bool, rate: u64| {
            let scored = of(|wanted, card| {
                wanted.budget.as_mut().expect("a budget").negotiable = negotiable;
                card.head.hourly_rate = Some(Cents(rate));
            });
            scored.breakdown.budget
        };
        let rates = [
            1_000, 20_000, 22_000, 22_001, 24_000, 24_001, 30_000, 30_001,
        ];
        assert_eq!(
            rates.map(|r| budget(true, r)),
            [1.0, 1.0, 0.8, 0.8, 0.8, 0.5, 0.5, 0.0]
        );
        assert_eq!(
            rates.map(|r| budget(false, r)),
            [1.0, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0]
        );
        let unpriced = of(|_, card| card.head.hourly_rate = None);
        assert_eq!((unpriced.breakdown.budget, unpriced.cost), (0.5, None));
    }

    #[test]
    fn cancellations_and_slow_answers_are_taken_off() {
        let figures = |cancellations, response_minutes| {
            let scored = of(|_, card| {
                card.head.figures.cancellations = cancellations;
                card.head.figures.response_minutes = response_minutes;
            });
            (scored.breakdown.cancellations, scored.breakdown.response)
        };
        let off = [0, 1, 2, 3, 99].map(|count| figures(count, None).0);
        assert_eq!(off, [0.0, 0.05, 0.15, 0.25, 0.25]);
        let off = [60, 61, 240, 241, 1_440, 1_441].map(|minutes| figures(0, Some(minutes)).1);
        assert_eq!(off, [0.0, 0.05, 0.05, 0.1, 0.1, 0.2]);
        assert!(close(
            of(|_, card| card.head.figures.cancellations = 2).score,
            0.85
        ));
    }

    #[test]
    fn further_instruments_are_a_share_and_what_nobody_asks_for_is_fulfilled() {
        let further = of(|wanted, card| {
            wanted.more_instruments = vec![term("canto"), term("piano")];
            card.instruments.push((term("piano"), 0));
        });
        assert!(close(further.breakdown.instrument, 0.9));
        let open = of(|wanted, card| {
            (wanted.genre, wanted.window, wanted.budget) = (None, None, None);
            wanted.event_type = None;
            card.genres.clear();
            card.availability.weekly = Some(vec![]);
        });
        assert!(close(open.score, 1.0) && open.cost.is_none());
    }

    fn cards() -> impl Strategy<Value = MusicianCard> {
        let figures = (
            proptest::option::of(0.0..=5.0_f64),
            0..6_u32,
            proptest::option::of(0..3_000_u32),
        );
        let head = (
            35.0..45.0_f64,
            -9.0..3.0_f64,
            proptest::option::of(0..60_000_u64),
            figures,
        );
        (head, 0..12_u32, any::<(bool, bool, bool)>()).prop_map(|(head, years, has)| {
            let (lat, lng, rate, (rating, cancellations, response_minutes)) = head;
            let mut card = card();
            (card.head.lat, card.head.lng) = (lat, lng);
            card.head.hourly_rate = rate.map(Cents);
            card.head.figures = Figures {
                rating,
                reviews: 1,
                cancellations,
                response_minutes,
            };
            card.instruments[0].1 = years;
            card.genres.truncate(usize::from(has.0));
            card.instruments.truncate(usize::from(has.1));
            card.availability.weekly = has.2.then(Vec::new);
            card
        })
    }

    /// Any weights, also foolish ones, and any threshold.
    fn limits() -> impl Strategy<Value = MatchingLimits> {
        proptest::array::uniform7(0.0..1.0_f64).prop_map(|weights| {
            let [
                weight_instrument,
                weight_genre,
                weight_location,
                weight_rating,
                ..,
            ] = weights;
            let [.., weight_experience, weight_availability, weight_budget] = weights;
            MatchingLimits {
                weight_instrument,
                weight_genre,
                weight_location,
                weight_rating,
                weight_experience,
                weight_availability,
                weight_budget,
                ..MatchingLimits::default()
            }
        })
    }

    proptest! {
        #[test]
        fn scores_and_their_parts_are_between_zero_and_one(card in cards(), limits in limits()) {
            let scored = score(&wanted(), &card, &limits);
            let at_most = at_most(&wanted(), &card.head, scored.distance_km, &limits);
            prop_assert!(at_most >= scored.score - 1e-12);
            prop_assert!(at_most_from(scored.distance_km, &limits) >= at_most - 1e-12);
            let parts = scored.breakdown;
            let all = [
                scored.score, parts.instrument, parts.genre, parts.location, parts.rating,
                parts.experience, parts.availability, parts.budget, parts.cancellations,
                parts.response,
            ];
            prop_assert!(all.iter().all(|part| (0.0..=1.0).contains(part)), "{all:?}");
        }

        #[test]
        fn whoever_is_better_in_one_thing_never_scores_lower(
            card in cards(),
            limits in limits(),
            by in 0.0..1.0_f64,
        ) {
            let before = score(&wanted(), &card, &limits).score;
            let with = |change: fn(&mut MusicianCard, f64)| {
                let mut card = card.clone();
                change(&mut card, by);
                score(&wanted(), &card, &limits).score
            };
            let nearer = with(|card, by| {
                card.head.lat += (40.4 - card.head.lat) * by;
                card.head.lng += (-3.7 - card.head.lng) * by;
            });
            let rated = with(|card, by| {
                let rating = card.head.figures.rating.unwrap_or(3.0);
                card.head.figures.rating = Some(rating + (5.0 - rating) * by);
            });
            let cheaper = with(|card, by| {
                let rate = card.head.hourly_rate.map(|rate| rate.0 as f64 * by);
                card.head.hourly_rate = rate.map(|rate| Cents(rate as u64));
            });
            let practised = with(|card, by| {
                let played = card.instruments.iter_mut();
                played.for_each(|(_, years)| *years += (by * 9.0) as u32);
            });
            let reliable = with(|card, by| {
                let figures = &mut card.head.figures;
                figures.cancellations = (f64::from(figures.cancellations) * by) as u32;
                let minutes = figures.response_minutes;
                figures.response_minutes = minutes.map(|m| (f64::from(m) * by) as u32);
            });
            let free = with(|card, _| card.availability.weekly = None);
            for better in [nearer, rated, cheaper, practised, reliable, free] {
                prop_assert!(better >= before - 1e-12, "{before} became {better}");
            }
        }
    }
}
