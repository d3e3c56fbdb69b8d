//! `chaos run SCENARIO|all`: the command line of the chaos suite.
#![allow(clippy::print_stdout, reason = "verdicts go to standard output")]

mod command;
mod deployment_command;
mod drill_command;
mod places;
mod programs;
#[cfg(test)]
mod readme;
mod telling;
mod up_command;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use chaos::shell;
use chaos::suite::{
    FORMAT, Means, NotRun, Plan, Report, Scenario, Servers, Shares, SiteSpec, SuiteReport,
    Topology, Verdict, WorkloadSpec, demand, page, plan, run,
};
use clap::Parser;

use command::{Chosen, Cli, Command, Options};
use places::{empty, hub_program, write};
use telling::tell;

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
    match cli.command {
        Command::Plan { scenario, options } => {
            let length = options.shares(Chosen::One(scenario))?.length;
            foretell(&options.plan(scenario, length)?)
        }
        Command::Page { report, page } => {
            println!("page: {}", page::draw(&report, page.as_deref())?.display());
            Ok(true)
        }
        Command::Up { options } => up_command::run(options).await,
        Command::Drill { options } => drill_command::run(options).await,
        Command::Run {
            scenario,
            deployment,
            options,
        } => match (scenario, deployment) {
            (Chosen::One(scenario), Some(file)) => {
                deployment_command::run(&file, scenario, &options).await
            }
            (Chosen::All, Some(_)) => Err("--deployment goes with one scenario".into()),
            (chosen, None) => experiments(chosen, &options).await,
        },
        Command::All { options } => experiments(Chosen::All, &options).await,
    }
}

/// Runs experiments one after the other, and keeps the report up to date.
async fn experiments(
    chosen: Chosen,
    options: &Options,
) -> Result<bool, Box<dyn std::error::Error>> {
    let shares = options.plan.shares(chosen)?;
    announce(&shares, options);
    let (topology, hub) = (options.plan.topology, hub_program(options.hub.as_deref())?);
    std::fs::create_dir_all(&options.folder)?;
    let folder = options.folder.canonicalize()?;
    let servers = empty(&folder.join(format!("servers-{topology:?}").to_lowercase()))?;
    let mut servers = Servers::start(topology, &folder, &servers).await?;
    let mut suite = begun(options, topology, shares.left_out);
    for scenario in shares.run {
        let plan = options.plan.plan(scenario, shares.length)?;
        let again = plan.command() + &options.words();
        println!("{}: {}", scenario.name(), scenario.hypothesis());
        match one(&plan, options, &hub, &folder, servers.as_mut()).await {
            Ok(mut report) => {
                // Alone, a broken run is a failure whatever was expected; in the whole suite lost data must be noticed.
                if let Chosen::One(_) = chosen {
                    report.expected = Verdict::Kept;
                }
                report.command = again;
                demand(&mut report, &options.demand);
                suite.good &= tell(&report);
                suite.experiments.push(report);
            }
            Err(error) => {
                suite.good = false;
                println!("{}: could not be run", scenario.name());
                println!("  again: {again}");
                suite.not_run.push(NotRun {
                    scenario,
                    reason: error.to_string(),
                    command: again,
                });
                write(options, &suite)?;
                if let Chosen::One(_) = chosen {
                    return Err(error);
                }
                eprintln!("chaos: {error}");
            }
        }
        // What was found stays, however the next run ends.
        write(options, &suite)?;
    }
    println!("page: {}", write(options, &suite)?.display());
    Ok(suite.good)
}

/// Says what is to be run, and what is not.
fn announce(shares: &Shares, options: &Options) {
    let names = |scenarios: &[Scenario]| {
        let names: Vec<String> = scenarios.iter().map(|s| s.name()).collect();
        names.join(", ")
    };
    let (count, seconds) = (shares.run.len(), shares.length.as_secs());
    println!(
        "{count} experiments of {seconds} s each: {}",
        names(&shares.run)
    );
    if let (Some(minutes), false) = (options.plan.minutes, shares.left_out.is_empty()) {
        let left_out = names(&shares.left_out);
        println!("{minutes} minutes are too few for all; left out: {left_out}");
    }
}

/// A report without experiments.
fn begun(options: &Options, topology: Topology, left_out: Vec<Scenario>) -> SuiteReport {
    let words: Vec<String> = std::env::args_os().skip(1).map(shell::word).collect();
    SuiteReport {
        format: FORMAT,
        command: format!("cargo chaos {}", words.join(" ")),
        topology,
        seed: options.plan.seed,
        begun_unix_millis: unix_millis(),
        minutes: options.plan.minutes,
        good: true,
        experiments: Vec::new(),
        not_run: Vec::new(),
        left_out,
    }
}

#[allow(clippy::disallowed_methods)] // Whoever reads a report wants to know when it was made.
fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.unwrap_or(Duration::ZERO).as_millis();
    u64::try_from(millis).unwrap_or(u64::MAX)
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
