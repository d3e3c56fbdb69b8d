//! `chaos drill deploy|rollback`: what it is told, and what it prints.

use std::path::PathBuf;
use std::time::Duration;

use chaos::suite::{DrillKind, DrillReport, DrillSpec, Means, Servers, SiteSpec, Topology, drill};
use clap::Args;

use crate::places::{empty, hub_program, write_json};
use crate::programs::next_program;

/// Options of a drill.
#[derive(Args)]
pub(crate) struct DrillOptions {
    /// Which way.
    kind: DrillKind,
    /// What the hubs stand on.
    #[arg(long, default_value = "cluster")]
    topology: Topology,
    /// Users, each with a connection of its own, spread over the hubs.
    #[arg(long, default_value_t = 1000)]
    clients: usize,
    /// Rooms that they are spread over.
    #[arg(long, default_value_t = 100)]
    rooms: usize,
    /// Milliseconds between two messages of a user.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pace_ms: u64,
    /// The old build; by default the hub beside this program.
    #[arg(long)]
    hub: Option<PathBuf>,
    /// The next build; by default the same.
    #[arg(long)]
    next: Option<PathBuf>,
    /// Holds a folder for the run. Downloaded servers are kept here too.
    #[arg(long, default_value = "target/chaos")]
    folder: PathBuf,
    /// Where the report goes, as JSON.
    #[arg(long, default_value = "target/drill.json")]
    report: PathBuf,
}

/// Whether it went as it should.
pub(crate) async fn run(options: DrillOptions) -> Result<bool, Box<dyn std::error::Error>> {
    let hub = hub_program(options.hub.as_deref())?;
    let next = next_program(options.next.as_deref(), &hub)?;
    std::fs::create_dir_all(&options.folder)?;
    let folder = options.folder.canonicalize()?;
    let topology = options.topology;
    let place = empty(&folder.join(format!("drill-{}", topology.name())))?;
    let spec = DrillSpec {
        kind: options.kind,
        clients: options.clients,
        rooms: options.rooms,
        pace: Duration::from_millis(options.pace_ms),
    };
    spec.check(topology)?;
    let mut servers = Servers::start(topology, &folder, &empty(&place.join("servers"))?).await?;
    let site = SiteSpec {
        hub,
        folder: empty(&place.join("hubs"))?,
        topology,
        variables: Vec::new(),
        next: Some(next),
        means: Means::Proxies,
    };
    let (report, logs) = drill(&spec, &site, servers.as_mut()).await?;
    write_json(&options.report, &report)?;
    if !report.is_good() {
        eprintln!("{logs}");
    }
    tell(&report);
    Ok(report.is_good())
}

fn tell(report: &DrillReport) {
    let (old, next) = (&report.versions.old, &report.versions.next);
    let (from, to) = match report.drill {
        DrillKind::Deploy => (old, next),
        DrillKind::Rollback => (next, old),
    };
    println!(
        "{:?} from {from} to {to}: {:?}, {} ms of {} ms allowed, {} users in {} rooms, {} violations",
        report.drill,
        report.verdict,
        report.took_millis,
        report.aim_millis,
        report.clients,
        report.rooms,
        report.violations,
    );
    for node in &report.nodes {
        println!(
            "  hub {}: drained in {} ms, listened after {} ms, ready after {} ms",
            node.hub, node.drain_millis, node.start_millis, node.ready_millis
        );
    }
    let users = &report.users;
    println!(
        "  {} acknowledged, {:.2} % of attempts went well; not at once: {:?}",
        users.acknowledged,
        report.availability.share() * 100.0,
        users.failed_sends,
    );
    for (what, spread) in [("acknowledgement", users.waits), ("away", users.away)] {
        if let Some(times) = spread {
            println!(
                "  {what}: p50 {} ms, p99 {} ms, at most {} ms ({})",
                times.p50_millis, times.p99_millis, times.max_millis, times.count
            );
        }
    }
    println!(
        "  {} returns; tries in vain: {:?}",
        users.reconnects, users.failed_reconnects
    );
    report.stuck.iter().for_each(|stuck| println!("  {stuck}"));
    let first = report.first_violations.iter().take(10);
    first.for_each(|violation| println!("  {violation}"));
    if !report.is_good() {
        println!("  again: {}", report.command);
    }
}
