//! `chaos run SCENARIO`: the command line of the chaos suite.
#![allow(clippy::print_stdout, reason = "verdicts go to standard output")]

mod deployment_command;
mod drill_command;
mod programs;
#[cfg(test)]
mod readme;
mod telling;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use chaos::suite::{
    Means, Plan, Report, Scenario, Servers, SiteSpec, Stand, Topology, Verdict, WorkloadSpec, plan,
    run,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;

/// Faults against real hubs under traffic, and the judgement on what clients saw.
#[derive(Parser)]
#[command(name = "chaos")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs one scenario.
    Run {
        /// The kind of trouble.
        scenario: Scenario,
        #[command(flatten)]
        options: Options,
    },
    /// Prints when which faults would strike, as JSON lines, and runs nothing.
    Plan {
        /// The kind of trouble.
        scenario: Scenario,
        #[command(flatten)]
        options: Options,
    },
    /// Starts hubs and what they stand on, prints how to reach them as one line of JSON, starts again whichever ends, and ends
    /// them all on SIGINT or SIGTERM: for measuring them.
    Up {
        /// A variable of all hubs, as KEY=VALUE; may be repeated.
        #[arg(long, value_parser = key_value)]
        variable: Vec<(String, String)>,
        #[command(flatten)]
        options: Options,
    },
    /// Changes the program of one hub after the other while many users are there, and times it.
    Drill {
        #[command(flatten)]
        options: drill_command::DrillOptions,
    },
    /// Runs every scenario that a store survives, and the one that it cannot, which must be judged broken.
    All {
        #[command(flatten)]
        options: Options,
    },
}

#[derive(Args)]
struct Options {
    /// What the hubs stand on.
    #[arg(long, default_value = "single")]
    topology: Topology,
    /// Decides times and victims of faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seconds in which faults begin.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// The longest pause or cut, in seconds.
    #[arg(long, default_value_t = 20)]
    longest_pause: u64,
    /// The hub's program; by default the one beside this program.
    #[arg(long)]
    hub: Option<PathBuf>,
    /// The program that `rolling-upgrade` leads to; by default the same.
    #[arg(long)]
    next: Option<PathBuf>,
    /// By what means partitions, loss and throttling are made.
    #[arg(long, default_value = "auto")]
    means: Means,
    /// A file that describes hubs which run already, and what may be done to them: `run` takes these then and starts none.
    #[arg(long, conflicts_with_all = ["topology", "hub", "next", "means"])]
    deployment: Option<PathBuf>,
    /// Holds a folder for each run; that of an earlier run of the same scenario, topology and seed is replaced. Downloaded
    /// servers are kept here too.
    #[arg(long, default_value = "target/chaos")]
    folder: PathBuf,
    /// Where the reports go, as a JSON array.
    #[arg(long, default_value = "target/chaos.json")]
    report: PathBuf,
}

impl Options {
    fn plan(&self, scenario: Scenario) -> Result<Plan, String> {
        let topology = self.topology;
        if !scenario.fits(topology) {
            let (name, smallest) = (scenario.name(), scenario.smallest().name());
            return Err(format!(
                "{name} hurts what topology {} has not: add --topology {smallest}",
                topology.name()
            ));
        }
        Ok(Plan {
            scenario,
            topology,
            seed: self.seed,
            length: Duration::from_secs(self.seconds),
            longest: Duration::from_secs(self.longest_pause),
        })
    }
}

/// Prints a plan.
fn foretell(from: &Plan) -> Result<bool, Box<dyn std::error::Error>> {
    for step in plan(from) {
        println!("{}", serde_json::to_string(&step)?);
    }
    Ok(true)
}

#[tokio::main]
async fn main() -> ExitCode {
    match work(Cli::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("chaos: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether every run ended as it should.
async fn work(cli: Cli) -> Result<bool, Box<dyn std::error::Error>> {
    if let Command::Plan { options, .. } | Command::Up { options, .. } | Command::All { options } =
        &cli.command
        && options.deployment.is_some()
    {
        return Err("--deployment goes with `run` alone".into());
    }
    let (scenarios, options) = match cli.command {
        Command::Plan { scenario, options } => return foretell(&options.plan(scenario)?),
        Command::Run { scenario, options } => {
            if let Some(file) = &options.deployment {
                return deployment_command::run(file, scenario, &options).await;
            }
            options.plan(scenario)?;
            (vec![scenario], options)
        }
        Command::Up { variable, options } => return up(&options, variable).await,
        Command::Drill { options } => return drill_command::run(options).await,
        Command::All { options } => (Scenario::value_variants().to_vec(), options),
    };
    let topology = options.topology;
    let single = scenarios.len() == 1;
    let hub = hub_program(options.hub.as_deref())?;
    std::fs::create_dir_all(&options.folder)?;
    let folder = options.folder.canonicalize()?;
    let servers = empty(&folder.join(format!("servers-{topology:?}").to_lowercase()))?;
    let mut servers = Servers::start(topology, &folder, &servers).await?;
    let (mut reports, mut good) = (Vec::new(), true);
    for scenario in scenarios.into_iter().filter(|s| s.fits(topology)) {
        let plan = options.plan(scenario)?;
        // Alone, a broken run is a failure whatever was expected; in the whole suite lost data must be noticed.
        let expected = match scenario {
            Scenario::StaleData if !single => Verdict::Broken,
            _ => Verdict::Kept,
        };
        match one(&plan, &options, &hub, &folder, servers.as_mut()).await {
            Ok(report) => {
                good &= tell(&report, expected);
                reports.push(report);
                // What was found stays, however the next run ends.
                write(&options.report, &reports)?;
            }
            Err(error) => {
                good = false;
                println!("{}: could not be run", scenario.name());
                println!("  again: {}", plan.command());
                if single {
                    return Err(error);
                }
                eprintln!("chaos: {error}");
            }
        }
    }
    Ok(good)
}

/// Hubs until a signal comes.
async fn up(
    options: &Options,
    variables: Vec<(String, String)>,
) -> Result<bool, Box<dyn std::error::Error>> {
    let topology = options.topology;
    std::fs::create_dir_all(&options.folder)?;
    let folder = options.folder.canonicalize()?;
    let place = empty(&folder.join(format!("up-{topology:?}").to_lowercase()))?;
    let servers = Servers::start(topology, &folder, &empty(&place.join("servers"))?).await?;
    let site = SiteSpec {
        hub: hub_program(options.hub.as_deref())?,
        folder: empty(&place.join("hubs"))?,
        topology,
        variables,
        next: None,
        means: Means::Proxies,
    };
    let mut stand = Stand::start(&site, servers.as_ref()).await?;
    println!("{}", serde_json::to_string(&stand.standing())?);
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended?,
        _ = terminate.recv() => {}
        // A hub that cannot be started again.
        failed = stand.keep() => failed?,
    }
    Ok(true)
}

/// `KEY=VALUE` as a pair.
fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("it is not KEY=VALUE".into()),
    }
}

async fn one(
    plan: &Plan,
    options: &Options,
    hub: &Path,
    folder: &Path,
    servers: Option<&mut Servers>,
) -> Result<Report, Box<dyn std::error::Error>> {
    let name = format!("{}-{:?}-{}", plan.scenario.name(), plan.topology, plan.seed);
    let site = SiteSpec {
        hub: hub.to_owned(),
        folder: empty(&folder.join(name.to_lowercase()))?,
        topology: plan.topology,
        variables: plan.scenario.variables(),
        next: programs::next(options.next.as_deref(), plan.scenario, hub)?,
        means: match plan.scenario.is_of_network() {
            true => options.means,
            false => Means::Proxies,
        },
    };
    let traffic = WorkloadSpec::of(plan.topology);
    let (report, logs) = run(&site, plan, traffic, servers).await?;
    if report.verdict == Verdict::Broken {
        eprintln!("{logs}");
    }
    Ok(report)
}

/// Prints what a run came to; whether that is as it should be.
fn tell(report: &Report, expected: Verdict) -> bool {
    let seen = &report.availability;
    println!(
        "{}: {:?} (seed {}): {} faults, {} acknowledged, {} unanswered, {:.2} % of attempts went well, \
         worst second {:.1} %, longest silence {} ms, {} violations",
        report.scenario.name(),
        report.verdict,
        report.seed,
        report.faults.len(),
        report.acknowledged,
        report.unanswered,
        seen.share() * 100.0,
        seen.worst_window * 100.0,
        report.longest_silence_millis,
        report.violations,
    );
    let moves = [
        ("failover", &report.failovers),
        ("hand-off, added", &report.handoffs),
    ];
    for (what, moves) in moves {
        if let Some(times) = moves.quantiles {
            let (count, half, most) = (moves.samples.len(), times.p50_millis, times.p99_millis);
            println!("  {what}: p50 {half} ms, p99 {most} ms ({count} rooms)");
        }
    }
    telling::findings(&report.findings);
    if report.verdict == Verdict::Broken {
        report.stuck.iter().for_each(|stuck| println!("  {stuck}"));
        let first = report.first_violations.iter().take(10);
        first.for_each(|violation| println!("  {violation}"));
    }
    let good = report.verdict == expected && report.findings.missed.is_empty();
    if !good {
        println!("  again: {}", report.command);
    }
    good
}

/// The hub's program.
fn hub_program(named: Option<&Path>) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let hub = match named {
        Some(path) => path.to_owned(),
        None => beside()?,
    };
    if hub.is_file() {
        return Ok(hub.canonicalize()?);
    }
    let hub = hub.display();
    Err(
        format!("there is no hub at {hub}: build it (cargo build --release) or name it with --hub")
            .into(),
    )
}

/// A folder without anything in it.
fn empty(folder: &Path) -> std::io::Result<PathBuf> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    folder.canonicalize()
}

fn beside() -> std::io::Result<PathBuf> {
    let me = std::env::current_exe()?;
    Ok(me.with_file_name("mussikon-hub"))
}

fn write(path: &Path, reports: &[Report]) -> Result<(), Box<dyn std::error::Error>> {
    write_json(path, &reports)
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Box<dyn std::error::Error>> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, serde_json::to_vec_pretty(value)?)?;
    Ok(())
}
