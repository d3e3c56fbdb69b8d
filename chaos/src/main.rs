//! `chaos run SCENARIO|all`: the command line of the chaos suite.
#![allow(clippy::print_stdout, reason = "verdicts go to standard output")]

mod command;
mod deployment_command;
mod drill_command;
mod programs;
#[cfg(test)]
mod readme;
mod telling;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use chaos::suite::{
    FORMAT, Means, NotRun, Plan, Report, Servers, Shares, SiteSpec, Stand, SuiteReport, Verdict,
    WorkloadSpec, let_go, page, plan, run,
};
use clap::Parser;
use serde::Serialize;

use command::{Chosen, Cli, Command, Options};

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
    match cli.command {
        Command::Plan { scenario, options } => {
            let length = options.shares(Chosen::One(scenario))?.length;
            foretell(&options.plan(scenario, length)?)
        }
        Command::Page { report, page } => {
            println!("page: {}", page::draw(&report, page.as_deref())?.display());
            Ok(true)
        }
        Command::Up { variable, options } => up(&options, variable).await,
        Command::Drill { options } => drill_command::run(options).await,
        Command::Run { scenario, options } => match (&options.deployment, scenario) {
            (None, _) => experiments(scenario, &options).await,
            (Some(file), Chosen::One(one)) => deployment_command::run(file, one, &options).await,
            (Some(_), Chosen::All) => {
                Err("--deployment goes with one scenario: run those that its file allows".into())
            }
        },
        Command::All { options } => experiments(Chosen::All, &options).await,
    }
}

/// Runs experiments one after the other, and keeps the report up to date.
async fn experiments(
    chosen: Chosen,
    options: &Options,
) -> Result<bool, Box<dyn std::error::Error>> {
    let shares = options.shares(chosen)?;
    announce(&shares, options);
    let (topology, hub) = (options.topology, hub_program(options.hub.as_deref())?);
    std::fs::create_dir_all(&options.folder)?;
    let folder = options.folder.canonicalize()?;
    let servers = empty(&folder.join(format!("servers-{topology:?}").to_lowercase()))?;
    let mut servers = Servers::start(topology, &folder, &servers).await?;
    let mut suite = begun(options, &shares);
    for scenario in shares.run {
        let plan = options.plan(scenario, shares.length)?;
        println!("{}: {}", scenario.name(), scenario.hypothesis());
        match one(&plan, options, &hub, &folder, servers.as_mut()).await {
            Ok(mut report) => {
                // Alone, a broken run is a failure whatever was expected; in the whole suite lost data must be noticed.
                if let Chosen::One(_) = chosen {
                    report.expected = Verdict::Kept;
                }
                suite.good &= tell(&report);
                suite.experiments.push(report);
            }
            Err(error) => {
                suite.good = false;
                println!("{}: could not be run", scenario.name());
                println!("  again: {}", plan.command());
                suite.not_run.push(NotRun {
                    scenario,
                    reason: error.to_string(),
                    command: plan.command(),
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
    let names = |scenarios: &[chaos::suite::Scenario]| {
        let names: Vec<String> = scenarios.iter().map(|s| s.name()).collect();
        names.join(", ")
    };
    let (count, seconds) = (shares.run.len(), shares.length.as_secs());
    println!(
        "{count} experiments of {seconds} s each: {}",
        names(&shares.run)
    );
    if let (Some(minutes), false) = (options.minutes, shares.left_out.is_empty()) {
        let left_out = names(&shares.left_out);
        println!("{minutes} minutes are too few for all; left out: {left_out}");
    }
}

/// A report without experiments.
fn begun(options: &Options, shares: &Shares) -> SuiteReport {
    let words: Vec<String> = std::env::args().skip(1).collect();
    SuiteReport {
        format: FORMAT,
        command: format!("cargo chaos {}", words.join(" ")),
        topology: options.topology,
        seed: options.seed,
        begun_unix_millis: unix_millis(),
        minutes: options.minutes,
        good: true,
        experiments: Vec::new(),
        not_run: Vec::new(),
        left_out: shares.left_out.clone(),
    }
}

#[allow(clippy::disallowed_methods)] // Whoever reads a report wants to know when it was made.
fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.unwrap_or(Duration::ZERO).as_millis();
    u64::try_from(millis).unwrap_or(u64::MAX)
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
fn tell(report: &Report) -> bool {
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
    tell_figures(report);
    telling::findings(&report.findings);
    if report.verdict == Verdict::Broken {
        report.stuck.iter().for_each(|stuck| println!("  {stuck}"));
        let first = report.first_violations.iter().take(10);
        first.for_each(|violation| println!("  {violation}"));
        let late = report.convergence.late.iter().take(5);
        late.for_each(|late| println!("  not at the head in time: {late}"));
        for check in report.failed_checks() {
            println!("  not so: {}: {}", check.expected, check.seen);
        }
    }
    let is_good = report.is_good();
    if !is_good {
        println!("  again: {}", report.command);
    }
    is_good
}

/// Failovers, error budgets, times to notice and to recover.
fn tell_figures(report: &Report) {
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
    for fare in &report.classes {
        println!(
            "  {:?}: {:.3} % of {} attempts, {} s down, {:.0} % of the error budget spent",
            fare.class,
            fare.availability * 100.0,
            fare.attempted,
            fare.budget.down_seconds,
            fare.budget.spent_percent,
        );
    }
    let most = |times: Vec<Option<u64>>| times.into_iter().flatten().max();
    let of = |time: fn(&chaos::suite::Struck) -> Option<u64>| {
        most(report.faults.iter().map(time).collect())
    };
    let told = |time: Option<u64>| time.map_or("never".to_owned(), |millis| format!("{millis} ms"));
    println!(
        "  at the latest: felt after {}, reported after {}, served again after {}, at the head after {}",
        told(of(|fault| fault.detection.first_failed_in_millis)),
        told(of(|fault| fault.detection.reported_in_millis)),
        told(of(|fault| fault.served_again_in_millis)),
        told(report.convergence.longest_millis),
    );
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
        let_go(&folder.canonicalize()?);
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    folder.canonicalize()
}

fn beside() -> std::io::Result<PathBuf> {
    let me = std::env::current_exe()?;
    Ok(me.with_file_name("mussikon-hub"))
}

/// Writes the report and its page; where the page is.
fn write(options: &Options, suite: &SuiteReport) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let path = &options.report;
    write_json(path, suite)?;
    Ok(page::write(suite, path, options.page.as_deref())?)
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Box<dyn std::error::Error>> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, serde_json::to_vec_pretty(value)?)?;
    Ok(())
}
