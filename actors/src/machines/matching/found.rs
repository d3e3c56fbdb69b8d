//! Who is chosen of the musicians in the index; if nobody, why not, and who comes nearest.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::card::{CardHead, MusicianCard};
use super::limits::MatchingLimits;
use super::score::{Scored, Wanted, score};
use crate::ids::UserId;
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

/// A choice in the making: sees one card after the other, keeps the best.
#[derive(Debug)]
pub struct Choice<'a> {
    wanted: &'a Wanted,
    limits: &'a MatchingLimits,
    radius_km: f64,
    except: &'a BTreeSet<UserId>,
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
        except: &'a BTreeSet<UserId>,
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
    pub fn look_at(&mut self, user: &UserId, card: &[u8]) -> Result<(), DecodeError> {
        if self.except.contains(user) {
            return Ok(());
        }
        // While somebody fits, whoever is too far away is of no interest: the rest of the card need not be read.
        let head = CardHead::peek(card)?;
        let far = self.too_far(&head, self.wanted.place.km_to(&head.place()));
        if far && self.has_candidates() {
            return Ok(());
        }
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
}

impl Best {
    fn of(most: usize) -> Self {
        let kept = Vec::new();
        Self { most, kept }
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
    }

    fn finish(mut self) -> Vec<Candidate> {
        self.cut();
        self.kept
            .into_iter()
            .map(|ranked| ranked.candidate)
            .collect()
    }
}
