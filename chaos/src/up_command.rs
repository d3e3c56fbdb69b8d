//! `chaos up`: hubs that nothing is done to, for whoever wants to measure them.

use std::path::PathBuf;

use chaos::suite::{Means, Servers, SiteSpec, Stand, Topology};
use clap::Args;

use crate::places::{empty, hub_program};

/// Which hubs.
#[derive(Args)]
pub(crate) struct UpOptions {
    /// What the hubs stand on.
    #[arg(long, default_value = "single")]
    topology: Topology,
    /// A variable of all hubs, as KEY=VALUE; may be repeated.
    #[arg(long, value_parser = key_value)]
    variable: Vec<(String, String)>,
    /// The hub's program; by default the one beside this program.
    #[arg(long)]
    hub: Option<PathBuf>,
    /// Holds a folder for the hubs; that of an earlier start is replaced. Downloaded servers are kept here too.
    #[arg(long, default_value = "target/chaos")]
    folder: PathBuf,
}

/// `KEY=VALUE` as a pair.
fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("it is not KEY=VALUE".into()),
    }
}

/// Hubs until a signal comes.
pub(crate) async fn run(options: UpOptions) -> Result<bool, Box<dyn std::error::Error>> {
    let topology = options.topology;
    std::fs::create_dir_all(&options.folder)?;
    let folder = options.folder.canonicalize()?;
    let place = empty(&folder.join(format!("up-{topology:?}").to_lowercase()))?;
    let servers = Servers::start(topology, &folder, &empty(&place.join("servers"))?).await?;
    let site = SiteSpec {
        hub: hub_program(options.hub.as_deref())?,
        folder: empty(&place.join("hubs"))?,
        topology,
        variables: options.variable,
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
