//! What may go wrong in a run, all drawn from its seed.

use rand::Rng;
use rand::rngs::StdRng;

/// Chances are in thousandths, times in virtual milliseconds.
#[derive(Debug, Clone)]
pub struct Faults {
    pub nodes: usize,
    pub exclusive: bool,
    pub atomic: bool,
    pub bucket: Option<u64>,
    pub refused: u32,
    pub applied_timeout: u32,
    pub lost_timeout: u32,
    pub late: u32,
    pub doubled: u32,
    pub read_fails: u32,
    pub slow: u32,
    pub side_fails: u32,
    pub short_pages: bool,
    pub crash: u32,
    pub pause: u32,
    pub hint_lost: u32,
    pub hint_doubled: u32,
    pub hint_delay: u64,
    pub skew: i64,
    pub snapshot_records: u64,
    pub retention_ms: u64,
    pub idle_ms: u64,
    pub batch_records: usize,
    pub page_records: usize,
    pub recent_events: usize,
    pub mailbox_commands: usize,
    pub recent_messages: usize,
    pub queue: usize,
    pub clients: usize,
    pub reading: usize,
}

impl Faults {
    pub fn draw(rng: &mut StdRng) -> Self {
        let nodes = [1, 1, 1, 1, 2, 2, 2, 3][rng.random_range(0..8)];
        let exclusive = nodes == 1 && rng.random_bool(0.4);
        let mut chance = |most: u32, often: f64| {
            if rng.random_bool(often) {
                rng.random_range(0..=most)
            } else {
                0
            }
        };
        let late = chance(120, 0.6);
        let (refused, applied_timeout) = (chance(150, 0.5), chance(150, 0.6));
        let (lost_timeout, doubled) = (chance(150, 0.5), chance(150, 0.4));
        let (read_fails, slow, side_fails) = (chance(120, 0.5), chance(100, 0.5), chance(200, 0.6));
        let (crash, pause) = (chance(6, 0.8), chance(4, 0.4));
        let (hint_lost, hint_doubled) = (chance(400, 0.7), chance(300, 0.5));
        Self {
            nodes,
            exclusive,
            atomic: exclusive || rng.random_bool(0.4),
            bucket: rng.random_bool(0.4).then_some(4),
            refused,
            applied_timeout,
            lost_timeout,
            // A process that has the store to itself leaves nothing behind that could land later.
            late: if exclusive { 0 } else { late },
            doubled: if exclusive { 0 } else { doubled },
            read_fails,
            slow,
            side_fails,
            short_pages: rng.random_bool(0.3),
            crash,
            pause,
            hint_lost,
            hint_doubled,
            hint_delay: rng.random_range(1..300),
            skew: if rng.random_bool(0.3) {
                rng.random_range(-5_000..5_000)
            } else {
                0
            },
            snapshot_records: if rng.random_bool(0.7) {
                rng.random_range(4..40)
            } else {
                1_000
            },
            retention_ms: if rng.random_bool(0.3) {
                rng.random_range(1_000..6_000)
            } else {
                0
            },
            idle_ms: if rng.random_bool(0.5) {
                rng.random_range(50..2_000)
            } else {
                60_000
            },
            batch_records: if rng.random_bool(0.3) {
                rng.random_range(1..6)
            } else {
                512
            },
            page_records: if rng.random_bool(0.5) {
                rng.random_range(4..24)
            } else {
                256
            },
            recent_events: if rng.random_bool(0.5) {
                rng.random_range(0..16)
            } else {
                64
            },
            mailbox_commands: if rng.random_bool(0.2) {
                rng.random_range(1..5)
            } else {
                4_096
            },
            recent_messages: if rng.random_bool(0.5) {
                rng.random_range(1..8)
            } else {
                64
            },
            queue: rng.random_range(1..24),
            clients: rng.random_range(3..7),
            reading: rng.random_range(1..6),
        }
    }

    /// The world in which nothing goes wrong any more.
    pub fn heal(&mut self) {
        self.refused = 0;
        self.applied_timeout = 0;
        self.lost_timeout = 0;
        self.late = 0;
        self.doubled = 0;
        self.read_fails = 0;
        self.slow = 0;
        self.short_pages = false;
        self.side_fails = 0;
        self.crash = 0;
        self.pause = 0;
        self.hint_lost = 0;
        self.hint_doubled = 0;
        self.hint_delay = 2;
    }
}
