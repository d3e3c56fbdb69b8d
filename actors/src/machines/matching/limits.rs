//! Weights, thresholds and bounds of the search for musicians, in one place.

use serde::{Deserialize, Serialize};

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
    /// Most rows of the index that one search looks at, the nearest cells first.
    pub rows: usize,
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
            rows: 10_000,
            page_rows: 1_000,
            parallel_cells: 8,
        }
    }
}
