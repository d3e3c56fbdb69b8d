//! What happens to nodes and their ways to each other at some time of a run: crashes, standstills, cuts, drains.

use rand::Rng;
use rand::rngs::StdRng;

/// Something that happens at a time.
#[derive(Debug, Clone, Copy)]
pub struct Incident {
    pub at: u64,
    pub what: What,
}

/// Times are in virtual milliseconds.
#[derive(Debug, Clone, Copy)]
pub enum What {
    /// Left out.
    Nothing,
    /// The process dies: at once, or in the midst of something, after so many more words to store or bus.
    Crash {
        node: usize,
        words: Option<u32>,
        down: u64,
        renamed: bool,
    },
    /// The process stands still and goes on as if nothing had been: an owner that others took for dead.
    Pause { node: usize, ms: u64 },
    /// A node is cut off from the bus, and notices after a while.
    Cut {
        node: usize,
        ms: u64,
        unnoticed: u64,
    },
    /// The bus is gone for all.
    CutAll { ms: u64 },
    /// One node's words do not reach another one: silently, or as if nobody was there.
    OneWay {
        from: usize,
        to: usize,
        ms: u64,
        silent: bool,
    },
    /// A node's queue overflows: it hears no hints.
    Deaf { node: usize, ms: u64 },
    /// A node's signs of life are lost: it comes and goes for others.
    Hush { node: usize, ms: u64 },
    /// A node's wall clock jumps.
    Jump { node: usize, by: i64 },
    /// A node ends in order and comes back.
    Drain { node: usize, down: u64 },
}

impl Incident {
    pub fn nothing() -> Self {
        Self {
            at: 0,
            what: What::Nothing,
        }
    }
}

/// Everything happens before this.
const UNTIL: u64 = 19_000;

pub fn draw(rng: &mut StdRng, nodes: usize) -> Vec<Incident> {
    let mut incidents = Vec::new();
    let mut some = |most: usize, often: f64| match rng.random_bool(often) {
        true => rng.random_range(1..=most),
        false => 0,
    };
    let (crashes, pauses, jumps) = (some(5, 0.8), some(3, 0.5), some(2, 0.2));
    let among = |count: usize| if nodes > 1 { count } else { 0 };
    let (cuts, all, ways) = (some(3, 0.4), some(1, 0.15), some(4, 0.4));
    let (deaf, hush, drains) = (some(2, 0.3), some(3, 0.3), some(2, 0.3));
    let counts = [
        crashes,
        pauses,
        jumps,
        among(cuts),
        among(all),
        among(ways),
        among(deaf),
        among(hush),
        drains,
    ];
    for (kind, count) in counts.into_iter().enumerate() {
        for _ in 0..count {
            let what = one(rng, kind, nodes);
            let at = rng.random_range(200..UNTIL);
            incidents.push(Incident { at, what });
        }
    }
    incidents
}

fn one(rng: &mut StdRng, kind: usize, nodes: usize) -> What {
    let node = rng.random_range(0..nodes);
    let down = rng.random_range(20..2_500);
    // Mostly short enough to be overlooked, sometimes long enough to be taken for dead.
    let ms = match rng.random_range(0..4) {
        0 => rng.random_range(1_000..15_000),
        1 => rng.random_range(1_000..4_000),
        _ => rng.random_range(50..2_500),
    };
    match kind {
        0 => What::Crash {
            node,
            words: rng.random_bool(0.6).then(|| rng.random_range(0..12)),
            down,
            renamed: rng.random_bool(0.1),
        },
        1 => What::Pause { node, ms },
        2 => What::Jump {
            node,
            by: rng.random_range(-20_000..20_000),
        },
        3 => What::Cut {
            node,
            ms,
            unnoticed: rng.random_range(0..3_000),
        },
        4 => What::CutAll { ms },
        5 => What::OneWay {
            from: node,
            to: (node + rng.random_range(1..nodes)) % nodes,
            ms,
            silent: rng.random_bool(0.6),
        },
        6 => What::Deaf { node, ms },
        7 => What::Hush { node, ms },
        _ => What::Drain { node, down },
    }
}
