//! The words of the command line: what is asked of the chaos suite, checked before anything is started.

use std::path::PathBuf;
use std::time::Duration;

use chaos::shell;
use chaos::suite::{Demand, Means, Plan, Scenario, Shares, Topology, share};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::drill_command::DrillOptions;
use crate::up_command::UpOptions;

/// What stands for every scenario that fits.
const ALL: &str = "all";

/// Faults against real hubs under traffic, and the judgement on what clients saw.
#[derive(Parser)]
#[command(name = "chaos")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Runs one experiment, or all that fit the topology one after the other.
    Run {
        /// The kind of trouble, or `all`: every one that a store survives, and the one that it cannot, which must be judged
        /// broken.
        #[arg(value_parser = chosen())]
        scenario: Chosen,
        /// A file that describes hubs which run already, and what may be done to them: these are taken then, and none is
        /// started. Goes with one scenario.
        #[arg(long, conflicts_with_all = ["topology", "hub", "next", "means", "minutes"])]
        deployment: Option<PathBuf>,
        #[command(flatten)]
        options: Options,
    },
    /// Prints when which faults would strike, as JSON lines, and runs nothing.
    Plan {
        /// The kind of trouble.
        scenario: Scenario,
        #[command(flatten)]
        options: PlanOptions,
    },
    /// Starts hubs and what they stand on, prints how to reach them as one line of JSON, starts again whichever ends, and ends
    /// them all on SIGINT or SIGTERM: for measuring them.
    Up {
        #[command(flatten)]
        options: UpOptions,
    },
    /// Changes the program of one hub after the other while many users are there, and times it.
    Drill {
        #[command(flatten)]
        options: DrillOptions,
    },
    /// Draws the page of a report that was written before.
    Page {
        /// The report, as JSON.
        report: PathBuf,
        /// Where the page goes (default: beside the report, ending in .html).
        #[arg(long)]
        page: Option<PathBuf>,
    },
    /// The same as `run all`.
    All {
        #[command(flatten)]
        options: Options,
    },
}

/// One scenario or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chosen {
    One(Scenario),
    All,
}

/// Takes the name of a scenario, or `all`.
fn chosen() -> impl TypedValueParser<Value = Chosen> {
    let scenarios = Scenario::value_variants().iter();
    let values = scenarios.filter_map(Scenario::to_possible_value);
    let all =
        clap::builder::PossibleValue::new(ALL).help("Every experiment that fits the topology");
    PossibleValuesParser::new(values.chain([all])).map(|name| {
        match Scenario::from_str(&name, false) {
            Ok(scenario) => Chosen::One(scenario),
            // Nothing else passes the parser.
            Err(_) => Chosen::All,
        }
    })
}

/// What decides a plan.
#[derive(Args)]
pub(crate) struct PlanOptions {
    /// What the hubs stand on.
    #[arg(long, default_value = "single")]
    pub(crate) topology: Topology,
    /// Decides times and victims of faults.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Seconds in which faults begin, of each experiment.
    #[arg(long, default_value_t = 20, conflicts_with = "minutes")]
    pub(crate) seconds: u64,
    /// Minutes for everything together instead, shared out over the experiments: each gets the same, and those for which
    /// that would be too little are named and left out.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_080))]
    pub(crate) minutes: Option<u64>,
    /// The longest pause or cut, in seconds.
    #[arg(long, default_value_t = 20)]
    pub(crate) longest_pause: u64,
}

/// What is asked of a run.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) plan: PlanOptions,
    /// The hub's program; by default the one beside this program.
    #[arg(long)]
    pub(crate) hub: Option<PathBuf>,
    /// The program that `rolling-upgrade` leads to; by default the same.
    #[arg(long)]
    pub(crate) next: Option<PathBuf>,
    /// By what means partitions, loss and throttling are made.
    #[arg(long, default_value = "auto")]
    pub(crate) means: Means,
    /// What a run must reach beside its promises, or fail: `CLASS=PERCENT` of the attempts that go well, `CLASS.uptime=PERCENT`
    /// of the seconds that are up; CLASS is `send`, `join`, `read`, `submit` or `all`. May be repeated.
    #[arg(long, value_parser = Demand::parse)]
    pub(crate) demand: Vec<Demand>,
    /// Holds a folder for each run; that of an earlier run of the same scenario, topology and seed is replaced. Downloaded
    /// servers are kept here too.
    #[arg(long, default_value = "target/chaos")]
    pub(crate) folder: PathBuf,
    /// Where the report goes, as JSON.
    #[arg(long, default_value = "target/chaos.json")]
    pub(crate) report: PathBuf,
    /// Where the page for people goes (default: beside the report, ending in .html).
    #[arg(long)]
    pub(crate) page: Option<PathBuf>,
}

impl PlanOptions {
    /// The plan of a scenario in which faults begin for so long.
    pub(crate) fn plan(&self, scenario: Scenario, length: Duration) -> Result<Plan, String> {
        let topology = self.topology;
        if !scenario.fits(topology) {
            let (name, smallest) = (scenario.name(), scenario.smallest().name());
            return Err(format!(
                "{name} hurts what topology {} has not: use --topology {smallest}",
                topology.name()
            ));
        }
        Ok(Plan {
            scenario,
            topology,
            seed: self.seed,
            length,
            longest: Duration::from_secs(self.longest_pause),
        })
    }

    /// What is to be run, and how long each of them.
    pub(crate) fn shares(&self, chosen: Chosen) -> Result<Shares, String> {
        let scenarios = match chosen {
            Chosen::One(scenario) => {
                self.plan(scenario, Duration::ZERO)?;
                vec![scenario]
            }
            Chosen::All => Scenario::value_variants().to_vec(),
        };
        let Some(minutes) = self.minutes else {
            let fitting = scenarios.into_iter().filter(|s| s.fits(self.topology));
            return Ok(Shares {
                run: fitting.collect(),
                length: Duration::from_secs(self.seconds),
                left_out: Vec::new(),
            });
        };
        let time = Duration::from_secs(60 * minutes);
        Ok(share(time, &scenarios, self.topology, self.seed))
    }
}

impl Options {
    /// The words beside those of a plan that decide what becomes of it, for the command that runs it again.
    pub(crate) fn words(&self) -> String {
        let programs = [("hub", &self.hub), ("next", &self.next)].into_iter();
        let programs = programs.filter_map(|(name, path)| Some((name, path.as_ref()?)));
        let programs = programs.map(|(name, path)| format!(" --{name} {}", shell::word(path)));
        let means = (self.means != Means::Auto).then(|| format!(" --means {}", self.means.name()));
        let demands = self.demand.iter();
        let demands = demands.map(|demand| format!(" --demand {demand}"));
        programs.chain(means).chain(demands).collect()
    }
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
