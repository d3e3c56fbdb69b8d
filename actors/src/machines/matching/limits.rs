//! Weights, thresholds and bounds of the search for musicians, in one place.

use serde::{Deserialize, Serialize};

use super::cells::MAX_RADIUS_KM;
use crate::machines::terms::Term;

/// How musicians are found and scored. Configuration section `[matching]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MatchingLimits {
    /// Weight of the instruments. Weights are shares of 1; a score is the weighted sum of the criteria, each 0 to 1.
    pub weight_instrument: f64,
    /// Weight of the genre.
    pub weight_genre: f64,
    /// Weight of the distance.
    pub weight_location: f64,
    /// Weight of what others said.
    pub weight_rating: f64,
    /// Weight of the years.
    pub weight_experience: f64,
    /// Weight of being free at that time.
    pub weight_availability: f64,
    /// Weight of the price.
    pub weight_budget: f64,
    /// Share of the instrument criterion that the further instruments make up, where a gig names some.
    pub further_share: f64,
    /// Up to this distance the location counts in full, in kilometres.
    pub near_km: f64,
    /// From this distance on it counts nothing, in kilometres; in between it falls evenly.
    pub far_km: f64,
    /// What the rating counts while there is no review.
    pub unrated: f64,
    /// What the budget counts for a musician who names no rate.
    pub unpriced: f64,
    /// Kinds of event that ask for experience.
    pub formal_events: Vec<String>,
    /// Years on the instrument from which the experience at a formal event is one step better, best first.
    pub formal_years: [u32; 3],
    /// What the experience counts at each step at a formal event, best first; the last is for fewer years than all steps.
    pub formal_scores: [f64; 4],
    /// The same years at any other event.
    pub informal_years: [u32; 2],
    /// The same scores at any other event.
    pub informal_scores: [f64; 3],
    /// A price above a negotiable budget, as a multiple of its maximum, that still counts something.
    pub negotiable_factors: [f64; 2],
    /// What the budget counts up to each of these multiples.
    pub negotiable_scores: [f64; 2],
    /// The same multiple for a fixed budget.
    pub fixed_factor: f64,
    /// What a fixed budget counts up to that multiple.
    pub fixed_score: f64,
    /// What is taken off for one, two, and three or more cancellations.
    pub cancellation_penalties: [f64; 3],
    /// Hours of answering from which more is taken off.
    pub response_hours: [u64; 3],
    /// What is taken off for answers that take longer than each of these.
    pub response_penalties: [f64; 3],
    /// Only those with a higher score are candidates.
    pub threshold: f64,
    /// Most candidates of one search.
    pub candidates: usize,
    /// Most of the nearest misses that a search without candidates names.
    pub alternatives: usize,
    /// How far a search without candidates looks for them, in kilometres.
    pub alternatives_km: f64,
    /// Whoever gave a sign of life within this time is online, in milliseconds.
    pub online_within_ms: u64,
    /// Whether requests are offered to musicians only who are online.
    pub online_only: bool,
    /// Most rows of the index that one search looks at, the nearest cells first.
    pub rows: usize,
    /// Most rows that a page of open requests looks at, the nearest cells first.
    pub open_rows: usize,
    /// Rows that are read at once.
    pub page_rows: usize,
    /// Cells that are read at the same time.
    pub parallel_cells: usize,
}

impl Default for MatchingLimits {
    fn default() -> Self {
        let formal = [
            "boda",
            "wedding",
            "evento_corporativo",
            "corporate",
            "ceremony",
            "ceremonia",
        ];
        Self {
            weight_instrument: 0.25,
            weight_genre: 0.20,
            weight_location: 0.15,
            weight_rating: 0.15,
            weight_experience: 0.10,
            weight_availability: 0.10,
            weight_budget: 0.05,
            further_share: 0.2,
            near_km: 50.0,
            far_km: 100.0,
            unrated: 0.6,
            unpriced: 0.5,
            formal_events: formal.map(String::from).to_vec(),
            formal_years: [5, 3, 1],
            formal_scores: [1.0, 0.8, 0.6, 0.3],
            informal_years: [3, 1],
            informal_scores: [1.0, 0.8, 0.6],
            negotiable_factors: [1.2, 1.5],
            negotiable_scores: [0.8, 0.5],
            fixed_factor: 1.1,
            fixed_score: 0.5,
            cancellation_penalties: [0.05, 0.15, 0.25],
            response_hours: [1, 4, 24],
            response_penalties: [0.05, 0.10, 0.20],
            threshold: 0.3,
            candidates: 100,
            alternatives: 5,
            alternatives_km: 200.0,
            online_within_ms: 600_000,
            online_only: false,
            rows: 10_000,
            open_rows: 20_000,
            page_rows: 1_000,
            parallel_cells: 8,
        }
    }
}

impl MatchingLimits {
    /// What is wrong with them: names of fields, and words about each.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let mut require = |holds: bool, name, words: &str| {
            if !holds {
                problems.push((name, words.to_owned()));
            }
        };
        for (name, shares) in self.shares() {
            // A comparison with NaN is false, so that only numbers pass.
            let good = shares.iter().all(|share| (0.0..=1.0).contains(share));
            require(good, name, "must be between 0 and 1");
        }
        let weights = self.shares().into_iter().take(7);
        let sum: f64 = weights.flat_map(|(_, weight)| weight.iter()).sum();
        let words = "and the other weights must be more than 0 together";
        require(sum > 0.0, "weight_instrument", words);
        let far = self.near_km >= 0.0 && self.near_km <= self.far_km && self.far_km.is_finite();
        require(far, "far_km", "must not be below near_km, nor that below 0");
        let wide = (0.0..=MAX_RADIUS_KM).contains(&self.alternatives_km);
        let words = format!("must be between 0 and {MAX_RADIUS_KM}");
        require(wide, "alternatives_km", &words);
        let factors = self.negotiable_factors.iter().all(|factor| *factor >= 1.0);
        require(factors, "negotiable_factors", "must be at least 1");
        require(
            self.fixed_factor >= 1.0,
            "fixed_factor",
            "must be at least 1",
        );
        let terms = self.formal_events.iter();
        let known = terms
            .into_iter()
            .all(|event| Term::parse(event).is_ok_and(|term| term.as_str() == event));
        require(
            known,
            "formal_events",
            "must be words in lower case without blanks around them",
        );
        for (name, value) in [
            ("candidates", self.candidates),
            ("rows", self.rows),
            ("open_rows", self.open_rows),
            ("page_rows", self.page_rows),
            ("parallel_cells", self.parallel_cells),
        ] {
            require(value >= 1, name, "must be at least 1");
        }
        problems
    }

    /// All that is a share of 1; the weights first.
    fn shares(&self) -> [(&'static str, &[f64]); 17] {
        use std::slice::from_ref;
        [
            ("weight_instrument", from_ref(&self.weight_instrument)),
            ("weight_genre", from_ref(&self.weight_genre)),
            ("weight_location", from_ref(&self.weight_location)),
            ("weight_rating", from_ref(&self.weight_rating)),
            ("weight_experience", from_ref(&self.weight_experience)),
            ("weight_availability", from_ref(&self.weight_availability)),
            ("weight_budget", from_ref(&self.weight_budget)),
            ("further_share", from_ref(&self.further_share)),
            ("unrated", from_ref(&self.unrated)),
            ("unpriced", from_ref(&self.unpriced)),
            ("formal_scores", &self.formal_scores),
            ("informal_scores", &self.informal_scores),
            ("negotiable_scores", &self.negotiable_scores),
            ("fixed_score", from_ref(&self.fixed_score)),
            ("cancellation_penalties", &self.cancellation_penalties),
            ("response_penalties", &self.response_penalties),
            ("threshold", from_ref(&self.threshold)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_good_and_everything_wrong_is_named() {
        assert_eq!(MatchingLimits::default().problems(), []);
        let wrong = MatchingLimits {
            weight_genre: -0.1,
            threshold: f64::NAN,
            near_km: 100.0,
            far_km: 50.0,
            alternatives_km: f64::INFINITY,
            negotiable_factors: [1.2, 0.5],
            fixed_factor: f64::NAN,
            formal_events: vec!["boda".into(), "Wedding".into()],
            page_rows: 0,
            ..MatchingLimits::default()
        };
        let names: Vec<&str> = wrong.problems().iter().map(|(name, _)| *name).collect();
        let expected = [
            "weight_genre",
            "threshold",
            "far_km",
            "alternatives_km",
            "negotiable_factors",
            "fixed_factor",
            "formal_events",
            "page_rows",
        ];
        assert_eq!(names, expected);
        let weightless = MatchingLimits {
            weight_instrument: 0.0,
            weight_genre: 0.0,
            weight_location: 0.0,
            weight_rating: 0.0,
            weight_experience: 0.0,
            weight_availability: 0.0,
            weight_budget: 0.0,
            ..MatchingLimits::default()
        };
        assert_eq!(weightless.problems()[0].0, "weight_instrument");
    }
}
