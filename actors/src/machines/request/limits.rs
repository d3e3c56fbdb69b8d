//! Every bound of a request's rules, in one place.

use serde::{Deserialize, Serialize};

/// Bounds of a request, and how musicians are looked for. Configuration section `[request]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequestLimits {
    /// Whether a submitted request waits until a moderator approves it.
    pub moderation: bool,
    /// How long before its beginning an event must be submitted, in milliseconds.
    pub lead_ms: u64,
    /// How long before its beginning an event must be approved by a moderator, in milliseconds.
    pub approve_lead_ms: u64,
    /// How far ahead an event may lie, in milliseconds.
    pub horizon_ms: u64,
    /// Shortest event, in milliseconds.
    pub duration_min_ms: u64,
    /// Longest event, in milliseconds.
    pub duration_max_ms: u64,
    /// Smallest budget, in hundredths of the currency.
    pub budget_min_cents: u64,
    /// Largest budget and largest rate of an application, in hundredths of the currency.
    pub budget_max_cents: u64,
    /// The budget of a corporate event is a multiple of this, in hundredths of the currency; 0 lifts the rule.
    pub corporate_step_cents: u64,
    /// Longest title, in characters after trimming.
    pub title_chars: usize,
    /// Shortest address, in characters after trimming.
    pub address_min_chars: usize,
    /// Longest address, in characters after trimming.
    pub address_max_chars: usize,
    /// Shortest description that may be submitted, in characters after trimming; a draft may have a shorter one.
    pub description_min_chars: usize,
    /// Longest description, in characters after trimming.
    pub description_max_chars: usize,
    /// Longest dress code, in characters after trimming.
    pub dress_code_chars: usize,
    /// Longest text about the equipment, in characters after trimming.
    pub equipment_chars: usize,
    /// Longest words of an application, in characters after trimming.
    pub application_chars: usize,
    /// Longest reason, in characters after trimming.
    pub reason_chars: usize,
    /// Most further instruments.
    pub more_instruments: usize,
    /// Most attendees.
    pub attendees: u32,
    /// A request without a deadline of its own stops looking this long before the event, in milliseconds; if that is too near, when the event begins.
    pub deadline_lead_ms: u64,
    /// And no later than this after it was submitted, in milliseconds.
    pub open_ms: u64,
    /// Musicians who are offered a request at once.
    pub wave_size: usize,
    /// How long a wave is waited for before the next one, in milliseconds.
    pub wave_wait_ms: u64,
    /// How long an offer holds, in milliseconds.
    pub offer_ms: u64,
    /// The best of a wave, so many, are told that they are.
    pub top_matches: usize,
    /// Radius of the first search, in kilometres, unless the request has one of its own.
    pub radius_km: f64,
    /// Each further search looks this much farther, in kilometres.
    pub radius_step_km: f64,
    /// But no farther than this, in kilometres.
    pub radius_max_km: f64,
    /// A musician with a lower score is not offered the request, 0 to 1.
    pub score_min: f64,
    /// A search without an answer is made again after so long, in milliseconds.
    pub search_wait_ms: u64,
    /// When nobody is left to be asked, the next search is made after so long, in milliseconds; twice as long each further time.
    pub retry_ms: u64,
    /// But no longer than this, in milliseconds.
    pub retry_max_ms: u64,
    /// Nearest misses that the organizer is told of when nobody fits.
    pub alternatives: usize,
    /// Most musicians who are offered one request, at most 400.
    pub offers: usize,
    /// Most musicians who apply to, or accept, one request without having been offered it, at most 400.
    pub applications: usize,
    /// Most musicians who wait while the time of another one is being held.
    pub standbys: usize,
    /// Whether a musician who was not offered a request, or too long ago, may accept it too.
    pub accept_without_offer: bool,
    /// How long a musician's time is held before the request is asked whether it still wants it, in milliseconds.
    pub hold_ms: u64,
    /// How long before its beginning an event may be started, in milliseconds.
    pub start_early_ms: u64,
    /// An organizer may call an event complete so long after it was started, in milliseconds; anybody else when its time is over.
    pub complete_after_ms: u64,
    /// How long after its completion a request may be disputed, in milliseconds.
    pub dispute_ms: u64,
    /// How long before the event both sides are reminded, in milliseconds.
    pub remind_before_ms: u64,
    /// Requests of one organizer that wait for a moderator or look for musicians; 0 is no bound. Admins have none.
    pub active_per_organizer: usize,
    /// Requests that one organizer creates within a day; 0 is no bound. Admins have none.
    pub new_per_day: usize,
    /// Idempotency keys that are remembered for each request, at most 256.
    pub keys: usize,
    /// Errands of a request that are not done yet, above which nothing new is taken in.
    pub outbox: usize,
    /// Steps in one page of the audit.
    pub audit_page: usize,
}

const MINUTE: u64 = 60 * 1_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            moderation: false,
            lead_ms: DAY,
            approve_lead_ms: DAY,
            horizon_ms: 730 * DAY,
            duration_min_ms: HOUR,
            duration_max_ms: 12 * HOUR,
            budget_min_cents: 5_000,
            budget_max_cents: 1_000_000,
            corporate_step_cents: 1_000,
            title_chars: 255,
            address_min_chars: 5,
            address_max_chars: 200,
            description_min_chars: 1,
            description_max_chars: 2_000,
            dress_code_chars: 100,
            equipment_chars: 500,
            application_chars: 500,
            reason_chars: 500,
            more_instruments: 5,
            attendees: 100_000,
            deadline_lead_ms: 7 * DAY,
            open_ms: 30 * DAY,
            wave_size: 5,
            wave_wait_ms: 10 * MINUTE,
            offer_ms: DAY,
            top_matches: 3,
            radius_km: 50.0,
            radius_step_km: 50.0,
            radius_max_km: 200.0,
            score_min: 0.3,
            search_wait_ms: MINUTE,
            retry_ms: 15 * MINUTE,
            retry_max_ms: 6 * HOUR,
            alternatives: 3,
            offers: 100,
            applications: 100,
            standbys: 20,
            accept_without_offer: true,
            hold_ms: 30 * 1_000,
            start_early_ms: 15 * MINUTE,
            complete_after_ms: 2 * MINUTE,
            dispute_ms: 7 * DAY,
            remind_before_ms: DAY,
            active_per_organizer: 10,
            new_per_day: 5,
            keys: 64,
            outbox: 2_000,
            audit_page: 100,
        }
    }
}

/// Idempotency keys that are kept at most: an event must apply whatever the limits are by then.
pub(super) const MOST_KEYS: usize = 256;
/// One event may bring about 1,024 errands, among them a word to everybody who has a part.
const MOST_OF_EITHER: usize = 400;

/// Due times are looked at about once a second.
const SHORTEST_WAIT_MS: u64 = 1_000;

impl RequestLimits {
    /// What is out of range or contradicts itself: name of the field, and why.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let mut require = |holds: bool, name: &'static str, text: &str| {
            if !holds {
                found.push((name, text.to_owned()));
            }
        };
        let ordered = [
            (
                "duration_max_ms",
                self.duration_min_ms,
                self.duration_max_ms,
            ),
            (
                "budget_max_cents",
                self.budget_min_cents,
                self.budget_max_cents,
            ),
            ("horizon_ms", self.lead_ms, self.horizon_ms),
            ("retry_max_ms", self.retry_ms, self.retry_max_ms),
            (
                "address_max_chars",
                self.address_min_chars as u64,
                self.address_max_chars as u64,
            ),
            (
                "description_max_chars",
                self.description_min_chars as u64,
                self.description_max_chars as u64,
            ),
        ];
        for (name, least, most) in ordered {
            require(least <= most, name, "must not be below its lower bound");
        }
        let counts = [
            ("reason_chars", self.reason_chars),
            ("wave_size", self.wave_size),
            ("offers", self.offers),
            ("keys", self.keys),
            ("outbox", self.outbox),
            ("audit_page", self.audit_page),
        ];
        for (name, count) in counts {
            require(count >= 1, name, "must be at least 1");
        }
        let waits = [
            ("wave_wait_ms", self.wave_wait_ms),
            ("search_wait_ms", self.search_wait_ms),
            ("retry_ms", self.retry_ms),
            ("hold_ms", self.hold_ms),
        ];
        for (name, wait) in waits {
            require(wait >= SHORTEST_WAIT_MS, name, "must be at least 1000");
        }
        for (name, count) in [("offers", self.offers), ("applications", self.applications)] {
            require(count <= MOST_OF_EITHER, name, "must be at most 400");
        }
        require(self.keys <= MOST_KEYS, "keys", "must be at most 256");
        let reach = self.radius_km > 0.0 && self.radius_km <= self.radius_max_km;
        require(
            reach,
            "radius_km",
            "must be above 0 and not above radius_max_km",
        );
        let farther = self.radius_step_km >= 0.0 && self.radius_max_km.is_finite();
        require(
            farther,
            "radius_step_km",
            "must not be negative, and the largest radius must be finite",
        );
        let score = (0.0..=1.0).contains(&self.score_min);
        require(score, "score_min", "must be 0 to 1");
        found
    }

    /// Most musicians who are offered one request.
    pub(super) fn most_offers(&self) -> usize {
        self.offers.min(MOST_OF_EITHER)
    }

    /// Most musicians with a part who were not offered it.
    pub(super) fn most_applications(&self) -> usize {
        self.applications.min(MOST_OF_EITHER)
    }
}
