//! `chaos run SCENARIO`: the command line of the chaos suite.
#![allow(clippy::print_stdout, reason = "verdicts go to standard output")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use chaos::suite::{Plan, Report, Scenario, SiteSpec, Verdict, WorkloadSpec, run};
use clap::{Args, Parser, Subcommand, ValueEnum};

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
    /// Runs every scenario that a store survives, and the one that it cannot, which must be judged broken.
    All {
        #[command(flatten)]
        options: Options,
    },
}

#[derive(Args)]
struct Options {
    /// Decides times and victims of faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seconds in which faults begin.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// The longest pause of a hub, in seconds.
    #[arg(long, default_value_t = 8)]
    longest_pause: u64,
    /// The hub's program; by default the one beside this program.
    #[arg(long)]
    hub: Option<PathBuf>,
    /// Holds a folder for each run; that of an earlier run of the same scenario and seed is replaced.
    #[arg(long, default_value = "target/chaos")]
    folder: PathBuf,
    /// Where the reports go, as a JSON array.
    #[arg(long, default_value = "target/chaos.json")]
    report: PathBuf,
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
    let (scenarios, options) = match cli.command {
        Command::Run { scenario, options } => (vec![scenario], options),
        Command::All { options } => (Scenario::value_variants().to_vec(), options),
    };
    let hub = match &options.hub {
        Some(path) => path.clone(),
        None => beside()?,
    };
    if !hub.is_file() {
        let hub = hub.display();
        return Err(format!(
            "there is no hub at {hub}: build it (cargo build --release) or name it with --hub"
        )
        .into());
    }
    let single = scenarios.len() == 1;
    let (mut reports, mut good) = (Vec::new(), true);
    for scenario in scenarios {
        let report = one(scenario, &hub, &options).await?;
        // Alone, a broken run is a failure whatever was expected; in the whole suite lost data must be noticed.
        let expected = match scenario {
            Scenario::StaleData if !single => Verdict::Broken,
            _ => Verdict::Kept,
        };
        good &= report.verdict == expected;
        reports.push(report);
    }
    write(&options.report, &reports)?;
    Ok(good)
}

async fn one(
    scenario: Scenario,
    hub: &Path,
    options: &Options,
) -> Result<Report, Box<dyn std::error::Error>> {
    let name = scenario.to_possible_value();
    let name = name.map_or_else(String::new, |value| value.get_name().to_owned());
    let folder = options.folder.join(format!("{name}-{}", options.seed));
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    let site = SiteSpec {
        hub: hub.canonicalize()?,
        folder,
        hubs: 1,
    };
    let plan = Plan {
        scenario,
        seed: options.seed,
        length: Duration::from_secs(options.seconds),
        hubs: site.hubs,
        longest: Duration::from_secs(options.longest_pause),
    };
    let (report, logs) = run(&site, &plan, WorkloadSpec::default()).await?;
    println!(
        "{name}: {:?} (seed {}): {} faults, {} acknowledged, {} unanswered, longest silence {} ms, {} violations",
        report.verdict,
        report.seed,
        report.faults.len(),
        report.acknowledged,
        report.unanswered,
        report.longest_silence_millis,
        report.violations,
    );
    if report.verdict == Verdict::Broken {
        report.stuck.iter().for_each(|stuck| println!("  {stuck}"));
        let first = report.first_violations.iter().take(10);
        first.for_each(|violation| println!("  {violation}"));
        eprintln!("{logs}");
    }
    Ok(report)
}

fn beside() -> std::io::Result<PathBuf> {
    let me = std::env::current_exe()?;
    Ok(me.with_file_name("mussikon-hub"))
}

fn write(path: &Path, reports: &[Report]) -> Result<(), Box<dyn std::error::Error>> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, serde_json::to_vec_pretty(reports)?)?;
    Ok(())
}
