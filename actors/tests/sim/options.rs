//! How a world is furnished: nodes, store, limits and habits, all drawn from the seed. Nothing here is a fault.

use actors::bus::{BusLimits, frame};
use actors::cluster::FanoutLimits;
use actors::hub::HubLimits;
use actors::journal::Capabilities;
use actors::machines::room::RoomLimits;
use actors::runtime::RuntimeLimits;
use rand::Rng;
use rand::rngs::StdRng;

/// Times are in virtual milliseconds.
#[derive(Debug, Clone)]
pub struct Options {
    pub nodes: usize,
    pub exclusive: bool,
    pub atomic: bool,
    pub bucket: Option<u64>,
    pub snapshot_records: u64,
    pub retention_ms: u64,
    pub idle_ms: u64,
    pub batch_records: usize,
    pub page_records: usize,
    pub recent_events: usize,
    pub mailbox_commands: usize,
    pub recent_messages: usize,
    /// Deliveries that a send queue holds.
    pub queue: usize,
    pub clients: usize,
    /// The first user has a second device.
    pub twin: bool,
    /// Deliveries that a client reads at once.
    pub reading: usize,
    /// Chance that a client does something in a step, in thousandths.
    pub eagerness: u32,
    /// How wrong each node's wall clock is.
    pub skews: Vec<i64>,
    /// The format that each node writes: two in one cluster are a rolling upgrade.
    pub formats: Vec<u8>,
    /// Hints of one publisher to one subscriber never overtake each other.
    pub ordered: bool,
    /// The bus tells whoever lost hints that it did, though not which.
    pub announced: bool,
    /// How long a new interest takes to be known, and so does a new node's subject.
    pub spread_ms: u64,
    /// Hints that wait for one node while it stands still.
    pub held: usize,
    /// Bytes that the bus carries at once.
    pub payload: usize,
    /// Commands of others at work at once on a node.
    pub commands: usize,
    pub linger_ms: u64,
    /// Nobody says anything after the faults are over: all must be found without news.
    pub quiet: bool,
    /// All nodes crash and all clients leave as the faults end, and nobody asks any room again: what is left undone must
    /// be found by alarm.
    pub deserted: bool,
}

impl Options {
    pub fn draw(rng: &mut StdRng) -> Self {
        let nodes = [1, 1, 2, 2, 3, 3, 3, 4][rng.random_range(0..8)];
        let exclusive = nodes == 1 && rng.random_bool(0.6);
        let mut often = |share: f64, low: u64, high: u64, usually: u64| match rng.random_bool(share)
        {
            true => rng.random_range(low..high),
            false => usually,
        };
        Self {
            nodes,
            exclusive,
            snapshot_records: often(0.7, 4, 40, 1_000),
            retention_ms: often(0.3, 1_000, 6_000, 0),
            idle_ms: often(0.5, 50, 2_000, 60_000),
            batch_records: often(0.3, 1, 6, 512) as usize,
            page_records: often(0.5, 4, 24, 256) as usize,
            recent_events: often(0.5, 0, 16, 64) as usize,
            mailbox_commands: often(0.2, 1, 5, 4_096) as usize,
            recent_messages: often(0.5, 1, 8, 64) as usize,
            spread_ms: often(0.5, 1, 400, 0),
            held: often(0.3, 2, 40, 4_096) as usize,
            payload: often(0.2, 250, 900, 1 << 20) as usize,
            commands: often(0.2, 1, 4, 4_096) as usize,
            linger_ms: often(0.5, 0, 3_000, 30_000),
            atomic: exclusive || rng.random_bool(0.4),
            bucket: rng.random_bool(0.4).then_some(4),
            queue: rng.random_range(1..24),
            clients: rng.random_range(3..7),
            twin: rng.random_bool(0.4),
            reading: rng.random_range(1..6),
            eagerness: [30, 100, 300][rng.random_range(0..3)],
            skews: skews(rng, nodes),
            formats: formats(rng, nodes),
            ordered: rng.random_bool(0.5),
            announced: rng.random_bool(0.5),
            quiet: rng.random_bool(0.5),
            // A look ahead: what a seed meant before there were such worlds, it means still.
            deserted: rng.clone().random_bool(0.15),
        }
    }

    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            exclusive: self.exclusive,
            atomic_side_writes: self.atomic,
            bucket: self.bucket,
            max_row_bytes: 1 << 20,
        }
    }

    /// Whether the nodes are on a bus; a store of one's own is nobody else's.
    pub fn clustered(&self) -> bool {
        !self.exclusive
    }

    pub fn hub_limits(&self) -> HubLimits {
        HubLimits {
            room: RoomLimits {
                sends_per_second: 0,
                recent_messages: self.recent_messages,
                ..RoomLimits::default()
            },
            runtime: RuntimeLimits {
                ask_timeout_ms: 4_000,
                mailbox_commands: self.mailbox_commands,
                batch_records: self.batch_records,
                snapshot_records: self.snapshot_records,
                snapshot_ratio: 0,
                retention_ms: self.retention_ms,
                idle_ms: self.idle_ms,
                retry_max_ms: 500,
                restart_max_ms: 1_000,
                ..RuntimeLimits::default()
            },
            fanout: FanoutLimits {
                page_records: self.page_records,
                recent_events: self.recent_events,
                ..FanoutLimits::default()
            },
            ..HubLimits::default()
        }
    }

    pub fn bus_limits(&self, node: usize) -> BusLimits {
        BusLimits {
            commands: self.commands,
            interest_linger_ms: self.linger_ms,
            format: self.formats[node],
            probe_ms: 200,
            ..BusLimits::default()
        }
    }
}

fn skews(rng: &mut StdRng, nodes: usize) -> Vec<i64> {
    let wrong = rng.random_bool(0.3);
    let skew = |_| match wrong {
        true => rng.random_range(-5_000..5_000),
        false => 0,
    };
    (0..nodes).map(skew).collect()
}

fn formats(rng: &mut StdRng, nodes: usize) -> Vec<u8> {
    let mixed = rng.random_bool(0.4);
    let format = |_| match mixed {
        true => rng.random_range(frame::OLDEST..=frame::NEWEST),
        false => frame::OLDEST,
    };
    (0..nodes).map(format).collect()
}
