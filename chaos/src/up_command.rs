//! `chaos up`: hubs that nothing is done to, for whoever wants to measure them.

use chaos::suite::{Means, Servers, SiteSpec, Stand};

use crate::command::Options;
use crate::places::{empty, hub_program};

/// Hubs until a signal comes.
pub(crate) async fn run(
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
