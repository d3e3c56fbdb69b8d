//! Who is chosen of the musicians in the index; if nobody, why not, and who comes nearest.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::card::{CardHead, MusicianCard};
use super::cells::COARSE_KM;
use super::limits::MatchingLimits;
use super::score::{Scored, Wanted, at_most, at_most_from, score};
use crate::ids::{IdError, UserId};
use crate::machines::DecodeError;
use crate::machines::terms::Candidate;

/// What a search answers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Found {
    /// Those who fit, the best first.
    pub candidates: Vec<Candidate>,
    /// Why nobody fits; empty if somebody does. Each is a thing that would give candidates if it alone were different,
    /// or, if there is no such thing, one that stands in somebody's way.
    pub reasons: Vec<NoMatch>,
    /// If nobody fits: those who come nearest, the nearest first. Their breakdown tells what is missing.
    pub alternatives: Vec<Candidate>,
}

/// What keeps a musician from being a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NoMatch {
    /// Too far away, for the search or for the musician.
    Place,
    /// Nobody (else) plays it, as far as was looked, or nobody well enough.
    Instrument,
    /// Not free at that time.
    Date,
    /// Costs more than the budget bears.
    Budget,
}

impl NoMatch {
    /// The wire word.
    pub fn as_str(self) -> &'static str {
        match self {
            NoMatch::Place => "place",
            NoMatch::Instrument => "instrument",
            NoMatch::Date => "date",
            NoMatch::Budget => "budget",
        }
    }
}

/// Sums of the same numbers in another order may differ by less than this.
const NEARLY: f64 = 1e-9;

/// A row of the index that is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChoiceError {
    /// Its card.
    #[error(transparent)]
    Card(#[from] DecodeError),
    /// Its key.
    #[error(transparent)]
    User(#[from] IdError),
}

/// A choice in the making: sees one card after the other, keeps the best.
#[derive(Debug)]
pub struct Choice<'a> {
    wanted: &'a Wanted,
    limits: &'a MatchingLimits,
    radius_km: f64,
    except: &'a BTreeSet<&'a str>,
    fit: Best,
    missed: Best,
    /// What alone kept somebody out, and what did so together with others.
    alone: BTreeSet<NoMatch>,
    together: BTreeSet<NoMatch>,
}

impl<'a> Choice<'a> {
    /// At most `limit` candidates within a radius, none of `except`.
    pub fn new(
        wanted: &'a Wanted,
        limits: &'a MatchingLimits,
        radius_km: f64,
        except: &'a BTreeSet<&'a str>,
        limit: usize,
    ) -> Self {
        Self {
            wanted,
            limits,
            radius_km,
            except,
            fit: Best::of(limit.clamp(1, limits.candidates.max(1))),
            missed: Best::of(limits.alternatives),
            alone: BTreeSet::new(),
            together: BTreeSet::new(),
        }
    }

    /// Whether anybody fits so far.
    pub fn has_candidates(&self) -> bool {
        !self.fit.kept.is_empty()
    }

    /// Looks at a row of the index.
    pub fn look_at(&mut self, user: &str, card: &[u8]) -> Result<(), ChoiceError> {
        let head = CardHead::peek(card)?;
        let km = self.wanted.place.km_to(&head.near());
        let far = self.too_far(&head, km);
        // Most are passed over by this: of interest is only who may come before one of those who are kept.
        if self.is_out(far, at_most(self.wanted, &head, km, self.limits)) {
            return Ok(());
        }
        if self.except.contains(user) {
            return Ok(());
        }
        let user = &UserId::parse(user)?;
        let card = MusicianCard::decode(card)?;
        let scored = score(self.wanted, &card, self.limits);
        let ranked = Ranked::new(user, &scored, &head);
        let misses = self.misses(&scored, far);
        if misses.is_empty() && scored.score > self.limits.threshold {
            self.fit.keep(ranked);
            return Ok(());
        }
        match misses[..] {
            [alone] => drop(self.alone.insert(alone)),
            _ => self.together.extend(&misses),
        }
        let misses = misses.len();
        self.missed.keep(Ranked { misses, ..ranked });
        Ok(())
    }

    /// The outcome.
    pub fn finish(self) -> Found {
        let candidates = self.fit.finish();
        if !candidates.is_empty() {
            return Found {
                candidates,
                ..Found::default()
            };
        }
        let reasons = [self.alone, self.together]
            .into_iter()
            .find(|set| !set.is_empty());
        let reasons = reasons.unwrap_or_else(|| BTreeSet::from([NoMatch::Instrument]));
        Found {
            candidates,
            reasons: reasons.into_iter().collect(),
            alternatives: self.missed.finish(),
        }
    }

    fn too_far(&self, head: &CardHead, km: f64) -> bool {
        km > self.radius_km || km > f64::from(head.radius_km)
    }

    /// Whether nobody who lives so far away, or further, can change the outcome.
    pub fn is_settled(&self, km: f64) -> bool {
        let km = km - COARSE_KM;
        let full = self.fit.bar.is_some() || !self.has_candidates();
        full && self.is_out(km > self.radius_km, at_most_from(km, self.limits))
    }

    /// Whether somebody with no higher score than this cannot change the outcome.
    fn is_out(&self, far: bool, at_most: f64) -> bool {
        if self.has_candidates() {
            return far || at_most + NEARLY < self.fit.bar.unwrap_or(self.limits.threshold);
        }
        // It is known already that somebody is too far away and nothing else, and there are others who miss no more.
        let known = far && self.alone.contains(&NoMatch::Place);
        known && self.missed.bar.is_some_and(|bar| at_most + NEARLY < bar)
    }

    fn misses(&self, scored: &Scored, far: bool) -> Vec<NoMatch> {
        let parts = &scored.breakdown;
        let missed = [
            (far, NoMatch::Place),
            (parts.instrument == 0.0, NoMatch::Instrument),
            (parts.availability == 0.0, NoMatch::Date),
            (parts.budget == 0.0, NoMatch::Budget),
        ];
        let missed = missed.into_iter().filter(|(missed, _)| *missed);
        missed.map(|(_, what)| what).collect()
    }
}

/// Somebody, with what decides between two.
#[derive(Debug)]
struct Ranked {
    misses: usize,
    rating: f64,
    candidate: Candidate,
}

impl Ranked {
    fn new(user: &UserId, scored: &Scored, head: &CardHead) -> Self {
        Self {
            misses: 0,
            rating: head.figures.rating.unwrap_or(0.0),
            candidate: Candidate {
                user: user.clone(),
                score: scored.score,
                distance_km: scored.distance_km,
                cost: scored.cost,
                breakdown: scored.breakdown,
            },
        }
    }

    /// The better one first: fewer misses, a higher score, nearer, rated higher; in the end the id decides.
    fn better(&self, other: &Self) -> Ordering {
        let (a, b) = (&self.candidate, &other.candidate);
        let misses = self.misses.cmp(&other.misses);
        misses
            .then(b.score.total_cmp(&a.score))
            .then(a.distance_km.total_cmp(&b.distance_km))
            .then(other.rating.total_cmp(&self.rating))
            .then(a.user.cmp(&b.user))
    }
}

/// The best of many in little memory.
#[derive(Debug)]
struct Best {
    most: usize,
    kept: Vec<Ranked>,
    /// Nobody with a lower score and something missed will be among them; if these miss nothing, nobody at all.
    bar: Option<f64>,
}

impl Best {
    fn of(most: usize) -> Self {
        Self {
            most,
            kept: Vec::new(),
            bar: None,
        }
    }

    fn keep(&mut self, ranked: Ranked) {
        self.kept.push(ranked);
        if self.kept.len() >= 2 * self.most + 16 {
            self.cut();
        }
    }

    /// Somebody who is on the way from one cell to another may have been seen in both.
    fn cut(&mut self) {
        self.kept.sort_by(Ranked::better);
        let mut seen = BTreeSet::new();
        self.kept
            .retain(|ranked| seen.insert(ranked.candidate.user.clone()));
        self.kept.truncate(self.most);
        let last = self.kept.get(self.most.saturating_sub(1));
        let last = last.filter(|ranked| ranked.misses <= 1);
        self.bar = last.map(|ranked| ranked.candidate.score);
    }

    fn finish(mut self) -> Vec<Candidate> {
        self.cut();
        self.kept
            .into_iter()
            .map(|ranked| ranked.candidate)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Timestamp;
    use crate::machines::hours::Availability;
    use crate::machines::matching::Figures;
    use crate::machines::terms::{Budget, Cents, Place, Term, Window};

    fn term(text: &str) -> Term {
        Term::parse(text).expect("a term")
    }

    fn wanted() -> Wanted {
        let (from, to) = (Timestamp(36_000_000), Timestamp(43_200_000));
        let address = String::new();
        Wanted {
            event_type: None,
            instrument: term("piano"),
            more_instruments: Vec::new(),
            genre: None,
            window: Some(Window { from, to }),
            place: Place {
                lat: 40.0,
                lng: 0.0,
                address,
            },
            budget: Some(Budget {
                min: Cents(0),
                max: Cents(20_000),
                negotiable: false,
            }),
        }
    }

    /// A pianist so many kilometres to the north.
    fn pianist(km: f64) -> MusicianCard {
        MusicianCard {
            head: CardHead {
                lat: 40.0 + km / 111.195,
                lng: 0.0,
                radius_km: 80,
                hourly_rate: Some(Cents(10_000)),
                figures: Figures::default(),
            },
            instruments: vec![(term("piano"), 3)],
            genres: Vec::new(),
            availability: Availability::default(),
            taken: Vec::new(),
        }
    }

    fn busy(mut card: MusicianCard) -> MusicianCard {
        card.availability.weekly = Some(vec![]);
        card
    }

    fn dear(mut card: MusicianCard) -> MusicianCard {
        card.head.hourly_rate = Some(Cents(90_000));
        card
    }

    fn choose(
        radius_km: f64,
        except: &[&str],
        limit: usize,
        cards: &[(&str, MusicianCard)],
    ) -> Found {
        let (wanted, limits) = (wanted(), MatchingLimits::default());
        let except = except.iter().copied().collect();
        let mut choice = Choice::new(&wanted, &limits, radius_km, &except, limit);
        for (name, card) in cards {
            choice.look_at(name, &card.encode()).expect("readable");
        }
        choice.finish()
    }

    fn names(candidates: &[Candidate]) -> Vec<&str> {
        candidates.iter().map(|c| c.user.as_str()).collect()
    }

    #[test]
    fn the_best_come_first_and_no_more_than_asked_for() {
        let cards = [
            ("far", pianist(70.0)),
            ("near", pianist(1.0)),
            ("middle", pianist(60.0)),
        ];
        let found = choose(90.0, &[], 2, &cards);
        assert_eq!(names(&found.candidates), ["near", "middle"]);
        assert!(found.reasons.is_empty() && found.alternatives.is_empty());
        let found = choose(90.0, &["near"], 9, &cards);
        assert_eq!(names(&found.candidates), ["middle", "far"]);
    }

    #[test]
    fn equal_scores_are_ordered_by_distance_then_rating_then_name() {
        let rated = |mut card: MusicianCard, rating: Option<f64>| {
            card.head.figures.rating = rating;
            card
        };
        let cards = [
            ("c", pianist(10.0)),
            ("b", pianist(5.0)),
            ("a", pianist(10.0)),
            // As good as no rating at all for the score.
            ("d", rated(pianist(10.0), Some(3.0))),
        ];
        let found = choose(90.0, &[], 9, &cards);
        assert_eq!(names(&found.candidates), ["b", "d", "a", "c"]);
    }

    #[test]
    fn many_are_kept_in_order_whatever_order_they_come_in() {
        let cards: Vec<(String, MusicianCard)> = (0..300_u32)
            .map(|n| (format!("p{n:03}"), pianist(f64::from(n * 37 % 300) / 10.0)))
            .collect();
        let cards: Vec<(&str, MusicianCard)> = cards
            .iter()
            .map(|(name, card)| (name.as_str(), card.clone()))
            .collect();
        let found = choose(90.0, &[], 20, &cards);
        let km: Vec<f64> = found.candidates.iter().map(|c| c.distance_km).collect();
        assert_eq!(km.len(), 20);
        // To about a kilometre, as places are known to others.
        assert!(km.is_sorted() && km[19] < 2.5, "{km:?}");
    }

    #[test]
    fn whoever_stands_in_two_cells_is_named_once() {
        let cards = [
            ("ann", pianist(10.0)),
            ("ann", pianist(5.0)),
            ("bob", pianist(7.0)),
        ];
        assert_eq!(
            names(&choose(90.0, &[], 9, &cards).candidates),
            ["ann", "bob"]
        );
    }

    #[test]
    fn reasons_are_what_alone_stands_in_the_way() {
        let reasons = |cards: &[(&str, MusicianCard)]| choose(50.0, &["x"], 9, cards).reasons;
        assert_eq!(reasons(&[]), [NoMatch::Instrument]);
        assert_eq!(
            reasons(&[("x", pianist(1.0))]),
            [NoMatch::Instrument],
            "nobody else"
        );
        assert_eq!(reasons(&[("a", pianist(70.0))]), [NoMatch::Place]);
        assert_eq!(reasons(&[("a", busy(pianist(1.0)))]), [NoMatch::Date]);
        assert_eq!(reasons(&[("a", dear(pianist(1.0)))]), [NoMatch::Budget]);
        let both = busy(dear(pianist(1.0)));
        assert_eq!(
            reasons(&[("a", both.clone())]),
            [NoMatch::Date, NoMatch::Budget]
        );
        let found = choose(50.0, &[], 9, &[("a", both), ("b", pianist(60.0))]);
        assert_eq!(found.reasons, [NoMatch::Place]);
        assert_eq!(names(&found.alternatives), ["b", "a"]);
        assert!(found.candidates.is_empty());
    }

    #[test]
    fn the_way_that_a_musician_goes_counts_too() {
        let mut homely = pianist(40.0);
        homely.head.radius_km = 30;
        let found = choose(90.0, &[], 9, &[("homely", homely.clone())]);
        assert_eq!(found.reasons, [NoMatch::Place]);
        homely.head.radius_km = 41;
        assert_eq!(
            names(&choose(90.0, &[], 9, &[("homely", homely)]).candidates),
            ["homely"]
        );
    }

    #[test]
    fn a_low_score_is_no_candidate_though_nothing_is_missing() {
        let mut unreliable = pianist(79.0);
        unreliable.instruments[0].1 = 0;
        unreliable.head.figures = Figures {
            rating: Some(0.0),
            reviews: 1,
            cancellations: 9,
            response_minutes: Some(9_999),
        };
        let (mut wanted, limits) = (wanted(), MatchingLimits::default());
        wanted.genre = Some(term("jazz"));
        let except = BTreeSet::new();
        let mut choice = Choice::new(&wanted, &limits, 90.0, &except, 9);
        choice.look_at("a", &unreliable.encode()).expect("readable");
        let found = choice.finish();
        assert_eq!(found.reasons, [NoMatch::Instrument]);
        assert_eq!(names(&found.alternatives), ["a"]);
        assert!(found.alternatives[0].score <= 0.3);
    }
}
