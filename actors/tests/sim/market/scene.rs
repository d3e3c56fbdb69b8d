//! How a market is furnished: who is there, which requests there will be, the rules, and the nights; all drawn from the seed.

use actors::hub::HubLimits;
use actors::ids::{RequestId, Timestamp, UserId};
use actors::machines::matching::MatchingLimits;
use actors::machines::request::{Mode, RequestInput, RequestLimits};
use actors::machines::terms::{Budget, Cents, Place, Window};
use actors::machines::user::UserLimits;
use actors::testing::market::people::{Fair, Lot};
use rand::Rng;
use rand::rngs::StdRng;

use super::super::clock::EPOCH;
use super::super::incidents::What;
use super::super::options::Options;

/// What must lie between two requests' times of one musician.
pub const TRAVEL_MS: u64 = 3_000;
/// All requests are over by then, but for those far ahead.
pub const OVER_MS: u64 = 75_000;
const DAY_MS: u64 = 24 * 3_600_000;

/// What is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Many musicians want one request.
    Race,
    /// Two organizers want the same few musicians at the same time.
    Rivals,
    /// Some of everything.
    Fair,
}

/// Times are in virtual milliseconds.
#[derive(Debug, Clone)]
pub struct Scene {
    pub kind: Kind,
    pub organizers: usize,
    pub musicians: usize,
    pub requests: usize,
    /// One request lies days ahead.
    pub far: bool,
    pub moderation: bool,
    /// Chance that somebody does something in a step, in thousandths; now and then all do at once.
    pub eagerness: u32,
    /// Deaths beside those that befall every sort of world: of a node, in the midst of something.
    pub deaths: Vec<(u64, What)>,
    /// All nodes go down at such a time, and the clock goes on for so long.
    pub nights: Vec<(u64, u64)>,
    /// When all is over, all nodes are down and the clock goes on until no request is left to be played.
    pub ends_at_night: bool,
    pub wave_size: usize,
    pub wave_wait_ms: u64,
    pub offer_ms: u64,
    pub hold_ms: u64,
    pub settle_ms: u64,
    pub standbys: usize,
    pub accept_without_offer: bool,
    pub page_rows: usize,
}

impl Scene {
    pub fn draw(rng: &mut StdRng, options: &Options) -> Self {
        let kind = [Kind::Race, Kind::Rivals, Kind::Rivals, Kind::Fair][rng.random_range(0..4)];
        let (organizers, musicians, requests) = match kind {
            Kind::Race => (1, rng.random_range(8..=20), 1),
            Kind::Rivals => (2, rng.random_range(1..=3), rng.random_range(2..=3)),
            Kind::Fair => (2, rng.random_range(3..=7), rng.random_range(3..=5)),
        };
        let mut nights = Vec::new();
        for _ in 0..[0, 0, 1, 1, 2][rng.random_range(0..5)] {
            let at = rng.random_range(2_000..19_000);
            nights.push((at, rng.random_range(500..20_000)));
        }
        nights.sort_unstable();
        let deaths = rng.random_range(0..12);
        let deaths = (0..deaths).map(|_| death(rng, options.nodes)).collect();
        Self {
            deaths,
            kind,
            organizers,
            musicians,
            requests,
            far: rng.random_bool(0.25),
            moderation: rng.random_bool(0.2),
            eagerness: [100, 300, 600][rng.random_range(0..3)],
            nights,
            ends_at_night: rng.random_bool(0.5),
            wave_size: [1, 2, 4, 20][rng.random_range(0..4)],
            wave_wait_ms: rng.random_range(300..3_000),
            offer_ms: rng.random_range(500..10_000),
            hold_ms: [50, 500, 3_000][rng.random_range(0..3)],
            settle_ms: rng.random_range(200..1_500),
            standbys: [1, 3, 20][rng.random_range(0..3)],
            accept_without_offer: rng.random_bool(0.7),
            page_rows: [3, 1_000][rng.random_range(0..2)],
        }
    }

    pub fn fair(&self, rng: &mut StdRng) -> Fair {
        let user = |name: String| UserId::parse(&name).expect("a user id");
        let organizers: Vec<_> = (0..self.organizers)
            .map(|n| user(format!("o{n}")))
            .collect();
        let common = window(rng);
        let lots = (0..self.requests + usize::from(self.far)).map(|number| {
            let far = number == self.requests;
            let window = match self.kind {
                _ if far => ahead(common, 3 * DAY_MS),
                // Some overlap, some leave too little to get from one to the other, some are well apart.
                Kind::Rivals => ahead(common, [0, 0, 2_000][number % 3]),
                _ => self::window(rng),
            };
            Lot {
                id: RequestId::parse(&format!("q{number}")).expect("a request id"),
                organizer: organizers[number % organizers.len()].clone(),
                input: input(rng, window),
            }
        });
        let lots = lots.collect();
        Fair {
            lots,
            musicians: (0..self.musicians).map(|n| user(format!("m{n}"))).collect(),
            guest: user("guest".into()),
            organizers,
        }
    }

    pub fn limits(&self, options: &Options) -> HubLimits {
        HubLimits {
            request: RequestLimits {
                moderation: self.moderation,
                lead_ms: 500,
                approve_lead_ms: 200,
                duration_min_ms: 1_000,
                deadline_lead_ms: 1_500,
                wave_size: self.wave_size,
                wave_wait_ms: self.wave_wait_ms,
                offer_ms: self.offer_ms,
                radius_km: 10.0,
                radius_step_km: 25.0,
                radius_max_km: 60.0,
                score_min: 0.1,
                search_wait_ms: 1_500,
                retry_ms: 1_000,
                retry_max_ms: 6_000,
                standbys: self.standbys,
                accept_without_offer: self.accept_without_offer,
                hold_ms: self.hold_ms,
                start_early_ms: 1_000,
                complete_after_ms: 500,
                dispute_ms: 20_000,
                remind_before_ms: 4_000,
                keys: 256,
                ..RequestLimits::default()
            },
            user: UserLimits {
                travel_ms: TRAVEL_MS,
                settle_ms: self.settle_ms,
                settle_longest_ms: 3_000,
                ..UserLimits::default()
            },
            matching: MatchingLimits {
                threshold: 0.1,
                alternatives_km: 60.0,
                page_rows: self.page_rows,
                ..MatchingLimits::default()
            },
            ..options.hub_limits()
        }
    }
}

fn death(rng: &mut StdRng, nodes: usize) -> (u64, What) {
    let what = What::Crash {
        node: rng.random_range(0..nodes),
        words: Some(rng.random_range(0..40)),
        down: rng.random_range(20..1_500),
        renamed: false,
    };
    (rng.random_range(1_000..19_500), what)
}

fn window(rng: &mut StdRng) -> Window {
    let from = Timestamp(EPOCH + rng.random_range(8_000..50_000));
    let to = from.plus_millis(rng.random_range(2_000..15_000));
    Window { from, to }
}

fn ahead(window: Window, millis: u64) -> Window {
    Window {
        from: window.from.plus_millis(millis),
        to: window.to.plus_millis(millis),
    }
}

fn input(rng: &mut StdRng, window: Window) -> RequestInput {
    let mode = match rng.random_bool(0.6) {
        true => Mode::FirstAccept,
        false => Mode::OrganizerChooses,
    };
    // Mostly the rules say when musicians are no longer looked for.
    let deadline = rng.random_bool(0.3).then(|| {
        let from = window.from.0 - EPOCH;
        Timestamp(EPOCH + rng.random_range(from / 2..=from))
    });
    RequestInput {
        title: Some("an evening".into()),
        event_type: "party".into(),
        instrument: "guitar".into(),
        more_instruments: Vec::new(),
        genre: Some("jazz".into()),
        window,
        place: Place {
            lat: 40.4,
            lng: -3.7,
            address: "Plaza Mayor".into(),
        },
        budget: Budget {
            min: Cents(10_000),
            max: Cents(50_000),
            negotiable: true,
        },
        description: "Songs for an evening.".into(),
        attendees: None,
        dress_code: None,
        equipment: None,
        mode,
        radius_km: None,
        deadline,
    }
}
