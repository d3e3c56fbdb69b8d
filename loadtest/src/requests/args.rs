//! The options of `requests`.

use clap::Args;

use super::cast::FEWEST_MUSICIANS;
use crate::args::{Common, not_negative, positive};

/// Options of `requests`.
#[derive(Args, Clone)]
pub struct RequestsArgs {
    /// Options of every command.
    #[command(flatten)]
    pub common: Common,
    /// Operations per second.
    #[arg(long, default_value_t = STANDARD.rate, value_parser = positive)]
    pub rate: f64,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 20.0, value_parser = positive)]
    pub seconds: f64,
    /// Seconds before that which are checked but not measured; after three, all steps of stories are there in their shares.
    #[arg(long, default_value_t = 5.0, value_parser = not_negative)]
    pub warmup: f64,
    /// Musicians, each with a profile and hours.
    #[arg(long, default_value_t = STANDARD.musicians, value_parser = clap::value_parser!(u32).range(i64::from(FEWEST_MUSICIANS)..=100_000))]
    pub musicians: u32,
    /// Organizers.
    #[arg(long, default_value_t = STANDARD.organizers, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub organizers: u32,
    /// Requests that are open before the run and stay so.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(0..=20_000))]
    pub open: u32,
    /// Connections that are kept alive; each has one request in flight at most.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=4_000))]
    pub connections: u32,
    /// A request without an answer for so many milliseconds is an error.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=600_000))]
    pub timeout_ms: u32,
    /// What the plan and the people follow from.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// What the aims are for.
struct Standard {
    rate: f64,
    musicians: u32,
    organizers: u32,
}

const STANDARD: Standard = Standard {
    rate: 1_000.0,
    musicians: 2_000,
    organizers: 200,
};

impl RequestsArgs {
    /// The rate and the people that the aims are for, or more of them.
    pub fn is_standard(&self) -> bool {
        self.rate >= STANDARD.rate
            && self.musicians >= STANDARD.musicians
            && self.organizers >= STANDARD.organizers
    }
}
